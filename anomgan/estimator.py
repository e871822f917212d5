"""The scikit-learn estimator, and loading what it saved."""

from __future__ import annotations

import functools
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from anomgan.calibration.conformal import NEVER_FLAGGED, binomial_interval
from anomgan.calibration.probability import (
    ProbabilityCurve,
    fit_probability_curve,
    probability_curve_from_json,
)
from anomgan.data.encoders.base import Encoder, Records
from anomgan.data.encoders.convert import framed, kind_of, learn
from anomgan.data.encoders.table import TableEncoder
from anomgan.data.parse_report import ParseReport
from anomgan.data.table.columns.base import refuse_duplicates
from anomgan.errors import DataWarning, InputError
from anomgan.explain.explainer import Explainer, Explanation
from anomgan.fit_summary import (
    About,
    calibration_facts,
    flagging_threshold,
    listener,
    training_facts,
    warn_of_pooled,
    warn_of_unreadable,
)
from anomgan.gans.sampling import sample_records
from anomgan.params import (
    check_alpha,
    check_positive_integer,
    resolve_condition,
    resolve_condition_names,
    resolve_config,
    resolve_device,
    resolve_seed,
    resolve_stored_device,
)
from anomgan.persistence import model_store as store
from anomgan.scoring.fitted_ensemble import FittedEnsemble
from anomgan.scoring.result import ScoreResult
from anomgan.training.checkpoint import Checkpoint
from anomgan.training.ensemble import TrainedEnsemble
from anomgan.training.history import Callback, TrainingHistory
from anomgan.training.monitor import Snapshot
from anomgan.utils.serialization import check, to_plain
from anomgan.utils.text import quoted, shortened
from anomgan.utils.types import Floats


