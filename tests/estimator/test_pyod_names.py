"""Attributes by the names that PyOD gives them, and the logger."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from anomgan import GANDetector


def test_held_out_scores_threshold_and_labels(on_array):
    assert on_array.threshold_ == -on_array.offset_
    scores = on_array.decision_scores_
    assert scores.shape == (on_array.training_facts_["calibration"]["rows"],)
    assert np.array_equal(on_array.labels_, (scores > on_array.threshold_).astype(int))
    assert on_array.labels_.mean() == on_array.training_facts_["calibration"]["share_flagged"]
    scores[:] = 0  # a copy
    assert on_array.decision_scores_.any()


@pytest.mark.parametrize("name", ["decision_scores_", "threshold_", "labels_"])
def test_they_do_not_exist_before_the_fit(name):
    assert not hasattr(GANDetector(), name)


def test_a_fit_logs_what_it_does(tiny, numbers, caplog, capsys):
    with caplog.at_level(logging.INFO, logger="anomgan"):
        tiny().fit(numbers())
    said = "\n".join(caplog.messages)
    assert "X: 120 rows" in said or " rows" in said
    assert said.count("step ") == 10
    assert "calibrating" in said
    assert "fitted in " in said
    assert capsys.readouterr().err == ""
