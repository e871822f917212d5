"""The scikit-learn estimator, and loading what it saved."""

from __future__ import annotations

import functools
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from numbers import Integral
from pathlib import Path
from time import perf_counter
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anomgan.calibration.conformal import binomial_interval
from anomgan.calibration.decision import Decision, readable_index
from anomgan.calibration.probability import (
    ProbabilityCurve,
    fit_probability_curve,
    probability_curve_from_json,
)
from anomgan.calibration.result import ScoreResult
from anomgan.config import SETTINGS
from anomgan.data.column_names import refuse_duplicates
from anomgan.data.encoders.convert import data_kind, fit_encoder, to_frame
from anomgan.data.encoders.encoder import Encoder, Records
from anomgan.data.encoders.series import SeriesEncoder
from anomgan.data.encoders.table import TableEncoder
from anomgan.data.parse_report import ParseReport
from anomgan.data.readers.layout import LAYOUT
from anomgan.data.readers.options import ReadOptions
from anomgan.data.table.column_reading import describe_columns
from anomgan.errors import DataWarning, InputError
from anomgan.explain.explainer import Explainer, Explanation
from anomgan.explain.series_explainer import SeriesExplainer
from anomgan.fit_summary import (
    About,
    calibration_facts,
    flagging_threshold,
    progress_callback,
    show_log,
    training_facts,
    warn_limited,
)
from anomgan.gans.sampling import sample_records
from anomgan.params import (
    check_alpha,
    check_positive_integer,
    resolve_column_names,
    resolve_condition,
    resolve_config,
    resolve_device,
    resolve_seed,
    resolve_series_options,
    resolve_stored_device,
    resolve_table_options,
)
from anomgan.persistence import model_store as store
from anomgan.scoring.fitted_ensemble import FittedEnsemble
from anomgan.training.checkpoint import Checkpoint
from anomgan.training.ensemble import TrainedEnsemble
from anomgan.training.history import Callback, TrainingHistory
from anomgan.training.monitor import Snapshot
from anomgan.training_gain import measure_training_gain
from anomgan.utils.serialization import check_type, to_plain
from anomgan.utils.sklearn_base import (
    BaseEstimator,
    OutlierMixin,
    available_if,
    check_is_fitted,
    validate_data,
)
from anomgan.utils.types import Floats

LOGGER = logging.getLogger(__name__)

_NESTED = "settings__"
"""Prefix of a setting as a nested parameter."""


