"""Encoded records in, scores out: views, GAN, inversion, components, calibration in one line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anomgan.calibration.conformal import Calibrator, Floats
from anomgan.calibration.mondrian import Mondrian
from anomgan.config import Config
from anomgan.data.spec import Spec
from anomgan.data.table.robust_scaling import FARTHEST
from anomgan.errors import InputError, out_of_memory
from anomgan.gans import GAN
from anomgan.gans.weights import arrays, rebuilt
from anomgan.scoring.features import Evidence
from anomgan.scoring.judge import FloatArray, Judge
from anomgan.scoring.localization.anomaly_map import Mapper
from anomgan.scoring.scorer import by_block
from anomgan.training.ensemble import Ensemble
from anomgan.training.monitor import Training
from anomgan.utils.serialization import below


@dataclass
class Detector:
    """A fitted ensemble and what its scores mean.

    Attributes:
        judge: Scores records.
        pooled: Scores records without a known condition, where the model knows conditions; its
            scores are on the other judge's scale.
        calibrator: Turns scores into p-values, whatever the condition.
        training: How the networks were trained.
        mapper: Draws maps of pictures; None for tables.
        mondrian: Does so for each condition apart, where the model knows conditions.
    """

    judge: Judge
    pooled: Judge | None
    calibrator: Calibrator
    training: Training
    mapper: Mapper | None = None
    mondrian: Mondrian | None = None

    @classmethod
    def fit(cls, ensemble: Ensemble, values: Floats, *, as_new: Floats | None = None) -> Detector:
        """Learn what usual scores are and, of pictures, what maps of usual ones look like.

        Arguments are as of :meth:`calibrate`; the score is the one that the settings name.
        """
        gan = ensemble.gan
        kind = gan.config.score
        detector = cls.calibrate(ensemble, values, kind, as_new=as_new)[kind]
        if gan.views.spec.grid is not None:
            data = torch.from_numpy(values).to(gan.views.loc.device)
            detector.mapper = Mapper.fit(gan, data, ensemble.rows, ensemble.folds)
        return detector

    @classmethod
    def calibrate(
        cls, ensemble: Ensemble, values: Floats, *kinds: str, as_new: Floats | None = None
    ) -> dict[str, Detector]:
        """Learn what usual scores are, for one or more kinds of score.

        Args:
            ensemble: Trained networks.
            values: The encoded records they were trained on, ``(n, *shape)``.
            kinds: Which scores, keys of :data:`anomgan.scoring.scorer.WEIGHTS`.
            as_new: The same records encoded as if each were new, if that makes a difference.
        """
        judges = Judge.fit(ensemble, values, *kinds, as_new=as_new)
        spec = ensemble.gan.views.spec
        found = {
            kind: cls(judge, None, Calibrator.fit(spec.worst(scores)), ensemble.training)
            for kind, (judge, scores) in judges.items()
        }
        if spec.conditions:
            held = np.concatenate(ensemble.folds)
            blank = _without_condition(ensemble.gan, values)
            blank_new = None if as_new is None else _without_condition(ensemble.gan, as_new)
            unconditioned = Judge.fit(ensemble, blank, *kinds, as_new=blank_new)
            for kind, (anyone, others) in unconditioned.items():
                detector, scores = found[kind], judges[kind][1]
                detector.pooled = anyone.aligned(others, scores)
                unknown = detector.pooled.mapped(others)
                groups = [
                    (spec.told(rows[held]), spec.worst(own))
                    for rows, own in ((values, scores), (blank, unknown))
                ]
                detector.mondrian = Mondrian.fit(detector.calibrator, groups)
        return found

    @property
    def gan(self) -> GAN:
        """The trained networks."""
        return self.judge.scorer.gan

    def components(self, values: Floats) -> dict[str, Floats]:
        """Scaled components of encoded records, each ``(n,)``, mean of all members.

        0 is the median of normal rows, 1 an interquartile range more abnormal.  Of pictures in
        tiles, those of the most abnormal tile.
        """
        names = [component.name for component in self.judge.scorer.components]
        found = np.empty((len(names), len(values)))
        for judge, rows, records in self._shares(values):
            found[:, rows] = judge.components(records)
        if (tiles := self.gan.views.spec.tiles) > 1:
            worst = self._scores(values).reshape(-1, tiles).argmax(1)
            found = found[:, np.arange(len(worst)) * tiles + worst]
        return dict(zip(names, found, strict=True))

    def score(self, values: Floats) -> Floats:
        """Scores of encoded records, ``(n, *shape) -> (n,)``; larger is more abnormal.

        Of n / t pictures of t tiles each, the largest of their tiles, ``(n / t,)``.

        Raises:
            InputError: If one isn't finite, as a model that was tampered with may bring about.
        """
        return self.gan.views.spec.worst(self._scores(values))

    def _scores(self, values: Floats) -> Floats:
        """Scores of encoded records, tiles each for itself, ``(n, *shape) -> (n,)``."""
        found = np.empty(len(values))
        for judge, rows, records in self._shares(values):
            found[rows] = judge.score(records)
        if not np.isfinite(found).all():  # weights may be such that sums overflow
            raise InputError(
                f"the model gives row {int(np.argmin(np.isfinite(found)))} no score that is a "
                f"number; fit it again"
            )
        return found

    def p_values(self, score: Floats, values: Floats) -> Floats:
        """Conformal p-values, ``(n,)`` in (0, 1], of encoded records with these scores.

        Where the model knows conditions, they are valid for each that has calibration rows enough.
        """
        if self.mondrian is None:
            return self.calibrator.p_values(score)
        return self.mondrian.p_values(score, self.gan.views.spec.told(values))

    def _shares(self, values: Floats) -> list[tuple[Judge, NDArray[np.bool_], Floats]]:
        """Each judge with the rows that are its to judge (where, and the records)."""
        if self.pooled is None:
            return [(self.judge, np.ones(len(values), dtype=np.bool_), values)]
        known = np.ones(len(values), dtype=np.bool_)
        for span in self.gan.views.spec.spans:
            if span.kind == "condition":
                known &= values[:, span.slice].any(1)
        unknown = _without_condition(self.gan, values[~known])
        shares = [(self.judge, known, values[known]), (self.pooled, ~known, unknown)]
        return [share for share in shares if len(share[2])]

    def reconstructions(self, values: Floats) -> Floats:
        """The nearest generated records G(z*), ``(n, D) -> (n, D)``, mean of all members."""
        return np.concatenate(by_block(self.gan, self._data(values), self._again), -1).T

    def _again(self, block: Tensor) -> Floats:
        """Of one block, ``(n, D) -> (D, n)``."""
        made = Evidence.gather(self.gan, block, len(block)).generated
        return np.asarray(self.gan.views.inverse(made).mean(0).T.cpu().numpy())

    def anomaly_maps(self, values: Floats) -> NDArray[np.float32]:
        """Where encoded pictures are abnormal, ``(n, D) -> (n, H, W)``; larger is more abnormal.

        0 is usual on normal pictures, and one in a hundred of their places is above 1.

        Raises:
            ValueError: If the detector has learnt from a table.
        """
        if self.mapper is None:
            raise ValueError("only pictures have maps")
        return self.mapper(self._data(values))

    def _data(self, values: Floats) -> Tensor:
        return torch.from_numpy(values).to(self.gan.views.loc.device)

    def to(self, device: str) -> Detector:
        """Move to a device, in place."""
        self.gan.to(device)
        if self.mapper is not None:
            self.mapper.to(device)
        for judge in (self.judge, self.pooled):
            if judge is not None:
                judge.to(device)
        return self

    def state(self) -> dict[str, FloatArray]:
        """Everything that was fitted, by name; :meth:`from_state` rebuilds the detector from it.

        Weights are float32, in which they were trained; whatever needs float64 keeps it.  Scores
        after the round trip are equal to those before.
        """
        pooled = {} if self.pooled is None else self.pooled.state()
        maps = {} if self.mapper is None else self.mapper.arrays()
        mondrian = {} if self.mondrian is None else self.mondrian.state()
        return {
            **arrays(self.gan),
            **self.judge.state(),
            **{f"pooled.{key}": value for key, value in pooled.items()},
            **{f"maps.{key}": value for key, value in maps.items()},
            **{f"mondrian.{key}": value for key, value in mondrian.items()},
            "calibrator.scores": self.calibrator.scores,
        }

    @classmethod
    def from_state(
        cls,
        state: Mapping[str, FloatArray],
        spec: Spec,
        *,
        name: str,
        config: Config,
        training: Training,
    ) -> Detector:
        """Rebuild from :meth:`state`, on the CPU.

        Arguments and errors are those of :func:`anomgan.gans.weights.rebuilt`, and ``training``, which
        tells how the networks were trained.
        """
        gan = rebuilt(state, spec, name=name, config=config)
        calibrator = Calibrator(state["calibrator.scores"].astype(np.float64))
        if calibrator.scores.ndim != 1 or not len(calibrator.scores):
            raise ValueError("no calibration scores")
        if np.any(np.diff(calibrator.scores) < 0):
            raise ValueError("calibration scores aren't sorted")
        judge = Judge.from_state(state, gan)
        pooled = Judge.from_state(below("pooled.", state), gan) if spec.conditions else None
        mapper = Mapper.from_arrays(gan, below("maps.", state)) if spec.grid else None
        detector = cls(judge, pooled, calibrator, training, mapper)
        if apart := below("mondrian.", state):  # models of earlier versions have none
            detector.mondrian = Mondrian.from_state(calibrator, apart, spec.conditions)
        further = state.keys() - detector.state().keys()
        if further:
            raise ValueError(f"nobody asks for {min(further)!r}")
        detector._try()
        return detector

    def _try(self) -> None:
        """Score a few records, near and far, with and without conditions, by short inversions.

        Raises:
            ValueError: If that fails.
        """
        spec, config = self.gan.views.spec, self.gan.config
        tried = np.zeros((6 * spec.tiles, *spec.shape))
        for span in spec.spans:
            if span.kind == "numeric":
                tried[2:6, span.slice] = np.array([[FARTHEST], [-FARTHEST]] * 2)
            if span.kind == "condition":
                tried[::2, span.start] = 1  # so that both judges are tried
        self.gan.config = replace(
            config,
            inversion_steps=min(1, config.inversion_steps),
            search_steps=min(1, config.search_steps),
            starts=1,
        )
        try:
            self.score(tried)
            maps = np.zeros(1) if self.mapper is None else self.anomaly_maps(tried)
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


def _without_condition(gan: GAN, values: Floats) -> Floats:
    """The same records under no condition."""
    blank = values.copy()
    blank[:, gan.views.spec.record :] = 0
    return blank
