"""Generated tables of every dtype: a result that keeps its promises, or the documented error.

What fits is tried on the encoder, which is cheap and where dtypes matter; whole detectors are
fitted on few tables and score many.
"""

from __future__ import annotations

import datetime as dt
import decimal
import fractions
import uuid
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

TINY = {
    "steps": 2,
    "members": 1,
    "hidden": 8,
    "layers": 1,
    "latent": 2,
    "batch": 8,
    "inversion_steps": 1,
    "memory_rows": 20,
    "checks": 0,
}

QUICK = settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)

# --- cells ----------------------------------------------------------------------------------------

EXTREMES = [0.0, -0.0, 1e300, -1e300, 1e-300, 5e-324, 1.7976931348623157e308, 3.4028236e38, 2.0**53]
FLOATS = st.one_of(st.sampled_from([*EXTREMES, np.nan, np.inf, -np.inf]), st.floats())
TEXT = st.one_of(
    st.sampled_from(
        ["", " ", "\x00", "\ud800", "a\ud800b", "1", "1.0", "1e999", "1_000", "٣", "nan", "NA",
         "true", "No", "2024-02-30", "2024-01-01", "2024-01-01T00:00:00+99:99", "9999-12-31",
         "99999-01-01", "0000-01-01", "-inf", "0x1p3", "é" * 5000, "\r\n", '"', "=1+1", "\u202e"]
    ),
    st.text(st.characters(), max_size=8),
)  # fmt: skip
MOMENTS = st.one_of(
    st.datetimes(),
    st.datetimes(timezones=st.sampled_from([dt.UTC, dt.timezone(dt.timedelta(hours=5.5))])),
)
DECIMALS = st.sampled_from(
    [decimal.Decimal(text) for text in ("1", "NaN", "sNaN", "Infinity", "1e9999", "0.1")]
)
SCALARS = st.one_of(
    st.none(),
    st.just(np.nan),
    st.just(pd.NA),
    st.just(pd.NaT),
    st.booleans(),
    st.integers(),
    st.integers(min_value=2**53, max_value=2**70),
    st.just(10**400),
    FLOATS,
    FLOATS.map(np.longdouble),
    FLOATS.map(lambda x: np.float64(x).astype(np.float32) if abs(x) < 1e30 else np.float32(0)),
    TEXT,
    st.binary(max_size=5),
    st.complex_numbers(),
    st.just(decimal.Decimal("1e9999")),
    st.just(fractions.Fraction(1, 3)),
    MOMENTS,
    st.dates(),
    st.times(),
    st.timedeltas(),
    st.just(pd.Timestamp("2262-04-11 23:47:16.854775807")),
    st.just(pd.Timestamp("1677-09-21 00:12:44", tz="UTC")),
    st.just(np.datetime64("NaT")),
    st.just(np.datetime64("2024-01-01")),
    st.just(np.timedelta64(3, "D")),
    st.just(pd.Period("2024-01", "M")),
    st.just(pd.Interval(0, 1)),
    st.just(uuid.UUID(int=7)),
)
NESTED = st.sampled_from([[1], (1, 2), {"a": 1}, {3}, np.array([1, 2]), pd.Series([1]), object])

# --- columns --------------------------------------------------------------------------------------

Column = Callable[[Callable[..., Any], int], Any]


def many(elements: st.SearchStrategy[Any], rows: int) -> st.SearchStrategy[list[Any]]:
    """Cells, of which a few often repeat: columns of distinct cells are rarely learnt from."""
    few = st.lists(elements, min_size=1, max_size=4)
    repeated = few.flatmap(
        lambda pool: st.lists(st.sampled_from(pool), min_size=rows, max_size=rows)
    )
    return st.one_of(st.lists(elements, min_size=rows, max_size=rows), repeated)


def with_gaps(elements: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), elements)


def integers(dtype: str) -> st.SearchStrategy[int]:
    bounds = np.iinfo(dtype.lower().removesuffix("[pyarrow]"))
    ends = st.sampled_from([int(bounds.min), int(bounds.max), 0, 1])
    return st.one_of(ends, st.integers(int(bounds.min), int(bounds.max)))


