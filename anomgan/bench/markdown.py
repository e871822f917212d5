"""Format a benchmark as Markdown."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from anomgan.bench.summary import Summary

MAX_SHOWN_FAILURES = 20
"""Failures that the report lists; `results.csv` has them all."""


def to_markdown(summary: Summary, settings: Mapping[str, Any]) -> str:
    """Format a table with a row for each set, means, ranks and seconds, and notes below it.

    Args:
        summary: The results.
        settings: From :func:`anomgan.bench.results.describe_settings`.
    """
    return "\n".join([*_format_table(summary), "", *_format_notes(summary, settings)]) + "\n"


def _format_table(summary: Summary) -> Iterator[str]:
    seeds = "1 seed" if summary.seeds == 1 else f"mean of {summary.seeds} seeds"
    names = list(summary.figures)
    yield _format_row(f"{_join(summary, names[:2])}, {seeds}", list(summary.main.columns))
    yield "|---|" + "---:|" * summary.main.shape[1]
    for name in summary.main.index:
        yield _format_row(
            str(name), _format_pairs(*(summary.figures[each].loc[name] for each in names[:2]))
        )
    counts, total = summary.sets_run, len(summary.main)
    means = _format_pairs(*(summary.figures[each].mean() for each in names[:2]))
    for at, count in enumerate(counts):
        if count < total:
            means[at] += f" ({count} set{'s' * (count != 1)})"
    yield _format_row(f"**mean of {total} set{'s' * (total != 1)}**", means)
    for pair in (names[at : at + 2] for at in range(2, len(names), 2)):
        yield _format_row(
            f"mean {_join(summary, pair)}",
            _format_pairs(*(summary.figures[each].mean() for each in pair)),
        )
    for name in names[:2]:
        ranks = summary.ranks(summary.figures[name])
        yield _format_row(
            f"mean rank by {summary.labels[name]}", _mark_best(ranks, "{:.2f}", least=True)
        )
    yield _format_row("seconds, fit + score", _mark_best(summary.seconds, "{:,.1f}", least=True))


def _format_notes(summary: Summary, settings: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"anomgan {settings['anomgan']}, preset {settings['preset']}, on "
        f"{'the CPU' if settings['device'] == 'cpu' else settings['device']}.  "
        f"Bold: the best of a line; ranks and seconds are better when smaller."
    )
    for gain in summary.gains.to_dict("records"):
        figures = " and ".join(
            f"{label} {gain[figure]:+.4f}{_format_half_width(gain, figure)}"
            for figure, label in list(summary.labels.items())[:2]
        )
        sets = "1 set" if gain["sets"] == 1 else f"{gain['sets']} sets, 95 % interval"
        yield f"\nWhat training adds ({gain['detector']} − {gain['control']}, {sets}): {figures}."
    if settings["contamination"]:
        yield (
            f"\n{settings['contamination']:.0%} of the rows to fit on are abnormal, or half of all "
            f"abnormal rows where these are too few."
        )
    total, common = len(summary.main), len(summary.common)
    if common < total:
        yield (
            f"\nMeans are over the sets where a detector ran, ranks over the {common} where all "
            f"did."
        )
    if summary.failures:
        yield ""
    for row in summary.failures[:MAX_SHOWN_FAILURES]:
        yield f"- failed: {row.detector} on {row.dataset}, seed {row.seed}: {row.error}"
    if len(summary.failures) > MAX_SHOWN_FAILURES:
        yield f"- and {len(summary.failures) - MAX_SHOWN_FAILURES} more in results.csv"


def _join(summary: Summary, names: Sequence[str]) -> str:
    """Names of figures as a head has them."""
    return " / ".join(summary.labels[name] for name in names)


def _format_half_width(gain: Mapping[Hashable, Any], figure: str) -> str:
    """Format half of the interval's width; empty for a single set."""
    half = gain[f"{figure}_high"] - gain[figure]
    return "" if np.isnan(half) else f" ± {half:.4f}"


def _format_row(head: str, cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in [head, *cells])} |"


def _format_pairs(first: Iterable[float], second: Iterable[float]) -> list[str]:
    """Format two figures of each detector."""
    both = zip(_mark_best(first, "{:.3f}"), _mark_best(second, "{:.3f}"), strict=True)
    return ["failed" if "–" in pair else " / ".join(pair) for pair in both]


def _mark_best(figures: Iterable[float], form: str, *, least: bool = False) -> list[str]:
    """Format figures, the best of them bold, as are those equal to it when rounded."""
    values = np.array(list(figures), dtype=np.float64)
    texts = ["–" if np.isnan(value) else form.format(value) for value in values]
    if np.isnan(values).all() or len(values) < 2:
        return texts
    best = texts[int(np.nanargmin(values) if least else np.nanargmax(values))]
    return [f"**{text}**" if text == best else text for text in texts]
