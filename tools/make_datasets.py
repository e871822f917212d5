"""Make datasets/: small real sets with known anomalies, and the catalog that describes them.

    .venv/bin/python tools/make_datasets.py SOURCE

SOURCE is a folder with two public files that scikit-learn doesn't ship:

* ``penguins.csv``: the Palmer penguins, one row per bird;
* ``taxis.csv``: 6,433 taxi trips of March 2019 from the records of New York's TLC.

Both are well known from the seaborn-data collection, whose columns are expected.  Each set becomes
``normal.csv`` (to fit on), ``new.csv`` (to score: other normal rows and the anomalies, shuffled)
and ``new_labels.csv`` (``row``, ``label`` and the ``kind`` of each row of ``new.csv``).

The result depends on the inputs alone: rows are drawn with a fixed seed, and cells are copied as
text wherever a file is the source.  ``catalog.toml`` holds the SHA-256 of every file, so that a
second run shows in ``git diff`` whether anything moved.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from sklearn import datasets

OUTPUT = Path(__file__).resolve().parents[1] / "datasets"
SEED = 2019
PLANTED_PER_KIND = 20


@dataclass(frozen=True)
class Parts:
    """The rows of one set.

    Attributes:
        normal: Rows to fit on.
        new: Rows to score, normal and abnormal.
        kinds: What each row of ``new`` is; ``"normal"`` or the name of an anomaly.
    """

    normal: pd.DataFrame
    new: pd.DataFrame
    kinds: list[str]


@dataclass(frozen=True)
class Recipe:
    """A set's entry in the catalog, and the function that makes its rows from SOURCE."""

    name: str
    title: str
    description: str
    anomaly: str
    source: str
    licence: str
    citation: str
    make: Callable[[Path], Parts]


def read_text(path: Path) -> pd.DataFrame:
    """Read every cell as text, so that it is written back as it was."""
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def split(normal: pd.DataFrame, abnormal: pd.DataFrame, kinds: list[str], fit: int) -> Parts:
    """Draw ``fit`` rows to fit on, and shuffle the other normal rows with the abnormal ones."""
    rng = random.Random(SEED)  # noqa: S311 - a repeatable draw, not a secret
    order = rng.sample(range(len(normal)), len(normal))
    kept, rest = sorted(order[:fit]), order[fit:]
    new = pd.concat([normal.iloc[rest], abnormal], ignore_index=True)
    of_row = ["normal"] * len(rest) + kinds
    mixed = rng.sample(range(len(new)), len(new))
    return Parts(normal.iloc[kept], new.iloc[mixed], [of_row[row] for row in mixed])


def split_penguins(source: Path) -> Parts:
    """Adelie and Gentoo are normal, Chinstrap is not."""
    birds = read_text(source / "penguins.csv")
    species = birds.pop("species")
    chinstrap = birds[species == "Chinstrap"]
    return split(birds[species != "Chinstrap"], chinstrap, ["chinstrap"] * len(chinstrap), fit=206)


def split_breast_cancer(_: Path) -> Parts:
    """Benign is normal, malignant is not."""
    cells = datasets.load_breast_cancer(as_frame=True)
    malignant = cells.data[cells.target == 0]
    benign = cells.data[cells.target == 1]
    return split(benign, malignant, ["malignant"] * len(malignant), fit=250)


def split_wine(_: Path) -> Parts:
    """Two cultivars are normal, the third is not."""
    wines = datasets.load_wine(as_frame=True)
    third = wines.data[wines.target == 2]
    return split(wines.data[wines.target != 2], third, ["third cultivar"] * len(third), fit=97)


def split_taxis(source: Path) -> Parts:
    """Real trips are normal; in some of them one thing is made wrong."""
    rng = random.Random(SEED)  # noqa: S311 - a repeatable draw, not a secret
    records = read_text(source / "taxis.csv").to_dict("records")
    trips = [{str(column): str(cell) for column, cell in row.items()} for row in records]
    trips = rng.sample(trips, 4300)
    boroughs = sorted({trip["dropoff_borough"] for trip in trips} - {""})
    # What is planted must contradict its row: so in ordinary trips only, complete, going somewhere.
    free = [
        trip
        for trip in trips
        if all(trip.values()) and float(trip["distance"]) >= 1 and trip["pickup"] < trip["dropoff"]
    ]
    kinds: list[str] = []
    planted: list[dict[str, str]] = []

    def take(kind: str, payment: str = "") -> list[dict[str, str]]:
        """Take the next unchanged trips for anomalies of this kind."""
        chosen = [trip for trip in free if payment in trip["payment"]][:PLANTED_PER_KIND]
        for trip in chosen:
            free.remove(trip)
            trips.remove(trip)
        planted.extend(chosen)
        kinds.extend([kind] * len(chosen))
        return chosen

    def charge(trip: dict[str, str], column: str, amount: float) -> None:
        """Change an amount, and the total with it: the bill still adds up."""
        total = float(trip["total"]) - float(trip[column]) + amount
        trip.update({column: f"{amount:.2f}", "total": f"{total:.2f}"})

    for trip in take("overcharged"):
        half_dollars = round(2 * float(trip["fare"]) * rng.uniform(3, 6))
        charge(trip, "fare", half_dollars / 2)
    for trip in take("clock"):
        trip["pickup"], trip["dropoff"] = trip["dropoff"], trip["pickup"]
    for trip in take("disputed"):
        trip["payment"] = "dispute"
    for trip in take("cash tip", payment="cash"):
        charge(trip, "tip", float(trip["fare"]) * rng.uniform(0.2, 0.4))
    for trip in take("wrong borough"):
        trip["dropoff_borough"] = rng.choice([b for b in boroughs if b != trip["dropoff_borough"]])

    return split(pd.DataFrame(trips), pd.DataFrame(planted), kinds, fit=3000)


