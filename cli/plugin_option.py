"""``--plugin FILE.py``: GANs and components of one's own, for all commands that may meet some."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.main import get_command


def _name(context: typer.Context, paths: list[str] | None) -> None:
    """Have files loaded once a GAN or component is asked for, here and in other processes."""
    from anomgan.plugins.files import name_plugin

    if not context.resilient_parsing:
        for path in paths or []:
            name_plugin(path)


_app = typer.Typer(add_completion=False)


@_app.command()
def _plugin(
    plugin: Annotated[
        list[str] | None,
        typer.Option(
            "--plugin",
            metavar="FILE.py",
            show_default=False,
            expose_value=False,
            is_eager=True,
            callback=_name,
            help="A Python file with a GAN or a component of your own, which is run; may be "
            "repeated.  Or list them in ANOMGAN_PLUGINS.",
        ),
    ] = None,
) -> None:
    """Only there for Typer to make an option of it, which commands get."""


def make_plugin_option() -> Any:
    """``--plugin`` as a parameter of a command."""
    return next(each for each in get_command(_app).params if each.name == "plugin")
