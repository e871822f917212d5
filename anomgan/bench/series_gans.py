"""Our GANs on series as contenders."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from anomgan.bench.contender import DetectorRun
from anomgan.bench.gans import DEFAULT_METHOD, UNTRAINED
from anomgan.bench.series_peers import ALPHA
from anomgan.bench.series_sets import SeriesSplit
from anomgan.estimator import GANDetector
from anomgan.utils.memory import forget_peak, peak_mb

UNTRAINED_SETTINGS = {"steps": 0, "checks": 0, "restarts": 0}


@dataclass(frozen=True)
class SeriesGAN:
    """A method of ours on the windows that it chooses.

    Attributes:
        method: A registered GAN.
        score: The score, as of ``--set score``.
        usual: Whether this is the usual score, which isn't named.
        preset: As of ``GANDetector``.
        settings: Settings that differ from the preset.
        device: Where to train and score, as torch names it.
        trained: False for the control: the same networks as initialised.
    """

    method: str
    score: str
    usual: bool
    preset: str
    settings: Mapping[str, Any]
    device: str
    trained: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """As of :class:`anomgan.bench.gans.GANContender`."""
        name = self.method
        if not self.trained:
            name = UNTRAINED if name == DEFAULT_METHOD else f"{UNTRAINED} {name}"
        return (name if self.usual else f"{name} ({self.score})",)

    def select(self, names: Collection[str]) -> SeriesGAN:
        """Itself: it has only one name."""
        return self

    def control(self) -> SeriesGAN:
        """The same without a training step."""
        return replace(self, trained=False)

    def run(self, table: SeriesSplit, seed: int) -> Iterator[DetectorRun]:
        """Fit and score.

        Raises:
            InputError: If the series can't be used, or training diverges.
        """
        settings = dict(self.settings) | {"score": self.score}
        settings |= {} if self.trained else UNTRAINED_SETTINGS
        detector = GANDetector(
            self.method,
            preset=self.preset,
            settings=settings,
            time=table.time,
            window="auto",
            device=self.device,
            random_state=seed,
        )
        forget_peak()
        started = time.perf_counter()
        detector.fit(table.normal)
        ready = time.perf_counter()
        scored = detector.score_rows(table.new)
        done = time.perf_counter()
        flagged = scored.p_value <= ALPHA
        yield DetectorRun(scored.score, ready - started, done - ready, peak_mb(), flagged)
