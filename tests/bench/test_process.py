from __future__ import annotations

import sys
from pathlib import Path

import pytest

from anomgan.bench.process import ProcessUsage, run


def test_a_process_that_fails_says_why(tmp_path: Path) -> None:
    out = tmp_path / "out"
    usage = run(sys.executable, "-c", "x = bytearray(600_000_000); print('so')", out=out)
    assert out.read_text() == "so\n"
    assert usage.megabytes > 500
    with pytest.raises(RuntimeError, match="oh dear"):
        run(sys.executable, "-c", "raise SystemExit('oh dear')")
    assert ProcessUsage(2.0, 10_000.4).format_row("it", 5_000) == "| it | 2.0 | 2,500 | 10,000 |"
