"""The panels of the help: in which of them each option and each command stands.

A new option is named here, under the panel where a reader would look for it; nothing else is
needed.  Options that aren't named stand in the panel "Options", with ``--help``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

OPTIONS: Mapping[str, tuple[str, ...]] = {
    "Input": (
        *("--strict", "--max-pixels", "--other", "--training"),
        *("--separator", "--decimal", "--thousands", "--missing", "--date-format"),
        *("--no-header", "--header", "--sheet", "--encoding", "--series"),
    ),
    "Columns": (
        *("--label", "--labels", "--id", "--condition", "--drop", "--by"),
        *("--category", "--number", "--text", "--time", "--window", "--group", "--every"),
    ),
    "Model": ("--model", "--method", "--plugin", "--size", "--backbone", "--tiles"),
    "Training": (
        *("--config", "--preset", "--set", "--seed", "--device", "--contamination"),
        *("--grids", "--resume", "--checkpoint-every"),
    ),
    "Scoring": ("--alpha", "--fdr", "--labelled", "--kind", "--engine"),
    "Choice": ("--top", "--rows", "--columns", "--flagged", "--data"),
    "Comparison": (
        *("--methods", "--scores", "--peers", "--normal", "--bootstrap", "--seeds", "--images"),
        *("--classes", "--defects", "--quality"),
        *("--if-better", "--metric", "--margin", "--version"),
    ),
    "Output": (
        *("--output", "--format", "--json", "--append", "--heatmaps", "--drift-report", "--plots"),
        *("--events",),
        *("--quality-json", "--restart", "--dry-run", "--to"),
    ),
    "Tracking": (
        *("--track", "--experiment", "--run-name", "--tracking-uri", "--register", "--alias"),
    ),
    "Server": ("--host", "--port", "--max-rows", "--max-mb", "--workers", "--jobs"),
}
"""Panel -> its options; panels come in this order."""

COMMANDS: Mapping[str, tuple[str, ...]] = {
    "Learn and score": ("fit", "score", "explain", "calibrate", "sample"),
    "Judge": ("info", "evaluate", "report", "bench"),
    "Share": ("export", "log", "promote", "serve"),
    "Look up": ("methods", "settings", "datasets"),
}
"""Panel -> its commands."""


def arrange(command: Any) -> None:
    """Assign the options of a command, and of all those below it, to their panels.

    Args:
        command: A command of Typer's, of whose class it has no public name.
    """
    panel_of = {option: panel for panel, options in OPTIONS.items() for option in options}
    order = {panel: at for at, panel in enumerate([None, *OPTIONS])}
    command_panels = {name: panel for panel, names in COMMANDS.items() for name in names}
    for each in walk(command):
        each.rich_help_panel = command_panels.get(each.name)
        is_group = hasattr(each, "commands")  # its few options stand together
        for parameter in each.params:
            if parameter.param_type_name != "option":
                continue
            if not is_group:
                named = (panel_of[name] for name in parameter.opts if name in panel_of)
                parameter.rich_help_panel = next(named, None)
            if parameter.is_flag or parameter.count:
                parameter.metavar = ""  # it takes no value, so that none needs a name
        each.params.sort(key=lambda parameter: order.get(parameter.rich_help_panel, 0))


def walk(command: Any) -> Iterator[Any]:
    """The command and all those below it."""
    below = getattr(command, "commands", {}).values()
    return chain([command], *map(walk, below))
