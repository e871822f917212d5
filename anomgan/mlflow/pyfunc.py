"""The ``python_function`` flavor: tables or images in, scores, p-values and flags out.

Rows of concurrent calls are scored as one batch, because sixteen rows take little longer than one:
the number of inversion steps stays the same, and each is a product over all rows.  No call waits
for others: one that finds the model idle is scored at once, and those that arrive meanwhile make up
the next batch.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

from anomgan.calibration.conformal import flag_rows
from anomgan.data.encoders.convert import to_frame
from anomgan.errors import InputError
from anomgan.mlflow.set_aside import find_identifier, split_off
from anomgan.scoring.fitted_ensemble import FittedEnsemble
from anomgan.utils.types import Floats

if TYPE_CHECKING:
    from anomgan.estimator import GANDetector

PARAM_NAMES = "alpha", "fdr", "explain"
MAX_REASONS = 3
"""Columns named in the explanation of a row."""

MAX_BATCH_ROWS = 4096
"""Rows of several calls in one batch; a single call may have more."""

SOURCE = "the input"
"""What messages call the rows of a call."""


class InvalidInputError(MlflowException):
    """The input or a parameter is wrong; a scoring server answers 400 with the message alone."""

    def __init__(self, reason: str) -> None:
        """Keep the reason, to which MLflow's server would append the whole input."""
        super().__init__(reason, error_code=INVALID_PARAMETER_VALUE)
        self.reason = reason

    def serialize_as_json(self) -> str:
        """The body of the server's answer."""
        self.message = self.reason
        return str(MlflowException.serialize_as_json(self))