class GANDetector(OutlierMixin, BaseEstimator):
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
        ensemble_: The fitted ensemble.
        history_: How it was trained: losses, health, restarts.
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

    encoder_: Encoder
    ensemble_: FittedEnsemble
    history_: TrainingHistory
    offset_: float
    device_: str
    training_facts_: dict[str, Any]
    _columns: list[str]  # names of the training table's columns
    _from_frame: bool  # whether that was a DataFrame
    _alpha: float | None  # what the threshold is for, unless it is for a contamination
    _curve: ProbabilityCurve | None  # from scores to probabilities, if labelled rows taught one
    _explainer: Explainer

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
        snapshot_callback: Callable[[Encoder, Snapshot], None] | None = None,
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
            snapshot_callback: Called ``checks`` times with the encoder and a snapshot of
                generated and reconstructed samples (encoded; decode with ``encoder.restore``).
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
        condition = resolve_condition(self.method, self.condition, other=other is not None)
        device = resolve_device(self.device)
        seed = resolve_seed(self.random_state)
        started = time.perf_counter()
        frame, columns, from_frame = self._training_frame(X, source)
        config = resolve_config(
            self.method,
            self.preset,
            self.settings,
            self.alpha,
            self.contamination,
            kind_of(frame),
        )
        named = resolve_condition_names(condition, columns, by_label=from_frame, source=source)
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
        trained = TrainedEnsemble.fit(
            values,
            encoder.spec,
            name=self.method,
            config=config,
            seed=seed,
            device=device,
            other=second,
            callback=listener(callback, verbose=self.verbose),
            snapshot_callback=None
            if snapshot_callback is None
            else functools.partial(snapshot_callback, encoder),
            checkpoint=checkpoint,
        )
        ensemble = FittedEnsemble.fit(
            trained.gan,
            values,
            trained.rows,
            trained.folds,
            as_new=encoder.as_new(frame, values),
        )
        if self.contamination is None:
            offset = -flagging_threshold(ensemble.calibrator, self.alpha)
        else:
            scores = -ensemble.score(values)
            offset = float(np.percentile(scores, 100 * self.contamination))

        # Only now, so that a fit that is interrupted leaves an older ensemble whole.
        self.encoder_, self.ensemble_, self.device_ = encoder, ensemble, device
        self.history_ = trained.training
        self._columns, self._from_frame, self.offset_ = columns, from_frame, offset
        self._alpha = None if self.contamination is not None else float(self.alpha)
        self._curve = None
        seconds = time.perf_counter() - started
        self.training_facts_ = training_facts(
            encoder,
            ensemble,
            trained.training,
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

    def score_samples(self, X: Any) -> Floats:
        """Scores of n rows, float64 (n,); larger is more normal, as everywhere in scikit-learn.

        A row's score doesn't depend on the others.  It is NaN for a picture that can't be read.

        Raises:
            InputError: If the table lacks a column that the model uses.

        Warns:
            DataWarning: If there are columns the model doesn't know, cells or pictures can't be
                read, or rows are judged without their condition.
        """
        return -self.score_rows(X).score

    def decision_function(self, X: Any) -> Floats:
        """``score_samples(X) - offset_``, float64 (n,); below 0 is abnormal.  Raises as it does.

        Where the model calibrated conditions apart, the offset is that of the row's condition.
        """
        scored = self.score_rows(X)
        return scored.limit - scored.score

    def predict(self, X: Any) -> NDArray[np.int64]:
        """+1 for normal and −1 for abnormal rows, (n,).  Raises as :meth:`score_samples` does.

        A picture that can't be read isn't called normal.
        """
        return np.where(self.decision_function(X) >= 0, 1, -1)

    def p_values(self, X: Any) -> Floats:
        """Conformal p-values of n rows, float64 (n,) in (0, 1]; smaller is more abnormal.

        If a row is drawn like the training rows, the chance of p ≤ a is at most a.  Raises as
        :meth:`score_samples` does.
        """
        return self.score_rows(X).p_value

    def components(self, X: Any) -> pd.DataFrame:
        """The aspects that make up the score, one column each, for n rows.

        0 is the median of normal rows, 1 an interquartile range more abnormal.  Raises as
        :meth:`score_samples` does.
        """
        frame, values, report = self._encoded(X)
        found = pd.DataFrame(self.ensemble_.components(values))
        return found.reindex(_places(report, 0)).set_axis(frame.index)

    def anomaly_map(self, X: Any) -> NDArray[np.float32]:
        """Where pictures are abnormal: maps of n pictures, float32 (n, H, W).

        H and W are the model's, which ``encoder_.spec.grid`` gives, or of pictures in tiles those
        of all tiles together; larger is more abnormal.  NaN for a picture that can't be read.
        Raises as :meth:`score_samples` does.

        Raises:
            InputError: If the model was fitted on a table.
        """
        check_is_fitted(self, "ensemble_")
        if self.encoder_.spec.grid is None:
            raise InputError("maps are of pictures, and the model was fitted on a table")
        _, values, report = self._encoded(X)
        maps = self.encoder_.whole(self.ensemble_.anomaly_maps(values))
        whole = np.full((report.rows, *maps.shape[1:]), np.nan, dtype=np.float32)
        whole[_places(report, 0) >= 0] = maps
        return whole

    def _encoded(self, X: Any) -> tuple[pd.DataFrame, Records, ParseReport]:
        """Records as a frame and encoded, with warnings of what was odd."""
        check_is_fitted(self, "ensemble_")
        frame = self._scoring_frame(X)
        values, report = self.encoder_.transform(frame, source="X")
        warn_of_unreadable(report, "X")
        warn_of_pooled(report, "X")
        if not len(values):
            raise InputError(f"X: none of its {self.encoder_.unit} can be read")
        return frame, values, report

    def score_frame(
        self,
        frame: pd.DataFrame,
        *,
        strict: bool = False,
        first_row: int = 0,
        source: str = "the table",
    ) -> ScoreResult:
        """Score a table, or a chunk of a longer one, whose columns go by name.

        All other scores are made by this one.

        Args:
            frame: n rows, at least one.
            strict: Whether a cell or picture that can't be read is an error.
            first_row: Input record of the first row, counted from 0.
            source: What messages call the table.

        Returns:
            Scores, larger for more abnormal, p-values and what was odd.

        Raises:
            InputError: If a column is missing; if ``strict``, also for what can't be read.

        Warns:
            DataWarning: In the first chunk, if there are columns the model doesn't know.
        """
        check_is_fitted(self, "ensemble_")
        if not len(frame):
            raise InputError(f"{source}: has no rows")
        values, report = self.encoder_.transform(
            frame, strict=strict, first_row=first_row, source=source
        )
        known = self.ensemble_.score(values) if len(values) else np.empty(0)
        read = _places(report, first_row) >= 0

        def whole(found: Floats) -> Floats:
            """With gaps for what couldn't be read."""
            every = np.full(len(read), np.nan)
            every[read] = found
            return every

        return ScoreResult(
            whole(known),
            whole(self.ensemble_.p_values(known, values)),
            report,
            whole(self._limits(values)),
            None if self._curve is None else whole(self._curve(known)),
            values,
        )

    def _limits(self, values: Records) -> Floats:
        """The threshold of the score of each encoded row or whole picture, (n,)."""
        mondrian = self.ensemble_.mondrian
        if mondrian is None or self._alpha is None:
            return np.full(len(values) // self.encoder_.spec.tiles, -self.offset_)
        found = mondrian.thresholds(self._alpha, self.encoder_.spec.told(values))
        return np.where(np.isfinite(found), found, NEVER_FLAGGED)

    def score_rows(self, X: Any) -> ScoreResult:
        """All that is known of n rows at once; raises and warns as :meth:`score_samples` does."""
        check_is_fitted(self, "ensemble_")
        scored = self.score_frame(self._scoring_frame(X), source="X")
        warn_of_unreadable(scored.report, "X")
        warn_of_pooled(scored.report, "X")
        return scored

    def _scoring_frame(self, X: Any) -> pd.DataFrame:
        """X with the training table's column names."""
        return self._named(X, self.encoder_, self._columns, from_frame=self._from_frame)

    def _named(
        self, X: Any, encoder: Encoder, columns: list[str], *, from_frame: bool
    ) -> pd.DataFrame:
        """X with the names of a training table's columns.

        A frame goes by its names if the training table was one; anything else by position.
        """
        if from_frame and (frame := framed(X)) is not None:
            return frame
        if encoder.nameless is not None:
            raise InputError(f"the model was fitted on {encoder.unit}: give {encoder.nameless}")
        dtype = None if from_frame else "numeric"  # the frame's columns may have held text
        X = validate_data(self, X, reset=False, dtype=dtype, ensure_all_finite="allow-nan")
        return pd.DataFrame(X, columns=columns, copy=False)

    def explain(self, X: Any, top: int | None = None) -> pd.DataFrame:
        """Why rows are as abnormal as they are, column by column.

        Beside each row stands the nearest normal one: a generated record lends it the fewest cells
        that make it normal.  What differs contributes; the contributions of a row add up to its
        score's excess over that of the normal row.

        Args:
            X: n rows.
            top: Columns to give of each row, those that contribute most; all by default.

        Returns:
            A line for each row and column: ``row`` (counted from 0), ``rank`` (1 contributes most),
            ``column``, ``contribution`` (in units of the score, larger for more abnormal, 0 where
            the cell needn't change), ``observed``, ``expected`` (the cell of the normal row) and
            ``sentence``.

        Raises:
            InputError: As ``score_samples``; if the model is of pictures, or ``top`` isn't a
                positive integer.

        Warns:
            DataWarning: As ``score_samples``.
        """
        if top is not None:
            check_positive_integer("top", top)
        explainer = self._explains()
        self.score_rows(X)  # warns of what is odd about the rows
        return explainer(self._scoring_frame(X), top=top, source="X").frame

    def explain_frame(
        self, frame: pd.DataFrame, *, top: int | None = None, source: str = "the table"
    ) -> Explanation:
        """Explain a table whose columns go by name; arguments and errors as of :meth:`explain`.

        What is odd about its cells isn't told.
        """
        return self._explains()(frame, top=top, source=source)

    def calibrate(
        self,
        X: Any = None,
        y: Any = None,
        *,
        alpha: float | None = None,
        kind: str = "platt",
        source: str = "X",
    ) -> Self:
        """Set the threshold anew, or learn from labelled rows what scores say of probabilities.

        Nothing is trained.  p-values stay as they are.

        Args:
            X: n rows that the model was *not* fitted on: on its training rows a model is too sure.
            y: Their labels (n,), 1 for abnormal and 0 for normal.
            alpha: Share of normal rows that may be flagged wrongly, in (0, 1), as at fit; replaces
                a contamination, too.
            kind: How scores become probabilities: ``"platt"`` by a logistic curve, ``"isotonic"``
                by any rising one, which takes more rows.
            source: What messages call the rows.

        Returns:
            The detector itself, changed: its threshold is alpha's, and with labels it has
            :meth:`predict_proba`.  ``training_facts_["calibration"]`` and ``["probability"]`` say
            how good that is.

        Raises:
            InputError: If nothing is given, or a value, the rows or the labels can't be used.

        Warns:
            DataWarning: If the calibration rows are too few for ``alpha``; as ``score_samples``.
        """
        check_is_fitted(self, "ensemble_")
        if X is None and y is None and alpha is None:
            raise InputError("nothing to calibrate by: give alpha, or labelled rows")
        if (X is None) != (y is None):
            raise InputError("labelled rows are rows and their labels; give both")
        if alpha is not None:
            check_alpha(alpha)
        curve: ProbabilityCurve | None = None
        quality: dict[str, Any] = {}
        if X is not None:
            from anomgan.metrics import checked_labels  # late: few commands need it

            labels = checked_labels(y)
            scored = self.score_rows(X)
            if len(labels) != len(scored.score):
                raise InputError(
                    f"{source}: {len(labels):,} labels for {len(scored.score):,} rows; "
                    f"give one for each"
                )
            curve, quality = fit_probability_curve(scored.score, labels, kind)
        if alpha is not None:
            self.alpha = self._alpha = float(alpha)
            self.contamination = None
            self.offset_ = -flagging_threshold(self.ensemble_.calibrator, self.alpha)
            facts = calibration_facts(
                self.encoder_,
                self.ensemble_,
                rule="alpha",
                threshold=-self.offset_,
                alpha=self.alpha,
            )
            self.training_facts_ = self.training_facts_ | {"calibration": to_plain(facts)}
        if curve is not None:
            self._curve = curve
            normal = scored.score[~labels] > self._limits(scored.values)[~labels]
            quality["false_positives"] = int(normal.sum())
            quality["false_positive_interval"] = binomial_interval(int(normal.sum()), len(normal))
            self.training_facts_ = self.training_facts_ | {"probability": to_plain(quality)}
        return self

    def _calibrated(self) -> bool:
        """Whether labelled rows told what scores say of probabilities."""
        if self.__dict__.get("_curve") is None:
            raise AttributeError("no labelled rows calibrated this detector; see `calibrate`")
        return True

    @available_if(_calibrated)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Floats:
        """Probabilities of n rows, float64 (n, 2): normal, abnormal.

        They hold where abnormal rows are as common as among the labelled ones.  Only there after
        :meth:`calibrate` with labelled rows.  Raises as ``score_samples`` does.
        """
        abnormal = np.asarray(self.score_rows(X).probability, dtype=np.float64)
        return np.stack([1 - abnormal, abnormal], axis=1)

    def _explains(self) -> Explainer:
        """What explains this detector's scores; it remembers the normal rows that it generated.

        Raises:
            InputError: If the model is of pictures.
        """
        check_is_fitted(self, "ensemble_")
        if not isinstance(self.encoder_, TableEncoder):
            raise InputError("explain: the model is of pictures, which have no columns to blame")
        known = self.__dict__.get("_explainer")
        if known is None or known.ensemble is not self.ensemble_:
            self._explainer = Explainer(self.encoder_, self.ensemble_)
        return self._explainer

    def sample(
        self,
        n: int,
        random_state: int | np.random.RandomState | None = None,
        *,
        condition: Mapping[str | int, Any] | None = None,
    ) -> Any:
        """Draw rows or pictures from the generators.

        Args:
            n: How many, at least one.
            random_state: Seed; the global random states are neither used nor changed.
            condition: Level that is to hold for some of the conditions, by column (in arrays, also
                by position); None or NaN is the level of missing cells.  The others come as often
                as in training.

        Returns:
            A DataFrame of the columns in use, conditions among them, if the model was fitted on
            one, else a float64 array (n, n_features_in_), in which unused constant columns hold
            their constant and other unused columns NaN.  Pictures come as an array (n, H, W) or
            (n, H, W, C) of the training pictures' type, of the size that the model works at.

        Raises:
            InputError: If n isn't a positive integer, or the model has no such condition or level.
        """
        chunks = list(self._drawn(n, random_state, condition or {}))
        values = np.concatenate(chunks)
        return self.encoder_.restore(values, self._columns, as_frame=self._from_frame)

    def sample_chunks(
        self,
        n: int,
        random_state: int | np.random.RandomState | None = None,
        *,
        condition: Mapping[str | int, Any] | None = None,
    ) -> Iterator[Any]:
        """Draw the rows of :meth:`sample` piece by piece, in memory that doesn't grow with n.

        Yields:
            Frames of the columns in use, in the training table's order, also if the model was
            fitted on an array; arrays of pictures.
        """
        for values in self._drawn(n, random_state, condition or {}):
            yield self.encoder_.restore(values, self._columns, as_frame=True)

    def _drawn(
        self, n: int, random_state: Any, condition: Mapping[str | int, Any]
    ) -> Iterator[Records]:
        """Encoded records, block by block; errors as of :meth:`sample`."""
        check_is_fitted(self, "ensemble_")
        check_positive_integer("n", n)
        slots = self._slots(condition)
        return sample_records(self.ensemble_.gan, int(n), resolve_seed(random_state), slots)

    def _slots(self, condition: Mapping[str | int, Any]) -> dict[str, int]:
        """The slot of each level that is to hold, by the condition's name.

        Raises:
            InputError: If there is no such condition or level.
        """
        known = {column.name: column for column in self.encoder_.schema.conditions}
        by_label = self._from_frame
        names = resolve_condition_names(
            list(condition), self._columns, by_label=by_label, source="X"
        )
        slots = {}
        for name, level in zip(names, condition.values(), strict=True):
            if not known:
                raise InputError(
                    f"condition {name!r}: the model has no conditions; fit it with some, or leave "
                    f"this out"
                )
            if name not in known:
                raise InputError(
                    f"condition {name!r}: the model has no such condition; it has: {quoted(known)}"
                )
            slot = known[name].slot(level)
            if slot is None:
                raise InputError(
                    f"condition {name!r}: the generator learnt no level {level!r}; it knows: "
                    f"{shortened(known[name].slots)}"
                )
            slots[name] = slot
        return slots

    def save(self, directory: str | Path) -> None:
        """Write a model directory: JSON and safetensors, whole or not at all.

        A random state that isn't a number is stored as the seed that was drawn from it.

        Args:
            directory: A path where nothing, an empty folder or an older model is.

        Raises:
            InputError: If something else is there or it can't be written; then all is as before.
        """
        check_is_fitted(self, "ensemble_")
        store.save(
            store.Model(self.encoder_, self.ensemble_, self.history_, self._about()), directory
        )

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
    def _from_model(cls, model: store.Model, device: str | None) -> Self:
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
        if estimator.method != model.ensemble.gan.name:
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
        estimator._curve = probability_curve_from_json(about.get("probability"))
        estimator._settle(model, device)
        return estimator

    @staticmethod
    def _alpha_of(about: Mapping[str, Any]) -> float | None:
        """The alpha that a stored model's threshold is for; None if it is of another kind."""
        params = about["params"]
        fallback = params["alpha"] if params["contamination"] is None else None
        alpha = about.get("alpha", fallback)
        check(float | None, alpha, "alpha")
        if alpha is not None and not 0 < alpha < 1:
            raise ValueError(f"an alpha of {alpha:g}")
        return None if alpha is None else float(alpha)

    def _check_params(self, kind: str) -> None:
        """Check parameters read from a file as fitting does for this kind of data.

        Raises:
            TypeError: If one is of another kind.
            ValueError: If one is wrong.
        """
        resolve_config(
            self.method, self.preset, self.settings, self.alpha, self.contamination, kind
        )
        resolve_seed(self.random_state)
        check(str, self.device, "device")
        check(bool, self.verbose, "verbose")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            resolve_condition(self.method, self.condition, other=False)

    def _settle(self, model: store.Model, device: str | None = None) -> None:
        """Take a model over, onto the device that suits this machine."""
        self.device_ = device or resolve_stored_device(self.device)
        self.encoder_, self.ensemble_ = model.encoder, model.ensemble.to(self.device_)
        self.history_ = model.history

    def __getstate__(self) -> dict[str, Any]:
        """Parameters and plain data: no tensor, so that any machine can unpickle it."""
        state = dict(super().__getstate__())
        state.pop("_explainer", None)  # made anew when needed
        if "ensemble_" in state:
            model = store.Model(
                state.pop("encoder_"), state.pop("ensemble_"), state.pop("history_"), {}
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
            self._settle(store.unpack(*packed))


def _places(report: ParseReport, first_row: int) -> NDArray[np.int64]:
    """For each record its place among those that could be read, (n,); −1 for the others."""
    read = np.ones(report.rows, dtype=np.bool_)
    read[[row - first_row for row in report.lost]] = False
    return np.where(read, np.cumsum(read) - 1, -1)


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
    chosen = None if device is None else resolve_device(device)
    model = store.load(directory)
    try:
        return GANDetector._from_model(model, chosen)
    except store.UNFIT as error:
        raise store.damaged(directory, f"{type(error).__name__}: {error}") from error