def numpy_floats(draw: Any, rows: int) -> Any:
    dtype = draw(st.sampled_from([np.float16, np.float32, np.float64, np.longdouble]))
    with np.errstate(all="ignore"):
        return np.array(draw(many(FLOATS, rows)), dtype=np.float64).astype(dtype)


def numpy_integers(draw: Any, rows: int) -> Any:
    dtype = draw(
        st.sampled_from([f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)])
    )
    return np.array(draw(many(integers(dtype), rows)), dtype=dtype)


def truth(draw: Any, rows: int) -> Any:
    return np.array(draw(many(st.booleans(), rows)), dtype=bool)


def complexes(draw: Any, rows: int) -> Any:
    dtype = draw(st.sampled_from([np.complex64, np.complex128]))
    with np.errstate(all="ignore"):
        return np.array(draw(many(st.complex_numbers(), rows)), dtype=np.complex128).astype(dtype)


def objects(draw: Any, rows: int) -> Any:
    kind = draw(
        st.sampled_from(
            [
                SCALARS,
                st.one_of(SCALARS, DECIMALS),
                TEXT,
                MOMENTS,
                with_gaps(TEXT),
                st.dates(),
                DECIMALS,
            ]
        )
    )
    cells = draw(many(kind, rows))
    if rows and draw(st.integers(0, 19)) == 0:
        cells[draw(st.integers(0, rows - 1))] = draw(NESTED)
    column = np.empty(rows, dtype=object)
    for at, cell in enumerate(cells):
        column[at] = cell
    return pd.Series(column, dtype=object)


def nullable(draw: Any, rows: int) -> Any:
    dtype = draw(st.sampled_from(["Int8", "UInt8", "Int64", "UInt64", "Float32", "Float64",
                                  "boolean", "string", "string[python]"]))  # fmt: skip
    if dtype.startswith("string"):
        text = TEXT.filter(lambda cell: cell.isprintable() or cell.isascii())
        return pd.array(draw(many(with_gaps(text), rows)), dtype=dtype)
    if "Int" in dtype:
        return pd.array(draw(many(with_gaps(integers(dtype)), rows)), dtype=dtype)
    elements = st.booleans() if dtype == "boolean" else FLOATS
    with np.errstate(all="ignore"):
        return pd.array(draw(many(with_gaps(elements), rows)), dtype=dtype)


SAFE_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NEAR = st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1))
SPANS = st.timedeltas(dt.timedelta(days=-9999), dt.timedelta(days=9999))
ARROW: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    (pa.int8(), integers("int8")),
    (pa.uint64(), integers("uint64")),
    (pa.float16(), st.floats(width=16)),
    (pa.float32(), st.floats(width=32)),
    (pa.float64(), FLOATS),
    (pa.bool_(), st.booleans()),
    (pa.string(), SAFE_TEXT),
    (pa.large_string(), SAFE_TEXT),
    (pa.binary(), st.binary(max_size=5)),
    (pa.timestamp("ns"), NEAR),
    (pa.timestamp("us"), st.datetimes()),
    (pa.timestamp("s", tz="America/New_York"), NEAR),
    (pa.date32(), st.dates()),
    (pa.date64(), st.dates(dt.date(1700, 1, 1), dt.date(2200, 1, 1))),
    (pa.time64("us"), st.times()),
    (pa.duration("ns"), SPANS),
    (pa.duration("s"), SPANS),
    (pa.decimal128(20, 3), st.decimals(-(10**9), 10**9, places=3)),
    (pa.dictionary(pa.int32(), pa.string()), SAFE_TEXT),
    (pa.list_(pa.int64()), st.lists(st.integers(0, 3), max_size=2)),
    (pa.struct([("a", pa.int64())]), st.fixed_dictionaries({"a": st.integers(0, 3)})),
    (pa.null(), st.none()),
]


