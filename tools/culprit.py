"""Accuracy of explanations: ``python tools/culprit.py [PRESET …]``.

In each of some unflagged rows one cell is corrupted: *shifted* by four standard deviations (a
category gets another level), or *swapped* for that of another row, so that only its combination
with the row's other cells is abnormal.  Of the rows that are then flagged, the table gives the
share in which the corrupted column contributes most, and in which it is among the first three.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Iterator

import numpy as np
import pandas as pd

from anomgan import GANDetector
from anomgan.data.samples import load_sample
from anomgan.errors import DataWarning

SAMPLES = ("breast-cancer", "penguins", "taxis", "wine")
MAX_ROWS = 200
"""Rows to corrupt in each set."""


def main() -> None:
    """Print a Markdown table."""
    warnings.simplefilter("ignore", DataWarning)
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("presets", nargs="*", default=["balanced"], help="presets to fit with")
    presets = parser.parse_args().presets
    sys.stdout.write("| set | columns | corrupted | preset | flagged | first | first three |\n")
    sys.stdout.write("|---|---:|---|---|---:|---:|---:|\n")
    for name, normal, new in draw_sets():
        for preset in presets:
            detector = GANDetector(preset=preset, random_state=0).fit(normal)
            columns = [column.name for column in detector.encoder_.schema.columns]
            for how in ("shifted", "swapped"):
                flagged, first, three = measure(detector, new, columns, how)
                sys.stdout.write(
                    f"| {name} | {len(columns)} | {how} | {preset} | {flagged} | {first:.2f} | "
                    f"{three:.2f} |\n"
                )
                sys.stdout.flush()


def draw_sets() -> Iterator[tuple[str, pd.DataFrame, pd.DataFrame]]:
    """Yield name, rows to fit on and further normal rows."""
    rng = np.random.default_rng(0)
    yield "simulated", simulate(3000, rng), simulate(MAX_ROWS, rng)
    for name in SAMPLES:
        sample = load_sample(name)
        normal_rows = sample.new[sample.labels.to_numpy() == 0].reset_index(drop=True)
        yield name, sample.normal, normal_rows.head(MAX_ROWS)


def simulate(rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """Simulate nine columns that depend on two latent variables."""
    causes = rng.normal(size=(rows, 2))
    noise = rng.normal(size=(rows, 9))
    weights = np.random.default_rng(5).normal(size=(6, 2))
    table = pd.DataFrame({f"s{i}": causes @ weights[i] + noise[:, i] / 4 for i in range(6)})
    table["load"] = (1000 * np.exp(causes[:, 0] + noise[:, 6] / 5)).round()
    table["temperature"] = 20 + 5 * causes[:, 0] - 3 * causes[:, 1] + noise[:, 7]
    mode = causes[:, 1] + noise[:, 8] / 5
    table["mode"] = np.where(mode > 0.7, "high", np.where(mode < -0.7, "low", "middle"))
    return table


def measure(
    detector: GANDetector, new: pd.DataFrame, columns: list[str], how: str
) -> tuple[int, float, float]:
    """Return the number of flagged rows, and top-1 and top-3 accuracy of their explanations."""
    spoilt, culprits = spoil(new, columns, how)
    chosen = (detector.predict(new) == 1) & (detector.predict(spoilt) == -1)
    if not chosen.any():
        return 0, np.nan, np.nan
    explanations = detector.explain(spoilt[chosen], top=3)
    true_columns = np.array(culprits)[chosen][explanations["row"]]
    correct = explanations["column"].to_numpy() == true_columns
    first = correct[(explanations["rank"] == 1).to_numpy()]
    return int(chosen.sum()), float(first.mean()), float(correct.sum() / chosen.sum())


def spoil(new: pd.DataFrame, columns: list[str], how: str) -> tuple[pd.DataFrame, list[str]]:
    """Corrupt one cell of each row; returns the rows and the corrupted columns."""
    rng, culprits = np.random.default_rng(1), []
    spoilt = new.astype(object)
    for row in range(len(new)):
        name = columns[int(rng.integers(len(columns)))]
        culprits.append(name)
        cells = new[name]
        if how == "shifted" and pd.api.types.is_numeric_dtype(cells):
            cell = cells.iloc[row] + rng.choice([-4, 4]) * cells.std()
        elif how == "shifted" and pd.api.types.is_datetime64_any_dtype(cells):
            cell = cells.iloc[row] + int(rng.choice([-4, 4])) * cells.std()
        elif how == "shifted":
            others = [level for level in cells.unique() if level != cells.iloc[row]]
            cell = others[int(rng.integers(len(others)))]
        else:
            cell = cells.iloc[int(rng.integers(len(new)))]
        spoilt.at[row, name] = cell
    return spoilt.infer_objects(), culprits


if __name__ == "__main__":
    main()
