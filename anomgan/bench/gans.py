"""Our GANs as contenders: one fit serves every kind of score."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Self

from anomgan.bench.contender import DetectorRun, EncodedTable
from anomgan.config import Config
from anomgan.data.spec import Spec
from anomgan.scoring.fitted_ensemble import FittedEnsemble
from anomgan.training.ensemble import TrainedEnsemble
from anomgan.utils.memory import forget_peak, peak_mb
from anomgan.utils.types import Floats

UNTRAINED = "untrained"
"""Name of the control: the same networks as initialised, without a training step."""

DEFAULT_METHOD = "gan"


@dataclass(frozen=True)
class GANContender:
    """A method of ours, scored in one or more ways.

    Attributes:
        method: A registered GAN.
        kinds: Scores, as of :func:`anomgan.score_weights.parse_score`.
        config: Settings.
        device: Where to train and score, as torch names it.
        trained: False for the control.
    """

    method: str
    kinds: tuple[str, ...]
    config: Config
    device: str
    trained: bool = True

    @property
    def name(self) -> str:
        """The method; its control is ``untrained``, or ``untrained METHOD`` if not the default."""
        if self.trained:
            return self.method
        return UNTRAINED if self.method == DEFAULT_METHOD else f"{UNTRAINED} {self.method}"

    @property
    def names(self) -> tuple[str, ...]:
        """One name per kind of score; kinds other than the default one stand in brackets."""
        return tuple(
            self.name if kind == self.config.score else f"{self.name} ({kind})"
            for kind in self.kinds
        )

    def select(self, names: Collection[str]) -> Self:
        """The same fit for some of the scores."""
        pairs = zip(self.kinds, self.names, strict=True)
        return replace(self, kinds=tuple(kind for kind, name in pairs if name in names))

    def control(self) -> Self:
        """The same networks, inputs, components and random start, without a training step."""
        config = replace(self.config, steps=0, checks=0, restarts=0)
        return replace(self, config=config, trained=False)

    def train(self, values: Floats, spec: Spec, seed: int) -> TrainedEnsemble:
        """Train the GANs on encoded records, ``(n, *shape)``.

        Raises:
            InputError: If training diverges.
        """
        return TrainedEnsemble.fit(
            values,
            spec,
            name=self.method,
            config=self.config,
            seed=seed,
            device=self.device,
        )

    def run(self, table: EncodedTable, seed: int) -> Iterator[DetectorRun]:
        """Train and score once for all kinds; each is charged the time of all.

        The scores are those of ``GANDetector(method, random_state=seed)`` with these settings.

        Raises:
            InputError: If training diverges.
        """
        forget_peak()
        started = time.perf_counter()
        ensemble = self.train(table.normal, table.spec, seed)
        detectors = FittedEnsemble.fit_scores(
            ensemble.gan,
            table.normal,
            ensemble.rows,
            ensemble.folds,
            *self.kinds,
            as_new=table.as_new,
        )
        ready = time.perf_counter()
        scaled = detectors[self.kinds[0]].scorer.scaled_components(table.new)
        scores = {
            kind: each.raise_scores(each.scorer.combine(scaled), table.changes)
            for kind, each in detectors.items()
        }
        done = time.perf_counter()
        fit_s, score_s = table.fit_s + ready - started, table.score_s + done - ready
        for kind in self.kinds:
            yield DetectorRun(scores[kind], fit_s, score_s, peak_mb())
