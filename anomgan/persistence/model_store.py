"""Save and load models: JSON for what people may read, safetensors for numbers, no code.

``model.json`` holds everything but the arrays, and a checksum of itself; ``weights.safetensors``
holds the arrays.  A pickled detector holds the same pair, as a dict and NumPy arrays.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import reprlib
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
import yaml
from safetensors import SafetensorError

from anomgan.config import Config
from anomgan.data.encoders.convert import encoder_from_json
from anomgan.data.encoders.encoder import Encoder
from anomgan.errors import InputError, out_of_memory
from anomgan.nets.backbone import Backbone, load_same_backbone
from anomgan.persistence.model_dir import (
    DESCRIPTION,
    OPENING,
    OPTIONS,
    WEIGHTS,
    check_target,
    write_error,
)
from anomgan.plugins.lookup import is_known
from anomgan.plugins.records import describe_plugins, require_plugins, warn_changed
from anomgan.plugins.registry import GANS
from anomgan.score_weights import parse_score
from anomgan.scoring.fitted_ensemble import FittedEnsemble
from anomgan.training.health import Health
from anomgan.training.history import Progress, TrainingHistory
from anomgan.utils.atomic import backup_path, replace_directory
from anomgan.utils.serialization import MAX_JSON_VALUES, count_json_values, strict_json, to_plain
from anomgan.utils.text import one_line
from anomgan.utils.types import FloatArray

FORMAT_VERSION = 3
"""Increased whenever the contents of a model change; other versions are refused."""

MAX_JSON_BYTES = 2**28
"""Bytes of the largest ``model.json``: a schema with millions of category levels fits."""

MAX_WEIGHTS_BYTES = 2**33
"""Bytes of the largest ``weights.safetensors``; a sparse file can have any size."""

MAX_MESSAGE_LENGTH = 500
"""Characters of text from a model that a message shows."""


INCONSISTENT_ERRORS = (
    ArithmeticError,
    AttributeError,
    IndexError,
    KeyError,
    RecursionError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""Errors that the parts of a forged model cause where they don't belong together."""


@dataclass(frozen=True)
class Model:
    """All that is stored of a fitted detector.

    Attributes:
        encoder: Records to arrays and back.
        ensemble: Networks, scorer and calibration.
        history: Losses and health over training.
        about: Parameters and facts of the estimator, as plain data.
    """

    encoder: Encoder
    ensemble: FittedEnsemble
    history: TrainingHistory
    about: dict[str, Any]


# --- a model as plain data ------------------------------------------------------------------------


def pack(model: Model) -> tuple[dict[str, Any], dict[str, FloatArray]]:
    """Convert a model to plain data for strict JSON, and arrays on the CPU."""
    gan, calibrator, history = model.ensemble.gan, model.ensemble.calibrator, model.history
    description = {
        "anomgan": version("anomgan"),
        "format_version": FORMAT_VERSION,
        "method": gan.name,
        "estimator": model.about,
        "config": gan.config.to_json(),
        "schema": model.encoder.to_json(),
        "spec": model.encoder.spec.to_json(),
        "calibration": calibrator.to_json(),
        "curve": [
            [point.step, point.steps, {name: to_plain(loss) for name, loss in point.losses.items()}]
            for point in history.curve
        ],
        "health": [asdict(health) for health in history.health],
        "held_out": None if history.held_out is None else asdict(history.held_out),
        "restarted": history.restarted,
    }
    if (patches := model.ensemble.patches) is not None:
        description["backbone"] = {"name": patches.backbone.name, "sha256": patches.backbone.digest}
    plugins = describe_plugins(gan.name, parse_score(gan.config.score))
    if plugins:
        description["plugins"] = plugins
    return to_plain(description), model.ensemble.to_arrays()


def unpack(description: Mapping[str, Any], arrays: Mapping[str, FloatArray]) -> Model:
    """Rebuild a model on the CPU.

    Args:
        description: The plain data of :func:`pack`.
        arrays: Its arrays.

    Raises:
        InputError: If a newer anomgan packed it, a plug-in is missing, or the parts don't belong
            together.

    Warns:
        DataWarning: If a plug-in has changed since.
    """
    check_origin(description)
    warn_changed(description.get("plugins", []))
    for name, array in arrays.items():
        if array.dtype not in (np.float32, np.float64) or not np.isfinite(array).all():
            raise InputError(f"{name} holds something else than finite numbers")
    backbone = None
    if (named := description.get("backbone")) is not None:
        backbone = _find_backbone(named)
    try:
        encoder = encoder_from_json(description["schema"])
        if to_plain(encoder.spec.to_json()) != description["spec"]:
            raise ValueError("columns and layout disagree")
        curve = [
            Progress(
                int(step),
                int(steps),
                {k: math.nan if v is None else float(v) for k, v in losses.items()},
            )
            for step, steps, losses in description["curve"]
        ]
        health = [Health.from_json(entry) for entry in description["health"]]
        last = description["held_out"]
        held_out = None if last is None else Health.from_json(last)
        restarted = [int(member) for member in description["restarted"]]
        ensemble = FittedEnsemble.from_arrays(
            arrays,
            encoder.spec,
            name=description["method"],
            config=Config.from_json(description["config"]),
            backbone=backbone,
        )
        history = TrainingHistory(curve, health, held_out, restarted)
        history.check(ensemble.gan.views.members)
    except INCONSISTENT_ERRORS as error:
        if out_of_memory(error):
            raise
        missing = "no entry " if isinstance(error, KeyError) else ""
        raise InputError(f"its parts don't belong together: {missing}{error}") from error
    return Model(encoder, ensemble, history, description["estimator"])


