"""The scikit-learn face: parameters, fitting, saving and loading."""

from __future__ import annotations

import functools
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from anomgan import probability, store
from anomgan.actionable import Actionable
from anomgan.checkpoint import Checkpoint
from anomgan.data.columns import refuse_duplicates
from anomgan.data.encoder import Encoder, Records
from anomgan.data.encoders import framed, kind_of, learn
from anomgan.detector import Detector
from anomgan.errors import DataWarning, InputError
from anomgan.facts import About, flagging_threshold, listener, training_facts, warn_of_unreadable
from anomgan.parameters import (
    checked_condition,
    checked_config,
    chosen_device,
    condition_names,
    device_at_hand,
    seed_from,
)
from anomgan.plainly import check
from anomgan.train import Callback
from anomgan.watch import Look


class GANDetector(Actionable, OutlierMixin, BaseEstimator):
    """Detects anomalies in tables or pictures with GANs that learnt what is normal.

    Fit it on normal records.  A pandas DataFrame may have columns of any type and missing cells;
    when it scores another, columns may come in any order and extra ones are ignored with a warning.
    Whatever else scikit-learn takes for a numeric array works too, with NaN for missing; columns
    then go by position, and are called ``x0``, ``x1``, … in messages.  An array of more dimensions,
    a list of paths or a folder holds pictures, which are a table of one column, ``picture``.

    By default the threshold is conformal: of fresh normal rows, a share of about ``alpha`` is
    flagged, and :meth:`predict` gives −1 exactly where :meth:`p_values` is at most ``alpha``.
    ``contamination`` replaces this by scikit-learn's rule: that share of the training rows is
    flagged, p-values stay as they are, and the two no longer agree.  Nothing is learnt then from
    twice that share of the rows, those furthest from the bulk (``settings={"trim": 0}``: from all).

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
        encoder_: The fitted encoder; ``encoder_.schema`` describes the columns, and of pictures
            ``encoder_.spec.grid`` says the channels, height and width that the model works at.
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
        strict: bool = False,
        callback: Callback | None = None,
        looker: Callable[[Encoder, Look], None] | None = None,
        checkpoint: Checkpoint | None = None,
        source: str = "X",
        other_source: str = "other",
    ) -> GANDetector:
        """Learn what is normal.

        Args:
            X: n rows, a DataFrame or array-like (n, d).  Or n pictures: an array (n, H, W) or
                (n, H, W, C), a folder, or a list or Series of paths or arrays of mixed sizes.  Or
                the path of any file that the command line reads.
            y: Ignored.
            other: Rows of a second domain in the same columns, such as unlabelled ones or ones of
                which many are abnormal; for methods that translate between domains.
            strict: Whether a cell or picture that can't be read is an error.
            callback: Told of every training step.
            looker: Shown now and then what the GANs make; the encoder's ``restore`` turns that into
                rows or pictures.
            checkpoint: Keeps the state of the fit in a folder, and may resume one.
            source: What messages call the table.
            other_source: What messages call the other rows.

        Raises:
            InputError: If a parameter or the table can't be used; a ``ValueError``, as are those
                that scikit-learn raises for arrays.

        Warns:
            DataWarning: If columns are dropped, cells can't be read, or there are too few rows for
                ``alpha``.
        """
        condition = checked_condition(self.method, self.condition, other=other is not None)
        device = chosen_device(self.device)
        seed = seed_from(self.random_state)
        started = time.perf_counter()
        frame, columns, from_frame = self._training_frame(X, source)
        config = checked_config(
            self.method,
            self.preset,
            self.settings,
            self.alpha,
            self.contamination,
            kind_of(frame),
        )
        named = condition_names(condition, columns, by_label=from_frame, source=source)
        encoder, values, report = learn(
            frame,
            conditions=named,
            size=config.size,
            tiles=config.tiles,
            strict=strict,
            source=source,
        )
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
            looker=None if looker is None else functools.partial(looker, encoder),
            checkpoint=checkpoint,
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
            other_rows=None if second is None else len(second) // encoder.spec.tiles,
        )
        return self

    def _second_domain(
        self,
        other: Any,
        encoder: Encoder,
        columns: list[str],
        from_frame: bool,
        source: str,
    ) -> Records:
        """Rows of a second domain, encoded as the training table is.

        Raises:
            InputError: If they can't be.
        """
        try:
            frame = self._named(other, encoder, columns, from_frame=from_frame)
        except ValueError as error:  # scikit-learn's, which speaks of an X
            raise InputError(f"{source}: {error}") from None
        if not len(frame):
            raise InputError(f"{source}: has no rows")
        values, report = encoder.transform(frame, learning=True, source=source)
        warn_of_unreadable(report, source)
        if not len(values):
            raise InputError(f"{source}: none of its {encoder.unit} can be read")
        return values

    def _training_frame(self, X: Any, source: str) -> tuple[pd.DataFrame, list[str], bool]:
        """The training table, the names of its columns, and whether they go by name."""
        frame = framed(X)
        if frame is not None:
            columns = [str(name) for name in frame.columns]
            refuse_duplicates(columns, source)
            validate_data(self, frame, skip_check_array=True)
            return frame, columns, True
        X = validate_data(self, X, ensure_all_finite="allow-nan")
        names = getattr(self, "feature_names_in_", [f"x{i}" for i in range(X.shape[1])])
        columns = [str(name) for name in names]
        return pd.DataFrame(X, columns=columns, copy=False), columns, False

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
        check(About, about, "estimator")
        estimator = cls(**about["params"])
        estimator._check_params(model.encoder.kind)
        if estimator.method != model.detector.gan.name:
            raise ValueError("its parameters name another method")
        columns = about["columns"]
        if set(model.encoder.columns) != set(columns):
            raise ValueError("two lists of columns disagree")
        estimator._columns, estimator._from_frame = columns, about["from_frame"]
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

    def _check_params(self, kind: str) -> None:
        """Check parameters read from a file as :meth:`fit` does for this kind of data.

        Raises:
            TypeError: If one is of another kind.
            ValueError: If one is wrong.
        """
        checked_config(
            self.method, self.preset, self.settings, self.alpha, self.contamination, kind
        )
        seed_from(self.random_state)
        check(str, self.device, "device")
        check(bool, self.verbose, "verbose")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            checked_condition(self.method, self.condition, other=False)

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
        """NaN counts as missing; three dimensions are gray pictures."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.three_d_array = True
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
    except store.UNFIT as error:
        raise store.damaged(directory, f"{type(error).__name__}: {error}") from error
