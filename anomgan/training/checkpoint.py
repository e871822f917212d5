"""Save the state of a fit, and resume it to the same result.

A fit is a function of its data, settings and seed, so a checkpoint holds only the results of the
trainings that are done and the state of the current one; everything else is drawn again.  It is a
directory of its own with JSON and safetensors, replaced atomically.
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
from anomgan.training.history import Progress, TrainerState, TrainingHistory
from anomgan.training.monitor import HealthMonitor
from anomgan.training.sampler import Sampler
from anomgan.utils.atomic import replace_directory
from anomgan.utils.serialization import below
from anomgan.utils.types import Floats

ABOUT, ARRAYS = "checkpoint.json", "checkpoint.safetensors"
FILES = {ABOUT, ARRAYS}

SAVE_INTERVAL_S = 60.0
"""Default number of seconds between two checkpoints."""

Arrays = dict[str, Tensor]
Saved = tuple[dict[str, Any], Arrays]
"""JSON data and tensors of one training."""


def fingerprint(values: Floats, other: Floats | None, settings: dict[str, Any]) -> str:
    """SHA-256 of all that a training depends on.

    Args:
        values: Encoded records.
        other: Those of a second domain, or None.
        settings: The settings, as JSON data.
    """
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for array in (values, other):
        digest.update(b"none" if array is None else np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


class Checkpoint:
    """Saves the state of a fit to a directory at intervals.

    Attributes:
        folder: The directory.
        every: Seconds between two checkpoints; a shorter fit writes none.
        found: Whether there was a checkpoint at the start.
        resumed: Whether the fit resumes from it.
        written: Whether this fit has written one since.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from anomgan import Checkpoint, GANDetector, load_sample
        >>> normal = load_sample("penguins").normal
        >>> detector = GANDetector(settings={"steps": 20, "members": 1}, random_state=0)
        >>> with TemporaryDirectory() as folder:
        ...     checkpoint = Checkpoint(f"{folder}/state", every=0, resume=True)
        ...     detector = detector.fit(normal, checkpoint=checkpoint)
    """

    def __init__(
        self, folder: str | Path, *, every: float = SAVE_INTERVAL_S, resume: bool = False
    ) -> None:
        """Read the checkpoint that is to be resumed, if there is one.

        Args:
            folder: A directory that doesn't exist yet or holds an older checkpoint.
            every: Seconds between two checkpoints.
            resume: Whether to resume from a checkpoint in it; without one, the fit starts anew.

        Raises:
            InputError: If the path holds something else, or the checkpoint is damaged.
        """
        self.folder, self.every = Path(folder), every
        self._done: list[Saved] = []
        self._current: Saved | None = None
        self._mark: str | None = None
        self._next = 0
        self._last_save = time.monotonic()
        self._can_write = True
        saved = self._read()
        self.found, self.written = saved is not None, False
        self.resumed = resume and self.found
        if resume and saved is not None:
            about, arrays = saved
            self._mark = about["mark"]
            for number, each in enumerate(about["over"]):
                self._done.append((each, below(f"{number}.", arrays)))
            if about["current"] is not None:
                self._current = about["current"], below("current.", arrays)

    @property
    def is_resumable(self) -> bool:
        """Whether the directory holds a checkpoint of this fit."""
        return self.written or self.resumed

    # --- while fitting ----------------------------------------------------------------------------

    def begin(self, mark: str) -> None:
        """Start a fit, or check that it is the one to be resumed.

        Args:
            mark: Its :func:`fingerprint`.

        Raises:
            InputError: If the checkpoint belongs to another fit.
        """
        mark = f"{version('anomgan')} {mark}"
        if self._mark not in (None, mark):
            raise InputError(
                f"{self.folder}: belongs to a fit of other rows, settings or seed, or by another "
                f"anomgan; fit the same again, or leave out --resume to begin anew"
            )
        self._mark, self._next, self._last_save = mark, 0, time.monotonic()

    def is_done(self) -> bool:
        """Whether the next training is done already."""
        return self._next < len(self._done)

    def load_result(self, gan: GAN) -> TrainingHistory:
        """Load the next training's final weights into a GAN; returns its history.

        Raises:
            InputError: If the weights aren't this GAN's.
        """
        about, arrays = self._done[self._next]
        self._load_weights(gan, arrays)
        self._next += 1
        return _history_from_json(about)

    def next_training(
        self, gan: GAN, sampler: Sampler, monitor: HealthMonitor
    ) -> TrainingCheckpoint:
        """Return the checkpoint of the next training."""
        if self.is_done():  # but not in another process, so that all repeat it
            del self._done[self._next :]
            self._current = None
        return TrainingCheckpoint(self, gan, sampler, monitor)

    def save_result(self, gan: GAN, history: TrainingHistory) -> None:
        """Save the result of the training that has ended."""
        about = _curve_and_health(history.curve, history.health)
        self._done.append((about, _to_cpu(gan.state_dict())))
        self._current, self._next = None, self._next + 1
        if self.written:  # only fits that take long enough leave a checkpoint
            self._write(None)

    def remove(self) -> None:
        """Delete the directory, once the model is saved."""
        if self.folder.is_dir():
            shutil.rmtree(self.folder, ignore_errors=True)

    # --- the directory ----------------------------------------------------------------------------

    def _read(self) -> Saved | None:
        """Read the checkpoint in the directory.

        Raises:
            InputError: If the path holds something else, or the checkpoint is damaged.
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

    def _write(self, current: Saved | None) -> None:
        """Write the finished trainings and the current one.

        Warns:
            DataWarning: Once, if it can't be written; the fit goes on.
        """
        if not self._can_write:
            return
        arrays = {} if current is None else {f"current.{k}": v for k, v in current[1].items()}
        for number, (_, state) in enumerate(self._done):
            arrays |= {f"{number}.{key}": value for key, value in state.items()}
        data = safetensors.torch.save(arrays)
        about = {
            "mark": self._mark,
            "over": [each for each, _ in self._done],
            "current": None if current is None else current[0],
            "sha256": hashlib.sha256(data).hexdigest(),
        }
        try:
            replace_directory(self.folder, {ARRAYS: data, ABOUT: json.dumps(about).encode()})
        except OSError as error:
            self._can_write = False
            reason = f"{self.folder}: can't be written: {error.strerror or error}"
            warnings.warn(f"no checkpoint: {reason}", DataWarning, stacklevel=2)
        else:
            self.written = True
        self._last_save = time.monotonic()

    def _load_weights(self, gan: GAN, arrays: Arrays) -> None:
        try:
            gan.load_state_dict(arrays)
        except RuntimeError:
            raise self._mismatch_error() from None

    def _mismatch_error(self) -> InputError:
        return InputError(f"{self.folder}: is damaged: its parts don't belong together; remove it")


