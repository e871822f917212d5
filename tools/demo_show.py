"""Show what `make demo` made: the most abnormal rows, the scores as a histogram, where files lie.

.venv/bin/python tools/demo_show.py build/demo datasets/penguins
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sklearn.metrics import average_precision_score, roc_auc_score

TOP_ROWS = 10
HISTOGRAM_BINS = 12
BAR_WIDTH = 50


def format_top_rows(result: pd.DataFrame, columns: list[str], width: int) -> Table:
    """The most abnormal rows, with as many of their input columns as fit side by side."""
    top = result.nlargest(TOP_ROWS, "score")
    shown = pd.DataFrame(
        {
            "row": top["row"].map(str),
            "score": top["score"].map("{:.2f}".format),
            "p_value": top["p_value"].map("{:.3f}".format),
            "in truth": top["kind"],
        }
        | {name: top[name].map(str, na_action="ignore").fillna("") for name in columns}
    )
    title = Text(f"The {len(top)} most abnormal of {len(result)} rows")
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    used = 0
    for position, name in enumerate(map(str, shown)):
        used += max(len(name), *shown[name].map(len)) + 3
        if used > width:
            shown = shown.iloc[:, :position]
            break
        table.add_column(name, justify="right" if name in ("row", "score", "p_value") else "left")
    for cells, label in zip(shown.itertuples(index=False), top["label"], strict=True):
        table.add_row(*cells, style="red" if label == 1 else "")
    return table


def format_histogram(result: pd.DataFrame) -> Table:
    """Scores of known normal and known abnormal rows, the highest ones in one open bin."""
    scores, abnormal = result["score"].to_numpy(), result["label"].to_numpy() == 1
    edges = np.linspace(scores.min(), np.quantile(scores, 0.98), HISTOGRAM_BINS)
    bins = np.searchsorted(edges, scores, side="right") - 1
    normal = np.bincount(bins[~abnormal], minlength=HISTOGRAM_BINS)
    abnormal_counts = np.bincount(bins[abnormal], minlength=HISTOGRAM_BINS)
    unit = max((normal + abnormal_counts).max() / BAR_WIDTH, 1.0)
    title = Text.assemble("Rows by score: ", ("█ normal ", "cyan"), ("▒ abnormal", "red"))
    table = Table(title=title, title_justify="left", box=None, show_header=False, pad_edge=False)
    table.add_column(justify="right")
    table.add_column(no_wrap=True)
    for position, edge in enumerate(edges):
        more = "≥ " if position == HISTOGRAM_BINS - 1 else ""
        bar = Text("█" * round(normal[position] / unit), style="cyan")
        bar.append("▒" * round(abnormal_counts[position] / unit), style="red")
        bar.append(f" {normal[position]} + {abnormal_counts[position]}", style="bright_black")
        table.add_row(f"{more}{edge:.2f}", bar)
    return table


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description="Show what `make demo` made.")
    parser.add_argument("folder", type=Path, help="folder with model/ and scores.csv")
    parser.add_argument("sample", type=Path, help="folder with new.csv and new_labels.csv")
    args = parser.parse_args()
    scores = pd.read_csv(args.folder / "scores.csv")
    new = pd.read_csv(args.sample / "new.csv")
    labels = pd.read_csv(args.sample / "new_labels.csv").drop(columns="row")
    result = pd.concat([scores, labels, new], axis="columns")

    console = Console()
    console.print()
    console.print(format_top_rows(result, [str(name) for name in new.columns], console.width))
    console.print(format_histogram(result))
    truth, flagged = result["label"] == 1, result["is_anomaly"] == 1
    console.print(
        f"\n{flagged.sum()} rows flagged: {(flagged & truth).sum()} of {truth.sum()} abnormal "
        f"ones, {(flagged & ~truth).sum()} of {(~truth).sum()} normal ones.\n"
        f"AUROC {roc_auc_score(truth, result['score']):.3f}, "
        f"average precision {average_precision_score(truth, result['score']):.3f}; "
        "labels were used for these figures only.\n\n"
        f"fitted on  {args.sample / 'normal.csv'}\n"
        f"model      {args.folder / 'model'}/\n"
        f"scores     {args.folder / 'scores.csv'}",
        highlight=False,
        soft_wrap=True,
    )


if __name__ == "__main__":
    main()