def _find_backbone(named: Any) -> Backbone:
    """The backbone that a model names.

    Raises:
        InputError: If it isn't here, or has other weights.
    """
    try:
        name, digest = str(named["name"]), str(named["sha256"])
    except (KeyError, TypeError):
        raise InputError("its backbone has no name and digest") from None
    return load_same_backbone(name, digest)


def check_origin(description: Mapping[str, Any]) -> None:
    """Check that this version of anomgan can read a model.

    Raises:
        InputError: If the format, the method or a plug-in isn't known here.
    """
    number, method = description.get("format_version"), description.get("method")
    if type(number) is not int or number < 1:
        raise InputError(f"its format version is {number!r}, which no anomgan ever wrote")
    if number > FORMAT_VERSION:
        raise InputError(f"written by a newer anomgan (format {number}); upgrade anomgan")
    if number < FORMAT_VERSION:
        raise InputError(f"written by an older anomgan (format {number}); fit it again")
    require_plugins(description.get("plugins", []))
    if not is_known(GANS, method):
        raise InputError(
            f"its method {reprlib.repr(method)} isn't known to this anomgan; "
            f"version {reprlib.repr(description.get('anomgan'))} wrote it"
        )


# --- saving ---------------------------------------------------------------------------------------


def save(model: Model, directory: str | Path) -> None:
    """Write a model directory, replacing an older model in one step.

    Parent folders are made as needed.  A symbolic link stays; what it points to is replaced.

    Args:
        model: The model.
        directory: A path where nothing, an empty folder or a model is.

    Raises:
        InputError: If something else is there or it can't be written; then all is as before.
    """
    check_target(directory)
    description, arrays = pack(model)
    weights = safetensors.numpy.save({k: np.ascontiguousarray(v) for k, v in arrays.items()})
    description["weights"] = {"bytes": len(weights), "sha256": hashlib.sha256(weights).hexdigest()}
    files = {WEIGHTS: weights, DESCRIPTION: _serialize(description)}
    options = model.about.get("training", {}).get("options")
    if options:
        files[OPTIONS] = _format_options(options)
    if (
        len(files[DESCRIPTION]) > MAX_JSON_BYTES
        or count_json_values(files[DESCRIPTION]) > MAX_JSON_VALUES
    ):
        raise InputError(f"{directory}: the table has too many levels; drop columns of free text")
    if len(weights) > MAX_WEIGHTS_BYTES:
        raise InputError(
            f"{directory}: the weights take up {len(weights):,} bytes, more than a model may; "
            f"choose smaller settings, such as memory_rows or hidden"
        )
    try:
        replace_directory(directory, files)
    except OSError as error:
        raise write_error(directory, error) from error


# --- loading --------------------------------------------------------------------------------------


def load(directory: str | Path) -> Model:
    """Read a model directory, onto the CPU.

    No code in it is run or unpickled, and sizes are checked before memory is allocated.

    Raises:
        InputError: If there is no model, it is damaged, needs a plug-in that isn't here, or a newer
            anomgan wrote it.

    Warns:
        DataWarning: If a plug-in has changed since the fit.
    """
    try:
        folder = Path(directory)
        if not os.path.lexists(folder):
            folder = backup_path(Path(os.path.realpath(folder)))
            if not folder.is_dir():
                raise InputError(f"{directory}: no such model directory; fit a model first")
        before = _identity(folder)
        try:
            return _read_model(directory, folder)
        except (InputError, FileNotFoundError):
            if _identity(folder) == before:
                raise
            return _read_model(directory, folder)  # a save had swapped it while it was being read
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{directory}: can't read the model: {reason}") from error