def arrow(draw: Any, rows: int) -> Any:
    kind, elements = draw(st.sampled_from(ARROW))
    if draw(st.booleans()):
        elements = with_gaps(elements)
    cells = pa.array(draw(many(elements, rows)), kind)
    if rows > 2 and draw(st.booleans()):
        cells = pa.chunked_array([cells[:2], cells[2:]])
    return pd.Series(pd.arrays.ArrowExtensionArray(cells))


def categorical(draw: Any, rows: int) -> Any:
    kinds = [SAFE_TEXT, st.integers(-9, 9), st.integers(2**60, 2**63 - 1), FLOATS.filter(
        lambda x: not np.isnan(x)), st.booleans(), NEAR, st.dates(), SCALARS.filter(
        lambda cell: pd.api.types.is_scalar(cell) and not pd.isna(cell))]  # fmt: skip
    kind = draw(st.sampled_from(kinds))
    levels = draw(st.lists(kind, max_size=5, unique_by=lambda level: (hash(level), repr(level))))
    try:
        dtype = pd.CategoricalDtype(pd.Index(levels).unique(), ordered=draw(st.booleans()))
    except (TypeError, ValueError, OverflowError):
        dtype = pd.CategoricalDtype(["a"])
    codes = draw(st.lists(st.integers(-1, len(dtype.categories) - 1), min_size=rows, max_size=rows))
    return pd.Categorical.from_codes(codes, dtype=dtype)


def moments(draw: Any, rows: int) -> Any:
    unit = draw(st.sampled_from(["s", "ms", "us", "ns"]))
    cells = np.array(draw(many(with_gaps(NEAR), rows)), dtype=f"datetime64[{unit}]")
    series = pd.Series(cells)
    zone = draw(st.sampled_from([None, "UTC", "Asia/Kathmandu", "America/St_Johns"]))
    return series if zone is None else series.dt.tz_localize("UTC").dt.tz_convert(zone)


def far_moments(draw: Any, rows: int) -> Any:
    """Moments that pandas can hold in coarse units, long before and after what Python knows."""
    unit, most = draw(st.sampled_from([("s", 2**55), ("ms", 2**62), ("us", 2**62)]))
    stamps = draw(many(st.integers(-most, most), rows))
    return pd.Series(np.array(stamps, dtype="int64").astype(f"datetime64[{unit}]"))


def spans(draw: Any, rows: int) -> Any:
    unit, most = draw(st.sampled_from([("s", 2**62), ("ms", 2**62), ("us", 2**62), ("ns", 2**62)]))
    lengths = draw(many(st.one_of(st.integers(0, 9), st.integers(-most, most)), rows))
    return pd.Series(np.array(lengths, dtype="int64").astype(f"timedelta64[{unit}]"))


def periods(draw: Any, rows: int) -> Any:
    frequency = draw(st.sampled_from(["Y", "M", "D", "h"]))
    return pd.PeriodIndex(draw(many(NEAR, rows)), freq=frequency)


def intervals(draw: Any, rows: int) -> Any:
    return pd.arrays.IntervalArray(
        [pd.Interval(a, a + 1) for a in draw(many(st.integers(0, 9), rows))]
    )


def sparse(draw: Any, rows: int) -> Any:
    kind = draw(st.sampled_from(["float64", "int64", "bool", "str"]))
    elements = {"float64": FLOATS, "int64": st.integers(0, 3), "bool": st.booleans(),
                "str": SAFE_TEXT}[kind]  # fmt: skip
    cells = draw(many(elements, rows))
    dense = np.array(cells, dtype=object if kind == "str" else kind)
    return pd.arrays.SparseArray(dense, fill_value=draw(st.sampled_from(cells)) if cells else None)


def byte_strings(draw: Any, rows: int) -> Any:
    return pd.Series(np.array(draw(many(st.binary(max_size=4), rows)), dtype="S4"))


KINDS: list[Column] = [numpy_floats, numpy_integers, truth, complexes, objects, nullable, arrow,
                       categorical, moments, far_moments, spans, periods, intervals, sparse,
                       byte_strings]  # fmt: skip
