from __future__ import annotations

import numpy as np
import pytest

from anomgan import GANDetector
from anomgan.bench.contender import EncodedTable
from anomgan.bench.gans import GANContender
from anomgan.config import Config
from anomgan.data.samples import load_sample

TINY = {"steps": 5, "members": 2, "hidden": 8, "latent": 4, "inversion_steps": 1}


@pytest.mark.filterwarnings("ignore::anomgan.errors.DataWarning")
def test_scores_are_those_of_the_detector():
    sample = load_sample("penguins")  # numbers, categories and gaps
    table = EncodedTable.of(sample.normal, sample.new)
    config = Config.make("fast", TINY)
    gan = GANContender("f-anogan", ("combined", "paper"), config, "cpu")
    assert gan.names == ("f-anogan", "f-anogan (paper)")
    for kind, outcome in zip(gan.kinds, gan.run(table, 7), strict=True):
        settings = {**TINY, "score": kind, "contrast": "on"}  # as they share a training
        detector = GANDetector(
            "f-anogan", preset="fast", settings=settings, random_state=7, device="cpu"
        )
        expected = -detector.fit(sample.normal).score_samples(sample.new)
        assert np.array_equal(outcome.scores, expected)
        assert outcome.fit_s > table.fit_s
        assert outcome.score_s > table.score_s
    assert gan.select(["f-anogan (paper)"]).kinds == ("paper",)


@pytest.mark.filterwarnings("ignore::anomgan.errors.DataWarning")
def test_the_control_is_the_same_detector_without_a_step():
    sample = load_sample("penguins")
    table = EncodedTable.of(sample.normal, sample.new)
    gan = GANContender("gan", ("combined", "paper"), Config.make("fast", TINY), "cpu")
    control = gan.control()
    assert control.names == ("untrained", "untrained (paper)")
    assert GANContender("sngan", ("combined",), Config(), "cpu").control().name == "untrained sngan"
    assert control.select(["untrained (paper)"]).names == ("untrained (paper)",)
    settings = {**TINY, "steps": 0, "checks": 0, "restarts": 0}
    detector = GANDetector(preset="fast", settings=settings, random_state=7, device="cpu")
    expected = -detector.fit(sample.normal).score_samples(sample.new)
    outcome = next(control.run(table, 7))
    assert np.array_equal(outcome.scores, expected)
    assert not np.array_equal(outcome.scores, next(gan.run(table, 7)).scores)
