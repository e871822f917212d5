"""What an interrupted fit has got to, and going on from there to the same end.

A fit is a function of its data, settings and seed, so little has to be kept: the results of the
trainings that are over, and the state of the one that isn't.  What was drawn before is drawn again.
It lies in a folder of its own as JSON and safetensors, written whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
import warnings
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from anomgan.errors import DataWarning, InputError
from anomgan.gans import GAN
from anomgan.training.health import Health
from anomgan.training.history import Progress, TrainingHistory
from anomgan.training.monitor import Watch
from anomgan.training.trainer import Sampler, State
from anomgan.utils.atomic import replace_directory
from anomgan.utils.serialization import below
from anomgan.utils.types import Floats

ABOUT, ARRAYS = "checkpoint.json", "checkpoint.safetensors"
FILES = {ABOUT, ARRAYS}

EVERY = 60.0
"""Seconds between two checkpoints."""

Arrays = dict[str, Tensor]


def fingerprint(values: Floats, other: Floats | None, settings: dict[str, Any]) -> str:
    """SHA-256 of all that a training depends on.

    Args:
        values: Encoded records.
        other: Those of a second domain, if there are any.
        settings: In plain data.
    """
    told = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for array in (values, other):
        told.update(b"none" if array is None else np.ascontiguousarray(array).tobytes())
    return told.hexdigest()


class Checkpoint:
    """Keeps the state of a fit in a folder, every now and then.

    Attributes:
        folder: Where.
        every: Seconds between two checkpoints; a shorter fit leaves none.
        found: Whether there was one at the start.
        resumed: Whether that is gone on from.
        kept: Whether this fit has left one since.
    """

    def __init__(self, folder: str | Path, *, every: float = EVERY, resume: bool = False) -> None:
        """Prepare to keep a fit's state.

        Args:
            folder: Where nothing is, or an older checkpoint.
            every: Seconds between two checkpoints.
            resume: Whether to go on from what is there; if nothing is, the fit begins anew.

        Raises:
            InputError: If something else is there, or what is to be resumed is damaged.
        """
        self.folder, self.every = Path(folder), every
        self._over: list[tuple[dict[str, Any], Arrays]] = []
        self._current: tuple[dict[str, Any], Arrays] | None = None
        self._mark: str | None = None
        self._call = 0
        self._last = time.monotonic()
        self._able = True
        found = self._found()
        self.found = found is not None
        self.kept, self.resumed = False, resume and found is not None
        if resume and found is not None:
            self._take(*found)

    @property
    def there(self) -> bool:
        """Whether there is something to go on from."""
        return self.kept or self.resumed

    # --- while fitting ----------------------------------------------------------------------------

    def begin(self, mark: str) -> None:
        """Say which fit this is.

        Args:
            mark: Its :func:`fingerprint`.

        Raises:
            InputError: If the checkpoint is another fit's.
        """
        mark = f"{version('anomgan')} {mark}"
        if self._mark not in (None, mark):
            raise InputError(
                f"{self.folder}: belongs to a fit of other rows, settings or seed, or by another "
                f"anomgan; fit the same again, or leave out --resume to begin anew"
            )
        self._mark, self._call, self._last = mark, 0, time.monotonic()

    def is_over(self) -> bool:
        """Whether the training that comes next is over already."""
        return self._call < len(self._over)

    def result(self, gan: GAN) -> TrainingHistory:
        """Give a GAN the weights that such a training ended with, and say how it went.

        Raises:
            InputError: If they aren't this GAN's.
        """
        about, arrays = self._over[self._call]
        self._fill(gan, arrays)
        self._call += 1
        return _training(about)

    def keeper(self, gan: GAN, sampler: Sampler, watch: Watch) -> Keeper:
        """Keeps the training that comes next."""
        if self.is_over():  # but not in another process, so that all do it again
            del self._over[self._call :]
            self._current = None
        return Keeper(self, gan, sampler, watch)

    def end(self, gan: GAN, training: TrainingHistory) -> None:
        """Keep the result of a training."""
        about = {"curve": _points(training.curve), "health": [asdict(h) for h in training.health]}
        self._over.append((about, _copies(gan.state_dict())))
        self._current, self._call = None, self._call + 1
        if self.kept:  # by a fit that takes long enough
            self._write(None)

    def remove(self) -> None:
        """Forget the fit, once its model is saved."""
        if self.folder.is_dir():
            shutil.rmtree(self.folder, ignore_errors=True)

    # --- the folder -------------------------------------------------------------------------------

    def _found(self) -> tuple[dict[str, Any], Arrays] | None:
        """The checkpoint that is there.

        Raises:
            InputError: If something else is, or it is damaged.
        """
        if not self.folder.exists():
            return None
        if not self.folder.is_dir() or {e.name for e in self.folder.iterdir()} - FILES:
            raise InputError(f"{self.folder}: is where checkpoints belong; move it away")
        try:
            about = json.loads((self.folder / ABOUT).read_bytes())
            data = (self.folder / ARRAYS).read_bytes()
            if hashlib.sha256(data).hexdigest() != about["sha256"]:
                raise ValueError(f"{ARRAYS} isn't as it was written")
            return about, safetensors.torch.load(data)
        except (OSError, KeyError, TypeError, ValueError, SafetensorError) as error:
            raise InputError(f"{self.folder}: is damaged: {error}; remove it") from None

    def _take(self, about: dict[str, Any], arrays: Arrays) -> None:
        self._mark = about["mark"]
        for number, told in enumerate(about["over"]):
            self._over.append((told, below(f"{number}.", arrays)))
        if about["current"] is not None:
            self._current = about["current"], below("current.", arrays)

    def _write(self, current: tuple[dict[str, Any], Arrays] | None) -> None:
        """Write all that is known.

        Warns:
            DataWarning: Once, if it can't be written; the fit goes on.
        """
        if not self._able:
            return
        arrays = {} if current is None else {f"current.{k}": v for k, v in current[1].items()}
        for number, (_, own) in enumerate(self._over):
            arrays |= {f"{number}.{key}": value for key, value in own.items()}
        data = safetensors.torch.save(arrays)
        about = {
            "mark": self._mark,
            "over": [told for told, _ in self._over],
            "current": None if current is None else current[0],
            "sha256": hashlib.sha256(data).hexdigest(),
        }
        try:
            replace_directory(self.folder, {ARRAYS: data, ABOUT: json.dumps(about).encode()})
        except OSError as error:
            self._able = False
            reason = f"{self.folder}: can't be written: {error.strerror or error}"
            warnings.warn(f"no checkpoint: {reason}", DataWarning, stacklevel=2)
        else:
            self.kept = True
        self._last = time.monotonic()

    def _fill(self, gan: GAN, arrays: Arrays) -> None:
        try:
            gan.load_state_dict(arrays)
        except RuntimeError:
            raise self._foreign() from None

    def _foreign(self) -> InputError:
        return InputError(f"{self.folder}: is damaged: its parts don't belong together; remove it")


class Keeper:
    """Keeps one training: what :func:`anomgan.training.trainer.train` asks and tells."""

    def __init__(self, checkpoint: Checkpoint, gan: GAN, sampler: Sampler, watch: Watch) -> None:
        """Keep what these three hold beside the trainer's own state."""
        self.checkpoint, self.gan = checkpoint, gan
        self.sources = {"sampler": sampler.generator, "watch": watch.sampler.generator}
        self.watch = watch

    def restore(self) -> State | None:
        """Put everything as it was at the last checkpoint of this training, if there is one.

        Raises:
            InputError: If it is another one's.
        """
        kept, self.checkpoint._current = self.checkpoint._current, None
        if kept is None:
            return None
        about, arrays = kept
        self.checkpoint._fill(self.gan, below("gan.", arrays))
        try:
            for name, source in self.sources.items():
                source.set_state(arrays[f"draws.{name}"])
            training = _training(about)
            self.watch.log += training.health
            moves = below("moves.", arrays)
            return State(int(about["stage"]), int(about["made"]), training.curve, moves)
        except (KeyError, TypeError, ValueError, RuntimeError):
            raise self.checkpoint._foreign() from None

    def due(self) -> bool:
        """Whether the time has come."""
        return time.monotonic() - self.checkpoint._last >= self.checkpoint.every

    def save(self, state: State) -> None:
        """Keep a state."""
        about = {
            "stage": state.stage,
            "made": state.made,
            "curve": _points(state.curve),
            "health": [asdict(health) for health in self.watch.log],
        }
        arrays = {f"gan.{key}": value for key, value in self.gan.state_dict().items()}
        arrays |= {f"moves.{key}": value for key, value in state.moves.items()}
        arrays |= {f"draws.{name}": source.get_state() for name, source in self.sources.items()}
        self.checkpoint._write((about, _copies(arrays)))


def _points(curve: list[Progress]) -> list[Any]:
    return [[point.step, point.steps, point.losses] for point in curve]


def _training(about: dict[str, Any]) -> TrainingHistory:
    curve = [Progress(step, steps, losses) for step, steps, losses in about["curve"]]
    return TrainingHistory(curve, [Health.from_json(health) for health in about["health"]])


def _copies(arrays: Arrays) -> Arrays:
    """Copies on the CPU, none of which shares memory with another."""
    return {key: value.detach().cpu().clone().contiguous() for key, value in arrays.items()}
