"""A detector as a python function of MLflow's: tables or pictures in, results out."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

from anomgan.calibration.conformal import flag_rows
from anomgan.data.encoders.convert import framed
from anomgan.errors import InputError
from anomgan.mlflow.merging import merged

if TYPE_CHECKING:
    from anomgan.estimator import GANDetector

KNOWN = "alpha", "fdr", "explain"
REASONS = 3
"""Most reasons in an explanation."""

SOURCE = "the input"
"""What messages call what was sent."""


class Refused(MlflowException):
    """Wrong input; a scoring server answers 400 with the message alone."""

    def __init__(self, reason: str) -> None:
        """Keep the reason, to which MLflow's server would add all the data that was sent."""
        super().__init__(reason, error_code=INVALID_PARAMETER_VALUE)
        self.reason = reason

    def serialize_as_json(self) -> str:
        """What the server sends."""
        self.message = self.reason
        return str(MlflowException.serialize_as_json(self))


class Scorer:
    """What ``mlflow.pyfunc`` calls.

    Attributes:
        detector: A fitted detector.
    """

    def __init__(self, detector: GANDetector) -> None:
        """Score with this detector; callers in several threads are scored together."""
        self.detector, self._merged = detector, merged(detector)
        self._turns = threading.BoundedSemaphore(os.cpu_count() or 1)

    def get_raw_model(self) -> GANDetector:
        """The detector, for MLflow's evaluators."""
        return self.detector

    def predict(self, model_input: Any, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Score n rows or pictures.

        Args:
            model_input: A DataFrame, or what makes one; for pictures an array (n, H, W[, C]).
                Columns that may be missing may be left out, further ones are ignored.
            params: ``alpha``, the share of normal rows that may be flagged wrongly; or ``fdr``, at
                which Benjamini and Hochberg's procedure chooses among the rows of this call;
                ``explain``, whether to say why.  With neither ``alpha`` nor ``fdr``, the model's
                own threshold decides.

        Returns:
            n rows in the order and with the index of the input: ``score`` (larger is more
            abnormal), ``p_value`` in (0, 1], ``is_anomaly`` (0 or 1) and, if asked for,
            ``explanation``.

        Raises:
            Refused: If a column isn't there, a cell can't be read, or a parameter is out of range.
        """
        try:
            alpha, fdr, explain = _checked(params or {})
            return self._predict(model_input, alpha, fdr, explain)
        except InputError as error:
            raise Refused(str(error)) from error

    def _predict(
        self, model_input: Any, alpha: float | None, fdr: float | None, explain: bool
    ) -> pd.DataFrame:
        detector = self._merged
        pictures = detector.encoder_.spec.grid is not None
        frame = _pictures(model_input) if pictures else self._table(model_input)
        scored = detector.score_frame(frame, strict=True, source=SOURCE)
        score, p_value = scored.score, scored.p_value
        if fdr is not None:
            flagged = flag_rows(p_value, fdr=fdr)
        elif alpha is not None:
            flagged = flag_rows(p_value, alpha=alpha)
        else:
            flagged = score > -detector.offset_
        found = {"score": score, "p_value": p_value, "is_anomaly": flagged.astype(np.int32)}
        results = pd.DataFrame(found, index=frame.index)
        if not explain:
            return results
        with self._turns:  # no more at once than there are cores
            return results.assign(explanation=self._reasons(frame))

    def _table(self, given: Any) -> pd.DataFrame:
        """What was given as a table, columns that may be missing filled up.

        Raises:
            InputError: If it can't be.
        """
        frame: pd.DataFrame = given
        if not isinstance(given, pd.DataFrame):
            try:
                frame = pd.DataFrame(_columns(given))
            except (ValueError, TypeError) as error:
                raise InputError(f"{SOURCE}: isn't a table: {error}") from None
        schema = self.detector.encoder_.schema
        columns = [*schema.columns, *schema.conditions]
        if not isinstance(given, pd.DataFrame) and frame.columns.equals(
            pd.RangeIndex(len(columns))
        ):  # rows without names, in the order of the signature
            frame.columns = pd.Index([column.name for column in columns])
        gaps = [c.name for c in columns if c.missing and c.name not in frame.columns]
        return frame.assign(**dict.fromkeys(gaps)) if gaps else frame

    def _reasons(self, frame: pd.DataFrame) -> list[str]:
        """For each record what makes it abnormal, the strongest reasons first.

        Raises:
            InputError: If the model is of pictures.
        """
        rows = frame.reset_index(drop=True)
        told = self.detector.explain_frame(rows, top=REASONS, source=SOURCE).frame
        reasons: dict[int, list[str]] = {}
        for row, sentence in told.loc[told["contribution"] > 0, ["row", "sentence"]].itertuples(
            index=False
        ):
            reasons.setdefault(int(row), []).append(str(sentence))
        return ["; ".join(reasons.get(row, [])) for row in range(len(rows))]


def _pictures(given: Any) -> pd.DataFrame:
    """An array of pictures as a frame.

    Numbers alone are taken: a text could be the path of a file that the sender mustn't see.

    Raises:
        InputError: If it is something else.
    """
    if isinstance(given, Mapping) and len(given) == 1:
        (given,) = given.values()
    try:
        array = np.asarray(given)
    except ValueError:  # pictures of several sizes
        array = np.empty(0, dtype=object)
    frame = framed(array) if array.dtype.kind in "buif" else None
    if frame is None:
        raise InputError(
            f"{SOURCE}: give pictures as an array of numbers (n, H, W) or (n, H, W, C)"
        )
    return frame


def _columns(given: Any) -> Any:
    """What pandas makes a table of; a mapping of arrays as lists of equal length."""
    if isinstance(given, Mapping):
        return {name: np.atleast_1d(np.asarray(cells)) for name, cells in given.items()}
    return given


def _checked(params: Mapping[str, Any]) -> tuple[float | None, float | None, bool]:
    """The parameters of a call.

    Raises:
        InputError: If one is unknown or out of range.
    """
    for name in params:
        if name not in KNOWN:
            raise InputError(f"params: unknown {name!r}; choose from: {', '.join(KNOWN)}")
    shares = []
    for name in ("alpha", "fdr"):
        value = params.get(name)
        number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        if value is not None and not (number and 0 < value < 1):
            raise InputError(f"params: {name} {value!r} must lie between 0 and 1")
        shares.append(None if value is None else float(value))
    if None not in shares:
        raise InputError("params: alpha and fdr are two ways to flag rows; choose one")
    explain = params.get("explain") or False
    if not isinstance(explain, bool | np.bool_):
        raise InputError(f"params: explain {explain!r} must be true or false")
    return shares[0], shares[1], bool(explain)
