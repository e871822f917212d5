"""A fitted ensemble: scores, p-values, reconstructions and anomaly maps of encoded records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anomgan.calibration.conformal import ConformalCalibrator
from anomgan.calibration.decision import Decision
from anomgan.calibration.dependent import widen_scores
from anomgan.calibration.mondrian import MondrianCalibrator
from anomgan.config import Config
from anomgan.data.series.windows import Windows
from anomgan.data.spec import Spec
from anomgan.data.table.robust_scaling import MAX_SCALED
from anomgan.errors import InputError, out_of_memory
from anomgan.gans import GAN
from anomgan.gans.blockwise import apply_in_blocks
from anomgan.gans.weights import gan_from_arrays, gan_to_arrays
from anomgan.nets.backbone import Backbone, load_backbone
from anomgan.scoring.components import Memory
from anomgan.scoring.features import RecordFeatures
from anomgan.scoring.localization.anomaly_map import AnomalyMapper
from anomgan.scoring.patches.patch_model import PatchModel
from anomgan.scoring.scorer import Scorer
from anomgan.utils.serialization import below
from anomgan.utils.types import Bools, FloatArray, Floats, Folds


@dataclass
class FittedEnsemble:
    """Trained networks with a fitted scorer, its calibration, and an anomaly mapper.

    Attributes:
        scorer: Scores records.
        pooled: Scores records whose condition is unknown, where the model knows conditions; its
            scores are on the other scorer's scale.
        calibrator: Turns scores into p-values, whatever the condition.
        mapper: Draws anomaly maps of pictures; None for tables.
        mondrian: Calibrates each condition separately, where the model knows conditions.
        patches: Scores and draws the places of pictures where the model has a backbone; there is no
            mapper then.
        held_out_points: After a fit to series, scores of held-out points, NaN for the others; not
            stored.
    """

    scorer: Scorer
    pooled: Scorer | None
    calibrator: ConformalCalibrator
    mapper: AnomalyMapper | None = None
    mondrian: MondrianCalibrator | None = None
    patches: PatchModel | None = None
    held_out_points: Floats | None = None

    @classmethod
    def fit(
        cls,
        gan: GAN,
        values: Floats,
        rows: Sequence[Tensor],
        folds: Folds,
        *,
        as_new: Floats | None = None,
        windows: Windows | None = None,
    ) -> FittedEnsemble:
        """Fit the score of the settings and, for pictures, anomaly maps.

        Arguments are those of :meth:`fit_scores`.
        """
        name = gan.config.score
        fitted = cls.fit_scores(gan, values, rows, folds, name, as_new=as_new, windows=windows)
        ensemble = fitted[name]
        if gan.views.spec.grid is not None and ensemble.patches is None:
            data = torch.from_numpy(values).to(gan.views.loc.device)
            ensemble.mapper = AnomalyMapper.fit(gan, data, rows, folds)
        return ensemble

    @classmethod
    def fit_scores(
        cls,
        gan: GAN,
        values: Floats,
        rows: Sequence[Tensor],
        folds: Folds,
        *names: str,
        as_new: Floats | None = None,
        windows: Windows | None = None,
    ) -> dict[str, FittedEnsemble]:
        """Fit and calibrate one or more scores of the same networks.

        Args:
            gan: Trained networks.
            values: The encoded records they were trained on, ``(n, *shape)``.
            rows: For each member, the indices of the records it was trained on, in random order.
            folds: For each fold, the indices of the records that its members never saw.
            names: Which scores, as of :func:`anomgan.score_weights.parse_score`.
            as_new: The same records encoded as if each were new, if that makes a difference.
            windows: The points that each record holds, if they are windows of series; points are
                calibrated then.

        Returns:
            Score name -> fitted ensemble; all of them share the networks.
        """
        spec, patches = gan.views.encoded, None
        if spec.grid is not None and gan.config.backbone != "none":
            backbone = load_backbone(gan.config.backbone)
            patches = PatchModel.fit(backbone, gan, values, rows, folds)
        scorers = Scorer.fit(gan, values, rows, folds, *names, as_new=as_new, patches=patches)

        if windows is not None:
            held_out_windows = windows.select(np.concatenate(folds))
            return {
                name: cls._calibrate_points(scorer, held_out_windows, scores)
                for name, (scorer, scores) in scorers.items()
            }
        ensembles = {
            name: cls(scorer, None, ConformalCalibrator.fit(spec.max_over_tiles(scores)))
            for name, (scorer, scores) in scorers.items()
        }
        if spec.condition_size:
            held_out = np.concatenate(folds)
            blank = _remove_condition(gan, values)
            blank_new = None if as_new is None else _remove_condition(gan, as_new)
            pooled_scorers = Scorer.fit(
                gan, blank, rows, folds, *names, as_new=blank_new, patches=patches
            )
            for name, (pooled, pooled_scores) in pooled_scorers.items():
                ensemble, scores = ensembles[name], scorers[name][1]
                ensemble.pooled = pooled.align(pooled_scores, scores)
                aligned = ensemble.pooled.apply_line(pooled_scores)
                groups = [
                    (spec.conditions(records[held_out]), spec.max_over_tiles(record_scores))
                    for records, record_scores in ((values, scores), (blank, aligned))
                ]
                ensemble.mondrian = MondrianCalibrator.fit(ensemble.calibrator, groups)
        if patches is not None:
            patches.forget()
            for ensemble in ensembles.values():
                ensemble.patches = patches
        return ensembles

    @classmethod
    def _calibrate_points(cls, scorer: Scorer, windows: Windows, scores: Floats) -> FittedEnsemble:
        """An ensemble calibrated by the points of held-out windows with these scores."""
        pooled = windows.pool(scores)
        held_out = pooled[~np.isnan(pooled)]
        calibrator = ConformalCalibrator(widen_scores(held_out, len(held_out) / windows.reach))
        return cls(scorer, None, calibrator, held_out_points=pooled)

    @property
    def gan(self) -> GAN:
        """The trained networks."""
        return self.scorer.gan

    def components(self, values: Floats) -> dict[str, Floats]:
        """Scaled components of encoded records, each ``(n,)``, mean of all members.

        0 is the median of normal rows, 1 an interquartile range more abnormal.  For pictures in
        tiles, they are those of the most abnormal tile, ``(n / tiles,)``.
        """
        names = [component.name for component in self.scorer.components]
        result = np.empty((len(names), len(values)))
        for scorer, rows, records in self._split_by_scorer(values):
            result[:, rows] = scorer.scaled_components(records)
        if (tiles := self.gan.views.spec.tiles) > 1:
            worst = self._score_records(values).reshape(-1, tiles).argmax(1)
            result = result[:, np.arange(len(worst)) * tiles + worst]
        return dict(zip(names, result, strict=True))

    def score(self, values: Floats) -> Floats:
        """Scores of encoded records, ``(n, *shape) -> (n,)``; larger is more abnormal.

        For pictures in tiles, the largest of their tiles, ``(n / tiles,)``.

        Raises:
            InputError: If one isn't finite, which the weights of a tampered model may cause.
        """
        return self.gan.views.spec.max_over_tiles(self._score_records(values))

    def _score_records(self, values: Floats) -> Floats:
        """Scores of encoded records, tiles one by one, ``(n, *shape) -> (n,)``."""
        result = np.empty(len(values))
        for scorer, rows, records in self._split_by_scorer(values):
            result[rows] = scorer.score(records)
        finite = np.isfinite(result)
        if not finite.all():  # weights may be such that sums overflow
            raise InputError(
                f"the model gives row {int(np.argmin(finite))} no score that is a "
                f"number; fit it again"
            )
        return result

    def raise_scores(self, score: Floats, changes: Mapping[str, Bools]) -> Floats:
        """As :meth:`anomgan.calibration.decision.Decision.raise_scores`."""
        return self.decision.raise_scores(score, changes)

    def p_values(self, score: Floats, values: Floats) -> Floats:
        """As :meth:`anomgan.calibration.decision.Decision.p_values`, of encoded records."""
        return self.decision.p_values(score, self.gan.views.encoded.conditions(values))

    @property
    def decision(self) -> Decision:
        """The calibration, without a threshold."""
        return Decision(self.calibrator, self.mondrian)

    def _split_by_scorer(self, values: Floats) -> list[tuple[Scorer, slice | Bools, Floats]]:
        """Each scorer with the rows that it scores, and their records."""
        if self.pooled is None:
            return [(self.scorer, slice(None), values)]
        has_conditions = np.ones(len(values), dtype=np.bool_)
        for span in self.gan.views.encoded.spans:
            if span.kind == "condition":
                has_conditions &= values[:, span.slice].any(1)
        others = _remove_condition(self.gan, values[~has_conditions])
        parts = [
            (self.scorer, has_conditions, values[has_conditions]),
            (self.pooled, ~has_conditions, others),
        ]
        return [part for part in parts if len(part[2])]

    def reconstruct(self, values: Floats) -> Floats:
        """The nearest generated records G(z*), ``(n, D) -> (n, D)``, mean of all members."""

        def reconstruct_block(block: Tensor) -> Floats:
            """Of one block, ``(n, D) -> (D, n)``."""
            generated = RecordFeatures.from_encoded(self.gan, block, len(block)).generated
            return np.asarray(self.gan.views.inverse(generated).mean(0).T.cpu().numpy())

        blocks = apply_in_blocks(self.gan, self._to_tensor(values), reconstruct_block)
        return np.concatenate(blocks, -1).T

    def recall(self, values: Floats) -> Floats:
        """The nearest remembered training records, ``(n, D) -> (n, D)``.

        Generated ones if the score remembers none.
        """
        memories = [each for each in self.scorer.components if isinstance(each, Memory)]
        if not memories:
            return self.reconstruct(values)
        views = self.gan.views.select_members(range(self.gan.config.members))
        views.to(self.gan.views.loc.device)

        def recall_block(block: Tensor) -> Floats:
            """Of one block, ``(n, D) -> (D, n)``."""
            nearest = memories[0].recall(RecordFeatures.from_encoded(self.gan, block, len(block)))
            return np.asarray(views.inverse(nearest).mean(0).T.cpu().numpy())

        blocks = apply_in_blocks(self.gan, self._to_tensor(values), recall_block)
        return np.concatenate(blocks, -1).T

    def anomaly_maps(self, values: Floats) -> NDArray[np.float32]:
        """Where encoded pictures are abnormal, ``(n, D) -> (n, H, W)``; larger is more abnormal.

        0 is the median of normal pictures' places, and one in a hundred of these is above 1.

        Raises:
            ValueError: If the ensemble was fitted on a table.
        """
        if self.patches is not None:
            return self.patches.draw_maps(self._to_tensor(values))
        if self.mapper is None:
            raise ValueError("only pictures have maps")
        return self.mapper(self._to_tensor(values))

    def _to_tensor(self, values: Floats) -> Tensor:
        return torch.from_numpy(values).to(self.gan.views.loc.device)

    def to(self, device: str) -> FittedEnsemble:
        """Move to a device, in place."""
        self.gan.to(device)
        for part in (self.scorer, self.pooled, self.mapper):
            if part is not None:
                part.to(device)
        return self

    def to_arrays(self) -> dict[str, FloatArray]:
        """Everything that was fitted, by name; :meth:`from_arrays` rebuilds the ensemble.

        Weights are float32, in which they were trained; whatever needs float64 keeps it.  Scores
        after the round trip are equal to those before.
        """
        parts = {
            "pooled": self.pooled,
            "maps": self.mapper,
            "mondrian": self.mondrian,
            "patches": self.patches,
        }
        return {
            **gan_to_arrays(self.gan),
            **self.scorer.to_arrays(),
            **{
                f"{prefix}.{key}": value
                for prefix, part in parts.items()
                if part is not None
                for key, value in part.to_arrays().items()
            },
            "calibrator.scores": self.calibrator.scores,
        }

    @classmethod
    def from_arrays(
        cls,
        state: Mapping[str, FloatArray],
        spec: Spec,
        *,
        name: str,
        config: Config,
        backbone: Backbone | None = None,
    ) -> FittedEnsemble:
        """Rebuild from :meth:`to_arrays`, on the CPU.

        Arguments and errors are those of :func:`anomgan.gans.weights.gan_from_arrays`; and the
        backbone, if the model has one.
        """
        gan = gan_from_arrays(state, spec, name=name, config=config)
        calibrator = ConformalCalibrator(state["calibrator.scores"].astype(np.float64))
        if calibrator.scores.ndim != 1 or not len(calibrator.scores):
            raise ValueError("no calibration scores")
        if np.any(np.diff(calibrator.scores) < 0):
            raise ValueError("calibration scores aren't sorted")
        patches = mapper = pooled = None
        if backbone is not None and spec.grid:
            patches = PatchModel.from_arrays(backbone, gan, below("patches.", state))
        elif spec.grid:
            mapper = AnomalyMapper.from_arrays(gan, below("maps.", state))
        scorer = Scorer.from_arrays(state, gan, patches)
        if spec.condition_size:
            pooled = Scorer.from_arrays(below("pooled.", state), gan, patches)
        ensemble = cls(scorer, pooled, calibrator, mapper, patches=patches)
        if spec.condition_size:
            ensemble.mondrian = MondrianCalibrator.from_arrays(
                calibrator, below("mondrian.", state), spec.condition_size
            )
        unexpected = state.keys() - ensemble.to_arrays().keys()
        if unexpected:
            raise ValueError(f"unexpected array {min(unexpected)!r}")
        ensemble._try_scoring()
        return ensemble

    def _try_scoring(self) -> None:
        """Score a few records, near and far, with and without conditions, by short inversions.

        Raises:
            ValueError: If that fails.
        """
        spec, config = self.gan.views.encoded, self.gan.config
        records = np.zeros((6 * spec.tiles, *spec.shape))
        for span in spec.spans:
            if span.kind == "numeric":
                records[2:6, span.slice] = np.array([[MAX_SCALED], [-MAX_SCALED]] * 2)
            if span.kind == "condition":
                records[::2, span.start] = 1  # so that both scorers are used
        self.gan.config = replace(
            config,
            inversion_steps=min(1, config.inversion_steps),
            search_steps=min(1, config.search_steps),
            starts=1,
        )
        try:
            self.score(records)
            maps = np.zeros(1) if spec.grid is None else self.anomaly_maps(records)
        except InputError:
            raise ValueError("a record's score isn't a number") from None
        except (KeyError, RuntimeError) as error:
            if out_of_memory(error):
                raise
            raise ValueError(f"the parts don't fit together: {error}") from error
        finally:
            self.gan.config = config
        if not np.isfinite(maps).all():
            raise ValueError("a picture's map isn't made of numbers")


def _remove_condition(gan: GAN, values: Floats) -> Floats:
    """A copy of the records with all entries of conditions set to 0."""
    blank = values.copy()
    blank[:, gan.views.encoded.record_size :] = 0
    return blank
