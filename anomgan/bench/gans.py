"""Our GANs as contenders: one training serves every kind of score."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from anomgan.bench.contender import Encoded, Outcome
from anomgan.config import Config
from anomgan.scoring.fitted_ensemble import FittedEnsemble
from anomgan.training.ensemble import TrainedEnsemble
from anomgan.utils.memory import forget_peak, peak_mb


@dataclass(frozen=True)
class Gan:
    """A method of ours, scored in one or more ways.

    Attributes:
        method: A registered GAN.
        kinds: Keys of :data:`anomgan.scoring.scorer.WEIGHTS`.
        config: Settings.
        device: Where to train and score, as torch names it.
    """

    method: str
    kinds: tuple[str, ...]
    config: Config
    device: str

    @property
    def names(self) -> tuple[str, ...]:
        """The method's name; kinds of score other than the usual one in brackets behind it."""
        return tuple(
            self.method if kind == self.config.score else f"{self.method} ({kind})"
            for kind in self.kinds
        )

    def only(self, names: Collection[str]) -> Gan:
        """The same training for some of the scores."""
        kept = [kind for kind, own in zip(self.kinds, self.names, strict=True) if own in names]
        return Gan(self.method, tuple(kept), self.config, self.device)

    def run(self, table: Encoded, seed: int) -> Iterator[Outcome]:
        """Train and score once for all kinds; each is charged the seconds of all.

        The scores are those of ``GANDetector(method, random_state=seed)``.

        Raises:
            InputError: If training diverges.
        """
        forget_peak()
        started = time.perf_counter()
        ensemble = TrainedEnsemble.fit(
            table.normal,
            table.spec,
            name=self.method,
            config=self.config,
            seed=seed,
            device=self.device,
        )
        detectors = FittedEnsemble.fit_scores(
            ensemble.gan,
            table.normal,
            ensemble.rows,
            ensemble.folds,
            *self.kinds,
            as_new=table.as_new,
        )
        ready = time.perf_counter()
        raw = detectors[self.kinds[0]].scorer.evaluate(table.new)
        scores = {kind: own.scorer.combine(raw) for kind, own in detectors.items()}
        done = time.perf_counter()
        fit_s, score_s = table.fit_s + ready - started, table.score_s + done - ready
        for kind in self.kinds:
            yield Outcome(scores[kind], fit_s, score_s, peak_mb())
