"""The scikit-learn face: parameters, fitting, and loading what was saved."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import validate_data

from anomgan.actionable import Actionable
from anomgan.data.encoders.base import Encoder, Records
from anomgan.data.encoders.convert import framed, kind_of, learn
from anomgan.data.table.columns.base import refuse_duplicates
from anomgan.errors import InputError
from anomgan.fit_summary import flagging_threshold, listener, training_facts, warn_of_unreadable
from anomgan.generative import Generative
from anomgan.params import (
    checked_condition,
    checked_config,
    chosen_device,
    condition_names,
    seed_from,
)
from anomgan.persistence import model_store as store
from anomgan.scoring.fitted_ensemble import Detector
from anomgan.storable import Storable
from anomgan.training.checkpoint import Checkpoint
from anomgan.training.ensemble import Ensemble
from anomgan.training.monitor import Look
from anomgan.training.trainer import Callback


class GANDetector(Actionable, Generative, Storable, OutlierMixin, BaseEstimator):
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
        ensemble = Ensemble.fit(
            values,
            encoder.spec,
            name=self.method,
            config=config,
            seed=seed,
            device=device,
            other=second,
            callback=listener(callback, verbose=self.verbose),
            looker=None if looker is None else functools.partial(looker, encoder),
            checkpoint=checkpoint,
        )
        detector = Detector.fit(ensemble, values, as_new=encoder.as_new(frame, values))
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
