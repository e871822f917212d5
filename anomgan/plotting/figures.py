"""Draw scores, training and evaluation as matplotlib figures; :mod:`.style` saves them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from anomgan.plotting.displays import CalibrationDisplay, PValueDisplay, ScoreDisplay
from anomgan.plotting.style import (
    ABNORMAL,
    CYCLE,
    GREY,
    NORMAL,
    WIDTH,
    new_axes,
    new_figure,
    styled,
)

if TYPE_CHECKING:
    import pandas as pd

    from anomgan.training.health import Health
    from anomgan.training.history import Progress

MAX_PICTURES = 64
"""Pictures that :func:`sample_grid` shows."""

# --- scores ---------------------------------------------------------------------------------------


@styled
def score_histogram(
    calibration_scores: ArrayLike,
    scores: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    threshold: float | None = None,
) -> Figure:
    """Histogram of scores: of held-out normal rows, and of new ones beside them.

    Args:
        calibration_scores: Of held-out normal rows, (m,); larger is more abnormal.
        scores: Of new rows, (n,).
        labels: Which of these are abnormal, (n,) of 0 and 1.
        threshold: Above it rows are flagged; no line is drawn if it is missing or infinite.
    """
    figure, axis = new_axes()
    ScoreDisplay(calibration_scores, scores, labels, threshold).draw(axis)
    figure.legend(loc="outside upper left", ncols=2)
    return figure


@styled
def p_value_histogram(p_values: ArrayLike) -> Figure:
    """Histogram of p-values; those of normal rows are uniform.

    Args:
        p_values: (n,), in (0, 1]; smaller is more abnormal.
    """
    figure, axis = new_axes()
    PValueDisplay(p_values).draw(axis)
    figure.legend(loc="outside upper left", ncols=2)
    return figure


# --- training -------------------------------------------------------------------------------------


@styled
def loss_curves(curve: Sequence[Progress]) -> Figure:
    """Losses over training, a panel for each trained network; means over the members.

    Args:
        curve: Points of :attr:`anomgan.training.history.TrainingHistory.curve`.
    """
    names = list(dict.fromkeys(name for point in curve for name in point.losses))
    figure, panels = new_figure(1, max(1, len(names)), height=2.3)
    for axis, name, colour in zip(panels[0], names, [*CYCLE] * len(names), strict=False):
        points = [(point.step, point.losses[name]) for point in curve if name in point.losses]
        axis.plot(*zip(*points, strict=True), color=colour, linestyle="-")
        axis.set_title(name)
        axis.xaxis.set_major_locator(MaxNLocator(2, integer=True))
    panels[0, 0].set_ylabel("loss")
    figure.supxlabel("training step", fontsize=9)
    return figure


@styled
def health_curves(health: Sequence[Health], held_out: Health | None = None) -> Figure:
    """Quality of generated records over training, beside that of real records.

    Args:
        health: Measurements in the order of their steps, against training rows.
        held_out: Measured at the end, against held-out rows; drawn as a diamond.
    """
    titles = {
        "coverage": "coverage (1 is best)",
        "density": "density (1 is best)",
        "two_sample": "two-sample accuracy (½ is best)",
        "frechet": "Fréchet distance (0 is best)",
    }
    figure, panels = new_figure(2, 2, height=4.2)
    steps = [entry.step for entry in health]
    for axis, (name, title) in zip(panels.flat, titles.items(), strict=True):
        axis.set_title(title, fontsize=8.5)
        if health:
            members = np.array([entry.measures[name] for entry in health])
            real = np.array([entry.baseline[name] for entry in health]).mean(1)
            axis.plot(steps, members, color=NORMAL, linestyle="-", linewidth=0.6, alpha=0.45)
            axis.plot(steps, members.mean(1), color=NORMAL, linestyle="-", label="generated, mean")
            axis.plot(steps, real, color=GREY, linestyle="--", label="real")
        if held_out is not None:
            last = float(np.mean(held_out.measures[name]))
            axis.plot(
                [max([held_out.step, *steps])],
                [last],
                "D",
                color=ABNORMAL,
                label="against held-out rows",
            )
        axis.xaxis.set_major_locator(MaxNLocator(3, integer=True))
        axis.set_ylim(bottom=0)
    figure.supxlabel("training step", fontsize=9)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3)
    return figure


# --- against labels -------------------------------------------------------------------------------


@styled
def roc(labels: ArrayLike, score: ArrayLike) -> Figure:
    """Share of abnormal rows found against share of normal rows flagged, over all thresholds.

    Args:
        labels: (n,), 1 for abnormal; both kinds are there.
        score: (n,), larger is more abnormal.
    """
    from sklearn.metrics import roc_auc_score, roc_curve

    false, true, _ = roc_curve(labels, score)
    figure, axis = new_axes(3.2)
    axis.plot(false, true, label=f"AUROC {roc_auc_score(labels, score):.3f}")
    axis.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="chance 0.500")
    axis.set(xlabel="share of normal rows flagged", ylabel="share of abnormal rows found")
    axis.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    axis.legend(loc="lower right")
    return figure


@styled
def precision_recall(labels: ArrayLike, score: ArrayLike) -> Figure:
    """Precision against recall over all thresholds.

    Args:
        labels: (n,), 1 for abnormal; both kinds are there.
        score: (n,), larger is more abnormal.
    """
    from sklearn.metrics import average_precision_score, precision_recall_curve

    precision, recall, _ = precision_recall_curve(labels, score)
    share = float(np.mean(np.asarray(labels, dtype=np.float64)))
    figure, axis = new_axes(3.2)
    area = average_precision_score(labels, score)
    axis.step(recall, precision, where="post", label=f"average precision {area:.3f}")
    axis.axhline(share, color=GREY, linestyle=":", label=f"chance {share:.3f}")
    axis.set(
        xlabel="recall (share of abnormal rows found)",
        ylabel="precision (abnormal among flagged)",
    )
    axis.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    axis.legend(loc="lower left")
    return figure


@styled
def reliability(curve: pd.DataFrame) -> Figure:
    """Share of rows that are abnormal against their mean probability, bin by bin.

    Args:
        curve: As :func:`anomgan.metrics.reliability` gives it.
    """
    figure, axis = new_axes(3.2)
    CalibrationDisplay(curve).draw(axis)
    axis.legend(loc="upper left")
    return figure


# --- pictures -------------------------------------------------------------------------------------


@styled
def sample_grid(pictures: ArrayLike) -> Figure:
    """Pictures side by side, row by row; at most `MAX_PICTURES` of them.

    Args:
        pictures: ``(n, H, W)`` or ``(n, H, W, C)`` with one or three channels; whole numbers from 0
            to 255 or floats from 0 to 1.

    Raises:
        ValueError: If the shape is another.
    """
    shown: NDArray[Any] = np.asarray(pictures)[:MAX_PICTURES]
    if shown.ndim == 4 and shown.shape[-1] == 1:
        shown = shown[..., 0]
    if not len(shown) or shown.ndim not in (3, 4) or (shown.ndim == 4 and shown.shape[-1] != 3):
        raise ValueError(f"pictures of shape {shown.shape}; need (n, H, W) or (n, H, W, 1 or 3)")
    top = 255 if shown.dtype.kind in "iu" else 1.0
    across = min(8, int(np.ceil(np.sqrt(len(shown)))))
    down = -(-len(shown) // across)
    tall = shown.shape[1] / shown.shape[2]
    figure, panels = new_figure(down, across, height=WIDTH * down / across * tall)
    for axis in panels.flat:
        axis.set_axis_off()
    for axis, picture in zip(panels.flat, shown, strict=False):
        axis.imshow(np.clip(picture / top, 0, 1), cmap="gray", vmin=0, vmax=1)
    return figure
