"""Figures of a detector, as matplotlib figures; :func:`png` and :func:`svg` make files of them.

Nothing here touches pyplot: no window, no figure that has to be closed.  Colours are Okabe and
Ito's, told apart by the colour-blind; lines differ in their dashes, too.  Figures are small, with
letters large enough to be read on a telephone.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.rcsetup import cycler
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from anomgan.calibrate import Floats

if TYPE_CHECKING:
    from anomgan.health import Health
    from anomgan.train import Progress

NORMAL, ABNORMAL, NEW, GREY = "#0072b2", "#d55e00", "#009e73", "#8c8c8c"
"""Colours of normal rows (or the model), of abnormal ones, of unlabelled ones, of a baseline."""

CYCLE = (NORMAL, ABNORMAL, NEW, "#cc79a7", "#e69f00", "#56b4e9")
"""Colours of lines that have no such meaning."""

INK = "#1b1f24"
"""Colour of letters and axes; :func:`svg` lets the page that it stands in choose."""

WIDTH, HEIGHT = 4.6, 2.7
"""Inches of a figure with one panel."""

MOST_PICTURES = 64
"""Pictures that :func:`sample_grid` shows."""

STYLE: Any = {
    "axes.axisbelow": True,
    "axes.edgecolor": INK,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 9,
    "axes.linewidth": 0.6,
    "axes.prop_cycle": cycler(color=CYCLE, linestyle=["-", "--", "-.", ":", "-", "--"]),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 9,
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "font.family": "sans-serif",
    "font.size": 9,
    "grid.alpha": 0.35,
    "grid.color": GREY,
    "grid.linewidth": 0.4,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "lines.linewidth": 1.5,
    "svg.fonttype": "none",
    "svg.hashsalt": "anomgan",
    "text.color": INK,
    "text.parse_math": False,
    "text.usetex": False,
    "xtick.color": INK,
    "xtick.labelsize": 8.5,
    "ytick.color": INK,
    "ytick.labelsize": 8.5,
}
"""One look for all figures."""

P = ParamSpec("P")


def _styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw in our look and leave matplotlib's settings as they were."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with mpl.rc_context(STYLE):
            figure = draw(*args, **kwargs)
            # Laid out once and for all: each further layout would move things a little.
            figure.draw_without_rendering()
            figure.set_layout_engine("none")
            return figure

    return drawn


def _figure(rows: int = 1, columns: int = 1, *, height: float | None = None) -> tuple[Figure, Any]:
    """A figure and its panels, ``(rows, columns)``."""
    size = WIDTH, height or (HEIGHT if rows == 1 else 1.75 * rows)
    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)


def _axes(height: float = HEIGHT) -> tuple[Figure, Axes]:
    figure, panels = _figure(height=height)
    return figure, panels[0, 0]


# --- scores ---------------------------------------------------------------------------------------


@_styled
def score_histogram(
    calibration_scores: ArrayLike,
    scores: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    threshold: float | None = None,
) -> Figure:
    """How scores are distributed: held-out normal rows, and new ones beside them.

    Args:
        calibration_scores: Of held-out normal rows, (m,); larger is more abnormal.
        scores: Of new rows, (n,).
        labels: Which of these are abnormal, (n,) of 0 and 1.
        threshold: Above it rows are flagged; no line is drawn if it is missing or infinite.
    """
    groups = [("held-out normal rows", NORMAL, _finite(calibration_scores))]
    if scores is not None:
        new = np.asarray(scores, dtype=np.float64)
        if labels is None:
            groups.append(("new rows", NEW, new))
        else:
            odd = np.asarray(labels).astype(bool)
            groups += [("new, normal", NEW, new[~odd]), ("new, abnormal", ABNORMAL, new[odd])]
    groups = [(name, colour, _finite(values)) for name, colour, values in groups]
    figure, axis = _axes()
    every = np.concatenate([values for _, _, values in groups])
    edges = np.histogram_bin_edges(every, 40) if len(every) else np.array([0.0, 1.0])
    for (name, colour, values), dash in zip(groups, ("-", "--", "-."), strict=False):
        if len(values):
            heights = np.histogram(values, edges)[0] / len(values)
            axis.stairs(heights, edges, fill=True, color=colour, alpha=0.22)
            axis.stairs(
                heights, edges, color=colour, linestyle=dash, label=f"{name} ({len(values):,})"
            )
    if threshold is not None and np.isfinite(threshold) and abs(threshold) < 1e6:
        axis.axvline(
            threshold, color=INK, linestyle=":", linewidth=1.2, label=f"threshold {threshold:.3g}"
        )
    axis.set(xlabel="score (larger is more abnormal)", ylabel="share of rows")
    figure.legend(loc="outside upper left", ncols=2)
    return figure


@_styled
def p_value_histogram(p_values: ArrayLike) -> Figure:
    """How p-values are distributed; those of normal rows lie evenly between 0 and 1.

    Args:
        p_values: (n,), in (0, 1]; smaller is more abnormal.
    """
    values = _finite(p_values)
    figure, axis = _axes()
    edges = np.linspace(0, 1, 21)
    # A p-value is the upper end of what it stands for, so 0.05 belongs to the first bin.
    places = np.clip(np.ceil(values / 0.05 - 1e-9).astype(int) - 1, 0, 19)
    heights = np.bincount(places, minlength=20) / max(1, len(values))
    axis.stairs(heights, edges, fill=True, color=NORMAL, alpha=0.6, label=f"{len(values):,} rows")
    axis.axhline(
        0.05, color=INK, linestyle=":", linewidth=1.2, label="if all rows were normal: even"
    )
    axis.set(xlabel="p-value (smaller is more abnormal)", ylabel="share of rows", xlim=(0, 1))
    figure.legend(loc="outside upper left", ncols=2)
    return figure


# --- training -------------------------------------------------------------------------------------


@_styled
def loss_curves(curve: Sequence[Progress]) -> Figure:
    """Losses over training, a panel for each network that moves; means over the members.

    Args:
        curve: Points of :attr:`anomgan.watch.Training.curve`.
    """
    names = list(dict.fromkeys(name for point in curve for name in point.losses))
    figure, panels = _figure(1, max(1, len(names)), height=2.3)
    for axis, name, colour in zip(panels[0], names, [*CYCLE] * len(names), strict=False):
        points = [(point.step, point.losses[name]) for point in curve if name in point.losses]
        axis.plot(*zip(*points, strict=True), color=colour, linestyle="-")
        axis.set_title(name)
        axis.xaxis.set_major_locator(MaxNLocator(2, integer=True))
    panels[0, 0].set_ylabel("loss")
    figure.supxlabel("training step", fontsize=9)
    return figure


@_styled
def health_curves(health: Sequence[Health], held_out: Health | None = None) -> Figure:
    """How well members generate while they train, beside what real records would reach.

    Args:
        health: Measurements in the order of their steps, against rows that the members learnt from.
        held_out: Measured at the end, against rows that they never saw; drawn as a diamond.
    """
    titles = {
        "coverage": "coverage (1 is best)",
        "density": "density (1 is best)",
        "two_sample": "two-sample accuracy (½ is best)",
        "frechet": "Fréchet distance (0 is best)",
    }
    figure, panels = _figure(2, 2, height=4.2)
    steps = [entry.step for entry in health]
    for axis, (name, title) in zip(panels.flat, titles.items(), strict=True):
        axis.set_title(title, fontsize=8.5)
        if health:
            own = np.array([entry.measures[name] for entry in health])
            real = np.array([entry.baseline[name] for entry in health]).mean(1)
            axis.plot(steps, own, color=NORMAL, linestyle="-", linewidth=0.6, alpha=0.45)
            axis.plot(steps, own.mean(1), color=NORMAL, linestyle="-", label="generated, mean")
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


@_styled
def roc(labels: ArrayLike, score: ArrayLike) -> Figure:
    """Share of abnormal rows found against share of normal rows flagged, over all thresholds.

    Args:
        labels: (n,), 1 for abnormal; both kinds are there.
        score: (n,), larger is more abnormal.
    """
    from sklearn.metrics import roc_auc_score, roc_curve

    false, true, _ = roc_curve(labels, score)
    figure, axis = _axes(3.2)
    axis.plot(false, true, label=f"AUROC {roc_auc_score(labels, score):.3f}")
    axis.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="chance 0.500")
    axis.set(xlabel="share of normal rows flagged", ylabel="share of abnormal rows found")
    axis.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    axis.legend(loc="lower right")
    return figure


@_styled
def precision_recall(labels: ArrayLike, score: ArrayLike) -> Figure:
    """Precision against recall over all thresholds.

    Args:
        labels: (n,), 1 for abnormal; both kinds are there.
        score: (n,), larger is more abnormal.
    """
    from sklearn.metrics import average_precision_score, precision_recall_curve

    precision, recall, _ = precision_recall_curve(labels, score)
    share = float(np.mean(np.asarray(labels, dtype=np.float64)))
    figure, axis = _axes(3.2)
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


@_styled
def reliability(labels: ArrayLike, probability: ArrayLike) -> Figure:
    """Share of rows that are abnormal against the probability they were given, in ten bins.

    Args:
        labels: (n,), 1 for abnormal.
        probability: (n,), of being abnormal, in [0, 1].
    """
    odd, given = np.asarray(labels, dtype=np.float64), np.asarray(probability, dtype=np.float64)
    places = np.minimum((given * 10).astype(int), 9)
    counts = np.bincount(places, minlength=10)
    known = counts > 0
    found = np.bincount(places, odd, 10)[known] / counts[known]
    said = np.bincount(places, given, 10)[known] / counts[known]
    figure, axis = _axes(3.2)
    axis.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="calibrated")
    axis.plot(said, found, color=NORMAL, linestyle="-", linewidth=0.8, label=f"{len(odd):,} rows")
    sizes = 12 + 140 * counts[known] / counts.sum()
    axis.scatter(said, found, s=sizes, color=NORMAL, alpha=0.75, linewidths=0)
    axis.set(
        xlabel="mean probability given (larger dots: more rows)",
        ylabel="share that is abnormal",
        xlim=(-0.03, 1.03),
        ylim=(-0.03, 1.03),
    )
    axis.legend(loc="upper left")
    return figure


# --- pictures -------------------------------------------------------------------------------------


@_styled
def sample_grid(pictures: ArrayLike) -> Figure:
    """Pictures side by side, row by row; at most `MOST_PICTURES` of them.

    Args:
        pictures: ``(n, H, W)`` or ``(n, H, W, C)`` with one or three channels; whole numbers from 0
            to 255 or floats from 0 to 1.

    Raises:
        ValueError: If the shape is another.
    """
    shown: NDArray[Any] = np.asarray(pictures)[:MOST_PICTURES]
    if shown.ndim == 4 and shown.shape[-1] == 1:
        shown = shown[..., 0]
    if not len(shown) or shown.ndim not in (3, 4) or (shown.ndim == 4 and shown.shape[-1] != 3):
        raise ValueError(f"pictures of shape {shown.shape}; need (n, H, W) or (n, H, W, 1 or 3)")
    top = 255 if shown.dtype.kind in "iu" else 1.0
    across = min(8, int(np.ceil(np.sqrt(len(shown)))))
    down = -(-len(shown) // across)
    tall = shown.shape[1] / shown.shape[2]
    figure, panels = _figure(down, across, height=WIDTH * down / across * tall)
    for axis in panels.flat:
        axis.set_axis_off()
    for axis, picture in zip(panels.flat, shown, strict=False):
        axis.imshow(np.clip(picture / top, 0, 1), cmap="gray", vmin=0, vmax=1)
    return figure


# --- out ------------------------------------------------------------------------------------------


def png(figure: Figure, *, dpi: int = 160) -> bytes:
    """A figure as a PNG file; the same figure gives the same bytes."""
    out = io.BytesIO()
    with mpl.rc_context(STYLE):
        figure.savefig(out, format="png", dpi=dpi, metadata={"Software": None})
    return out.getvalue()


def svg(figure: Figure, name: str = "figure", *, label: str | None = None) -> str:
    """A figure as an ``<svg>`` element to put into a page; the same figure gives the same text.

    It has no background, and letters and axes take the colour of the text around it.  All text in
    it is escaped.

    Args:
        figure: What to draw.
        name: Letters, digits and hyphens; begins every id, so that two figures in one page don't
            share any.
        label: What it shows, for those who can't see it.

    Raises:
        ValueError: If the name holds anything else.
    """
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", name):
        raise ValueError(f"name={name!r}: give letters, digits and hyphens")
    out = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with mpl.rc_context(STYLE):
        figure.savefig(out, format="svg", transparent=True, metadata=nothing)
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, count=1, flags=re.DOTALL)
    # Matches attributes only: in text and attribute values a quotation mark or `<` is escaped.
    text = re.sub(r'(<[^<>]*?\bid=")', rf"\g<1>{name}-", text)
    text = re.sub(r'(xlink:href="#|url\(#)', rf"\g<1>{name}-", text)
    text = text.replace(INK, "currentColor")
    heading = "" if label is None else f"<title>{_escaped(label)}</title>"
    start = text.index(">") + 1
    opening = text[: start - 1].replace("<svg", '<svg role="img"', 1)
    return f"{opening}>{heading}{text[start:]}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _finite(values: ArrayLike) -> Floats:
    array = np.asarray(values, dtype=np.float64).ravel()
    return array[np.isfinite(array)]
