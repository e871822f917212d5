"""``anomgan methods``."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from anomgan.cli.console import print_json, show_entries
from anomgan.cli.options import JsonOption
from anomgan.plugins.files import load_named
from anomgan.plugins.lookup import get_origin, list_installed
from anomgan.plugins.registry import GANS


def list_methods() -> list[dict[str, Any]]:
    """The GANs as plain data, from a file: asking the classes would take seconds, for torch."""
    text = files("anomgan").joinpath("gans", "methods.json").read_text(encoding="utf-8")
    methods: list[dict[str, Any]] = json.loads(text)
    return methods


def list_plugins() -> list[dict[str, Any]]:
    """The GANs of plug-ins likewise.

    Installed ones aren't imported for it, so that only their name and distribution are known.

    Raises:
        InputError: If a plug-in can't be loaded, or two define a name.
    """
    load_named()
    unknown = {"paper": None, "year": None, "kinds": None, "score": None}
    costs = {"fit_cost": None, "score_cost": None}
    entries: dict[str, dict[str, Any]] = {}
    for name, entry in list_installed(GANS).items():
        place = str(get_origin(entry))
        entries[name] = {"name": name, "default": False, **unknown, **costs, "plugin": place}
    for name, origin in GANS.origins.items():
        gan = GANS[name]
        about = {"paper": gan.paper, "year": gan.year, "kinds": gan.kinds, "score": gan.formula}
        entries[name] = {"name": name, "default": False, **about, **costs, "plugin": str(origin)}
    return sorted(entries.values(), key=lambda each: str(each["name"]))


def methods(as_json: JsonOption = False) -> None:
    """List the GANs that fit can train, and what they cost beside the default one on a table."""
    entries = [*({**each, "plugin": None} for each in list_methods()), *list_plugins()]
    if as_json:
        print_json(entries)
        return
    show_entries(
        ("method", "year", "for", "fit", "score"),
        [
            (
                (
                    f"{each['name']}{_mark(each)}",
                    str(each["year"] or "-"),
                    ", ".join(each["kinds"] or "-"),
                    _format_cost(each["fit_cost"]),
                    _format_cost(each["score_cost"]),
                ),
                _describe(each),
            )
            for each in entries
        ],
    )


def _mark(entry: dict[str, Any]) -> str:
    """What stands behind the name."""
    return " (default)" if entry["default"] else " (plug-in)" if entry["plugin"] else ""


def _describe(entry: dict[str, Any]) -> tuple[str, ...]:
    """The lines below the name."""
    about = () if entry["paper"] is None else (entry["paper"], f"own score: {entry['score']}")
    return (*about, f"plug-in of {entry['plugin']}") if entry["plugin"] else about


def _format_cost(times: float | None) -> str:
    """A cost in units of the default method's; ``-`` for plug-ins and what takes no tables."""
    return "-" if times is None else f"{times:.1f}x"
