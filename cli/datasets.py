"""``anomgan datasets``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anomgan.cli.console import say, show_table

app = typer.Typer(
    name="datasets", help="Small real data sets to try things on.", invoke_without_command=True
)


@app.callback()
def _datasets(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_()


@app.command("list")
def list_() -> None:
    """List the data sets."""
    from anomgan.data.samples import list_samples

    show_table(
        ("name", "normal", "new", "abnormal", "columns", "what", "licence"),
        (
            (
                sample.name,
                f"{sample.rows_normal:,}",
                f"{sample.rows_new:,}",
                f"{sample.anomalies:,}",
                str(sample.columns),
                sample.title,
                sample.licence,
            )
            for sample in list_samples()
        ),
        wrapped=("what", "licence"),
    )


@app.command("export")
def export(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A data set.", show_default=False)],
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder to write to.", show_default=False)
    ],
) -> None:
    """Copy a data set's files into a folder: normal.csv, new.csv and new_labels.csv."""
    from anomgan.data.samples import export_sample

    for path in export_sample(name, directory):
        say(f"wrote {path}")
