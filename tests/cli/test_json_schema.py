"""docs/commands.md lists the keys that ``--json`` prints, with their types, for every command."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from anomgan.cli.main import make_command

PAGE = Path(__file__).parents[2].joinpath("docs", "commands.md").read_text(encoding="utf-8")
TYPES = {
    "text": str,
    "whole": int,
    "number": (int, float),
    "flag": bool,
    "list": list,
    "object": dict,
    "null": type(None),
}


def read_keys(command: str) -> dict[str, tuple[str, bool]]:
    """Key -> its type and whether it is always there, of the table headed by a command."""
    [table] = re.findall(
        rf"^### [^\n]*`{re.escape(command)}`.*?\n(\|.*?)\n\n", PAGE, flags=re.M | re.S
    )
    rows = [[cell.strip() for cell in line.split("|")[1:3]] for line in table.splitlines()[2:]]
    return {
        key: (kind.split(";")[0], "only" not in kind)
        for keys, kind in rows
        for key in re.findall(r"`([^`]+)`", keys)
    }


def check(command: str, printed: str) -> None:
    """Check what a command printed against its table."""
    documented, found = read_keys(command), json.loads(printed)
    for entry in found if isinstance(found, list) else [found]:
        assert entry.keys() <= documented.keys()
        assert {key for key, (_, always) in documented.items() if always} <= entry.keys()
        for key, value in entry.items():
            kinds = [TYPES[kind.strip()] for kind in documented[key][0].split(" or ")]
            assert any(isinstance(value, kind) for kind in kinds), (key, value)
            assert not isinstance(value, bool) or bool in kinds, key


def test_every_command_with_the_option_has_a_table() -> None:
    names = {
        name
        for name, command in make_command().commands.items()
        if any("--json" in parameter.opts for parameter in command.params)
    }
    headings = re.findall(r"^### (.*)", PAGE, flags=re.M)
    listed = {name for heading in headings for name in re.findall(r"`([a-z]+)[^`]*`", heading)}
    assert names | {"datasets"} == listed


def test_a_model_and_its_reading(run: Any, fitted: Any) -> None:
    check("info", run("info", fitted.model, "--json").out)
    check("fit --dry-run", run("fit", fitted.new, "--dry-run", "--json").out)


def test_scores_and_reasons(run: Any, fitted: Any, tmp_path: Path) -> None:
    model = ["--model", fitted.model, "--json"]
    check("score", run("score", fitted.new, "--top", 2, *model).out)
    check("score", run("score", fitted.new, "--output", tmp_path / "s.csv", *model).out)
    check("explain", run("explain", fitted.new, "--rows", "0,3", *model).out)


def test_quality(run: Any, fitted: Any, tmp_path: Path) -> None:
    labelled = tmp_path / "labelled.csv"
    records = fitted.records.assign(y=(fitted.records.index % 10 == 0).astype(int))
    records.to_csv(labelled, index=False)
    quick = ["--bootstrap", 0, "--no-peers", "--model", fitted.model, "--json"]
    check("evaluate", run("evaluate", labelled, "--label", "y", *quick).out)
    drawn = ["--quality", fitted.new, "--output", tmp_path / "drawn.csv"]
    check("sample --quality", run("sample", 60, *drawn, "--model", fitted.model, "--json").out)


def test_bench(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run("datasets", "export", "wine", "wine")
    words = ["--methods", "none", "--peers", "knn", "--seeds", 1]
    check("bench", run("bench", "wine", *words, "--json").out)


@pytest.mark.parametrize("command", ["methods", "settings", "datasets list"])
def test_lists(run: Any, command: str) -> None:
    check(command, run(*command.split(), "--json").out)
