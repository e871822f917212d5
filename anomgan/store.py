"""The model directory: JSON for what people may read, safetensors for numbers, nothing that runs.

``model.json`` holds everything but the arrays and a checksum of itself; ``weights.safetensors``
holds the arrays.  The same pair, as a dict and NumPy arrays, is what a pickled detector is made of.

A model appears whole or not at all.  It is written into a hidden folder beside its place and then
swapped with what is there in one step.  Where the system can't swap two folders (anything but
Linux, some network file systems), the old model is moved aside first; if the process is killed in
the instant between the two moves, :func:`load` reads the one moved aside and the next :func:`save`
moves it back.  Whatever else a killed save leaves behind, the next save removes.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import hashlib
import json
import math
import os
import re
import secrets
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from anomgan.config import Config
from anomgan.data.tables import TableEncoder
from anomgan.detector import Detector, FloatArray
from anomgan.errors import InputError
from anomgan.gans import GAN
from anomgan.train import Progress

FORMAT_VERSION = 1
"""Raised whenever an older anomgan couldn't read what this one writes."""

DESCRIPTION, WEIGHTS = "model.json", "weights.safetensors"
FILES = {DESCRIPTION, WEIGHTS}
"""All that a model directory holds; one that holds more isn't replaced."""

MOST_JSON = 2**28
"""Bytes of the largest ``model.json``: a schema with millions of category levels fits."""

PATIENCE = 10.0
"""Seconds to wait for another save beside this one."""

OPENING = re.compile(rb'\s*\{\s*"anomgan":')
"""How a ``model.json`` of ours begins, by which even a truncated one is known."""


@dataclass(frozen=True)
class Model:
    """A fitted detector without its scikit-learn face.

    Attributes:
        encoder: Tables to arrays and back.
        detector: Arrays to scores.
        about: Plain data that the face needs; stored as it is.
    """

    encoder: TableEncoder
    detector: Detector
    about: dict[str, Any]


# --- a model as plain data ------------------------------------------------------------------------


def pack(model: Model) -> tuple[dict[str, Any], dict[str, FloatArray]]:
    """Take a model apart into plain data, fit for strict JSON, and arrays on the CPU."""
    gan, calibrator = model.detector.gan, model.detector.calibrator
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
            [point.step, point.steps, {name: plain(loss) for name, loss in point.losses.items()}]
            for point in model.detector.curve
        ],
    }
    return plain(description), model.detector.state()


def unpack(description: Mapping[str, Any], arrays: Mapping[str, FloatArray]) -> Model:
    """Put a model together again, on the CPU.

    Args:
        description: As :func:`pack` gave it.
        arrays: Likewise.

    Raises:
        InputError: If a newer anomgan packed it, or the parts don't belong together.
    """
    check_origin(description)
    for name, array in arrays.items():
        if array.dtype not in (np.float32, np.float64) or not np.isfinite(array).all():
            raise InputError(f"{name} holds something else than finite numbers")
    try:
        encoder = TableEncoder.from_json(description["schema"])
        if plain(encoder.spec.to_json()) != description["spec"]:
            raise ValueError("columns and layout disagree")
        curve = [
            Progress(step, steps, {k: math.nan if v is None else v for k, v in losses.items()})
            for step, steps, losses in description["curve"]
        ]
        detector = Detector.from_state(
            arrays,
            encoder.spec,
            name=description["method"],
            config=Config.from_json(description["config"]),
            curve=curve,
        )
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        missing = "no entry " if isinstance(error, KeyError) else ""
        raise InputError(f"its parts don't belong together: {missing}{error}") from error
    return Model(encoder, detector, description["estimator"])


def check_origin(description: Mapping[str, Any]) -> None:
    """Refuse what this anomgan is too old for.

    Raises:
        InputError: If the format or the method isn't known here.
    """
    found, method = description.get("format_version"), description.get("method")
    if type(found) is not int or found < 1:
        raise InputError(f"its format version is {found!r}, which no anomgan ever wrote")
    if found > FORMAT_VERSION:
        raise InputError(f"written by a newer anomgan (format {found}); upgrade anomgan")
    if not isinstance(method, str) or method not in GAN.registry:
        raise InputError(
            f"its method {method!r} isn't known to this anomgan; "
            f"version {description.get('anomgan')} wrote it"
        )


