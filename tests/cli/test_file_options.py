"""Options that say how a file is read; a model reads later files as it was fitted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest


def test_a_file_without_a_header_from_fit_to_info(
    run: Any, tiny: list[str], tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    rows = [
        f"{size:.2f}:{'AB'[int(size > 5)]}:{heat:.1f}" for size, heat in rng.normal(5, 2, (60, 2))
    ]
    normal, new, model = tmp_path / "normal.txt", tmp_path / "new.txt", tmp_path / "model"
    normal.write_text("\n".join(rows))
    new.write_text("5.1:A:99\n4.8:B:5.5\n")
    options = ["--separator", ":", "--no-header"]
    dry = json.loads(run("fit", normal, *options, "--dry-run", "--json").out)
    assert [column["name"] for column in dry["columns"]] == ["x0", "x1", "x2"]
    assert dry["layout"]["header"] is None
    done = run("fit", normal, "--model", model, *options, *tiny)
    assert done.code == 0, done.err
    assert "warning" not in done.err
    done = run("score", new, "--model", model)
    assert done.code == 0, done.err
    assert len(done.out.splitlines()) == 3
    assert run("score", new, "--model", model, "--header", "1").code == 2
    assert "separated by ':', no header" in run("info", model).out
    assert run("explain", new, "--model", model, "--top", "1").out.count("x2") == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--header", "2", "--no-header"], "--header and --no-header exclude each other"),
        (["--separator", "dot"], "separator 'dot': give one character, or one of: comma, semico"),
        (["--header", "7"], "--header 7: there is no such line"),
    ],
)
def test_mistakes(run: Any, tmp_path: Path, options: list[str], message: str) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    assert message in run("fit", tmp_path / "a.csv", *options, "--dry-run").error
