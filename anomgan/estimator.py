"""The scikit-learn face: one score per row, and what follows from it."""

from __future__ import annotations

import platform
import re
import sys
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from anomgan import store
from anomgan.calibrate import Calibrator
from anomgan.config import Config
from anomgan.data.files import refuse_duplicates
from anomgan.data.tables import ParseReport, TableEncoder
from anomgan.detector import Detector
from anomgan.errors import DataWarning, InputError
from anomgan.gans import method as find_method
from anomgan.train import Callback, Progress

if TYPE_CHECKING:
    Floats = NDArray[np.float64]

OUT_OF_REACH = 1e6
"""The threshold where alpha can't be reached: no score is as large, being a mean of logarithms in
units of at least 1e-3, and beside it a score keeps all its decimals."""


@dataclass(frozen=True)
class Scored:
    """What :meth:`GANDetector.score_frame` finds out about n rows.

    Attributes:
        score: float64 (n,), larger is more abnormal.
        p_value: Conformal p-values (n,) in (0, 1], smaller is more abnormal.
        report: What was odd about the cells.
    """

    score: Floats
    p_value: Floats
    report: ParseReport


class GANDetector(OutlierMixin, BaseEstimator):
    """Detects anomalies in tables with an ensemble of GANs that learnt what is normal.

    Fit it on normal records.  A pandas DataFrame may have columns of any type and missing cells;
    when it scores another, columns may come in any order and extra ones are ignored with a warning.
    Whatever else scikit-learn takes for a numeric array works too, with NaN for missing; columns
    then go by position, and are called ``x0``, ``x1``, … in messages.

    By default the threshold is conformal: of fresh normal rows, a share of about ``alpha`` is
    flagged, and :meth:`predict` gives −1 exactly where :meth:`p_values` is at most ``alpha``.
    ``contamination`` replaces this by scikit-learn's rule: that share of the training rows is
    flagged, p-values stay as they are, and the two no longer agree.

    Args:
        method: The GAN, a name that ``anomgan methods`` lists.
        preset: ``"fast"``, ``"balanced"`` or ``"thorough"``.
        settings: Fields of :class:`anomgan.config.Config` that differ from the preset.
        alpha: Share of normal rows that may be flagged wrongly, in (0, 1).
        contamination: Share of abnormal training rows, in (0, 0.5], if there are any.
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
        random_state: Seed of all randomness; the global random states are neither used nor changed.
        verbose: Whether to write ten lines of progress to standard error.

    Attributes:
        n_features_in_: Number of columns given to :meth:`fit`.
        feature_names_in_: Their names, if the table had names.
        offset_: What :meth:`decision_function` subtracts; minus the threshold of the score.
        encoder_: The fitted table encoder; ``encoder_.schema`` describes the columns.
        detector_: The fitted ensemble.
        device_: Where it computes.
        training_facts_: The fit in plain data: rows, columns, what was dropped, seconds, device,
            versions, seed, calibration and final losses.

    Example:
        >>> import numpy as np
        >>> from anomgan import GANDetector
        >>> X = np.random.default_rng(0).normal(size=(100, 3))
        >>> settings = {"steps": 20, "members": 1}
        >>> detector = GANDetector(settings=settings, random_state=0).fit(X)
        >>> detector.predict([[0.0, 0.0, 0.0], [9.0, 9.0, -9.0]])
        array([ 1, -1])
    """

    def __init__(
        self,
        method: str = "f-anogan",
        *,
        preset: str = "balanced",
        settings: Mapping[str, Any] | None = None,
        alpha: float = 0.05,
        contamination: float | None = None,
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = False,
    ) -> None:
        """Keep the parameters; :meth:`fit` checks them."""
        self.method = method
        self.preset = preset
        self.settings = settings
        self.alpha = alpha
        self.contamination = contamination
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    # --- fitting ----------------------------------------------------------------------------------

    def fit(
        self, X: Any, y: Any = None, *, callback: Callback | None = None, source: str = "X"
    ) -> GANDetector:
        """Learn what is normal.

        Args:
            X: n rows, a DataFrame or array-like (n, d).
            y: Ignored.
            callback: Told of every training step.
            source: What messages call the table.

        Raises:
            InputError: If a parameter or the table can't be used; a ``ValueError``, as are those
                that scikit-learn raises for arrays.

        Warns:
            DataWarning: If columns are dropped, cells can't be read, or there are too few rows for
                ``alpha``.
        """
        config = self._checked()
        device = _chosen_device(self.device)
        seed = _seed(self.random_state)
        from_frame = isinstance(X, pd.DataFrame)
        started = time.perf_counter()
        frame, columns = self._training_frame(X, source)
        encoder = TableEncoder.fit(frame, source=source)
        values, report = encoder.transform(frame, source=source)
        _warn_of_unreadable(report, source)
        detector = Detector.fit(
            values,
            encoder.spec,
            name=self.method,
            config=config,
            seed=seed,
            device=device,
            callback=_listener(callback, verbose=self.verbose),
        )
        if self.contamination is None:
            offset = -_threshold(detector.calibrator, self.alpha)
        else:
            scores = -detector.score(values)
            offset = float(np.percentile(scores, 100 * self.contamination))

        # Only now, so that a fit that is interrupted leaves an older ensemble whole.
        self.encoder_, self.detector_, self.device_ = encoder, detector, device
        self._columns, self._from_frame, self.offset_ = columns, from_frame, offset
        seconds = time.perf_counter() - started
        self.training_facts_ = self._facts(report, seed, seconds)
        return self

    def _checked(self) -> Config:
        """Check the parameters, with scikit-learn's habit not before fit.

        Raises:
            InputError: If one is wrong; names it.
        """
        if not _are(str, self.method, self.preset):
            raise InputError(f"method={self.method!r} and preset={self.preset!r} must be names")
        find_method(self.method)
        settings = {} if self.settings is None else self.settings
        if not _are(Mapping, settings):
            raise InputError(f"settings={settings!r} must be a dict of names and values")
        config = Config.make(self.preset, dict(settings))
        if not _are(Real, self.alpha) or not 0 < self.alpha < 1:
            raise InputError(f"alpha={self.alpha!r} must lie between 0 and 1")
        share = self.contamination
        if share is not None and (not _are(Real, share) or not 0 < share <= 0.5):
            raise InputError(f"contamination={share!r} must be None or lie in (0, 0.5]")
        return config

    def _training_frame(self, X: Any, source: str) -> tuple[pd.DataFrame, list[str]]:
        """The training table and the names of its columns."""
        if isinstance(X, pd.DataFrame):
            columns = [str(name) for name in X.columns]
            refuse_duplicates(columns, source)
            validate_data(self, X, skip_check_array=True)
            return X, columns
        X = validate_data(self, X, ensure_all_finite="allow-nan")
        names = getattr(self, "feature_names_in_", [f"x{i}" for i in range(X.shape[1])])
        columns = [str(name) for name in names]
        return pd.DataFrame(X, columns=columns, copy=False), columns

    def _facts(self, report: ParseReport, seed: int, seconds: float) -> dict[str, Any]:
        """What people want to know of a fit, as plain data."""
        schema, detector = self.encoder_.schema, self.detector_
        calibrator, threshold = detector.calibrator, -self.offset_
        flagged = float(np.mean(calibrator.scores > threshold))
        members = detector.gan.views.members
        packages = ("anomgan", "numpy", "pandas", "scikit-learn", "torch")
        losses = {key: loss for point in detector.curve for key, loss in point.losses.items()}
        facts = {
            "rows": report.rows,
            "columns": {kind: len(names) for kind, names in schema.names_by_kind().items()},
            "dropped": [{"name": each.name, "reason": each.reason} for each in schema.dropped],
            "notes": [*schema.notes(), *report.lines()],
            "seconds": round(seconds, 3),
            "device": self.device_,
            "seed": seed,
            "versions": {
                "python": platform.python_version(),
                **{name: version(name) for name in packages},
            },
            "calibration": {
                **calibrator.to_json(),
                "cross_fitted": members > detector.gan.config.members,
                "rule": "alpha" if self.contamination is None else "contamination",
                "threshold": None if threshold == OUT_OF_REACH else threshold,
                "share_flagged": flagged,
            },
            "losses": losses,
        }
        plain: dict[str, Any] = store.plain(facts)
        return plain

    # --- scoring ----------------------------------------------------------------------------------

    def score_samples(self, X: Any) -> Floats:
        """Scores of n rows, float64 (n,); larger is more normal, as everywhere in scikit-learn.

        A row's score doesn't depend on the others.

        Raises:
            InputError: If the table lacks a column that the model uses.

        Warns:
            DataWarning: If there are columns the model doesn't know, or cells can't be read.
        """
        return -self._scored(X).score

    def decision_function(self, X: Any) -> Floats:
        """``score_samples(X) - offset_``, float64 (n,); below 0 is abnormal.  Raises as it does."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> NDArray[np.int64]:
        """+1 for normal and −1 for abnormal rows, (n,).  Raises as :meth:`score_samples` does."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def p_values(self, X: Any) -> Floats:
        """Conformal p-values of n rows, float64 (n,) in (0, 1]; smaller is more abnormal.

        If a row is drawn like the training rows, the chance of p ≤ a is at most a.  Raises as
        :meth:`score_samples` does.
        """
        return self._scored(X).p_value

    def components(self, X: Any) -> pd.DataFrame:
        """The aspects that make up the score, one column each, for n rows.

        0 is the median of normal rows, 1 an interquartile range more abnormal.  Raises as
        :meth:`score_samples` does.
        """
        check_is_fitted(self, "detector_")
        frame = self._scoring_frame(X)
        values, report = self.encoder_.transform(frame, source="X")
        _warn_of_unreadable(report, "X")
        return pd.DataFrame(self.detector_.components(values), index=frame.index)

    def score_frame(
        self,
        frame: pd.DataFrame,
        *,
        strict: bool = False,
        first_row: int = 0,
        source: str = "the table",
    ) -> Scored:
        """Score a table, or a chunk of a longer one, whose columns go by name.

        All other scores are made by this one.

        Args:
            frame: n rows, at least one.
            strict: Whether a cell that can't be read is an error rather than missing.
            first_row: Input record of the first row, counted from 0.
            source: What messages call the table.

        Returns:
            Scores, larger for more abnormal, p-values and what was odd.

        Raises:
            InputError: If a column is missing; if ``strict``, also for a cell that can't be read.

        Warns:
            DataWarning: In the first chunk, if there are columns the model doesn't know.
        """
        check_is_fitted(self, "detector_")
        if not len(frame):
            raise InputError(f"{source}: has no rows")
        values, report = self.encoder_.transform(
            frame, strict=strict, first_row=first_row, source=source
        )
        score = self.detector_.score(values)
        return Scored(score, self.detector_.calibrator.p_values(score), report)

    def _scored(self, X: Any) -> Scored:
        check_is_fitted(self, "detector_")
        scored = self.score_frame(self._scoring_frame(X), source="X")
        _warn_of_unreadable(scored.report, "X")
        return scored

    def _scoring_frame(self, X: Any) -> pd.DataFrame:
        """X with the training table's column names.

        A frame goes by its names if the model was fitted on one; anything else by position.
        """
        if self._from_frame and isinstance(X, pd.DataFrame):
            return X
        dtype = None if self._from_frame else "numeric"  # the frame's columns may have held text
        X = validate_data(self, X, reset=False, dtype=dtype, ensure_all_finite="allow-nan")
        return pd.DataFrame(X, columns=self._columns, copy=False)

    # --- the rest ---------------------------------------------------------------------------------

    def sample(
        self, n: int, random_state: int | np.random.RandomState | None = None
    ) -> pd.DataFrame | Floats:
        """Draw rows from the generators.

        Args:
            n: How many, at least one.
            random_state: Seed; the global random states are neither used nor changed.

        Returns:
            A DataFrame of the columns in use if the model was fitted on one, else a float64 array
            (n, n_features_in_), in which unused constant columns hold their constant and other
            unused columns NaN.

        Raises:
            InputError: If n isn't a positive integer.
        """
        check_is_fitted(self, "detector_")
        if not _are(Integral, n) or n < 1:
            raise InputError(f"n={n!r} must be a positive integer")
        values = self.detector_.sample(int(n), _seed(random_state))
        frame = self.encoder_.decode(values)
        if self._from_frame:
            return frame
        rows = np.full((len(frame), len(self._columns)), np.nan)
        for dropped in self.encoder_.schema.dropped:
            if dropped.value is not None:
                truth = isinstance(dropped.value, str)  # of an array, only truth values are text
                constant = dropped.value == "True" if truth else dropped.value
                rows[:, self._columns.index(dropped.name)] = constant
        for name in frame.columns:
            known = frame[name].to_numpy(np.float64, na_value=np.nan)
            rows[:, self._columns.index(name)] = known
        return rows

    def save(self, directory: str | Path) -> None:
        """Write a model directory: JSON and safetensors, whole or not at all.

        A random state that isn't a number is stored as the seed that was drawn from it.

        Args:
            directory: A path where nothing, an empty folder or an older model is.

        Raises:
            InputError: If something else is there or it can't be written; then all is as before.
        """
        check_is_fitted(self, "detector_")
        store.save(store.Model(self.encoder_, self.detector_, self._about()), directory)

    def _about(self) -> dict[str, Any]:
        """What :meth:`_from_model` needs beside encoder and ensemble."""
        params = self.get_params(deep=False)
        if not isinstance(self.random_state, Integral | None):
            params["random_state"] = self.training_facts_["seed"]
        return {
            "params": params,
            "columns": self._columns,
            "from_frame": self._from_frame,
            "named": hasattr(self, "feature_names_in_"),
            "offset": self.offset_,
            "training": self.training_facts_,
        }

    @classmethod
    def _from_model(cls, model: store.Model, device: str | None) -> GANDetector:
        """Put a face on a model.

        Args:
            model: A model whose ``about`` is from :meth:`_about`.
            device: Where to compute; None asks the stored parameter.

        Raises:
            KeyError: If something is missing, like TypeError and ValueError if it is wrong.
        """
        about = model.about
        estimator = cls(**about["params"])
        columns = [str(name) for name in about["columns"]]
        schema = model.encoder.schema
        known = [column.name for column in schema.columns]
        if {*known, *(dropped.name for dropped in schema.dropped)} != set(columns):
            raise ValueError("two lists of columns disagree")
        if not isinstance(about["offset"], float) or not isinstance(about["training"], dict):
            raise TypeError("offset or training facts are of another kind")
        estimator._columns, estimator._from_frame = columns, bool(about["from_frame"])
        estimator.n_features_in_ = len(columns)
        if about["named"]:
            estimator.feature_names_in_ = np.array(columns, dtype=object)
        estimator.offset_, estimator.training_facts_ = about["offset"], about["training"]
        estimator._settle(model, device)
        return estimator

    def _settle(self, model: store.Model, device: str | None = None) -> None:
        """Take a model over, onto the device that suits this machine."""
        self.device_ = device or _device_at_hand(self.device)
        self.encoder_, self.detector_ = model.encoder, model.detector.to(self.device_)

    def __getstate__(self) -> dict[str, Any]:
        """Parameters and plain data: no tensor, so that any machine can unpickle it."""
        state = dict(super().__getstate__())
        if "detector_" in state:
            model = store.Model(state.pop("encoder_"), state.pop("detector_"), {})
            state["_packed"] = store.pack(model)
            del state["device_"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Rebuild; where the device is ``"auto"``, it is chosen anew."""
        state = dict(state)
        packed = state.pop("_packed", None)
        super().__setstate__(state)
        if packed is not None:
            self._settle(store.unpack(*packed))

    def __sklearn_tags__(self) -> Any:
        """NaN counts as missing."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def load(directory: str | Path, *, device: str | None = None) -> GANDetector:
    """Read a model directory.  No code in it is run and nothing is unpickled.

    Args:
        directory: What :meth:`GANDetector.save` wrote.
        device: Where to compute; by default what was asked for at fit, ``"auto"`` chosen anew.

    Returns:
        A fitted detector that gives the same scores as the one saved.

    Raises:
        InputError: If there is no model, it is damaged, a newer anomgan wrote it, or there is no
            such device.
    """
    chosen = None if device is None else _chosen_device(device)
    model = store.load(directory)
    try:
        return GANDetector._from_model(model, chosen)
    except (KeyError, TypeError, ValueError) as error:
        raise store.damaged(directory, f"{type(error).__name__}: {error}") from error


def _chosen_device(name: str) -> str:
    """The device as torch names it.

    Raises:
        InputError: If it isn't known or not there.
    """
    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        return "cuda" if there else "cpu"
    if name == "cpu":
        return name
    found = re.fullmatch(r"cuda(?::([0-9]{1,3}))?", str(name))
    if found is None:
        raise InputError(f"device={name!r} must be one of: auto, cpu, cuda, cuda:N")
    if int(found[1] or 0) >= there:
        raise InputError(
            f"device={name!r}: torch finds {there or 'no'} CUDA device{'s' * (there != 1)} here; "
            f"choose 'auto' or 'cpu', or install a torch built for your GPU"
        )
    return name


def _device_at_hand(name: str) -> str:
    """The device a stored model asks for, or the CPU where it isn't there."""
    try:
        return _chosen_device(name)
    except InputError:
        warnings.warn(
            f"the model was made for device={name!r}, which isn't here; using the CPU",
            DataWarning,
            stacklevel=4,
        )
        return "cpu"


def _seed(random_state: Any) -> int:
    """A seed from what scikit-learn takes for a random state; fresh for None.

    Raises:
        ValueError: If it is something else.
    """
    if random_state is None:
        return int(np.random.default_rng().integers(2**31))
    if isinstance(random_state, Integral) and 0 <= int(random_state) < 2**32:
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))


