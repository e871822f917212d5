"""Parameters and settings, and fits that fail."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from anomgan import InputError
from anomgan.config import Config


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"method": "gun"}, "unknown method 'gun'; choose one of: .*f-anogan"),
        ({"method": None}, "unknown method None"),
        ({"method": ["gan"]}, r"unknown method \['gan'\]; choose one of: .*, gan, "),
        ({"preset": "slow"}, "unknown preset 'slow'"),
        ({"preset": ["fast"]}, r"preset=\['fast'\] must be names"),
        ({"settings": {"colour": 1}}, "unknown setting 'colour'"),
        ({"settings": {"steps": -1}}, "setting steps=-1 must lie between"),
        ({"settings": {"views": ["rosy"]}}, "'rosy'"),
        ({"settings": {"views": []}}, "views"),
        ({"settings": {"score": "guess"}}, "'guess'"),
        ({"settings": "steps=3"}, "settings='steps=3' must be a dict"),
        ({"alpha": 0}, "alpha=0 must lie between 0 and 1"),
        ({"alpha": 1.0}, "alpha=1.0 must lie between 0 and 1"),
        ({"alpha": True}, "alpha=True must lie"),
        ({"alpha": "0.05"}, "alpha='0.05' must lie"),
        ({"alpha": float("nan")}, "alpha=nan must lie"),
        ({"contamination": 0.6}, "contamination=0.6 must be None or lie in"),
        ({"contamination": 0}, "contamination=0 must"),
        ({"contamination": "auto"}, "contamination='auto' must"),
        ({"device": "gpu"}, "device='gpu' must be one of: auto, cpu, cuda, cuda:N"),
        ({"device": None}, "device=None must be one of"),
        ({"device": "cuda:x"}, "device='cuda:x' must be one of"),
        ({"device": "cuda:999"}, "device='cuda:999': torch finds .* CUDA device"),
    ],
)
def test_wrong_parameters_are_named_at_fit(tiny, numbers, params, message):
    detector = tiny(**params)
    with pytest.raises(InputError, match=message) as caught:
        detector.fit(numbers())
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_is_refused_where_there_is_none(tiny, numbers):
    with pytest.raises(
        InputError, match="torch finds no CUDA devices here; choose 'auto' or 'cpu'"
    ):
        tiny(device="cuda").fit(numbers())
    assert tiny(device="auto").fit(numbers()).device_ == "cpu"


def test_settings_change_the_preset(tiny, numbers):
    small = tiny().settings
    detector = tiny(preset="fast", settings=small | {"steps": "7"}).fit(numbers())
    wanted = Config.make("fast", small | {"steps": 7, "penalty": "zero-centred"})
    assert detector.ensemble_.gan.config == replace(wanted, spectral_norm="off")


def test_a_failed_fit_leaves_the_older_one(numbers, on_array):
    detector = copy.deepcopy(on_array)
    before = detector.score_samples(numbers())

    def interrupt(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        detector.fit(numbers(50, seed=3), callback=interrupt)
    assert np.array_equal(detector.score_samples(numbers()), before)


def test_training_that_diverges_is_told(tiny, numbers, monkeypatch):
    def forget(gan, *_):
        for weight in gan.parameters():
            weight.data.fill_(torch.nan)
        return []

    monkeypatch.setattr("anomgan.training.ensemble.train", forget)
    with pytest.raises(InputError, match="training diverged; try again with a lower"):
        tiny().fit(numbers())
