"""``anomgan methods``."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from anomgan.cli.console import print_json, show_entries
from anomgan.cli.options import JsonOption


def list_methods() -> list[dict[str, Any]]:
    """The GANs as plain data, from a file: asking the classes would take seconds, for torch."""
    text = files("anomgan").joinpath("gans", "methods.json").read_text(encoding="utf-8")
    methods: list[dict[str, Any]] = json.loads(text)
    return methods


def methods(as_json: JsonOption = False) -> None:
    """List the GANs that fit can train, and what they cost beside the default one on a table."""
    entries = list_methods()
    if as_json:
        print_json(entries)
        return
    show_entries(
        ("method", "year", "for", "fit", "score"),
        [
            (
                (
                    f"{each['name']} (default)" if each["default"] else each["name"],
                    str(each["year"]),
                    ", ".join(each["kinds"]),
                    _format_cost(each["fit_cost"]),
                    _format_cost(each["score_cost"]),
                ),
                (each["paper"], f"own score: {each['score']}"),
            )
            for each in entries
        ],
    )


def _format_cost(times: float | None) -> str:
    """A cost in units of the default method's; ``-`` for methods that take no tables."""
    return "-" if times is None else f"{times:.1f}x"
