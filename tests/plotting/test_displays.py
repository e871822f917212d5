from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from anomgan import plotting
from anomgan.plotting import (
    AnomalyMapDisplay,
    CalibrationDisplay,
    ExplanationDisplay,
    LossDisplay,
    PValueDisplay,
    ScoreDisplay,
)


class FakeDetector:
    """Gives what displays ask for, known beforehand."""

    decision_scores_ = np.array([0.0, 1.0, 2.0, np.inf])
    threshold_ = 1.5
    encoder_ = None

    def score_samples(self, X: Any) -> Any:
        return -np.asarray(X, dtype=float)

    def p_values(self, X: Any) -> Any:
        return np.asarray(X, dtype=float)

    def anomaly_map(self, X: Any) -> Any:
        return np.zeros((len(X), 4, 4))

    def predict_proba(self, X: Any) -> Any:
        return np.stack([1 - X, X], axis=1)

    def explain(self, X: Any, top: int) -> pd.DataFrame:
        lines = {
            "row": 0,
            "rank": [2, 1],
            "column": ["heat", "site"],
            "contribution": [0.5, 2.0],
            "observed": ["70", "moon"],
        }
        return pd.DataFrame(lines)[:top]


DETECTOR: Any = FakeDetector()


def new_axis() -> Any:
    return Figure().subplots()


def test_scores_are_shares_of_their_rows() -> None:
    display = ScoreDisplay.from_estimator(DETECTOR, [5.0, 6.0], [0, 1], ax=new_axis())
    filled = [patch for patch in display.ax_.patches if patch.get_fill()]
    assert [float(patch.get_data().values.sum()) for patch in filled] == [1.0, 1.0, 1.0]
    legend = display.ax_.get_legend()
    assert legend is not None
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts == [
        "held-out normal rows (3)",
        "new, normal (1)",
        "new, abnormal (1)",
        "threshold 1.5",
    ]
    assert display.figure_ is display.ax_.get_figure()


def test_a_threshold_that_flags_nothing_is_not_drawn() -> None:
    assert not ScoreDisplay([0.0, 1.0], threshold=np.inf).plot(new_axis()).ax_.lines


def test_a_p_value_lies_in_the_bin_that_it_ends() -> None:
    display = PValueDisplay.from_estimator(DETECTOR, [0.05, 0.06, 1.0], ax=new_axis())
    heights = display.ax_.patches[0].get_data().values  # type: ignore[attr-defined]
    assert np.flatnonzero(heights).tolist() == [0, 1, 19]


def test_calibration_is_drawn_from_probabilities() -> None:
    X, y = np.array([0.1, 0.1, 0.9, 0.9]), [0, 0, 1, 1]
    ax = CalibrationDisplay.from_estimator(DETECTOR, X, y, ax=new_axis()).ax_
    given, abnormal = ax.lines[1].get_data()
    assert np.allclose(given, [0.1, 0.9])
    assert np.allclose(abnormal, [0, 1])


def test_the_largest_contribution_is_on_top() -> None:
    ax = ExplanationDisplay.from_estimator(DETECTOR, None, ax=new_axis()).ax_
    assert [text.get_text() for text in ax.get_yticklabels()] == ["site = moon", "heat = 70"]
    assert [bar.get_width() for bar in ax.patches] == [2.0, 0.5]  # type: ignore[attr-defined]
    assert ax.yaxis_inverted()


def test_a_map_lies_over_its_picture() -> None:
    picture = np.zeros((8, 8), np.uint8)
    ax = AnomalyMapDisplay.from_estimator(DETECTOR, picture, ax=new_axis()).ax_
    assert ax.images[0].get_array().shape == (4, 4, 3)  # type: ignore[union-attr]


def test_losses_are_drawn_by_network() -> None:
    ax = LossDisplay({"generator": ([1, 2], [3.0, 4.0])}).plot(new_axis()).ax_
    assert ax.lines[0].get_label() == "generator"
    assert ax.lines[0].get_ydata() == pytest.approx([3.0, 4.0])


def test_without_an_axis_a_figure_of_pyplot_is_made() -> None:
    from matplotlib import pyplot

    display = LossDisplay({}).plot()
    assert display.figure_.number in pyplot.get_fignums()  # type: ignore[attr-defined]
    pyplot.close(display.figure_)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'PieDisplay'"):
        _ = plotting.PieDisplay
