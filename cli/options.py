"""Options shared by several commands, and their checks."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from anomgan.cli.completion import complete_preset, complete_setting
from anomgan.errors import InputError

DEFAULT_MODEL = Path("anomgan-model")
DEFAULT_METHOD = "gan"

MODEL_SCHEMES = "models:/", "runs:/"
"""Beginnings of the URIs of models in MLflow."""

_uris: dict[Path, str] = {}  # of downloaded models


def _download_model(context: typer.Context, model: Path) -> Path:
    """The model directory, downloaded first if a URI is given.

    Raises:
        InputError: If MLflow has no such model, or doesn't answer.
    """
    if not str(model).startswith(MODEL_SCHEMES):
        return model
    from anomgan.mlflow.registry import fetch

    parent = tempfile.TemporaryDirectory(prefix="anomgan-")
    context.call_on_close(parent.cleanup)
    try:
        folder = fetch(str(model), Path(parent.name))
    except BaseException:  # the context isn't closed then
        parent.cleanup()
        raise
    _uris[folder] = str(model)
    return folder


def get_display_name(model: Path) -> str:
    """The path or URI by which the user named a model."""
    return _uris.get(model, str(model))


ModelOption = Annotated[
    Path,
    typer.Option(
        "--model",
        metavar="DIR",
        envvar="ANOMGAN_MODEL",
        help="The model directory, or a model in MLflow: models:/NAME@ALIAS, runs:/RUN/model.",
        callback=_download_model,
    ),
]
ModelArgument = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL",
        envvar="ANOMGAN_MODEL",
        help="The model directory, or a model in MLflow: models:/NAME@ALIAS, runs:/RUN/model.",
        callback=_download_model,
    ),
]
NamedModelOption = Annotated[
    Path | None,
    typer.Option(
        "--model",
        metavar="DIR",
        help="Another way to give MODEL.",
        show_default=False,
        callback=lambda context, model: model and _download_model(context, model),
    ),
]
NewModelOption = Annotated[
    Path,
    typer.Option("--model", metavar="DIR", envvar="ANOMGAN_MODEL", help="The model directory."),
]
PresetOption = Annotated[
    str,
    typer.Option(
        metavar="P",
        help="How long to train: fast, balanced or thorough.",
        autocompletion=complete_preset,
    ),
]

SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="K=V",
        help="Change one setting that `anomgan settings` lists; may be repeated.",
        autocompletion=complete_setting,
        show_default=False,
    ),
]

TABLE_KINDS = (
    "a table (.csv, .xlsx, .jsonl, .parquet, .feather, .npz, …, compressed or not), a folder of "
    "tables"
)
"""What commands read, for their help."""

MaxPixelsOption = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        help="Pictures with more pixels aren't decoded; a few bytes can unpack to gigabytes.",
        show_default="89,478,485",
    ),
]


JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on standard output instead.")]


def choose_model(context: typer.Context, model: Path, named: Path | None) -> Path:
    """The model of a command that takes MODEL and ``--model``.

    Args:
        context: That of the command, whose argument is called ``model``.
        model: The argument.
        named: The option.

    Raises:
        InputError: If both are given and differ.
    """
    if named is None:
        return model
    source = context.get_parameter_source("model")
    typed = source is not None and source.name == "COMMANDLINE"
    if typed and Path(get_display_name(model)) != Path(get_display_name(named)):
        raise InputError(
            f"MODEL {get_display_name(model)} and --model {get_display_name(named)} are two "
            "models; give one of them"
        )
    return named


def check_json_output(as_json: bool, output: Path | None) -> None:
    """Check that facts as JSON don't meet the rows on standard output.

    Raises:
        InputError: If they would.
    """
    if as_json and (output is None or str(output) == "-"):
        raise InputError("--json goes to standard output, as the rows do; name a file by --output")


def check_share(option: str, value: float | None, *, most: float = 1.0) -> None:
    """Check that an option's value, a share of rows, is in (0, most], and below 1.

    Raises:
        InputError: If it isn't.
    """
    if value is not None and not (0 < value <= most and value < 1):
        raise InputError(f"{option} {value:g} must lie between 0 and {most:g}")


def parse_settings(assignments: list[str]) -> dict[str, Any]:
    """Split the values of ``--set key=value``; values stay text.

    Raises:
        InputError: If one isn't of this form.
    """
    pairs = [assignment.partition("=") for assignment in assignments]
    for key, equals, value in pairs:
        if not (key.strip() and equals and value.strip()):
            raise InputError(f"--set {key}{equals}{value}: write it as key=value")
    return {key.strip(): value.strip() for key, _, value in pairs}
