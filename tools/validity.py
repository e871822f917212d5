"""Whether p-values mean what they say: ``python tools/validity.py``.

Fits models on normal rows and scores further normal rows, simulated and real, many times over: the
share flagged at alpha should be alpha.  With abnormal rows among them, the share of normal rows
among those flagged at a false discovery rate should be at most that rate.
"""

from __future__ import annotations

import argparse
import functools
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from anomgan import GANDetector
from anomgan.calibration.conformal import flag_rows
from anomgan.data.samples import load_sample
from anomgan.errors import DataWarning

ALPHAS = (0.01, 0.05, 0.1, 0.2)
RATES = (0.05, 0.1, 0.2)
SAMPLES = ("breast-cancer", "penguins", "taxis", "wine")

Rows = Callable[[np.random.Generator], tuple[pd.DataFrame, pd.DataFrame]]
"""Draws rows to fit on and fresh normal rows."""


def main() -> None:
    """Print two tables."""
    warnings.simplefilter("ignore", DataWarning)
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--fits", type=int, default=20, help="models of each kind")
    fits = parser.parse_args().fits
    head = "".join(f" {alpha:g} |" for alpha in ALPHAS)
    sys.stdout.write(f"| share flagged at alpha |{head}\n|---|{'---:|' * len(ALPHAS)}\n")
    for name, draw, arguments in kinds():
        levels: dict[str, list[list[float]]] = {}
        for seed in range(fits):
            normal, fresh = draw(np.random.default_rng(seed))
            p_values = fitted(normal, seed, **arguments).p_values(fresh)
            level = fresh["level"].to_numpy() if "level" in fresh else np.full(len(fresh), "")
            for each in np.unique(level):
                shares = [float(flag_rows(p_values[level == each], alpha=a).mean()) for a in ALPHAS]
                levels.setdefault(str(each), []).append(shares)
        for each, found in levels.items():
            cells = " | ".join(_mean(np.array(found)[:, at]) for at in range(len(ALPHAS)))
            where = f"{name}, {each}" if each else name
            sys.stdout.write(f"| {where} | {cells} |\n")
            sys.stdout.flush()
    sys.stdout.write("\n| asked for | share of normal rows among those flagged | found |\n")
    sys.stdout.write("|---|---:|---:|\n")
    for rate, false, hits in discoveries(fits):
        sys.stdout.write(f"| {rate:g} | {_mean(false)} | {_mean(hits)} |\n")


def kinds() -> Iterator[tuple[str, Rows, dict[str, Any]]]:
    """Where rows come from, and how models are fitted on them."""
    for rows, how in ((1000, "held out"), (200, "cross-fitted")):
        yield (
            f"simulated, {rows:,} rows, {how}",
            functools.partial(_simulated, rows),
            {},
        )
    yield (
        "simulated, two levels apart",
        lambda rng: (two_levels(1500, rng), two_levels(2000, rng)),
        {"method": "cgan", "condition": "level"},
    )
    for name in SAMPLES:
        yield name, functools.partial(halves, name), {}


def _simulated(rows: int, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    return simulated(rows, rng), simulated(2000, rng)


def simulated(rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """A banana, a heavy tail and a category."""
    cause = rng.normal(size=rows)
    return pd.DataFrame(
        {
            "x": cause,
            "y": cause**2 + rng.normal(size=rows) / 3,
            "size": np.exp(rng.normal(size=rows)),
            "kind": rng.choice(["a", "b", "c"], rows, p=[0.6, 0.3, 0.1]),
        }
    )


def two_levels(rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """Two machines, of which one scatters five times as much."""
    level = rng.choice(["calm", "wild"], rows)
    spread = np.where(level == "wild", 5, 1)[:, None]
    return pd.DataFrame(rng.normal(size=(rows, 3)) * spread).add_prefix("x").assign(level=level)


def halves(name: str, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All normal rows of a sample set, split at random; two thirds are for fitting."""
    sample = load_sample(name)
    usual = sample.new[sample.labels.to_numpy() == 0]
    rows = pd.concat([sample.normal, usual], ignore_index=True)
    order = rng.permutation(len(rows))[:3000]
    cut = len(order) * 2 // 3
    return rows.iloc[order[:cut]], rows.iloc[order[cut:]]


def fitted(normal: pd.DataFrame, seed: int, **arguments: Any) -> GANDetector:
    """A model that is fitted in a moment; validity doesn't depend on its quality."""
    settings = {"steps": 50, "members": 1, "hidden": 32, "memory_rows": 300, "checks": 0}
    return GANDetector(preset="fast", settings=settings, random_state=seed, **arguments).fit(normal)


def discoveries(fits: int) -> Iterator[tuple[float, np.ndarray, np.ndarray]]:
    """Of 1,000 rows, 100 of them abnormal: the rate, false discoveries, and abnormal rows found."""
    p_values, odd = [], np.arange(1000) < 100
    for seed in range(fits):
        rng = np.random.default_rng(seed)
        detector = fitted(simulated(5000, rng), seed)
        rows = simulated(1000, rng)
        rows.loc[odd, "y"] += rng.choice([-4, 4], 100)
        p_values.append(detector.p_values(rows))
    for rate in RATES:
        flags = [flag_rows(p, fdr=rate) for p in p_values]
        false = [(flagged & ~odd).sum() / max(1, flagged.sum()) for flagged in flags]
        yield rate, np.array(false), np.array([flagged[odd].mean() for flagged in flags])


def _mean(found: np.ndarray) -> str:
    """A mean and twice its standard error."""
    return f"{found.mean():.3f} ± {2 * found.std(ddof=1) / np.sqrt(len(found)):.3f}"


if __name__ == "__main__":
    main()