class TrainingCheckpoint:
    """Saves one training of a fit; passed to :func:`anomgan.training.trainer.train`."""

    def __init__(
        self, checkpoint: Checkpoint, gan: GAN, sampler: Sampler, monitor: HealthMonitor
    ) -> None:
        """Save the GAN, both random generators and the health log beside the trainer's state."""
        self.checkpoint, self.gan, self.monitor = checkpoint, gan, monitor
        self.generators = {"sampler": sampler.generator, "watch": monitor.sampler.generator}

    def restore(self) -> TrainerState | None:
        """Restore the last checkpoint of this training, if there is one.

        Raises:
            InputError: If it belongs to another training.
        """
        saved, self.checkpoint._current = self.checkpoint._current, None
        if saved is None:
            return None
        about, arrays = saved
        self.checkpoint._load_weights(self.gan, below("gan.", arrays))
        try:
            for name, generator in self.generators.items():
                generator.set_state(arrays[f"draws.{name}"])
            history = _history_from_json(about)
            self.monitor.log += history.health
            tensors = below("moves.", arrays)
            return TrainerState(int(about["stage"]), int(about["made"]), history.curve, tensors)
        except (KeyError, TypeError, ValueError, RuntimeError):
            raise self.checkpoint._mismatch_error() from None

    def is_due(self) -> bool:
        """Whether the interval between two checkpoints is over."""
        return time.monotonic() - self.checkpoint._last_save >= self.checkpoint.every

    def save(self, state: TrainerState) -> None:
        """Save the training at a state."""
        about = {"stage": state.phase, "made": state.steps}
        about |= _curve_and_health(state.curve, self.monitor.log)
        arrays = {f"gan.{key}": value for key, value in self.gan.state_dict().items()}
        arrays |= {f"moves.{key}": value for key, value in state.tensors.items()}
        arrays |= {f"draws.{name}": each.get_state() for name, each in self.generators.items()}
        self.checkpoint._write((about, _to_cpu(arrays)))


def _curve_and_health(curve: list[Progress], health: list[Health]) -> dict[str, Any]:
    points = [[point.step, point.steps, point.losses] for point in curve]
    return {"curve": points, "health": [asdict(each) for each in health]}


def _history_from_json(about: dict[str, Any]) -> TrainingHistory:
    curve = [Progress(step, steps, losses) for step, steps, losses in about["curve"]]
    return TrainingHistory(curve, [Health.from_json(health) for health in about["health"]])


def _to_cpu(arrays: Arrays) -> Arrays:
    """Copies on the CPU, none of which shares memory with another."""
    return {key: value.detach().cpu().clone().contiguous() for key, value in arrays.items()}
