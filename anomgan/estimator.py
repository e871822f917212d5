"""The scikit-learn face: parameters, fitting, saving and loading."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from anomgan import probability, store
from anomgan.actionable import Actionable
from anomgan.data.columns import refuse_duplicates
from anomgan.data.tables import TableEncoder
from anomgan.detector import Detector
from anomgan.errors import InputError
from anomgan.facts import flagging_threshold, listener, training_facts, warn_of_unreadable
from anomgan.parameters import (
    checked_condition,
    checked_config,
    chosen_device,
    condition_names,
    device_at_hand,
    seed_from,
)
from anomgan.train import Callback


class GANDetector(Actionable, OutlierMixin, BaseEstimator):
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
        condition: Names of columns (in arrays, positions) that say which range of normal holds for
            a row: a machine, an operating mode.  Their values are levels, also where they are
            numbers, and aren't judged themselves.  A row whose level is new is judged against all
            levels pooled.  Needs a method that can, such as ``"cgan"``.
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
        method: str = "gan",
        *,
        preset: str = "balanced",
        settings: Mapping[str, Any] | None = None,
        alpha: float = 0.05,
        contamination: float | None = None,
        condition: str | int | Sequence[str | int] | None = None,
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
        self.condition = condition
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    # --- fitting ----------------------------------------------------------------------------------

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        other: Any = None,
        callback: Callback | None = None,
        source: str = "X",
        other_source: str = "other",
    ) -> GANDetector:
        """Learn what is normal.

        Args:
            X: n rows, a DataFrame or array-like (n, d).
            y: Ignored.
            other: Rows of a second domain in the same columns, such as unlabelled ones or ones of
                which many are abnormal; for methods that translate between domains.
            callback: Told of every training step.
            source: What messages call the table.
            other_source: What messages call the other rows.

        Raises:
            InputError: If a parameter or the table can't be used; a ``ValueError``, as are those
                that scikit-learn raises for arrays.

        Warns:
            DataWarning: If columns are dropped, cells can't be read, or there are too few rows for
                ``alpha``.
        """
        config = checked_config(
            self.method, self.preset, self.settings, self.alpha, self.contamination
        )
        condition = checked_condition(self.method, self.condition, other=other is not None)
        device = chosen_device(self.device)
        seed = seed_from(self.random_state)
        from_frame = isinstance(X, pd.DataFrame)
        started = time.perf_counter()
        frame, columns = self._training_frame(X, source)
        named = condition_names(condition, columns, by_label=from_frame, source=source)
        encoder = TableEncoder.fit(frame, conditions=named, source=source)
        values, report = encoder.transform(frame, source=source)
        warn_of_unreadable(report, source)
        second = None
        if other is not None:
            second = self._second_domain(other, encoder, columns, from_frame, other_source)
        detector = Detector.fit(
            values,
            encoder.spec,
            name=self.method,
            config=config,
            seed=seed,
            device=device,
            other=second,
            as_new=encoder.as_new(frame, values),
            callback=listener(callback, verbose=self.verbose),
        )
        if self.contamination is None:
            offset = -flagging_threshold(detector.calibrator, self.alpha)
        else:
            scores = -detector.score(values)
            offset = float(np.percentile(scores, 100 * self.contamination))

        # Only now, so that a fit that is interrupted leaves an older ensemble whole.
        self.encoder_, self.detector_, self.device_ = encoder, detector, device
        self._columns, self._from_frame, self.offset_ = columns, from_frame, offset
        self._alpha = None if self.contamination is not None else float(self.alpha)
        self._curve = None
        seconds = time.perf_counter() - started
        self.training_facts_ = training_facts(
            encoder,
            detector,
            report,
            rule="alpha" if self.contamination is None else "contamination",
            threshold=-offset,
            alpha=self.alpha,
            device=device,
            seed=seed,
            seconds=seconds,
            other_rows=None if second is None else len(second),
        )
        return self

    def _second_domain(
        self,
        other: Any,
        encoder: TableEncoder,
        columns: list[str],
        from_frame: bool,
        source: str,
    ) -> NDArray[np.float64]:
        """Rows of a second domain, encoded as the training table is.

        Raises:
            InputError: If they can't be.
        """
        try:
            frame = self._named(other, columns, from_frame=from_frame)
        except ValueError as error:  # scikit-learn's, which speaks of an X
            raise InputError(f"{source}: {error}") from None
        if not len(frame):
            raise InputError(f"{source}: has no rows")
        values, report = encoder.transform(frame, source=source)
        warn_of_unreadable(report, source)
        return values

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

    # --- saving and loading -----------------------------------------------------------------------

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
            "alpha": self._alpha,
            "probability": None if self._curve is None else self._curve.to_json(),
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
        known = [column.name for column in (*schema.columns, *schema.conditions)]
        if {*known, *(dropped.name for dropped in schema.dropped)} != set(columns):
            raise ValueError("two lists of columns disagree")
        if not isinstance(about["offset"], float) or not isinstance(about["training"], dict):
            raise TypeError("offset or training facts are of another kind")
        estimator._columns, estimator._from_frame = columns, bool(about["from_frame"])
        estimator.n_features_in_ = len(columns)
        if about["named"]:
            estimator.feature_names_in_ = np.array(columns, dtype=object)
        estimator.offset_, estimator.training_facts_ = about["offset"], about["training"]
        estimator._alpha = cls._alpha_of(about)
        estimator._curve = probability.from_json(about.get("probability"))
        estimator._settle(model, device)
        return estimator

    @staticmethod
    def _alpha_of(about: Mapping[str, Any]) -> float | None:
        """The alpha that a stored model's threshold is for; None if it is of another kind."""
        params = about["params"]
        fallback = params["alpha"] if params["contamination"] is None else None
        alpha = about.get("alpha", fallback)
        return None if alpha is None else float(alpha)

    def _settle(self, model: store.Model, device: str | None = None) -> None:
        """Take a model over, onto the device that suits this machine."""
        self.device_ = device or device_at_hand(self.device)
        self.encoder_, self.detector_ = model.encoder, model.detector.to(self.device_)

    def __getstate__(self) -> dict[str, Any]:
        """Parameters and plain data: no tensor, so that any machine can unpickle it."""
        state = dict(super().__getstate__())
        state.pop("_explainer", None)  # made anew when needed
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
    chosen = None if device is None else chosen_device(device)
    model = store.load(directory)
    try:
        return GANDetector._from_model(model, chosen)
    except (KeyError, TypeError, ValueError) as error:
        raise store.damaged(directory, f"{type(error).__name__}: {error}") from error