RECIPES = [
    Recipe(
        name="breast-cancer",
        title="Breast cancer, Wisconsin (diagnostic)",
        description="Thirty measurements of the cell nuclei in a picture of a fine needle aspirate "
        "of a breast mass. All numeric, strongly correlated, none missing.",
        anomaly="A malignant mass; benign ones are normal.",
        source="UCI Machine Learning Repository, as shipped with scikit-learn "
        "(sklearn.datasets.load_breast_cancer)",
        licence="CC BY 4.0",
        citation="Wolberg, W., Mangasarian, O., Street, N. and Street, W. (1993). Breast Cancer "
        "Wisconsin (Diagnostic). UCI Machine Learning Repository. doi:10.24432/C5DW2B",
        make=split_breast_cancer,
    ),
    Recipe(
        name="penguins",
        title="Palmer penguins",
        description="Size and sex of penguins on three islands. Mixed types, a few cells missing; "
        "the species itself is left out.",
        anomaly="A Chinstrap penguin; Adelie and Gentoo are normal. Chinstraps have an Adelie's "
        "body and nearly a Gentoo's bill length, and live on Dream, where Adelies live too: no "
        "single column gives them away.",
        source="Palmer Station Antarctica LTER, the simplified table of the palmerpenguins "
        "package, as in seaborn-data",
        licence="CC0 1.0",
        citation="Gorman, K. B., Williams, T. D. and Fraser, W. R. (2014). Ecological sexual "
        "dimorphism and environmental variability within a community of Antarctic penguins (genus "
        "Pygoscelis). PLoS ONE 9(3): e90081. doi:10.1371/journal.pone.0090081",
        make=split_penguins,
    ),
    Recipe(
        name="taxis",
        title="New York taxi trips",
        description="Yellow and green cab rides of March 2019: two times, amounts, categories with "
        "two to some two hundred levels, cells missing. Real and uncleaned, so a few odd trips "
        "are among the normal ones too.",
        anomaly="PLANTED by tools/make_datasets.py, one change to a real trip, twenty of each "
        "kind: overcharged (the fare times 3 to 6; the bill adds up), clock (pickup and dropoff "
        "swapped), disputed (a payment type that normal.csv never has), cash tip (20 to 40% of "
        "the fare; elsewhere cash tips are never recorded), wrong borough (not that of the dropoff "
        "zone). In clock, cash tip and wrong borough rows every value is ordinary by itself.",
        source="New York City Taxi and Limousine Commission, trip record data, March 2019; a "
        "sample, as in seaborn-data",
        licence="Public records of the City of New York, no licence stated; see "
        "https://www.nyc.gov/home/terms-of-use.page",
        citation="NYC Taxi and Limousine Commission. TLC Trip Record Data. "
        "https://www.nyc.gov/site/tlc/about/tlc-trip-record-data.page",
        make=split_taxis,
    ),
    Recipe(
        name="wine",
        title="Italian wines",
        description="Thirteen chemical measurements of wines from one region of Italy. All "
        "numeric, none missing, few rows.",
        anomaly="A wine of the third cultivar; the first two are normal.",
        source="UCI Machine Learning Repository, as shipped with scikit-learn "
        "(sklearn.datasets.load_wine)",
        licence="CC BY 4.0",
        citation="Aeberhard, S. and Forina, M. (1992). Wine. UCI Machine Learning Repository. "
        "doi:10.24432/C5PC7J",
        make=split_wine,
    ),
]


def write_set(recipe: Recipe, source: Path) -> str:
    """Write the files of one set.

    Returns:
        Its entry for the catalog.
    """
    parts = recipe.make(source)
    labels = pd.DataFrame(
        {
            "row": range(len(parts.kinds)),
            "label": [int(kind != "normal") for kind in parts.kinds],
            "kind": parts.kinds,
        }
    )
    folder = OUTPUT / recipe.name
    folder.mkdir(parents=True, exist_ok=True)
    files = {"normal.csv": parts.normal, "new.csv": parts.new, "new_labels.csv": labels}
    hashes = {}
    for name, frame in files.items():
        frame.to_csv(folder / name, index=False, lineterminator="\n", encoding="utf-8")
        hashes[name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()

    def to_json(value: object) -> str:
        """A JSON string or number, which TOML reads alike."""
        return json.dumps(value, ensure_ascii=False)

    facts: dict[str, object] = {
        "title": recipe.title,
        "description": recipe.description,
        "anomaly": recipe.anomaly,
        "columns": parts.normal.shape[1],
        "rows_normal": len(parts.normal),
        "rows_new": len(parts.new),
        "anomalies": int(labels["label"].sum()),
        "source": recipe.source,
        "licence": recipe.licence,
        "citation": recipe.citation,
    }
    return "\n".join(
        [
            f"[{recipe.name}]",
            *(f"{key} = {to_json(value)}" for key, value in facts.items()),
            "",
            f"[{recipe.name}.sha256]",
            *(f"{to_json(name)} = {to_json(value)}" for name, value in hashes.items()),
            "",
        ]
    )


def main() -> None:
    """Make all sets."""
    parser = argparse.ArgumentParser(description="Make datasets/ and its catalog.")
    parser.add_argument("source", type=Path, help="folder with penguins.csv and taxis.csv")
    source: Path = parser.parse_args().source
    head = "# Made by tools/make_datasets.py: change it there.\n\n"
    entries = [write_set(recipe, source) for recipe in RECIPES]
    (OUTPUT / "catalog.toml").write_text(head + "\n".join(entries), encoding="utf-8")


if __name__ == "__main__":
    main()