def damage_error(directory: str | Path, what: str) -> InputError:
    """The error for a damaged model directory, in one line of bounded length."""
    return InputError(
        f"{directory}: the model is damaged: {one_line(what, MAX_MESSAGE_LENGTH)}; "
        f"restore it from a copy or fit the model again"
    )


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _read_model(directory: str | Path, folder: Path) -> Model:
    """Read the model in ``folder``, which messages call ``directory``."""
    if not folder.is_dir():
        raise InputError(f"{directory}: is a file, not a model directory")
    description = _read_description(directory, folder / DESCRIPTION)
    try:
        check_origin(description)
    except InputError as error:
        raise InputError(f"{directory}: {one_line(error, MAX_MESSAGE_LENGTH)}") from None
    body = {key: value for key, value in description.items() if key != "sha256"}
    try:
        checksum = _checksum(body)
    except (RecursionError, UnicodeError) as error:
        raise damage_error(directory, f"{DESCRIPTION} isn't as anomgan writes it") from error
    if description.get("sha256") != checksum:
        raise damage_error(directory, f"{DESCRIPTION} isn't as it was written")
    arrays = _read_arrays(directory, folder / WEIGHTS, description)
    try:
        return unpack(description, arrays)
    except InputError as error:
        raise damage_error(directory, str(error)) from error


def _read_description(directory: str | Path, path: Path) -> dict[str, Any]:
    """Read ``model.json`` if it isn't too large."""
    if not path.is_file():
        raise InputError(f"{directory}: isn't a model directory: it has no {DESCRIPTION}")
    data = _read_file(directory, path, MAX_JSON_BYTES)
    try:
        description = strict_json(data)
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON, nested too deeply
        if OPENING.match(data):
            cut = isinstance(error, json.JSONDecodeError | RecursionError)
            what = "isn't whole" if cut else f"isn't as anomgan writes it: {error}"
            raise damage_error(directory, f"{DESCRIPTION} {what}") from error
        description = None
    if not isinstance(description, dict) or "anomgan" not in description:
        raise InputError(f"{directory}: isn't a model directory: its {DESCRIPTION} isn't anomgan's")
    return description


def _read_arrays(
    directory: str | Path, path: Path, description: Mapping[str, Any]
) -> dict[str, FloatArray]:
    """Read ``weights.safetensors`` if it has the checksum in ``model.json``."""
    if not path.is_file():
        raise damage_error(directory, f"{WEIGHTS} is missing")
    expected = description.get("weights")
    if not isinstance(expected, dict):
        raise damage_error(directory, f"{DESCRIPTION} says nothing of {WEIGHTS}")
    data = _read_file(directory, path, MAX_WEIGHTS_BYTES, expected.get("bytes"))
    if hashlib.sha256(data).hexdigest() != expected.get("sha256"):
        raise damage_error(directory, f"{WEIGHTS} isn't as it was written")
    try:
        return safetensors.numpy.load(data)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise damage_error(directory, f"{WEIGHTS} isn't in the safetensors format") from error


def _read_file(directory: str | Path, path: Path, max_bytes: int, expected: object = None) -> bytes:
    """Read a file of the model.

    The checks are of the opened file, as another one may take its name meanwhile.

    Args:
        directory: What messages call the model.
        path: The file.
        max_bytes: Its largest size.
        expected: Its size in bytes, if that is known.

    Raises:
        InputError: If it is a link to a file elsewhere, which isn't the model's to read, no
            ordinary file, or of another size.
    """
    folder, target = os.path.realpath(path.parent), os.path.realpath(path)
    if os.path.commonpath([folder, target]) != folder:
        raise damage_error(directory, f"{path.name} is a link that leads out of the folder")
    with open(target, "rb", opener=_open) as file:
        status = os.fstat(file.fileno())
        size = status.st_size
        if not stat.S_ISREG(status.st_mode):
            raise damage_error(directory, f"{path.name} isn't an ordinary file")
        if size > max_bytes:
            raise damage_error(directory, f"{path.name} is larger than {max_bytes:,} bytes")
        if expected is not None and size != expected:
            raise damage_error(directory, f"{path.name} has {size:,} bytes instead of {expected}")
        data = file.read(size + 1)
    if len(data) != size:
        raise damage_error(directory, f"{path.name} changed while it was read")
    return data


def _open(path: str, flags: int) -> int:
    """Open a file without blocking, in case it is a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _serialize(description: dict[str, Any]) -> bytes:
    """The bytes of ``model.json``, its own checksum as the last entry."""
    sealed = description | {"sha256": _checksum(description)}
    text = json.dumps(sealed, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "surrogatepass")  # as json.loads decodes


def _format_options(options: Mapping[str, Any]) -> bytes:
    """The bytes of ``fit.yaml``."""
    head = "# anomgan fit --config with this file repeats the fit; its data aren't in here.\n"
    text = str(yaml.safe_dump(to_plain(options), sort_keys=False, allow_unicode=True))
    return (head + text).encode("utf-8", "backslashreplace")


def _checksum(description: Mapping[str, Any]) -> str:
    """SHA-256 of the compact JSON."""
    text = json.dumps(description, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