def plain(value: Any) -> Any:
    """The same as dicts, lists, strings, booleans, None and finite numbers.

    Tuples become lists, NumPy scalars Python's, NaN and infinity None.

    Raises:
        InputError: If there is anything else.
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, str | bool | int):
        return value
    raise InputError(f"{value!r} can't be stored; give plain numbers, text, lists or dicts")


# --- saving ---------------------------------------------------------------------------------------


def save(model: Model, directory: str | Path) -> None:
    """Write a model directory, replacing an older model in one step.

    Parent folders are made as needed.  A symbolic link stays; what it points to is replaced.

    Args:
        model: What to write.
        directory: A path where nothing, an empty folder or a model is.

    Raises:
        InputError: If something else is there or it can't be written; then all is as before.
    """
    check_target(directory)
    description, arrays = pack(model)
    weights = safetensors.numpy.save({k: np.ascontiguousarray(v) for k, v in arrays.items()})
    description["weights"] = {"bytes": len(weights), "sha256": hashlib.sha256(weights).hexdigest()}
    files = {WEIGHTS: weights, DESCRIPTION: _sealed(description)}
    if len(files[DESCRIPTION]) > MOST_JSON:
        raise InputError(f"{directory}: the table has too many levels; drop columns of free text")
    try:
        target = Path(os.path.realpath(directory))
        target.parent.mkdir(parents=True, exist_ok=True)
        with _alone_in(target.parent) as alone:
            _tidy(target, remove=alone)
            _replace(target, files)
            shutil.rmtree(_aside(target), ignore_errors=True)
    except OSError as error:
        raise _unwritable(directory, error) from error


def check_target(directory: str | Path) -> None:
    """See whether a model may be written there; worth asking before a long fit.

    Raises:
        InputError: If something is there that isn't a model, or the place can't be written to.
    """
    try:
        target = Path(os.path.realpath(directory))
        if not os.path.lexists(target):
            _check_parent(directory, target)
            return
        if not target.is_dir():
            raise InputError(f"{directory}: is a file; name a folder for the model")
        names = {entry.name for entry in os.scandir(target)}
        if names and not _is_ours(target):
            raise InputError(
                f"{directory}: is a folder that isn't a model; it won't be overwritten, "
                f"so name another or empty it"
            )
        if names - FILES:
            others = ", ".join(sorted(map(repr, names - FILES))[:5])
            raise InputError(
                f"{directory}: replacing the model would delete other files there: {others}; "
                f"move them away or name another folder"
            )
        if target == Path(os.path.realpath(Path.cwd())):
            raise InputError(
                f"{directory}: is the current folder, which can't be replaced; "
                f"name another or run from elsewhere"
            )
        if target.is_mount():
            raise InputError(
                f"{directory}: is where a disk is mounted, which can't be replaced; "
                f"name a folder inside it"
            )
        _check_parent(directory, target)
        if not os.access(target, os.W_OK | os.X_OK):
            raise InputError(f"{directory}: is write-protected; name another folder")
    except OSError as error:
        raise _unwritable(directory, error) from error


def _check_parent(directory: str | Path, target: Path) -> None:
    """Refuse a place whose nearest existing parent can't be written to.

    Raises:
        InputError: If so.
    """
    parent = next(place for place in target.parents if os.path.lexists(place))
    if not parent.is_dir():
        raise InputError(f"{directory}: {parent} is a file; name another folder")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise InputError(
            f"{directory}: can't write to {parent}, where the model is made before it is swapped "
            f"in; name a folder elsewhere"
        )


def _is_ours(folder: Path) -> bool:
    path = folder / DESCRIPTION
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return OPENING.match(file.read(256)) is not None


def _replace(target: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a folder beside the target, then put it in the target's place."""
    fresh = target.with_name(f"{_hidden(target, 'new')}-{secrets.token_hex(4)}")
    fresh.mkdir()  # with the permissions that the umask gives, unlike tempfile's
    try:
        for name, data in files.items():
            _write(fresh / name, data)
        if target.is_dir():
            fresh.chmod(stat.S_IMODE(target.stat().st_mode))
        _sync(fresh)
        _swap(fresh, target)
        with contextlib.suppress(OSError):  # the new model is in place, come what may
            _sync(target.parent)
    finally:  # either what was written in vain, or the old model
        shutil.rmtree(fresh, ignore_errors=True)


def _write(path: Path, data: bytes) -> None:
    """Write a file through to the disk."""
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Write a folder's entries through to the disk, where the system knows how."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _swap(fresh: Path, target: Path) -> None:
    """Put a folder in the target's place; an old model, if any, takes its place or is removed."""
    if not target.is_dir() or not any(target.iterdir()):
        fresh.replace(target)  # also over an empty folder
    elif not _exchange(fresh, target):
        aside = _aside(target)
        shutil.rmtree(aside, ignore_errors=True)
        target.rename(aside)
        try:
            fresh.rename(target)
        except BaseException:
            aside.rename(target)
            raise
        shutil.rmtree(aside, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two folders in one step; False if the system can't.

    Raises:
        OSError: If it can but may not.
    """
    if sys.platform != "linux":
        return False
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:  # an old C library
        return False
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    if renameat2(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):  # a file system that can't
        return False
    raise OSError(code, os.strerror(code), str(other))


def _hidden(target: Path, what: str) -> str:
    return f".{target.name}.anomgan-{what}"


def _aside(target: Path) -> Path:
    """Where the old model waits while the new one is moved in."""
    return target.with_name(_hidden(target, "old"))


@contextlib.contextmanager
def _alone_in(parent: Path) -> Iterator[bool]:
    """Keep other saves out of a folder; gives False where that can't be had."""
    try:
        import fcntl
    except ImportError:
        yield False
        return
    handle = os.open(parent, os.O_RDONLY)
    try:
        yield _locked(lambda: fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB))
    finally:
        os.close(handle)


