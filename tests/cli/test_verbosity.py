"""-v and -q, and the loggers behind them."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from anomgan.data import samples


@pytest.fixture
def chatty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have ``anomgan datasets`` log at every level, from the library and from the command."""
    original = samples.list_samples

    def list_samples() -> object:
        for name in ("anomgan.cli", "anomgan.data"):
            for level in ("debug", "info", "warning", "error"):
                getattr(logging.getLogger(name), level)(f"{name} {level}")
        return original()

    monkeypatch.setattr(samples, "list_samples", list_samples)


@pytest.mark.usefixtures("chatty")
@pytest.mark.parametrize(
    ("options", "cli", "data"),
    [
        ([], "iwe", "we"),
        (["-v"], "iwe", "iwe"),
        (["-vv"], "diwe", "diwe"),
        (["-v", "-v"], "diwe", "diwe"),
        (["-q"], "we", "we"),
        (["-qq"], "e", "e"),
        (["-qqq"], "e", "e"),
    ],
)
def test_how_much_is_said(run: Any, options: list[str], cli: str, data: str) -> None:
    expected = [
        f"anomgan: {name} {level}"
        for name, levels in (("anomgan.cli", cli), ("anomgan.data", data))
        for level in ("debug", "info", "warning", "error")
        if level[0] in levels
    ]
    for words in (["datasets", "list", *options], [*options, "datasets", "list"]):
        assert run(*words).err.splitlines() == expected


def test_loggers_are_left_as_they_were(run: Any) -> None:
    logger = logging.getLogger("anomgan")
    before = (logger.level, list(logger.handlers))
    run("settings", "-vv")
    assert (logger.level, logger.handlers) == before


def test_a_quiet_fit_says_nothing(run: Any, fitted: Any, tmp_path: Any, tiny: list[str]) -> None:
    normal = fitted.new.with_name("normal.csv")
    done = run("fit", normal, "--model", tmp_path / "m", "-qq", *tiny)
    assert (done.code, done.out, done.err) == (0, "", "")
    assert "no such" in run("score", "x.csv", "--model", tmp_path / "none", "-qq").error
