"""Reading an export without torch."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from anomgan import GANDetector, InputError, load_exported

WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None  # importing it fails
import numpy as np
from anomgan.runtime import load_exported
detector = load_exported(sys.argv[1])
rows = np.load(sys.argv[2])
np.save(sys.argv[3], np.stack([detector.score_samples(rows), detector.p_values(rows)]))
heavy = {"sklearn", "mlflow", "matplotlib", "scipy.stats"} & set(sys.modules)
assert not heavy, heavy
"""


@pytest.fixture(scope="module")
def numbers():
    return np.random.default_rng(0).normal(size=(60, 3))


@pytest.fixture(scope="module")
def detector(numbers):
    settings = {"steps": 1, "members": 1, "hidden": 8, "score": "memory"}
    return GANDetector(settings=settings, random_state=0).fit(numbers)


@pytest.fixture(scope="module")
def folder(detector, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported") / "export"
    detector.export(folder)
    return folder


def test_scores_without_torch(detector, folder, numbers, tmp_path):
    np.save(tmp_path / "rows.npy", numbers)
    files = [str(folder), str(tmp_path / "rows.npy"), str(tmp_path / "out.npy")]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, *files], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    scores, p_values = np.load(tmp_path / "out.npy")
    np.testing.assert_allclose(scores, detector.score_samples(numbers), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(p_values, detector.p_values(numbers), atol=0.02)


def test_arrays_go_by_position(folder, numbers, detector):
    exported = load_exported(folder)
    assert (exported.predict(numbers) == detector.predict(numbers)).all()
    function = exported.decision_function(numbers)
    np.testing.assert_allclose(function, detector.decision_function(numbers), atol=1e-5)
    with pytest.raises(InputError, match=r"shape \(60, 2\); the model was fitted on 3 columns"):
        exported.score_samples(numbers[:, :2])


def test_a_row_does_not_depend_on_those_beside_it(folder, numbers):
    exported = load_exported(folder)
    whole = exported.score_samples(np.tile(numbers, (30, 1)))
    assert exported.score_samples(numbers[7:8]) == whole[7]
    assert (whole.reshape(30, -1) == whole[: len(numbers)]).all()
