"""Validity of p-values: ``python tools/validity.py``.

Repeatedly fits models on normal rows and scores further normal rows, simulated and real: the share
flagged at alpha should be alpha.  With abnormal rows among them, the share of normal rows among
those flagged at a false discovery rate should be at most that rate.
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
"""Function that draws rows to fit on and further normal rows."""


def main() -> None:
    """Print two Markdown tables."""
    warnings.simplefilter("ignore", DataWarning)
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--fits", type=int, default=20, help="models of each kind")
    fits = parser.parse_args().fits
    head = "".join(f" {alpha:g} |" for alpha in ALPHAS)
    sys.stdout.write(f"| share flagged at alpha |{head}\n|---|{'---:|' * len(ALPHAS)}\n")
    for name, draw, arguments in list_cases():
        levels: dict[str, list[list[float]]] = {}
        for seed in range(fits):
            normal, fresh = draw(np.random.default_rng(seed))
            p_values = fit_model(normal, seed, **arguments).p_values(fresh)
            level = fresh["level"].to_numpy() if "level" in fresh else np.full(len(fresh), "")
            for each in np.unique(level):
                flagged = [
                    float(flag_rows(p_values[level == each], alpha=a).mean()) for a in ALPHAS
                ]
                levels.setdefault(str(each), []).append(flagged)
        for each, shares in levels.items():
            cells = " | ".join(_format_mean(np.array(shares)[:, at]) for at in range(len(ALPHAS)))
            where = f"{name}, {each}" if each else name
            sys.stdout.write(f"| {where} | {cells} |\n")
            sys.stdout.flush()
    sys.stdout.write("\n| asked for | share of normal rows among those flagged | found |\n")
    sys.stdout.write("|---|---:|---:|\n")
    for rate, false, hits in measure_discoveries(fits):
        sys.stdout.write(f"| {rate:g} | {_format_mean(false)} | {_format_mean(hits)} |\n")


def list_cases() -> Iterator[tuple[str, Rows, dict[str, Any]]]:
    """Yield name, source of rows, and arguments of the detector."""
    for rows, how in ((1000, "held out"), (200, "cross-fitted")):
        yield (
            f"simulated, {rows:,} rows, {how}",
            functools.partial(_simulate_pair, rows),
            {},
        )
    yield (
        "simulated, two levels apart",
        lambda rng: (draw_two_levels(1500, rng), draw_two_levels(2000, rng)),
        {"method": "cgan", "condition": "level"},
    )
    for name in SAMPLES:
        yield name, functools.partial(split_sample, name), {}


def _simulate_pair(rows: int, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    return simulate(rows, rng), simulate(2000, rng)


def simulate(rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """Simulate a curved dependence, a heavy tail and a category."""
    cause = rng.normal(size=rows)
    return pd.DataFrame(
        {
            "x": cause,
            "y": cause**2 + rng.normal(size=rows) / 3,
            "size": np.exp(rng.normal(size=rows)),
            "kind": rng.choice(["a", "b", "c"], rows, p=[0.6, 0.3, 0.1]),
        }
    )


def draw_two_levels(rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """Draw from two groups, of which one has five times the spread."""
    level = rng.choice(["calm", "wild"], rows)
    spread = np.where(level == "wild", 5, 1)[:, None]
    return pd.DataFrame(rng.normal(size=(rows, 3)) * spread).add_prefix("x").assign(level=level)


def split_sample(name: str, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split all normal rows of a sample set at random; two thirds are for fitting."""
    sample = load_sample(name)
    normal = sample.new[sample.labels.to_numpy() == 0]
    rows = pd.concat([sample.normal, normal], ignore_index=True)
    order = rng.permutation(len(rows))[:3000]
    cut = len(order) * 2 // 3
    return rows.iloc[order[:cut]], rows.iloc[order[cut:]]


def fit_model(normal: pd.DataFrame, seed: int, **arguments: Any) -> GANDetector:
    """Fit a small model; validity doesn't depend on its quality."""
    settings = {"steps": 50, "members": 1, "hidden": 32, "memory_rows": 300, "checks": 0}
    return GANDetector(preset="fast", settings=settings, random_state=seed, **arguments).fit(normal)


def measure_discoveries(fits: int) -> Iterator[tuple[float, np.ndarray, np.ndarray]]:
    """Score 1,000 rows, 100 of them abnormal; yields rate, false discovery shares and recalls."""
    p_values, abnormal = [], np.arange(1000) < 100
    for seed in range(fits):
        rng = np.random.default_rng(seed)
        detector = fit_model(simulate(5000, rng), seed)
        rows = simulate(1000, rng)
        rows.loc[abnormal, "y"] += rng.choice([-4, 4], 100)
        p_values.append(detector.p_values(rows))
    for rate in RATES:
        flags = [flag_rows(p, fdr=rate) for p in p_values]
        false = [(flagged & ~abnormal).sum() / max(1, flagged.sum()) for flagged in flags]
        yield rate, np.array(false), np.array([flagged[abnormal].mean() for flagged in flags])


def _format_mean(values: np.ndarray) -> str:
    """Format a mean and twice its standard error."""
    return f"{values.mean():.3f} ± {2 * values.std(ddof=1) / np.sqrt(len(values)):.3f}"


if __name__ == "__main__":
    main()
