from __future__ import annotations

import pytest

from anomgan.bench.summary import compute_critical_difference


def test_critical_difference_is_that_of_the_tables():
    # Demšar (2006), table 5: q at 0.05 is 1.960, 2.569 and 3.164 for 2, 4 and 10 classifiers.
    for detectors, q in [(2, 1.960), (4, 2.569), (10, 3.164)]:
        expected = q * (detectors * (detectors + 1) / (6 * 30)) ** 0.5
        assert compute_critical_difference(detectors, 30) == pytest.approx(expected, abs=1e-3)
