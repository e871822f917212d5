"""``anomgan settings``."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from anomgan.config import KINDS, PRESETS, SETTINGS, Config


def test_every_setting_is_listed_in_its_group_within_80_columns(run: Any) -> None:
    done = run("settings")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert [line for line in lines[2:] if line[:1].strip()] == [
        "training",
        "scoring",
        "pictures",
        "remedies",
    ]
    assert [line.split()[0] for line in lines if line[:2] == "  " != line[2:4]] == list(SETTINGS)
    text = done.out.replace("\n    ", " ")
    for setting in SETTINGS.values():
        assert setting.summary.replace("``", "") in done.out
        assert setting.allowed in text


def test_defaults_are_those_of_presets_and_kinds(run: Any) -> None:
    steps = "  steps                 400/500/3000 | 100/500/3000  0 to 1,000,000,000\n"
    assert steps in run("settings").out
    lines = run("settings", "--preset", "fast").out.splitlines()
    found = {line.split()[0]: line[24:].split("  ")[0] for line in lines if line[:3] > "   "}
    assert found["steps"] == "400 | 100"
    assert found["views"] == "standard,minmax,asinh,power | shape,standard | minmax"
    assert found["layers"] == "2"


@pytest.mark.parametrize("preset", [None, "thorough"])
def test_json_says_all_there_is_to_know(run: Any, preset: str | None) -> None:
    chosen = [] if preset is None else ["--preset", preset]
    rows = {row["name"]: row for row in json.loads(run("settings", "--json", *chosen).out)}
    for kind in KINDS:
        for name in PRESETS if preset is None else [preset]:
            config = json.loads(json.dumps(Config.make(name, kind=kind).to_json()))
            assert {key: row["default"][kind][name] for key, row in rows.items()} == config
    assert rows["growing"]["choices"] == ["auto", "on", "off"]
    assert (rows["tiles"]["type"], rows["tiles"]["low"], rows["tiles"]["high"]) == ("int", 1, 16)
    assert rows["views"]["type"] == "list"
    assert rows["starts"]["help"] == SETTINGS["starts"].help


def test_an_unknown_preset_is_refused(run: Any) -> None:
    assert run("settings", "--preset", "slow").error.startswith("unknown preset 'slow'; choose")


def test_listing_imports_nothing_heavy() -> None:
    code = """
import sys
from anomgan.cli.main import main
try:
    main(["settings", "--json"])
finally:
    heavy = {"torch", "sklearn", "pandas", "numpy", "mlflow"}
    print("imported:", *heavy & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "imported:"
