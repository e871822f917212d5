"""Numbers at the ends of their range: finite scores, and further out is never more normal."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

from anomgan import GANDetector
from anomgan.data.encoders.table import TableEncoder
from anomgan.errors import DataWarning
from anomgan.gans import GAN

TINY = {
    "steps": 5,
    "members": 2,
    "hidden": 16,
    "latent": 3,
    "batch": 16,
    "inversion_steps": 1,
    "search_steps": 2,
    "memory_rows": 30,
    "checks": 0,
}
RNG = np.random.default_rng(0)
ROWS = 60
USUAL = RNG.normal(size=ROWS)


def quietly(work: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", DataWarning)
        return work()


# --- columns --------------------------------------------------------------------------------------

COLUMNS: dict[str, Any] = {
    "huge": USUAL * 1e300,
    "up to the largest": USUAL / np.abs(USUAL).max() * 1.7e308,
    "tiny": USUAL * 1e-300,
    "subnormal": np.round(USUAL * 3) * 5e-324,
    "huge and tiny": np.where(np.arange(ROWS) % 2, 1e300, 1e-300) * USUAL,
    "beyond float32": USUAL * 1e39,
    "far from 0": 1e15 + np.round(USUAL),
    "nearly constant": 1 + np.where(np.arange(ROWS) == 7, 2e-16, 0),
    "constant but for one": np.where(np.arange(ROWS) == 7, 1e9, 5.0),
    "constant": np.full(ROWS, 1e300),
    "empty": np.full(ROWS, np.nan),
    "nearly empty": np.where(np.arange(ROWS) == 7, 3.0, np.nan),
    "infinite": np.where(np.arange(ROWS) % 2, np.inf, -np.inf),
    "both zeros": np.where(np.arange(ROWS) % 2, 0.0, -0.0),
    "float16": (USUAL * 1e4).astype(np.float16),
}
EXTREMES = [0.0, -0.0, 5e-324, 1e-300, 1.0, 1e39, 1e300, -1e300, 1.7976931348623157e308, np.nan]


@pytest.mark.parametrize("name", COLUMNS)
def test_scores_are_finite(name: str) -> None:
    table = pd.DataFrame({"odd": COLUMNS[name], "usual": USUAL})
    detector = quietly(lambda: GANDetector(settings=TINY, random_state=0).fit(table))
    new = pd.DataFrame([(a, b) for a in EXTREMES for b in EXTREMES], columns=["odd", "usual"])
    for frame in (table, new):
        scores = quietly(lambda frame=frame: detector.score_samples(frame))
        assert np.isfinite(scores).all()


def test_both_zeros_are_one_number() -> None:
    table = pd.DataFrame({"a": np.round(USUAL), "b": USUAL})
    detector = quietly(lambda: GANDetector(settings=TINY, random_state=0).fit(table))
    scores = detector.score_samples(pd.DataFrame({"a": [0.0, -0.0], "b": [0.5, 0.5]}))
    assert scores[0] == scores[1]


# --- whole numbers with more digits than floats have ----------------------------------------------

BIG = 2**60


@pytest.mark.parametrize(
    ("ids", "dtype"),
    [
        (pd.Series([BIG, BIG + 1, BIG + 2] * 10), "int64"),
        (pd.Series([BIG, BIG + 1, BIG + 2] * 10, dtype="uint64"), "uint64"),
        (pd.Series([BIG, BIG + 1, None] * 10, dtype="Int64"), "Int64"),
        (pd.Series([BIG, BIG + 1, None] * 10, dtype="int64[pyarrow]"), "int64[pyarrow]"),
        (pd.Series([BIG, BIG + 1, BIG + 2] * 10, dtype=object), "int64"),
        (pd.Series([str(BIG), str(BIG + 1), None] * 10), "str"),
        (pd.Series([10**25, 10**25 + 1, 10**25 + 2] * 10, dtype=object), "str"),
    ],
    ids=["int64", "uint64", "Int64", "Arrow", "object", "text", "longer"],
)
def test_ids_that_floats_confuse_are_told_apart(ids: pd.Series[Any], dtype: str) -> None:
    table = pd.DataFrame({"id": ids, "b": USUAL[:30]})
    encoder = TableEncoder.fit(table)
    column = encoder.schema["id"]
    assert column.kind == "category"
    assert column.dtype == (dtype if dtype == "str" else f"category[{dtype}]")
    encoded, report = encoder.transform(table)
    assert len(np.unique(encoded[:3, :-2], axis=0)) == 3
    assert not report.unseen
    decoded = encoder.decode(encoded)["id"]
    assert [str(cell) for cell in decoded.dropna()] == [str(cell) for cell in ids.dropna()]
    strange = table[:1].assign(id=pd.Series([int(ids[0]) + 9], dtype=object))
    assert encoder.transform(strange)[1].unseen == {"id": 1}


@pytest.mark.parametrize("cell", [int, str])
def test_a_constant_id_is_kept_to_its_last_digit(cell: Any) -> None:
    table = pd.DataFrame({"id": [cell(BIG + 1)] * 30, "b": USUAL[:30]})
    with pytest.warns(DataWarning, match=f"constant '{BIG + 1}'"):
        encoder = TableEncoder.fit(table)
    assert not encoder.transform(table)[1].changed
    other = table.assign(id=[cell(BIG)] * 30)
    assert encoder.transform(other)[1].changed == {"id": 30}


def test_a_running_id_is_no_constant() -> None:
    table = pd.DataFrame({"id": BIG + np.arange(30), "b": USUAL[:30]})
    with pytest.warns(DataWarning, match="differs in every row"):
        assert not TableEncoder.fit(table).transform(table)[1].changed


def test_conditions_are_known_by_all_their_digits() -> None:
    table = pd.DataFrame({"machine": [BIG, BIG + 1] * 15, "b": USUAL[:30]})
    encoder = TableEncoder.fit(table, conditions=["machine"])
    assert encoder.schema.conditions[0].levels == (str(BIG), str(BIG + 1))
    assert encoder.transform(table.assign(machine=BIG + 2))[1].unseen == {"machine": 30}


def test_large_numbers_that_floats_tell_apart_stay_numbers() -> None:
    amounts = RNG.integers(0, 2**63, 30)
    encoder = TableEncoder.fit(pd.DataFrame({"amount": amounts}))
    assert encoder.schema["amount"].kind == "numeric"


def test_arrays_get_their_constants_back_in_samples() -> None:
    values = np.c_[USUAL, np.full(ROWS, 2.0**60)].astype(np.float64)
    detector = quietly(lambda: GANDetector(settings=TINY, random_state=0).fit(values))
    assert (detector.sample(3, 0)[:, 1] == 2.0**60).all()
    whole = np.c_[np.round(USUAL * 9), np.full(ROWS, BIG + 1)].astype(np.int64)
    detector = quietly(lambda: GANDetector(settings=TINY, random_state=0).fit(whole))
    assert (detector.sample(3, 0)[:, 1] == float(BIG)).all()


# --- rays -----------------------------------------------------------------------------------------

DISTANCES = np.array(
    [4.0, 8.0, 30.0, 100.0, 1e4, 1e7, 1e12, 1e20, 1e29, 1e40, 1e200, 1e308, np.inf]
)


def mixed(rows: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    kind = rng.choice(["a", "b", "c"], rows)
    x = rng.normal(size=rows) + np.where(kind == "a", 2, 0)
    return pd.DataFrame(
        {
            "x": x,
            "y": np.where(rng.random(rows) < 0.1, np.nan, 3 * x + rng.normal(size=rows)),
            "tail": rng.lognormal(sigma=2, size=rows),
            "kind": kind,
            "on": rng.random(rows) < 0.3,
        }
    )


@pytest.mark.parametrize("name", sorted(n for n, g in GAN.registry.items() if "tables" in g.kinds))
def test_a_row_moved_out_of_a_mixed_table_never_becomes_more_normal(name: str) -> None:
    settings = TINY | {"steps": 60, "hidden": 32, "batch": 64, "members": 4}
    condition = "kind" if GAN.registry[name].conditional else None
    detector = GANDetector(name, settings=settings, condition=condition, random_state=0)
    quietly(lambda: detector.fit(mixed(200, 0)))
    starts = mixed(4, 1)
    for direction in ((1, 0, 0), (0, -1, 0), (0, 0, 1), (1, 1, 1), (-1, 2, -0.5)):
        for start in range(len(starts)):
            ray = starts.iloc[[start] * len(DISTANCES)].copy()
            for column, step in zip(("x", "y", "tail"), direction, strict=True):
                if step:
                    with np.errstate(over="ignore"):  # further than floats go is far, too
                        ray[column] = ray[column].fillna(0) + step * DISTANCES
            scores = -quietly(lambda ray=ray: detector.score_samples(ray))
            assert np.isfinite(scores).all()
            assert (np.diff(scores) >= 0).all(), (direction, start, scores)
