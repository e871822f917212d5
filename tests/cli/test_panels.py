"""Help in panels, -h, the bare command, and shell completion."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from anomgan.cli.main import make_command
from anomgan.cli.panels import COMMANDS, OPTIONS, walk

COMMAND = make_command()
LEAVES = [each for each in walk(COMMAND) if not hasattr(each, "commands")]
SHARED = {"--help", "--verbose", "--quiet", "--config"}


def test_every_option_has_a_panel() -> None:
    homeless = [
        (command.name, parameter.opts[0])
        for command in LEAVES
        for parameter in command.params
        if parameter.param_type_name == "option"
        and parameter.rich_help_panel is None
        and parameter.opts[0] not in SHARED
    ]
    assert not homeless


def test_every_command_has_a_panel() -> None:
    assert {name for names in COMMANDS.values() for name in names} == set(COMMAND.commands)


def test_an_option_is_named_once() -> None:
    names = [name for names in OPTIONS.values() for name in names]
    assert len(names) == len(set(names))


def test_help_comes_in_panels_of_80_columns(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for command in LEAVES:
        words = ["datasets", command.name] if command.name in ("list", "export") else [command.name]
        shown = run(*words, "-h").out
        assert max(map(len, shown.splitlines())) <= 80
    shown = run("fit", "-h").out
    order = [shown.index(f"╭─ {panel} ─") for panel in ("Input", "Columns", "Training", "Tracking")]
    assert order == sorted(order)
    assert "--verbose" in shown


@pytest.mark.parametrize("arguments", [[], ["-h"], ["--help"]])
def test_the_bare_command_shows_its_help(run: Any, arguments: list[str]) -> None:
    done = run(*arguments)
    assert (done.code, done.err) == (0, "")
    assert "Usage: anomgan" in done.out


@pytest.mark.parametrize(
    ("typed", "at", "offered"),
    [
        ("anomgan sc", 1, "score"),
        ("anomgan fit x.csv --contam", 3, "--contamination"),
        ("anomgan fit x.csv --method wgan", 4, "wgan-gp"),
        ("anomgan bench --preset thor", 3, "thorough"),
        ("anomgan fit x.csv --set inversion_st", 4, "inversion_steps="),
        ("anomgan fit x.csv --set score=con", 4, "score=contrast"),
        ("anomgan datasets export peng", 3, "penguins"),
    ],
)
def test_shells_complete(typed: str, at: int, offered: str) -> None:
    asked = {"_ANOMGAN_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(at)}
    done = subprocess.run(
        [sys.executable, "-m", "anomgan"], env=os.environ | asked, capture_output=True, text=True
    )
    assert offered in done.stdout.split(), done.stderr


def test_completion_can_be_installed(run: Any) -> None:
    assert "--install-completion" in run("--help").out
    done = subprocess.run(
        [sys.executable, "-m", "anomgan", "--show-completion", "bash"],
        env=os.environ | {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},
        capture_output=True,
        text=True,
    )
    assert "complete -o default" in done.stdout, done.stderr
