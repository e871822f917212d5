"""Store a tiny model with its rows and scores, for later versions to load and agree with.

    python tools/make_golden.py

writes tests/golden/format-N for the present format, unless it is there already: what a release has
written stays as it is.  Delete the folder first if the format hasn't been released yet.  A seed of
the fuzzing corpus is made of the same model.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from anomgan import GANDetector
from anomgan.data.readers.files import read_table
from anomgan.persistence.model_store import FORMAT_VERSION

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = {
    "steps": 30,
    "members": 2,
    "hidden": 8,
    "contrast_hidden": 8,
    "layers": 1,
    "latent": 3,
    "batch": 32,
    "inversion_steps": 2,
    "memory_rows": 30,
    "checks": 1,
}


def make_table(rows: int, seed: int) -> pd.DataFrame:
    """Records of every kind of column, with gaps, a constant and a condition."""
    rng = np.random.default_rng(seed)
    kind = rng.choice(["red", "green", "blue"], rows)
    size = rng.lognormal(size=rows) * np.where(kind == "red", 3, 1)
    return pd.DataFrame(
        {
            "size": size.round(4),
            "count": np.where(rng.random(rows) < 0.1, np.nan, rng.poisson(3, rows)),
            "kind": kind,
            "open": np.where(rng.random(rows) < 0.4, "yes", "no"),
            "at": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 10**7, rows), "s"),
            "unit": "kg",
            "machine": rng.choice(["a", "b", "c"], rows, p=[0.6, 0.38, 0.02]),
        }
    )


def make_new_rows(rows: int, seed: int) -> pd.DataFrame:
    """Records to score: some usual, some far out, empty, or of levels never seen."""
    frame = make_table(rows, seed).astype({"size": object, "kind": object, "machine": object})
    frame.loc[0, "size"], frame.loc[1, "size"], frame.loc[2, "size"] = 1e6, -1e300, None
    frame.loc[3, "kind"], frame.loc[4, "kind"] = "violet", None
    frame.loc[5, "machine"], frame.loc[6, "machine"] = "z", None
    return frame


def main() -> None:
    """Write the folder and the seeds."""
    argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0]).parse_args()
    folder = ROOT / "tests" / "golden" / f"format-{FORMAT_VERSION}"
    if folder.exists():
        sys.exit(f"{folder} is there already")
    folder.mkdir(parents=True)
    make_table(120, 0).to_csv(folder / "normal.csv", index=False)
    make_new_rows(40, 1).to_csv(folder / "new.csv", index=False)
    detector = GANDetector("cgan", condition="machine", settings=SETTINGS, random_state=0)
    detector.fit(read_table(folder / "normal.csv"))
    detector.save(folder / "model")
    new = read_table(folder / "new.csv")
    expected = {"score": -detector.score_samples(new), "p_value": detector.p_values(new)}
    pd.DataFrame(expected).to_csv(folder / "scores.csv", index=False)

    corpus = ROOT / "fuzz" / "corpus" / "model"
    seed = b"J" + (folder / "model" / "model.json").read_bytes()
    (corpus / f"format-{FORMAT_VERSION}.json").write_bytes(seed)


if __name__ == "__main__":
    main()