def _threshold(calibrator: Calibrator, alpha: float) -> float:
    """The score above which rows are flagged.

    Warns:
        DataWarning: If the calibration rows are too few to ever flag one.
    """
    threshold = calibrator.threshold(alpha)
    if np.isfinite(threshold):
        return threshold
    needed = int(np.ceil(1 / alpha - 1e-9)) - 1
    warnings.warn(
        f"nothing will be flagged: {len(calibrator.scores)} calibration rows give no p-value below "
        f"{calibrator.smallest_alpha():.2g}; alpha={alpha:g} needs {needed:,} of them",
        DataWarning,
        stacklevel=3,
    )
    return OUT_OF_REACH


def _warn_of_unreadable(report: ParseReport, source: str) -> None:
    """Pass on which cells couldn't be read.

    Warns:
        DataWarning: For each column with such cells.
    """
    for line in ParseReport(unreadable=report.unreadable).lines():
        warnings.warn(f"{source}: {line}", DataWarning, stacklevel=4)


def _listener(callback: Callback | None, *, verbose: bool) -> Callback | None:
    """A callback that also writes ten lines, if that is wanted."""
    if not verbose:
        return callback

    def listen(progress: Progress) -> None:
        if callback is not None:
            callback(progress)
        if progress.step * 10 // progress.steps > (progress.step - 1) * 10 // progress.steps:
            losses = ", ".join(f"{name} {loss:.4g}" for name, loss in progress.losses.items())
            sys.stderr.write(f"anomgan: step {progress.step:,} of {progress.steps:,}: {losses}\n")

    return listen


def _are(kind: type, *values: Any) -> bool:
    """Whether all values are of a kind; a truth value is no number."""
    return all(isinstance(v, kind) and not isinstance(v, bool) for v in values)
