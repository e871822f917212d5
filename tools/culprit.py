"""How often explanations name the column that was spoilt: ``python tools/culprit.py [PRESET …]``.

In rows that a model doesn't flag, one cell each is spoilt: *shifted* by four standard deviations (a
category gets another level), or *swapped* for that of another row, so that it is odd only beside
the row's other cells.  Of the rows that are then flagged, the table gives the share in which the
spoilt column contributes most, and in which it is among the first three.
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
MOST_ROWS = 200
"""Rows that are spoilt in each set."""


def main() -> None:
    """Print a table."""
    warnings.simplefilter("ignore", DataWarning)
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("presets", nargs="*", default=["balanced"], help="presets to fit with")
    presets = parser.parse_args().presets
    sys.stdout.write("| set | columns | spoilt | preset | flagged | first | first three |\n")
    sys.stdout.write("|---|---:|---|---|---:|---:|---:|\n")
    for name, normal, new in sets():
        for preset in presets:
            detector = GANDetector(preset=preset, random_state=0).fit(normal)
            columns = [column.name for column in detector.encoder_.schema.columns]
            for how in ("shifted", "swapped"):
                flagged, first, three = measured(detector, new, columns, how)
                sys.stdout.write(
                    f"| {name} | {len(columns)} | {how} | {preset} | {flagged} | {first:.2f} | "
                    f"{three:.2f} |\n"
                )
                sys.stdout.flush()


def sets() -> Iterator[tuple[str, pd.DataFrame, pd.DataFrame]]:
    """Name, rows to fit on and further normal rows."""
    rng = np.random.default_rng(0)
    yield "simulated", simulated(3000, rng), simulated(MOST_ROWS, rng)
    for name in SAMPLES:
        sample = load_sample(name)
        usual = sample.new[sample.labels.to_numpy() == 0].reset_index(drop=True)
        yield name, sample.normal, usual.head(MOST_ROWS)


def simulated(rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """Nine columns that all follow from two causes."""
    causes = rng.normal(size=(rows, 2))
    noise = rng.normal(size=(rows, 9))
    weights = np.random.default_rng(5).normal(size=(6, 2))
    table = pd.DataFrame({f"s{i}": causes @ weights[i] + noise[:, i] / 4 for i in range(6)})
    table["load"] = (1000 * np.exp(causes[:, 0] + noise[:, 6] / 5)).round()
    table["temperature"] = 20 + 5 * causes[:, 0] - 3 * causes[:, 1] + noise[:, 7]
    mode = causes[:, 1] + noise[:, 8] / 5
    table["mode"] = np.where(mode > 0.7, "high", np.where(mode < -0.7, "low", "middle"))
    return table


def measured(
    detector: GANDetector, new: pd.DataFrame, columns: list[str], how: str
) -> tuple[int, float, float]:
    """Flagged rows, and how often the culprit comes first, and among the first three."""
    spoilt, guilty = spoil(new, columns, how)
    chosen = (detector.predict(new) == 1) & (detector.predict(spoilt) == -1)
    if not chosen.any():
        return 0, np.nan, np.nan
    found = detector.explain(spoilt[chosen], top=3)
    culprit = np.array(guilty)[chosen][found["row"]]
    named = found["column"].to_numpy() == culprit
    first = named[(found["rank"] == 1).to_numpy()]
    return int(chosen.sum()), float(first.mean()), float(named.sum() / chosen.sum())


def spoil(new: pd.DataFrame, columns: list[str], how: str) -> tuple[pd.DataFrame, list[str]]:
    """Spoil one cell of each row; gives the rows and the names of the columns."""
    rng, guilty = np.random.default_rng(1), []
    spoilt = new.astype(object)
    for row in range(len(new)):
        name = columns[int(rng.integers(len(columns)))]
        guilty.append(name)
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
    return spoilt.infer_objects(), guilty


if __name__ == "__main__":
    main()