class GANDetector(OutlierMixin, BaseEstimator):
    """Anomaly detector for tables and images: an ensemble of GANs fitted on normal records.

    A pandas DataFrame may have columns of any type, with missing cells; at scoring its columns may
    come in any order, and extra ones are ignored with a warning.  Any array-like that scikit-learn
    accepts works too, with NaN for missing values; its columns go by position and are called
    ``x0``, ``x1``, … in messages.  Arrays of more dimensions, lists of paths and folders hold
    images, which are a table of one column, ``picture``.

    The threshold is conformal by default: about a share ``alpha`` of fresh normal rows is flagged,
    and :meth:`predict` gives −1 exactly where :meth:`p_values` is at most ``alpha``.  With
    ``contamination`` it follows scikit-learn's rule instead: that share of the training rows is
    flagged, p-values stay as they are, and the two no longer agree.  Twice that share of the
    training rows, those furthest from the bulk, are then left out of training
    (``settings={"trim": 0}`` keeps them).

    Args:
        method: Name of the GAN; ``anomgan methods`` lists them.
        preset: ``"fast"``, ``"balanced"`` or ``"thorough"``.
        settings: Fields of :class:`anomgan.Config` that differ from the preset.  Each is a nested
            parameter too, ``settings__<name>``, for :meth:`set_params` and grids of a search.
        alpha: Share of normal rows that may be flagged wrongly, in (0, 1).
        contamination: Share of abnormal rows in the training data, in (0, 0.5], if there are any.
        time: Name of the column (in arrays, its position) that says when rows were measured, if
            they make up a series.  Windows of neighbouring points are learnt and scored then; see
            ``docs/series.md``.
        window: Points in a window, or ``"auto"`` to choose from the data; without ``time``, rows
            are a series in their order, or in that of a DatetimeIndex.
        group: Name of the column that tells apart several series in one table.
        every: Duration, such as ``"5min"``, to whose steps the rows of a series are averaged; by
            default they count at the rate at which they come.
        condition: Names of columns (in arrays, positions) that determine which range of values is
            normal for a row: a machine, an operating mode.  Their values are levels, also where
            they are numbers, and don't count as evidence themselves.  Rows of a level that training
            never saw are compared with all levels pooled.  Needs a conditional method, such as
            ``"cgan"``.
        columns: Name of a column (in arrays, its position) -> its kind, for columns whose cells
            don't show it: ``"category"``, ``"number"``, ``"text"`` (not learnt from) or ``"time"``.
        missing: What stands for a missing cell: a number such as −999, a text, a list of several,
            or a dict: column -> those of this column (``""`` for all).
        decimal: What separates decimals in text, ``"."`` or ``","``; by default what the column
            shows.
        thousands: What separates thousands in text.
        date_format: How columns write times: a format such as ``"%d/%m/%Y"``, ``"iso"``,
            ``"unix-s"`` (``-ms``, ``-us``, ``-ns``) or ``"excel"`` for all columns that it fits, or
            a dict: column -> its own; by default what the column shows.
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
        random_state: Seed of all randomness; global random states are neither used nor changed.
        verbose: Whether to write ten lines of progress to standard error, if the logger
            ``anomgan``, which always gets them, doesn't show them already.

    Attributes:
        n_features_in_: Number of columns seen by :meth:`fit`.
        feature_names_in_: Their names, if the table had names.
        offset_: Minus the threshold on the score; ``decision_function = score_samples - offset_``.
        encoder_: Fitted encoder; ``encoder_.schema`` describes the columns, ``encoder_.spec.grid``
            the channels, height and width that images are processed at.
        ensemble_: Fitted ensemble.
        history_: How it was trained: losses, health, restarts.
        device_: Device that it computes on.
        decision_scores_, threshold_, labels_: As in PyOD, of the held-out rows.
        training_facts_: Summary of the fit as plain data: rows, columns, what was dropped, seconds,
            device, versions, seed, calibration, final losses, what training brought.

    Example:
        >>> import numpy as np
        >>> from anomgan import GANDetector
        >>> X = np.random.default_rng(0).normal(size=(100, 3))
        >>> settings = {"steps": 20, "members": 1}
        >>> detector = GANDetector(settings=settings, random_state=0).fit(X)
        >>> detector.predict([[0.0, 0.0, 0.0], [9.0, 9.0, -9.0]])
        array([ 1, -1])
    """

    encoder_: Encoder
    ensemble_: FittedEnsemble
    history_: TrainingHistory
    offset_: float
    device_: str
    training_facts_: dict[str, Any]
    _columns: list[str]  # names of the training table's columns
    _from_frame: bool  # whether that was a DataFrame
    _alpha: float | None  # the threshold's alpha; None if it follows a contamination
    _curve: ProbabilityCurve | None  # from scores to probabilities, if fitted by `calibrate`
    _explainer: Explainer

    def __init__(
        self,
        method: str = "gan",
        *,
        preset: str = "balanced",
        settings: Mapping[str, Any] | None = None,
        alpha: float = 0.05,
        contamination: float | None = None,
        time: str | int | None = None,
        window: int | str | None = None,
        group: str | int | None = None,
        every: str | None = None,
        condition: str | int | Sequence[str | int] | None = None,
        columns: Mapping[str, str] | Mapping[int, str] | None = None,
        missing: Any = None,
        decimal: str | None = None,
        thousands: str | None = None,
        date_format: str | Mapping[str, str] | None = None,
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
        self.time = time
        self.window = window
        self.group = group
        self.every = every
        self.condition = condition
        self.columns = columns
        self.missing = missing
        self.decimal = decimal
        self.thousands = thousands
        self.date_format = date_format
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
        snapshot_callback: Callable[[Encoder, Snapshot], None] | None = None,
        checkpoint: Checkpoint | None = None,
        source: str = "X",
        other_source: str = "other",
    ) -> GANDetector:
        """Fit on normal records.

        Args:
            X: n rows: a DataFrame or array-like (n, d).  Or n images: an array (n, H, W) or
                (n, H, W, C), a folder, or a list or Series of paths or of arrays of any sizes.  Or
                the path of any file that the command line reads.
            y: Ignored.
            other: Rows of a second domain with the same columns, such as unlabelled or mostly
                abnormal ones; for methods that translate between domains.
            strict: Whether a cell or image that can't be read is an error.
            callback: Called after every training step.
            snapshot_callback: Called ``checks`` times with the encoder and a snapshot of
                generated and reconstructed samples (encoded; decode with ``encoder.restore``).
            checkpoint: Stores the state of the fit in a folder, and may resume from one.
            source: Name of the table in messages.
            other_source: Name of the other rows in messages.

        Returns:
            The fitted detector.

        Raises:
            InputError: If a parameter or the table is invalid; a ``ValueError``, like those that
                scikit-learn raises for arrays.

        Warns:
            DataWarning: If columns are dropped, cells can't be read, or there are too few rows for
                ``alpha``.
        """
        condition = resolve_condition(self.method, self.condition, other=other is not None)
        device = resolve_device(self.device)
        seed = resolve_seed(self.random_state)
        started = perf_counter()
        frame, columns, from_frame = self._training_frame(X, source)
        series = resolve_series_options(
            self.time,
            self.window,
            self.group,
            self.every,
            names=columns,
            by_label=from_frame,
            source=source,
        )
        config = resolve_config(
            self.method,
            self.preset,
            self.settings,
            self.alpha,
            self.contamination,
            data_kind(frame, series),
        )
        condition_columns = resolve_column_names(
            condition, columns, by_label=from_frame, source=source
        )
        options = resolve_table_options(
            self.columns,
            self.missing,
            self.decimal,
            self.thousands,
            self.date_format,
            names=columns,
            by_label=from_frame,
            source=source,
        )
        encoder, values, report = fit_encoder(
            frame,
            conditions=condition_columns,
            options=options,
            series=series,
            size=config.size,
            tiles=config.tiles,
            detailed=config.backbone != "none",
            strict=strict,
            source=source,
        )
        warn_limited(report.unread_lines(), source)
        second = None
        if other is not None:
            second = self._second_domain(other, encoder, columns, from_frame, other_source)
        LOGGER.info("%s: %s %s", source, f"{report.rows:,}", encoder.unit)
        with show_log(self.verbose):
            trained = TrainedEnsemble.fit(
                values,
                encoder.spec,
                name=self.method,
                config=config,
                seed=seed,
                device=device,
                other=second,
                callback=progress_callback(callback),
                snapshot_callback=None
                if snapshot_callback is None
                else functools.partial(snapshot_callback, encoder),
                checkpoint=checkpoint,
                windows=report.windows,
            )
        members = trained.gan.views.members
        LOGGER.info("%s: %d members trained on %s; calibrating", self.method, members, device)
        as_new = encoder.transform_as_new(frame, values)
        ensemble = FittedEnsemble.fit(
            trained.gan,
            values,
            trained.rows,
            trained.folds,
            as_new=as_new,
            windows=report.windows,
        )
        gain = measure_training_gain(
            trained,
            ensemble,
            values,
            name=self.method,
            config=config,
            seed=seed,
            device=device,
            as_new=as_new,
            other=second,
            windows=report.windows,
        )
        if self.contamination is None:
            offset = -flagging_threshold(ensemble.calibrator, self.alpha)
        else:
            scores = -report.to_rows(ensemble.score(values))
            offset = float(np.percentile(scores, 100 * self.contamination))

        # Only now, so that a fit that is interrupted leaves an older ensemble whole.
        self.encoder_, self.ensemble_, self.device_ = encoder, ensemble, device
        self.history_ = trained.history
        self._columns, self._from_frame, self.offset_ = columns, from_frame, offset
        self._alpha = None if self.contamination is not None else float(self.alpha)
        self._curve = None
        seconds = perf_counter() - started
        self.training_facts_ = training_facts(
            encoder,
            ensemble,
            trained.history,
            report,
            rule="alpha" if self.contamination is None else "contamination",
            threshold=-offset,
            alpha=self.alpha,
            device=device,
            seed=seed,
            seconds=seconds,
            other_rows=None if second is None else len(second) // encoder.spec.tiles,
            gain=gain,
            reading=describe_columns(frame, encoder.schema, report.missing),
        )
        if LAYOUT in frame.attrs:
            self.training_facts_["layout"] = frame.attrs[LAYOUT]
        health = self.training_facts_["health"].partition(":")[0]
        LOGGER.info("fitted in %.1f s; threshold %.6g; GANs: %s", seconds, -offset, health)
        return self

    @property
    def decision_scores_(self) -> Floats:
        """As in PyOD: scores of normal rows from training, (n,); larger is more abnormal.

        They are those of held-out rows, on which p-values and thresholds rest: each row was scored
        by members that weren't trained on it.  PyOD gives those of the training rows themselves,
        which are too low.  So n may be smaller than the number of training rows, and the order is
        ascending, not theirs.
        """
        self._check_fitted_attribute()
        return self.ensemble_.calibrator.scores.copy()

    @property
    def threshold_(self) -> float:
        """As in PyOD: the score above which rows are flagged, ``-offset_``."""
        self._check_fitted_attribute()
        return -self.offset_

    @property
    def labels_(self) -> NDArray[np.int64]:
        """As in PyOD: 1 where :attr:`decision_scores_` exceed :attr:`threshold_`, else 0, (n,)."""
        return (self.decision_scores_ > self.threshold_).astype(np.int64)

    def _check_fitted_attribute(self) -> None:
        """Let attributes of a fit not exist before it, as scikit-learn wants them."""
        if "ensemble_" not in self.__dict__:
            raise AttributeError("the detector isn't fitted yet; call fit first")

    def score_samples(self, X: Any) -> Floats:
        """Scores of n rows, float64 (n,); larger is more normal, as everywhere in scikit-learn.

        A row's score doesn't depend on the other rows.  NaN for an image that can't be read.

        Raises:
            InputError: If the table lacks a column that the model uses.

        Warns:
            DataWarning: If there are unknown columns, cells or images can't be read, or the
                condition of a row is unknown.
        """
        return -self.score_rows(X).score

    def decision_function(self, X: Any) -> Floats:
        """``score_samples(X) - offset_``, float64 (n,); negative is abnormal.

        Where conditions are calibrated apart, the offset is that of the row's condition.  Raises as
        :meth:`score_samples` does.
        """
        result = self.score_rows(X)
        return result.limit - result.score

    def predict(self, X: Any) -> NDArray[np.int64]:
        """+1 for normal and −1 for abnormal rows, int64 (n,).

        An image that can't be read counts as abnormal.  Raises as :meth:`score_samples` does.
        """
        return np.where(self.decision_function(X) >= 0, 1, -1)

    def p_values(self, X: Any) -> Floats:
        """Conformal p-values of n rows, float64 (n,) in (0, 1]; smaller is more abnormal.

        For a row drawn from the distribution of the training rows, P(p ≤ a) ≤ a.  Raises as
        :meth:`score_samples` does.
        """
        return self.score_rows(X).p_value

    def components(self, X: Any) -> pd.DataFrame:
        """The scaled components of the score of n rows, a DataFrame with a column for each.

        0 is the median of normal rows, 1 an interquartile range more abnormal.  Raises as
        :meth:`score_samples` does.
        """
        frame, values, report = self._encode(X)
        components = pd.DataFrame(
            {name: report.to_rows(each) for name, each in self.ensemble_.components(values).items()}
        )
        return components.reindex(readable_index(report)).set_axis(frame.index)

    def anomaly_map(self, X: Any) -> NDArray[np.float32]:
        """Anomaly maps of n images, float32 (n, H, W); larger is more abnormal.

        H and W are ``encoder_.spec.grid``'s, or for images cut into tiles those of all tiles
        together.  NaN for an image that can't be read.  Raises as :meth:`score_samples` does.

        Raises:
            InputError: If the model was fitted on a table.
        """
        check_is_fitted(self, "ensemble_")
        if self.encoder_.spec.grid is None:
            raise InputError("maps are of pictures, and the model was fitted on a table")
        _, values, report = self._encode(X)
        maps = self.encoder_.merge_tiles(self.ensemble_.anomaly_maps(values))
        padded = np.full((report.rows, *maps.shape[1:]), np.nan, dtype=np.float32)
        padded[readable_index(report) >= 0] = maps
        return padded

    def score_frame(
        self,
        frame: pd.DataFrame,
        *,
        strict: bool = False,
        first_row: int = 0,
        source: str = "the table",
    ) -> ScoreResult:
        """Score a DataFrame, or a chunk of a longer one, whose columns go by name.

        All other methods that score use this one.

        Args:
            frame: n rows, at least one.
            strict: Whether a cell or image that can't be read is an error.
            first_row: Number of the first row in the input, counted from 0.
            source: Name of the table in messages.

        Returns:
            Scores (larger is more abnormal), p-values, thresholds, and what was odd.

        Raises:
            InputError: If a column is missing; if ``strict``, also for what can't be read.

        Warns:
            DataWarning: In the first chunk, if there are unknown columns.
        """
        check_is_fitted(self, "ensemble_")
        return self._decision.score_frame(
            self.encoder_,
            self.ensemble_.score,
            frame,
            strict=strict,
            first_row=first_row,
            source=source,
        )

    def score_rows(self, X: Any) -> ScoreResult:
        """Scores, p-values, thresholds … of n rows; raises and warns as :meth:`score_samples`."""
        check_is_fitted(self, "ensemble_")
        result = self.score_frame(self._scoring_frame(X), source="X")
        warn_limited(result.report.unread_lines(), "X")
        warn_limited(result.report.condition_lines(), "X")
        return result

    def explain(self, X: Any, top: int | None = None) -> pd.DataFrame:
        """Explain the scores of n rows by the cells that make them abnormal.

        Each row is compared with the nearest normal one, found by taking as few cells as possible
        from a generated record.  The cells that differ contribute; their contributions add up to
        the difference of the two scores (Shapley values).

        Args:
            X: n rows.
            top: Number of columns to return for each row, those that contribute most; default all.

        Returns:
            A line for each row and column: ``row`` (counted from 0), ``rank`` (1 contributes most),
            ``column``, ``contribution`` (in units of the score; larger is more abnormal, 0 where
            the cell needn't change), ``observed``, ``expected`` (the cell of the normal row) and
            ``sentence``.  Where X has an index of its own, as the flagged rows of a frame have, so
            have the lines, and ``.loc`` finds those of a row.

        Raises:
            InputError: As :meth:`score_samples`; if the model is of images, or ``top`` isn't a
                positive integer.

        Warns:
            DataWarning: As :meth:`score_samples`.
        """
        if top is not None:
            check_positive_integer("top", top)
        explainer = self._get_explainer()
        frame, values, report = self._encode(X)
        lines = explainer(frame, encoded=(values, report), top=top, source="X").frame
        if frame.index.equals(pd.RangeIndex(len(frame))):  # these are the numbers in "row"
            return lines
        return lines.set_axis(frame.index[lines["row"]])

    def explain_frame(
        self,
        frame: pd.DataFrame,
        *,
        top: int | None = None,
        source: str = "the table",
        rows: NDArray[np.int64] | None = None,
    ) -> Explanation:
        """Explain a DataFrame whose columns go by name, without warnings about its cells.

        Arguments and errors are those of :meth:`explain`.  Of series, ``rows`` chooses the
        positions of those to explain; the others are what their windows reach to.
        """
        explainer = self._get_explainer()
        if isinstance(explainer, SeriesExplainer):
            return explainer(frame, top=top, source=source, rows=rows)
        return explainer(frame, top=top, source=source)

    def calibrate(
        self,
        X: Any = None,
        y: Any = None,
        *,
        alpha: float | None = None,
        kind: str = "platt",
        source: str = "X",
    ) -> Self:
        """Set another threshold, or fit probabilities to labelled rows; nothing is trained anew.

        p-values stay as they are.

        Args:
            X: n rows that the model was *not* fitted on; on its training rows it is overconfident.
            y: Their labels (n,), 1 for abnormal and 0 for normal.
            alpha: Share of normal rows that may be flagged wrongly, in (0, 1); replaces the alpha
                or contamination of the fit.
            kind: How scores become probabilities: ``"platt"`` by a logistic curve, ``"isotonic"``
                by any increasing one, which needs more rows.
            source: Name of the rows in messages.

        Returns:
            The detector itself.  With labels it has :meth:`predict_proba`; how good the
            calibration is stands in ``training_facts_["calibration"]`` and ``["probability"]``.

        Raises:
            InputError: If nothing is given, or a value, the rows or the labels are invalid.

        Warns:
            DataWarning: If the calibration rows are too few for ``alpha``; as
                :meth:`score_samples`.
        """
        check_is_fitted(self, "ensemble_")
        if X is None and y is None and alpha is None:
            raise InputError("nothing to calibrate by: give alpha, or labelled rows")
        if (X is None) != (y is None):
            raise InputError("labelled rows are rows and their labels; give both")
        if alpha is not None:
            check_alpha(alpha)
        # Both parts are computed before anything changes.
        labelled = None if X is None else self._fit_probability(X, y, kind, source)
        if alpha is not None:
            self._set_alpha(float(alpha))
        if labelled is not None:
            curve, labels, result, quality = labelled
            conditions = self.encoder_.spec.conditions(result.values)
            thresholds = self._decision.thresholds(conditions, len(labels))
            normal = result.score[~labels] > thresholds[~labels]
            quality["false_positives"] = int(normal.sum())
            quality["false_positive_interval"] = binomial_interval(int(normal.sum()), len(normal))
            self._curve = curve
            self.training_facts_ = self.training_facts_ | {"probability": to_plain(quality)}
        return self

    def _has_probability(self) -> bool:
        """Whether :meth:`calibrate` was given labelled rows."""
        if self.__dict__.get("_curve") is None:
            raise AttributeError("no labelled rows calibrated this detector; see `calibrate`")
        return True

    @available_if(_has_probability)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Floats:
        """Probabilities of n rows, float64 (n, 2): normal, abnormal.

        They hold where abnormal rows are as common as among the rows given to :meth:`calibrate`,
        without which this method doesn't exist.  Raises as :meth:`score_samples` does.
        """
        abnormal = np.asarray(self.score_rows(X).probability, dtype=np.float64)
        return np.stack([1 - abnormal, abnormal], axis=1)

    def sample(
        self,
        n: int,
        random_state: int | np.random.RandomState | None = None,
        *,
        condition: Mapping[str | int, Any] | None = None,
    ) -> Any:
        """Draw n rows or images from the generators.

        Args:
            n: How many, at least one.
            random_state: Seed; global random states are neither used nor changed.
            condition: Column (in arrays, also position) -> level, for some or all conditions; None
                or NaN is the level of missing cells.  Other conditions are drawn as often as they
                come in training.

        Returns:
            A DataFrame of the columns in use, conditions among them, if the model was fitted on
            one, else a float64 array ``(n, n_features_in_)``, in which unused constant columns hold
            their constant and other unused columns NaN.  Images come as an array (n, H, W) or
            (n, H, W, C) of the training images' type, in the size that the model processes.

        Raises:
            InputError: If n isn't a positive integer, or the model has no such condition or level.
        """
        values = np.concatenate(list(self._sample_encoded(n, random_state, condition or {})))
        return self.encoder_.restore(values, self._columns, as_frame=self._from_frame)

    def sample_chunks(
        self,
        n: int,
        random_state: int | np.random.RandomState | None = None,
        *,
        condition: Mapping[str | int, Any] | None = None,
    ) -> Iterator[Any]:
        """Draw the rows of :meth:`sample` chunk by chunk, in memory that doesn't grow with n.

        Yields:
            DataFrames of the columns in use, in the training table's order, also if the model was
            fitted on an array; arrays of images.
        """
        for values in self._sample_encoded(n, random_state, condition or {}):
            yield self.encoder_.restore(values, self._columns, as_frame=True)

    def save(self, directory: str | Path) -> None:
        """Write a model directory: JSON and safetensors, whole or not at all.

        A random state that isn't a number is stored as the seed that was drawn from it.

        Args:
            directory: A path where nothing, an empty folder or an older model is.

        Raises:
            InputError: If something else is there or it can't be written; then nothing changes.
        """
        store.save(self.to_model(), directory)
        LOGGER.info("model written to %s", directory)

    def export(self, directory: str | Path) -> None:
        """Write the scores as an ONNX graph, for :func:`anomgan.load_exported` or any runtime.

        The graph maps encoded records to scores; ``export.json`` beside it describes how rows are
        encoded, and holds calibration and threshold.  Scores are those of :meth:`score_samples` up
        to rounding.  ``docs/export.md`` says more.

        Args:
            directory: A path where nothing, an empty folder or an older export is.

        Raises:
            InputError: If the method can't be exported, the packages of ``anomgan[onnx]`` aren't
                installed, something else is there, or it can't be written.
        """
        from anomgan.persistence.onnx.export import export_model  # late: few need it

        # A copy on the CPU, like that which loading gives.
        model = store.unpack(*store.pack(self.to_model()))
        export_model(model, self._decision, directory)
        LOGGER.info("exported to %s", directory)

    def to_model(self) -> store.Model:
        """The fitted detector as :mod:`anomgan.persistence` stores it."""
        check_is_fitted(self, "ensemble_")
        params = self.get_params(deep=False)
        if not isinstance(self.random_state, Integral | None):
            params["random_state"] = self.training_facts_["seed"]
        for role in ("time", "group"):
            if isinstance(params[role], Integral):
                params[role] = self._columns[int(params[role])]
        if self.columns is not None:  # JSON has no whole numbers as keys
            names = resolve_column_names(
                list(self.columns), self._columns, by_label=self._from_frame, source="X"
            )
            params["columns"] = dict(zip(names, self.columns.values(), strict=True))
        about = {
            "params": params,
            "columns": self._columns,
            "from_frame": self._from_frame,
            "named": hasattr(self, "feature_names_in_"),
            "offset": self.offset_,
            "alpha": self._alpha,
            "probability": None if self._curve is None else self._curve.to_json(),
            "training": self.training_facts_,
        }
        return store.Model(self.encoder_, self.ensemble_, self.history_, about)

    @classmethod
    def from_model(cls, model: store.Model, device: str | None = None) -> Self:
        """Rebuild a detector from :meth:`to_model`.

        Args:
            model: Perhaps read from a file that somebody has tampered with.
            device: Where to compute; by default as the stored parameter says.

        Raises:
            KeyError: If something is missing.
            TypeError: If something has the wrong type.
            ValueError: If something is invalid.
        """
        about = model.about
        check_type(About, about, "estimator")
        detector = cls(**about["params"])
        detector._check_params(model.encoder.kind)
        if detector.method != model.ensemble.gan.name:
            raise ValueError("its parameters name another method")
        columns, alpha = about["columns"], about["alpha"]
        if set(model.encoder.columns) != set(columns):
            raise ValueError("two lists of columns disagree")
        if alpha is not None and not 0 < alpha < 1:
            raise ValueError(f"an alpha of {alpha:g}")
        detector._columns, detector._from_frame = columns, about["from_frame"]
        detector.n_features_in_ = len(columns)
        if about["named"]:
            detector.feature_names_in_ = np.array(columns, dtype=object)
        detector.offset_, detector.training_facts_ = about["offset"], about["training"]
        detector._alpha = None if alpha is None else float(alpha)
        detector._curve = probability_curve_from_json(about["probability"])
        detector._adopt(model, device)
        return detector

    def __getstate__(self) -> dict[str, Any]:
        """Parameters and plain data: no tensor, so that any machine can unpickle it."""
        state = dict(super().__getstate__())
        state.pop("_explainer", None)  # made anew when needed
        if "ensemble_" in state:
            model = store.Model(
                state.pop("encoder_"), state.pop("ensemble_"), state.pop("history_"), about={}
            )
            state["_packed"] = store.pack(model)
            del state["device_"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Rebuild; where the device is ``"auto"``, it is chosen anew."""
        state = dict(state)
        packed = state.pop("_packed", None)
        super().__setstate__(state)
        if packed is not None:
            self._adopt(store.unpack(*packed))

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters by name; if ``deep``, also each given setting as ``settings__<name>``."""
        params: dict[str, Any] = super().get_params(deep=deep)
        if deep and isinstance(self.settings, Mapping):
            params |= {f"{_NESTED}{name}": value for name, value in self.settings.items()}
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters; ``settings__<name>`` changes one setting and keeps the others.

        Raises:
            InputError: If there is no such setting; ``ValueError`` if there is no such parameter.
        """
        nested = {name for name in params if name.startswith(_NESTED)}
        changes = {name.removeprefix(_NESTED): params[name] for name in nested}
        for name in changes.keys() - SETTINGS.keys():
            raise InputError(
                f"invalid parameter '{_NESTED}{name}' for {type(self).__name__}; valid settings "
                f"are: {', '.join(SETTINGS)}"
            )
        super().set_params(**{name: params[name] for name in params.keys() - nested})
        if changes:  # in a new dict: the one passed in belongs to the caller
            self.settings = {**(self.settings or {}), **changes}
        return self

    def __sklearn_tags__(self) -> Any:
        """NaN means missing; arrays of three dimensions are gray images."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.three_d_array = True
        return tags

    # --- private ----------------------------------------------------------------------------------

    def _training_frame(self, X: Any, source: str) -> tuple[pd.DataFrame, list[str], bool]:
        """Validate X; give it as a DataFrame, its column names, and whether X had been one."""
        frame = to_frame(X)
        if frame is not None:
            columns = [str(name) for name in frame.columns]
            refuse_duplicates(columns, source)
            validate_data(self, frame, skip_check_array=True)
            return frame, columns, True
        X = validate_data(self, X, ensure_all_finite="allow-nan")
        names = getattr(self, "feature_names_in_", [f"x{i}" for i in range(X.shape[1])])
        columns = [str(name) for name in names]
        return pd.DataFrame(X, columns=columns, copy=False), columns, False

    def _scoring_frame(self, X: Any) -> pd.DataFrame:
        """X as a DataFrame with the training table's column names."""
        return self._named(X, self.encoder_, self._columns, from_frame=self._from_frame)

    def _named(
        self, X: Any, encoder: Encoder, columns: list[str], *, from_frame: bool
    ) -> pd.DataFrame:
        """X as a DataFrame with the names of the training table's columns.

        A DataFrame goes by its names if the training table was one; anything else by position.
        """
        layout = getattr(self, "training_facts_", {}).get("layout")
        options = ReadOptions().follow(layout, encoder.schema.needed)
        if from_frame and (frame := to_frame(X, options)) is not None:
            return frame
        if encoder.array_input is not None:
            raise InputError(f"the model was fitted on {encoder.unit}: give {encoder.array_input}")
        dtype = None if from_frame else "numeric"  # the frame's columns may have held text
        X = validate_data(self, X, reset=False, dtype=dtype, ensure_all_finite="allow-nan")
        return pd.DataFrame(X, columns=columns, copy=False)

    def _encode(self, X: Any) -> tuple[pd.DataFrame, Records, ParseReport]:
        """X as a DataFrame and encoded, with warnings of what was odd about it.

        Raises:
            InputError: If none of it can be read.
        """
        check_is_fitted(self, "ensemble_")
        frame = self._scoring_frame(X)
        values, report = self.encoder_.transform(frame, source="X")
        warn_limited(report.unread_lines(), "X")
        warn_limited(report.condition_lines(), "X")
        if not len(values):
            raise InputError(f"X: none of its {self.encoder_.unit} can be read")
        return frame, values, report

    def _second_domain(
        self,
        other: Any,
        encoder: Encoder,
        columns: list[str],
        from_frame: bool,
        source: str,
    ) -> Records:
        """Encode the rows of a second domain as the training table is encoded.

        Raises:
            InputError: If that fails.
        """
        try:
            frame = self._named(other, encoder, columns, from_frame=from_frame)
        except ValueError as error:  # scikit-learn's, which speaks of an X
            raise InputError(f"{source}: {error}") from None
        if not len(frame):
            raise InputError(f"{source}: has no rows")
        values, report = encoder.transform(frame, learning=True, source=source)
        warn_limited(report.unread_lines(), source)
        if not len(values):
            raise InputError(f"{source}: none of its {encoder.unit} can be read")
        return values

    @property
    def _decision(self) -> Decision:
        """What scores mean at present."""
        ensemble = self.ensemble_
        return Decision(
            ensemble.calibrator, ensemble.mondrian, self.offset_, self._alpha, self._curve
        )

    def _set_alpha(self, alpha: float) -> None:
        """Put the threshold where alpha asks for it."""
        offset = -flagging_threshold(self.ensemble_.calibrator, alpha)
        self.alpha = self._alpha = alpha
        self.contamination, self.offset_ = None, offset
        facts = calibration_facts(
            self.encoder_, self.ensemble_, rule="alpha", threshold=-offset, alpha=alpha
        )
        self.training_facts_ = self.training_facts_ | {"calibration": to_plain(facts)}

    def _fit_probability(
        self, X: Any, y: Any, kind: str, source: str
    ) -> tuple[ProbabilityCurve, NDArray[np.bool_], ScoreResult, dict[str, Any]]:
        """A curve from scores to probabilities, the labels and scores it fits, and its quality."""
        from anomgan.metrics import check_labels  # late: few commands need it

        labels = check_labels(y)
        result = self.score_rows(X)
        if len(labels) != len(result.score):
            raise InputError(
                f"{source}: {len(labels):,} labels for {len(result.score):,} rows; "
                f"give one for each"
            )
        curve, quality = fit_probability_curve(result.score, labels, kind)
        return curve, labels, result, quality

    def _get_explainer(self) -> Explainer | SeriesExplainer:
        """The explainer of the present ensemble; it keeps the normal rows that it generates.

        Raises:
            InputError: If the model is of images.
        """
        check_is_fitted(self, "ensemble_")
        if isinstance(self.encoder_, SeriesEncoder):
            return SeriesExplainer(self.encoder_, self.ensemble_)
        if not isinstance(self.encoder_, TableEncoder):
            raise InputError("explain: the model is of pictures, which have no columns to blame")
        explainer = self.__dict__.get("_explainer")
        if explainer is None or explainer.ensemble is not self.ensemble_:
            self._explainer = Explainer(self.encoder_, self.ensemble_)
        return self._explainer

    def _sample_encoded(
        self, n: int, random_state: Any, condition: Mapping[str | int, Any]
    ) -> Iterator[Records]:
        """Draw encoded records, block by block; errors as of :meth:`sample`."""
        check_is_fitted(self, "ensemble_")
        check_positive_integer("n", n)
        names = resolve_column_names(
            list(condition), self._columns, by_label=self._from_frame, source="X"
        )
        levels = dict(zip(names, condition.values(), strict=True))
        slots = self.encoder_.schema.condition_slots(levels)
        return sample_records(self.ensemble_.gan, int(n), resolve_seed(random_state), slots)

    def _check_params(self, kind: str) -> None:
        """Check parameters read from a file as fitting does for this kind of data.

        Raises:
            TypeError: If one has the wrong type.
            ValueError: If one is invalid.
        """
        resolve_config(
            self.method, self.preset, self.settings, self.alpha, self.contamination, kind
        )
        resolve_seed(self.random_state)
        resolve_series_options(
            self.time,
            self.window,
            self.group,
            self.every,
            names=(),
            by_label=True,
            source="X",
        )
        check_type(str, self.device, "device")
        check_type(bool, self.verbose, "verbose")
        resolve_table_options(
            self.columns,
            self.missing,
            self.decimal,
            self.thousands,
            self.date_format,
            names=(),
            by_label=True,
            source="X",
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            resolve_condition(self.method, self.condition, other=False)

    def _adopt(self, model: store.Model, device: str | None = None) -> None:
        """Take over the parts of a model, onto a device of this machine."""
        self.device_ = device or resolve_stored_device(self.device)
        self.encoder_, self.history_ = model.encoder, model.history
        self.ensemble_ = model.ensemble.to(self.device_)


def load(directory: str | Path, *, device: str | None = None) -> GANDetector:
    """Read a model directory.  No code in it is run and nothing is unpickled.

    A model of a GAN or component of your own needs :func:`anomgan.load_plugin` before, unless an
    installed distribution provides it.

    Args:
        directory: What :meth:`GANDetector.save` wrote.
        device: Where to compute; by default as at fit, with ``"auto"`` resolved anew.

    Returns:
        A fitted detector that gives the same scores as the one saved.

    Raises:
        InputError: If there is no model, it is damaged, a newer anomgan wrote it, a plug-in or the
            device isn't here.

    Warns:
        DataWarning: If a plug-in has changed since the fit.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from anomgan import GANDetector, load, load_sample
        >>> sample = load_sample("penguins")
        >>> detector = GANDetector(settings={"steps": 20, "members": 1}, random_state=0)
        >>> detector = detector.fit(sample.normal)
        >>> with TemporaryDirectory() as folder:
        ...     detector.save(f"{folder}/model")
        ...     again = load(f"{folder}/model")
        >>> bool((again.predict(sample.new) == detector.predict(sample.new)).all())
        True
    """
    chosen = None if device is None else resolve_device(device)
    model = store.load(directory)
    LOGGER.info("model read from %s", directory)
    try:
        return GANDetector.from_model(model, chosen)
    except store.INCONSISTENT_ERRORS as error:
        raise store.damage_error(directory, f"{type(error).__name__}: {error}") from error
