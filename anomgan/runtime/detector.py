"""A detector whose networks are an ONNX graph."""

from __future__ import annotations

import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anomgan.calibration.decision import Decision
from anomgan.calibration.result import ScoreResult
from anomgan.data.encoders.convert import encoder_from_json, to_frame
from anomgan.data.encoders.encoder import Encoder, Records
from anomgan.errors import DataWarning, InputError
from anomgan.runtime.description import (
    GRAPH,
    INPUT,
    SCORE,
    damage_error,
    decision_from_json,
    read_export,
)
from anomgan.utils.extras import import_extra
from anomgan.utils.text import limit_lines
from anomgan.utils.types import Floats

TILE_ROWS = 16
"""The graph is given a multiple of so many records, the last ones repeated: products of matrices of
other sizes take other code paths, whose rounding differs."""


class ExportedDetector:
    """Scores as the detector did that was exported; its methods are a part of that one's.

    Attributes:
        encoder_: Encodes rows; ``encoder_.spec`` is the layout of the graph's input.
        decision_: Calibration, threshold and, if there is one, the curve of probabilities.
        training_facts_: As of :class:`anomgan.GANDetector`.
        method: Name of the GAN.
    """

    def __init__(self, description: dict[str, Any], session: Any, threads: int = 1) -> None:
        """Build from the parts of an export.

        Args:
            description: Of everything but the graph.
            session: Onnxruntime's, of the graph.
            threads: How many blocks of records are scored at once.

        Raises:
            KeyError: If something is missing.
            TypeError: If something has the wrong type.
            ValueError: If something is invalid.
        """
        self.encoder_: Encoder = encoder_from_json(description["schema"])
        self.decision_: Decision = decision_from_json(
            description["decision"], self.encoder_.spec.condition_size
        )
        self.training_facts_: dict[str, Any] = description["training"]
        self.method: str = description["method"]
        self._columns: list[str] = description["columns"]
        self._from_frame: bool = description["from_frame"]
        self._block_rows = max(1, int(description["graph"]["block_rows"]) // TILE_ROWS) * TILE_ROWS
        self._session, self._threads = session, threads

    def score_samples(self, X: Any) -> Floats:
        """Scores of n rows, float64 (n,); larger is more normal, as everywhere in scikit-learn.

        Raises:
            InputError: If the table lacks a column that the model uses.

        Warns:
            DataWarning: If there are unknown columns, cells or pictures can't be read, or the
                condition of a row is unknown.
        """
        return -self.score_rows(X).score

    def decision_function(self, X: Any) -> Floats:
        """Threshold minus score, float64 (n,); negative is abnormal."""
        result = self.score_rows(X)
        return result.limit - result.score

    def predict(self, X: Any) -> NDArray[np.int64]:
        """+1 for normal and −1 for abnormal rows, int64 (n,); −1 for what can't be read."""
        return np.where(self.decision_function(X) >= 0, 1, -1)

    def p_values(self, X: Any) -> Floats:
        """Conformal p-values of n rows, float64 (n,) in (0, 1]; smaller is more abnormal."""
        return self.score_rows(X).p_value

    def score_rows(self, X: Any) -> ScoreResult:
        """Scores, p-values, thresholds … of n rows; raises and warns as :meth:`score_samples`."""
        result = self.score_frame(self._to_frame(X), source="X")
        for lines in (result.report.unread_lines(), result.report.condition_lines()):
            for line in limit_lines(lines):
                warnings.warn(f"X: {line}", DataWarning, stacklevel=3)
        return result

    def score_frame(
        self,
        frame: pd.DataFrame,
        *,
        strict: bool = False,
        first_row: int = 0,
        source: str = "the table",
    ) -> ScoreResult:
        """Score a DataFrame, or a chunk of one; as :meth:`anomgan.GANDetector.score_frame`."""
        return self.decision_.score_frame(
            self.encoder_,
            self.score_encoded,
            frame,
            strict=strict,
            first_row=first_row,
            source=source,
        )

    def score_encoded(self, values: Records) -> Floats:
        """Scores of encoded records, ``(n, D) -> (n,)``; of pictures in tiles, ``(n / tiles,)``.

        Raises:
            InputError: If one isn't finite.
        """
        starts = range(0, len(values), self._block_rows)
        blocks = [values[start : start + self._block_rows] for start in starts]
        with ThreadPoolExecutor(min(self._threads, len(blocks))) as pool:
            scores = np.concatenate(list(pool.map(self._run, blocks)))
        if not np.isfinite(scores).all():
            row = int(np.argmin(np.isfinite(scores)))
            raise InputError(f"the exported graph gives row {row} no score that is a number")
        return self.encoder_.spec.max_over_tiles(scores)

    def _run(self, block: Records) -> Floats:
        """Scores of one block."""
        missing = -len(block) % TILE_ROWS
        filled = np.concatenate([block, np.repeat(block[-1:], missing, 0)])
        (scores,) = self._session.run([SCORE], {INPUT: filled.astype(np.float64, copy=False)})
        result: Floats = scores[: len(block)]
        return result

    def _to_frame(self, X: Any) -> pd.DataFrame:
        """X as a DataFrame with the training table's column names.

        Raises:
            InputError: If it has another number of columns.
        """
        if self._from_frame and (frame := to_frame(X)) is not None:
            return frame
        encoder = self.encoder_
        if encoder.array_input is not None:
            raise InputError(f"the model was fitted on {encoder.unit}: give {encoder.array_input}")
        rows = np.asarray(X)
        if rows.ndim != 2 or rows.shape[1] != len(self._columns):
            raise InputError(
                f"X: an array of shape {rows.shape}; the model was fitted on "
                f"{len(self._columns)} columns"
            )
        return pd.DataFrame(rows, columns=self._columns)


def open_session(graph: bytes) -> Any:
    """Onnxruntime's session of a graph, on one thread of the CPU: blocks are what runs at once."""
    runtime = import_extra("onnxruntime", "onnx", "export")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return runtime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def load_exported(directory: str | Path, *, threads: int | None = None) -> ExportedDetector:
    """Read what :meth:`anomgan.GANDetector.export` wrote; torch isn't imported.

    Args:
        directory: The folder.
        threads: Blocks of records that are scored at once; by default one for each core.

    Raises:
        InputError: If there is no export, it is damaged, a newer anomgan wrote it, or onnxruntime
            isn't installed.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from anomgan import GANDetector, load_exported, load_sample
        >>> sample = load_sample("penguins")
        >>> settings = {"steps": 20, "members": 1, "score": "memory"}
        >>> detector = GANDetector(settings=settings, random_state=0).fit(sample.normal)
        >>> with TemporaryDirectory() as folder:
        ...     detector.export(folder)
        ...     exported = load_exported(folder)
        >>> bool((exported.predict(sample.new) == detector.predict(sample.new)).all())
        True
    """
    import_extra("onnxruntime", "onnx", f"{directory}")
    description, graph = read_export(directory)
    try:
        session = open_session(graph)
    except Exception as error:  # onnxruntime has no common base class of its errors
        raise damage_error(directory, f"onnxruntime can't read {GRAPH}: {error}") from error
    try:
        return ExportedDetector(description, session, threads or os.cpu_count() or 1)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise damage_error(directory, f"{type(error).__name__}: {error}") from error
