"""Plot a benchmark: its main figure over the sets, and mean ranks."""

from __future__ import annotations

import io

from matplotlib.figure import Figure

from anomgan.bench.summary import Summary, compute_critical_difference


def plot_ranks(summary: Summary) -> bytes:
    """Draw a box plot of the main figure and, below it, mean ranks of the detectors, as a PNG.

    The bar of a rank is one critical difference long: two detectors whose bars don't overlap differ
    significantly (Nemenyi's test at 0.05).  Better detectors stand further left.
    """
    label = next(iter(summary.labels.values()))
    area = summary.main.dropna(axis=1, how="all")
    detectors, sets = area.shape[1], len(summary.common)
    ranked = detectors > 1 and sets > 0 and detectors == summary.main.shape[1]
    order = summary.ranks(area).sort_values() if ranked else area.mean().sort_values()[::-1]
    figure = Figure(figsize=(2.5 + 0.7 * detectors, 6 if ranked else 4), layout="constrained")
    axes = figure.subplots(2 if ranked else 1, 1, sharex=True, squeeze=False)[:, 0]
    places = range(1, detectors + 1)
    axes[0].boxplot([area[name].dropna() for name in order.index], positions=places, widths=0.6)
    axes[0].set_ylabel(f"{label}, {len(area)} set{'s' * (len(area) != 1)}")
    axes[0].grid(axis="y", alpha=0.3)
    if ranked:
        half = compute_critical_difference(detectors, sets) / 2
        axes[1].errorbar(places, order, yerr=half, fmt="o", capsize=4)
        axes[1].invert_yaxis()
        axes[1].set_ylabel(f"mean rank, {sets} set{'s' * (sets != 1)}")
        axes[1].set_title("bars apart: different at 0.05 (Nemenyi)", fontsize="small")
        axes[1].grid(axis="y", alpha=0.3)
    axes[-1].set_xticks(places, list(order.index), rotation=45, ha="right")
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=150)
    return image.getvalue()
