"""The one look of all figures, and the files that are made of them.

Nothing here touches pyplot: no window, no figure that has to be closed.  Colours are Okabe and
Ito's, told apart by the colour-blind; lines differ in their dashes, too.  Figures are small, with
letters large enough to be read on a telephone.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.rcsetup import cycler

NORMAL, ABNORMAL, NEW, GREY = "#0072b2", "#d55e00", "#009e73", "#8c8c8c"
"""Colours of normal rows (or the model), of abnormal ones, of unlabelled ones, of a baseline."""

CYCLE = (NORMAL, ABNORMAL, NEW, "#cc79a7", "#e69f00", "#56b4e9")
"""Colours of lines that have no such meaning."""

INK = "#1b1f24"
"""Colour of letters and axes; :func:`svg` lets the page that it stands in choose."""

WIDTH, HEIGHT = 4.6, 2.7
"""Inches of a figure with one panel."""

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


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
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


def new_figure(
    rows: int = 1, columns: int = 1, *, height: float | None = None
) -> tuple[Figure, Any]:
    """A figure and its panels, an array ``(rows, columns)``; ``height`` in inches."""
    size = WIDTH, height or (HEIGHT if rows == 1 else 1.75 * rows)
    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)


def new_axes(height: float = HEIGHT) -> tuple[Figure, Axes]:
    """A figure and its only panel."""
    figure, panels = new_figure(height=height)
    return figure, panels[0, 0]


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
