"""``anomgan datasets``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anomgan.cli.completion import complete_sample
from anomgan.cli.console import print_json, say, show_entries
from anomgan.cli.options import JsonOption

if TYPE_CHECKING:
    from anomgan.data.samples import Sample

app = typer.Typer(
    name="datasets", help="Small real data sets to try things on.", invoke_without_command=True
)


@app.callback()
def _datasets(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_()


@app.command("list")
def list_(as_json: JsonOption = False) -> None:
    """List the data sets."""
    from anomgan.data.samples import list_samples

    if as_json:
        print_json([_describe(sample) for sample in list_samples()])
        return
    show_entries(
        ("name", "normal", "new", "abnormal", "columns"),
        [
            (
                (
                    sample.name,
                    f"{sample.rows_normal:,}",
                    f"{sample.rows_new:,}",
                    f"{sample.anomalies:,}",
                    str(sample.columns),
                ),
                (sample.title, f"licence: {sample.licence}"),
            )
            for sample in list_samples()
        ],
    )


def _describe(sample: Sample) -> dict[str, Any]:
    """A data set as plain data."""
    return asdict(sample) | {"sha256": dict(sample.sha256), "folder": str(sample.folder)}


@app.command("export")
def export(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="A data set.",
            show_default=False,
            autocompletion=complete_sample,
        ),
    ],
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder to write to.", show_default=False)
    ],
) -> None:
    """Copy a data set's files into a folder: normal.csv, new.csv and new_labels.csv."""
    from anomgan.data.samples import export_sample

    for path in export_sample(name, directory):
        say(f"wrote {path}")
