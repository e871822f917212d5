"""Options that several commands share, and their checks."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from anomgan.errors import InputError

DEFAULT_MODEL = Path("anomgan-model")
DEFAULT_METHOD = "gan"

MODEL_SCHEMES = "models:/", "runs:/"
"""How the names of models in MLflow begin."""

_asked_for: dict[Path, str] = {}


def _read_from(context: typer.Context, model: Path) -> Path:
    """The folder of a model to read, downloaded first if MLflow has it.

    Raises:
        InputError: If MLflow has no such model, or doesn't answer.
    """
    if not str(model).startswith(MODEL_SCHEMES):
        return model
    from anomgan.mlflow.registry import fetch

    place = tempfile.TemporaryDirectory(prefix="anomgan-")
    context.call_on_close(place.cleanup)
    try:
        folder = fetch(str(model), Path(place.name))
    except BaseException:  # then nobody closes the context
        place.cleanup()
        raise
    _asked_for[folder] = str(model)
    return folder


def called(model: Path) -> str:
    """What the user called a model: the folder, or its name in MLflow."""
    return _asked_for.get(model, str(model))


ModelOption = Annotated[
    Path,
    typer.Option(
        "--model",
        metavar="DIR",
        envvar="ANOMGAN_MODEL",
        help="The model directory, or a model in MLflow: models:/NAME@ALIAS, runs:/RUN/model.",
        callback=_read_from,
    ),
]
ModelArgument = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL",
        envvar="ANOMGAN_MODEL",
        help="The model directory, or a model in MLflow: models:/NAME@ALIAS, runs:/RUN/model.",
        callback=_read_from,
    ),
]
NewModelOption = Annotated[
    Path,
    typer.Option("--model", metavar="DIR", envvar="ANOMGAN_MODEL", help="The model directory."),
]
PresetOption = Annotated[
    str, typer.Option(metavar="P", help="How long to train: fast, balanced or thorough.")
]

SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="K=V",
        help="Change one setting that `anomgan settings` lists; may be repeated.",
        show_default=False,
    ),
]

MaxPixelsOption = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        help="Pictures with more pixels aren't decoded; a few bytes can unpack to gigabytes.",
        show_default="89,478,485",
    ),
]


def check_share(option: str, value: float | None, *, most: float = 1.0) -> None:
    """Check the value of an option that is a share of rows, but not all of them.

    Raises:
        InputError: If it isn't above 0 and at most ``most``.
    """
    if value is not None and not (0 < value <= most and value < 1):
        raise InputError(f"{option} {value:g} must lie between 0 and {most:g}")


def settings_from(assignments: list[str]) -> dict[str, Any]:
    """Settings from ``--set key=value``, the values still text.

    Raises:
        InputError: If one has another form.
    """
    pairs = [assignment.partition("=") for assignment in assignments]
    for key, equals, value in pairs:
        if not (key.strip() and equals and value.strip()):
            raise InputError(f"--set {key}{equals}{value}: write it as key=value")
    return {key.strip(): value.strip() for key, _, value in pairs}