class PyfuncModel:
    """The object that ``mlflow.pyfunc.load_model`` wraps; safe to call from several threads.

    Attributes:
        detector: A fitted detector.
    """

    def __init__(self, detector: GANDetector) -> None:
        """Wrap a fitted detector."""
        self.detector, self._batching = detector, add_batching(detector)
        self._identifier = find_identifier(detector)
        self._explaining = threading.BoundedSemaphore(os.cpu_count() or 1)

    def get_raw_model(self) -> GANDetector:
        """The detector, for MLflow's evaluators."""
        return self.detector

    def predict(self, model_input: Any, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Score n rows or images.

        Args:
            model_input: A DataFrame, or anything that pandas makes one of; for images an array
                (n, H, W) or (n, H, W, C).  Columns with missing cells in training are optional,
                as is the one that names rows (``fit --id``); unknown columns are ignored.
            params: ``alpha``, the share of normal rows that may be flagged wrongly; or ``fdr``,
                the level of the Benjamini-Hochberg procedure over the rows of this call; and
                ``explain``, whether to add explanations.  With neither ``alpha`` nor ``fdr``, the
                model's own thresholds decide, as in ``GANDetector.predict``.

        Returns:
            n rows in the order and with the index of the input: the column that names rows, if it
            was there, ``score`` (larger is more abnormal), ``p_value`` in (0, 1], ``is_anomaly``
            (0 or 1) and, if requested, ``explanation``.

        Raises:
            InvalidInputError: If a column is missing, a cell can't be read, or a parameter is
                unknown or out of range.
        """
        try:
            alpha, fdr, explain = _check_params(params or {})
            return self._predict(model_input, alpha, fdr, explain)
        except InputError as error:
            raise InvalidInputError(str(error)) from error

    def _predict(
        self, model_input: Any, alpha: float | None, fdr: float | None, explain: bool
    ) -> pd.DataFrame:
        has_images = self.detector.encoder_.spec.grid is not None
        given = _images_to_frame(model_input) if has_images else self._to_table(model_input)
        frame, names = split_off(self.detector, given)
        scored = self._batching.score_frame(frame, strict=True, source=SOURCE)
        if fdr is not None:
            flagged = flag_rows(scored.p_value, fdr=fdr)
        elif alpha is not None:
            flagged = flag_rows(scored.p_value, alpha=alpha)
        else:
            flagged = scored.flagged  # by the threshold of each row's condition
        results = pd.DataFrame(
            {
                "score": scored.score,
                "p_value": scored.p_value,
                "is_anomaly": flagged.astype(np.int32),
            },
            index=frame.index,
        )
        if names is not None:
            results.insert(0, str(self._identifier), names)
        if not explain:
            return results
        with self._explaining:  # at most one explanation per core at a time
            return results.assign(explanation=self._explain(frame))

    def _to_table(self, model_input: Any) -> pd.DataFrame:
        """The input as a DataFrame, with optional columns filled in.

        Raises:
            InputError: If it isn't a table.
        """
        schema = self.detector.encoder_.schema
        columns = [*schema.columns, *schema.conditions]
        if isinstance(model_input, pd.DataFrame):
            frame = model_input
        else:
            if isinstance(model_input, Mapping):
                model_input = {name: _to_cells(cells) for name, cells in model_input.items()}
            try:
                frame = pd.DataFrame(model_input)
            except (ValueError, TypeError) as error:
                raise InputError(f"{SOURCE}: isn't a table: {error}") from None
            names = [column.name for column in columns]
            if self._identifier is not None and frame.shape[1] == len(names) + 1:
                names.append(self._identifier)
            if frame.columns.equals(pd.RangeIndex(len(names))):
                # Rows without names come in the order of the signature.
                frame.columns = pd.Index(names)
        absent = [c.name for c in columns if c.missing and c.name not in frame.columns]
        return frame.assign(**dict.fromkeys(absent)) if absent else frame

    def _explain(self, frame: pd.DataFrame) -> list[str]:
        """For each row the columns that contribute most to its score, in words, strongest first.

        Raises:
            InputError: If the model is of images.
        """
        rows = frame.reset_index(drop=True)
        lines = self.detector.explain_frame(rows, top=MAX_REASONS, source=SOURCE).frame
        sentences = lines[lines["contribution"] > 0].groupby("row")["sentence"].agg("; ".join)
        return sentences.reindex(rows.index, fill_value="").tolist()


def _to_cells(cells: Any) -> Any:
    """The cells of one column; MLflow wraps each null of ``instances`` into an array."""
    array = np.atleast_1d(np.asarray(cells))
    if array.dtype != object:
        return array
    return [c.item() if isinstance(c, np.ndarray) and c.ndim == 0 else c for c in array]


def _images_to_frame(model_input: Any) -> pd.DataFrame:
    """An array of images as a frame.

    Only numbers are accepted: text could be the path of a file on the server.

    Raises:
        InputError: If it is anything else.
    """
    if isinstance(model_input, Mapping) and len(model_input) == 1:
        (model_input,) = model_input.values()
    try:
        array = np.asarray(model_input)
    except ValueError:  # images of several sizes
        array = np.empty(0, dtype=object)
    frame = to_frame(array) if array.dtype.kind in "buif" else None
    if frame is None:
        raise InputError(
            f"{SOURCE}: give pictures as an array of numbers (n, H, W) or (n, H, W, C)"
        )
    return frame


def _check_params(params: Mapping[str, Any]) -> tuple[float | None, float | None, bool]:
    """The parameters of a call: alpha, fdr and explain.

    Raises:
        InputError: If one is unknown or out of range.
    """
    for name in params:
        if name not in PARAM_NAMES:
            raise InputError(f"params: unknown {name!r}; choose from: {', '.join(PARAM_NAMES)}")
    levels = []
    for name in ("alpha", "fdr"):
        value = params.get(name)
        is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        if value is not None and not (is_number and 0 < value < 1):
            raise InputError(f"params: {name} {value!r} must lie between 0 and 1")
        levels.append(None if value is None else float(value))
    if None not in levels:
        raise InputError("params: alpha and fdr are two ways to flag rows; choose one")
    explain = params.get("explain") or False
    if not isinstance(explain, bool | np.bool_):
        raise InputError(f"params: explain {explain!r} must be true or false")
    return levels[0], levels[1], bool(explain)


@dataclass(eq=False)
class _Call:
    """The encoded rows of one call, and their scores once they are there."""

    values: Floats
    result: Floats | Exception | None = None


@dataclass
class BatchingEnsemble(FittedEnsemble):
    """A fitted ensemble that scores the rows of concurrent calls in one batch."""

    _waiting: list[_Call] = field(default_factory=list, init=False)
    _queue_lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _scoring_lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def score(self, values: Floats) -> Floats:
        """As :meth:`FittedEnsemble.score`."""
        call = _Call(values)
        with self._queue_lock:
            self._waiting.append(call)
        while call.result is None:
            with self._scoring_lock:
                if call.result is None:  # it wasn't in another call's batch
                    self._score_batch(self._next_batch())
        if isinstance(call.result, Exception):
            raise call.result
        return call.result

    def _next_batch(self) -> list[_Call]:
        """The longest-waiting calls, at least one, taken off the queue."""
        with self._queue_lock:
            batch = [self._waiting.pop(0)]
            rows = len(batch[0].values)
            while self._waiting and rows + len(self._waiting[0].values) <= MAX_BATCH_ROWS:
                batch.append(self._waiting.pop(0))
                rows += len(batch[-1].values)
        return batch

    def _score_batch(self, batch: list[_Call]) -> None:
        """Score a batch; if that fails, score each call alone, so that each gets its own error."""
        try:
            scores = super().score(np.concatenate([call.values for call in batch]))
            # Tiled images have several records per score.
            scores_per_record = len(scores) / sum(len(call.values) for call in batch)
            ends = np.cumsum([round(len(call.values) * scores_per_record) for call in batch])
            for call, call_scores in zip(batch, np.split(scores, ends[:-1]), strict=True):
                call.result = call_scores
        except Exception:  # kept below, by the call that caused it
            for call in batch:
                try:
                    call.result = super().score(call.values)
                except Exception as error:
                    call.result = error


def add_batching(detector: GANDetector) -> GANDetector:
    """A shallow copy of a fitted detector that scores concurrent calls in one batch."""
    copied = object.__new__(type(detector))
    copied.__dict__.update(vars(detector))  # copy.copy would serialize and load the model
    ensemble = detector.ensemble_
    parts = {each.name: getattr(ensemble, each.name) for each in fields(FittedEnsemble)}
    copied.ensemble_ = BatchingEnsemble(**parts)
    return copied