def _locked(lock: Callable[[], None]) -> bool:
    """Try to lock until `PATIENCE` is over."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            lock()
        except BlockingIOError:
            time.sleep(0.05)
        except OSError:  # a file system without locks
            return False
        else:
            return True
    return False


def _tidy(target: Path, *, remove: bool) -> None:
    """Finish what a killed save began: move the old model back, remove what was left half done.

    Args:
        target: The model directory.
        remove: Whether no other save can be at work on what looks left over.
    """
    aside = _aside(target)
    if aside.is_dir() and not os.path.lexists(target):
        aside.rename(target)
    if remove:
        beginning = _hidden(target, "new-")
        for entry in list(target.parent.iterdir()):
            if entry.name.startswith(beginning):
                shutil.rmtree(entry, ignore_errors=True)


def _unwritable(directory: str | Path, error: OSError) -> InputError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    advice = "free some space or name a folder elsewhere" if full else "name a folder elsewhere"
    reason = error.strerror or str(error)
    return InputError(f"{directory}: can't write the model: {reason}; {advice}")


# --- loading --------------------------------------------------------------------------------------


def load(directory: str | Path) -> Model:
    """Read a model directory, onto the CPU.

    Nothing in it is run or unpickled, and what it asks for is checked before memory is taken.

    Raises:
        InputError: If there is no model, it is damaged, or a newer anomgan wrote it.
    """
    try:
        folder = Path(directory)
        if not os.path.lexists(folder):
            folder = _aside(Path(os.path.realpath(folder)))
            if not folder.is_dir():
                raise InputError(f"{directory}: no such model directory; fit a model first")
        before = _identity(folder)
        try:
            return _read(directory, folder)
        except (InputError, FileNotFoundError):
            if _identity(folder) == before:
                raise
            return _read(directory, folder)  # a save had swapped it while it was being read
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{directory}: can't read the model: {reason}") from error


def damaged(directory: str | Path, what: str) -> InputError:
    """The error for a model directory that can't be used."""
    return InputError(
        f"{directory}: the model is damaged: {what}; restore it from a copy or fit the model again"
    )


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _read(directory: str | Path, folder: Path) -> Model:
    """Read the model in ``folder``, which messages call ``directory``."""
    if not folder.is_dir():
        raise InputError(f"{directory}: is a file, not a model directory")
    description = _description(directory, folder / DESCRIPTION)
    try:
        check_origin(description)
    except InputError as error:
        raise InputError(f"{directory}: {error}") from None
    body = {key: value for key, value in description.items() if key != "sha256"}
    if description.get("sha256") != _checksum(body):
        raise damaged(directory, f"{DESCRIPTION} isn't as it was written")
    arrays = _arrays(directory, folder / WEIGHTS, description)
    try:
        return unpack(description, arrays)
    except InputError as error:
        raise damaged(directory, str(error)) from error


def _description(directory: str | Path, path: Path) -> dict[str, Any]:
    """Read ``model.json``, as far as its size is sensible."""
    if not path.is_file():
        raise InputError(f"{directory}: isn't a model directory: it has no {DESCRIPTION}")
    if path.stat().st_size > MOST_JSON:
        raise damaged(directory, f"{DESCRIPTION} is larger than {MOST_JSON:,} bytes")
    data = path.read_bytes()
    try:
        description = json.loads(data)
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON, nested too deeply
        if OPENING.match(data):
            raise damaged(directory, f"{DESCRIPTION} isn't whole") from error
        description = None
    if not isinstance(description, dict) or "anomgan" not in description:
        raise InputError(f"{directory}: isn't a model directory: its {DESCRIPTION} isn't anomgan's")
    return description


def _arrays(
    directory: str | Path, path: Path, description: Mapping[str, Any]
) -> dict[str, FloatArray]:
    """Read ``weights.safetensors`` if it is the file that ``model.json`` was written with."""
    if not path.is_file():
        raise damaged(directory, f"{WEIGHTS} is missing")
    wanted = description.get("weights")
    if not isinstance(wanted, dict):
        raise damaged(directory, f"{DESCRIPTION} says nothing of {WEIGHTS}")
    size = path.stat().st_size
    if size != wanted.get("bytes"):
        raise damaged(directory, f"{WEIGHTS} has {size:,} bytes instead of {wanted.get('bytes')}")
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != wanted.get("sha256"):
        raise damaged(directory, f"{WEIGHTS} isn't as it was written")
    try:
        return safetensors.numpy.load(data)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise damaged(directory, f"{WEIGHTS} isn't in the safetensors format") from error


def _sealed(description: dict[str, Any]) -> bytes:
    """JSON as bytes, with its own checksum as the last entry."""
    whole = description | {"sha256": _checksum(description)}
    text = json.dumps(whole, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "surrogatepass")  # as json.loads decodes


def _checksum(description: Mapping[str, Any]) -> str:
    """SHA-256 of the compact JSON."""
    text = json.dumps(description, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
