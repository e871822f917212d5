"""``anomgan export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anomgan.cli.console import say
from anomgan.cli.options import ModelArgument, get_display_name
from anomgan.errors import InputError


def export(
    model: ModelArgument,
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder to write.", show_default=False)
    ],
    to: Annotated[str, typer.Option("--to", metavar="KIND", help="What to write: onnx.")] = "onnx",
) -> None:
    """Write a model's scores as an ONNX graph, which needs no torch.

    The graph maps encoded records to scores; `export.json` beside it holds the rest: how rows are
    encoded, calibration and threshold.  `anomgan.load_exported` reads both.
    """
    if to != "onnx":
        raise InputError(f"--to {to}: choose onnx")
    from anomgan import load

    detector = load(model, device="cpu")
    detector.export(directory)
    size = sum(path.stat().st_size for path in directory.iterdir())
    say(f"{get_display_name(model)} exported to {directory}: {size / 2**20:,.1f} MB")
