"""``anomgan settings``."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anomgan.cli.console import print_json
from anomgan.cli.options import JsonOption
from anomgan.plugins.files import load_named
from anomgan.plugins.lookup import list_installed
from anomgan.plugins.registry import COMPONENTS

if TYPE_CHECKING:
    from anomgan.config import Setting

Defaults = dict[str, dict[str, Any]]  # kind of data -> preset -> value

WIDTH = 80


def settings(
    preset: Annotated[
        str | None,
        typer.Option(metavar="P", help="Show the defaults of one preset.", show_default="all"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the settings that --set changes: their defaults, what is allowed, what they do."""
    from anomgan.config import KINDS, PRESETS, SETTINGS, Config

    presets = list(PRESETS) if preset is None else [preset]
    configs = {kind: {p: Config.make(p, kind=kind) for p in presets} for kind in KINDS}
    rows: list[tuple[Setting, Defaults]] = []
    for name, setting in SETTINGS.items():
        defaults = {
            kind: {p: getattr(config, name) for p, config in by_preset.items()}
            for kind, by_preset in configs.items()
        }
        rows.append((setting, defaults))
    load_named()
    plugins = sorted({*COMPONENTS.origins, *list_installed(COMPONENTS)})
    if as_json:
        print_json([_plain(*row, plugins if row[0].check else ()) for row in rows])
        return
    typer.echo(f"Defaults: {'/'.join(presets)}; {' | '.join(KINDS)} where they differ.")
    typer.echo("Change one with --set NAME=VALUE; --json gives explanations in full.")
    for group, group_rows in groupby(rows, key=lambda row: row[0].group):
        typer.echo(f"\n{group}")
        for setting, defaults in group_rows:
            typer.echo(_lines(setting, defaults))
            if setting.check and plugins:
                typer.echo(f"    plug-ins: {', '.join(plugins)}")


def _plain(setting: Setting, defaults: Defaults, plugins: Sequence[str]) -> dict[str, Any]:
    """A setting for JSON; ``plugins`` are further choices."""
    limits = {"low": setting.low, "high": setting.high}
    return {
        "name": setting.name,
        "group": setting.group,
        "type": "list" if isinstance(setting.default, tuple) else type(setting.default).__name__,
        "default": defaults,
        **({"choices": [*setting.choices, *plugins]} if setting.choices else limits),
        "help": setting.help,
    }


def _lines(setting: Setting, defaults: Defaults) -> str:
    """A setting for the terminal: its name, defaults and values allowed, below it its use."""
    by_kind = dict.fromkeys(_join("/", values.values()) for values in defaults.values())
    lines = [f"  {setting.name:20}  {' | '.join(by_kind):27}  "]
    if len(lines[0] + setting.allowed) <= WIDTH:
        lines[0] += setting.allowed
    else:
        lines += [f"    {line}" for line in textwrap.wrap(setting.allowed, WIDTH - 4)]
    summary = setting.summary.replace("``", "")
    return "\n".join(line.rstrip() for line in [*lines, f"    {summary}"])


def _join(separator: str, values: Any) -> str:
    """The values as text, or one of them where all are the same."""
    texts = [",".join(v) if isinstance(v, tuple) else str(v) for v in values]
    return separator.join(texts if len(set(texts)) > 1 else texts[:1])
