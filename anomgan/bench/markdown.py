"""The Markdown table of a benchmark."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from anomgan.bench.summary import Summary

MOST_FAILURES = 20
"""Failures that the report names; `results.csv` has them all."""


def markdown(summary: Summary, settings: Mapping[str, Any]) -> str:
    """A table with a line for each set, means, ranks and seconds; below it what is to be said.

    Args:
        summary: What was measured.
        settings: With what, from :func:`anomgan.bench.results.settings_of`.
    """
    return "\n".join([*_table(summary), "", *_notes(summary, settings)]) + "\n"


def _table(summary: Summary) -> Iterator[str]:
    seeds = "1 seed" if summary.seeds == 1 else f"mean of {summary.seeds} seeds"
    yield _line(f"AUROC / AP, {seeds}", list(summary.auroc.columns))
    yield "|---|" + "---:|" * summary.auroc.shape[1]
    figures = zip(summary.auroc.index, summary.auroc.values, summary.ap.values, strict=True)
    for name, area, precision in figures:
        yield _line(str(name), _pairs(area, precision))
    counts, total = summary.sets_run, len(summary.auroc)
    means = _pairs(summary.auroc.mean(), summary.ap.mean())
    for at, count in enumerate(counts):
        if count < total:
            means[at] += f" ({count} set{'s' * (count != 1)})"
    yield _line(f"**mean of {total} set{'s' * (total != 1)}**", means)
    for name, figure in [("AUROC", summary.auroc), ("AP", summary.ap)]:
        ranks = summary.ranks(figure)
        yield _line(f"mean rank by {name}", _bold(ranks, "{:.2f}", least=True))
    yield _line("seconds, fit + score", _bold(summary.seconds, "{:,.1f}", least=True))


def _notes(summary: Summary, settings: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"anomgan {settings['anomgan']}, preset {settings['preset']}, on "
        f"{'the CPU' if settings['device'] == 'cpu' else settings['device']}.  "
        f"Bold: the best of a line; ranks and seconds are better when smaller."
    )
    for gain in summary.gains.to_dict("records"):
        figures = " and ".join(
            f"{label} {gain[figure]:+.4f}{_half_width(gain, figure)}"
            for figure, label in (("auroc", "AUROC"), ("ap", "AP"))
        )
        sets = "1 set" if gain["sets"] == 1 else f"{gain['sets']} sets, 95 % interval"
        yield f"\nWhat training adds ({gain['detector']} − {gain['control']}, {sets}): {figures}."
    if settings["contamination"]:
        yield (
            f"\n{settings['contamination']:.0%} of the rows to fit on are abnormal, or half of all "
            f"abnormal rows where these are too few."
        )
    total, common = len(summary.auroc), len(summary.common)
    if common < total:
        yield (
            f"\nMeans are over the sets where a detector ran, ranks over the {common} where all "
            f"did."
        )
    if summary.failures:
        yield ""
    for row in summary.failures[:MOST_FAILURES]:
        yield f"- failed: {row.detector} on {row.dataset}, seed {row.seed}: {row.error}"
    if len(summary.failures) > MOST_FAILURES:
        yield f"- and {len(summary.failures) - MOST_FAILURES} more in results.csv"


def _half_width(gain: Mapping[Hashable, Any], figure: str) -> str:
    """Half of the interval's width; nothing for a single set."""
    half = gain[f"{figure}_high"] - gain[figure]
    return "" if np.isnan(half) else f" ± {half:.4f}"


def _line(head: str, cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in [head, *cells])} |"


def _pairs(area: Iterable[float], precision: Iterable[float]) -> list[str]:
    """AUROC and AP of each detector."""
    both = zip(_bold(area, "{:.3f}"), _bold(precision, "{:.3f}"), strict=True)
    return ["failed" if "–" in pair else " / ".join(pair) for pair in both]


def _bold(figures: Iterable[float], form: str, *, least: bool = False) -> list[str]:
    """Figures as text, the best of them bold, as are those that look the same."""
    values = np.array(list(figures), dtype=np.float64)
    texts = ["–" if np.isnan(value) else form.format(value) for value in values]
    if np.isnan(values).all() or len(values) < 2:
        return texts
    best = texts[int(np.nanargmin(values) if least else np.nanargmax(values))]
    return [f"**{text}**" if text == best else text for text in texts]
