"""Generated tables of every dtype: a result that keeps its promises, or the documented error.

Dtypes matter to the encoder, which is cheap; whole detectors are fitted on few tables and score
many.
"""

from __future__ import annotations

import datetime as dt
import decimal
import fractions
import json
import uuid
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from anomgan import GANDetector
from anomgan.data.encoders.table import TableEncoder
from anomgan.errors import DataWarning, InputError

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


def examples(count: int) -> settings:
    """The same examples every time, so many of them."""
    return settings(
        max_examples=count,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
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
    (pa.time32("s"), st.integers(0, 86_399)),
    (pa.large_binary(), st.binary(max_size=5)),
    (pa.decimal256(60, 2), st.decimals(-(10**50), 10**50, places=2)),
    (pa.map_(pa.string(), pa.int64()), st.just([("k", 1)])),
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


@st.composite
def column_pairs(draw: Any) -> tuple[pd.Series[Any], pd.Series[Any]]:
    """A column to learn, and one to score in its place."""
    one, other = draw(st.sampled_from(KINDS)), draw(st.sampled_from(KINDS))
    rows = draw(st.sampled_from([5, 6, 8, 25])), draw(st.sampled_from([0, 1, 2, 9]))
    return pd.Series(one(draw, rows[0])), pd.Series(other(draw, rows[1]))


# --- frames ---------------------------------------------------------------------------------------

NAMES = st.one_of(
    st.sampled_from(["", " ", "a", "a ", "(unexpected missing)", "row", "score", "x" * 999, "\n",
                     "é\u0301", 0, 1.5, None, True, ("a", 1), dt.date(2024, 1, 1)]),
    SAFE_TEXT,
    st.integers(),
)  # fmt: skip


@st.composite
def frames(draw: Any) -> pd.DataFrame:
    """Tables of odd shapes, names and indexes."""
    rows = draw(st.sampled_from([0, 1, 2, 5, 6, 12, 30]))
    width = draw(st.sampled_from([0, 1, 2, 3, 5]))
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=width, max_size=width))
    frame = pd.DataFrame({at: pd.Series(kind(draw, rows)) for at, kind in enumerate(kinds)})
    if width and draw(st.booleans()):
        frame[width] = np.arange(rows) ** 2 % 7 + 0.5  # something to learn from
    names = draw(st.lists(NAMES, min_size=frame.shape[1], max_size=frame.shape[1]))
    frame.columns = draw(
        st.sampled_from(
            [
                pd.Index(names, dtype=object),
                pd.Index([f"c{at}" for at in range(len(names))]),
                pd.MultiIndex.from_tuples([("a", at) for at in range(len(names))])
                if names
                else pd.Index([]),
            ]
        )
    )
    index = draw(st.sampled_from(["range", "equal", "text", "two", "times"]))
    if rows and index != "range":
        frame.index = {
            "equal": pd.Index([7] * rows),
            "text": pd.Index([f"r{at % 3}" for at in range(rows)]),
            "two": pd.MultiIndex.from_product([[0], range(rows)]),
            "times": pd.date_range("2024-01-01", periods=rows, tz="Asia/Kathmandu"),
        }[index]
    frame.attrs["note"] = {"kept": [1]}
    return frame


# --- what must hold -------------------------------------------------------------------------------


def quietly(work: Callable[[], Any]) -> Any:
    """Do it, and let no warning but ours pass."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", DataWarning)
        return work()


def all_of(frame: pd.DataFrame) -> str:
    """Everything in a table, spelt out: cells, dtypes, names, index and attributes."""
    cells = [frame.iloc[:, at].tolist() for at in range(frame.shape[1])]
    named = frame.columns.tolist(), frame.columns.names, frame.index.tolist(), frame.index.names
    return repr((cells, named, frame.dtypes.tolist(), frame.attrs, type(frame.index)))


def refused_or_done(work: Callable[[], Any], *frames: pd.DataFrame) -> Any:
    """The result, or None for the documented error; either way the tables are as before."""
    before = list(map(all_of, frames))
    said, found = None, None
    try:
        found = quietly(work)
    except InputError as error:
        said = str(error)
    except TypeError as error:  # scikit-learn's, of names that are partly text
        said = str(error)
        assert said.startswith("Feature names are only supported if all")
    assert list(map(all_of, frames)) == before
    assert said is None or (said and len(said.splitlines()) == 1)
    return found


def check_encoder(learnt: pd.DataFrame, later: pd.DataFrame) -> None:
    """Encode, store and decode."""
    encoder = refused_or_done(lambda: TableEncoder.fit(learnt), learnt)
    if encoder is None:
        return
    again = TableEncoder.from_json(json.loads(json.dumps(encoder.to_json(), allow_nan=False)))
    assert again == encoder
    for frame in (learnt, later):
        found = refused_or_done(lambda frame=frame: encoder.transform(frame), frame)
        if found is None:
            continue
        values, report = found
        assert values.shape == (len(frame), encoder.spec.size)
        assert np.isfinite(values).all()
        assert all(isinstance(line, str) for line in report.lines())
    rng = np.random.default_rng(0)
    for size in (1, 1e25):
        made = quietly(
            lambda size=size: encoder.decode(size * rng.normal(size=(3, encoder.spec.size)))
        )
        assert len(made) == 3


def check_scores(detector: GANDetector, frame: pd.DataFrame) -> None:
    """Score, if that can be done, and look at what comes out."""
    scores = refused_or_done(lambda: detector.score_samples(frame), frame)
    if scores is None:
        return
    assert scores.shape == (len(frame),)
    assert np.isfinite(scores).all()
    p_values = quietly(lambda: detector.p_values(frame))
    assert ((p_values > 0) & (p_values <= 1)).all()
    assert set(quietly(lambda: detector.predict(frame))) <= {-1, 1}


def beside(cells: pd.Series[Any]) -> pd.DataFrame:
    """A table of this column and one that can always be learnt from."""
    return pd.DataFrame({"a": cells, "b": np.arange(len(cells)) ** 2 % 7})


@examples(60)
@given(column_pairs())
def test_any_column_is_encoded_or_refused(pair: tuple[pd.Series[Any], pd.Series[Any]]) -> None:
    check_encoder(*map(beside, pair))


@pytest.mark.slow
@examples(3000)
@given(column_pairs())
def test_many_more_columns(pair: tuple[pd.Series[Any], pd.Series[Any]]) -> None:
    check_encoder(*map(beside, pair))


@examples(30)
@given(frames(), frames())
def test_any_frame_is_encoded_or_refused(learnt: pd.DataFrame, later: pd.DataFrame) -> None:
    check_encoder(learnt, later)


@pytest.mark.slow
@examples(1000)
@given(frames(), frames())
def test_many_more_frames(learnt: pd.DataFrame, later: pd.DataFrame) -> None:
    check_encoder(learnt, later)


def check_fit(frame: pd.DataFrame) -> None:
    """Fit, if that can be done, and score the same rows."""
    detector = GANDetector(settings=TINY, random_state=0)
    if refused_or_done(lambda: detector.fit(frame), frame) is not None:
        check_scores(detector, frame)
        sampled = quietly(lambda: detector.sample(3, 0))
        assert len(sampled) == 3


@examples(10)
@given(frames())
def test_any_frame_is_fitted_and_scored_or_refused(frame: pd.DataFrame) -> None:
    check_fit(frame)


@pytest.mark.slow
@examples(300)
@given(frames())
def test_many_more_fits(frame: pd.DataFrame) -> None:
    check_fit(frame)


@pytest.fixture(scope="module")
def detectors() -> list[GANDetector]:
    """Fitted on a number, a category, a truth value and a time, each called ``a``."""
    rng = np.random.default_rng(0)
    found = []
    for cells in (
        rng.normal(size=40),
        rng.choice(["x", "y", "z"], 40),
        rng.random(40) < 0.5,
        pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 10**6, 40), "s"),
    ):
        detector = GANDetector(settings=TINY, random_state=0)
        found.append(quietly(lambda cells=cells, d=detector: d.fit(beside(pd.Series(cells)))))
    return found


@examples(40)
@given(column_pairs())
def test_other_dtypes_than_at_fit_are_scored_or_refused(
    detectors: list[GANDetector], pair: tuple[pd.Series[Any], pd.Series[Any]]
) -> None:
    for detector in detectors:
        check_scores(detector, beside(pair[1]))


@pytest.mark.slow
@examples(600)
@given(column_pairs())
def test_many_more_other_dtypes(
    detectors: list[GANDetector], pair: tuple[pd.Series[Any], pd.Series[Any]]
) -> None:
    for detector in detectors:
        check_scores(detector, beside(pair[1]))


class Capsule:
    """What polars, DuckDB and others give: columns as Arrow shows them, and nothing else."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __arrow_c_stream__(self, schema: Any = None) -> Any:
        return self.table.__arrow_c_stream__(schema)


def test_tables_of_other_libraries(detectors: list[GANDetector]) -> None:
    table = pa.table({"a": ["x", "y", "z"], "b": [1, 2, 4]})
    expected = detectors[1].score_samples(table.to_pandas())
    records = np.array([("x", 1), ("y", 2), ("z", 4)], dtype=[("a", "U1"), ("b", int)])
    for same in (table, Capsule(table), records):
        assert np.array_equal(detectors[1].score_samples(same), expected)


class Lazy:
    """What dask gives: a table that isn't there until somebody asks for it, at some cost."""

    def compute(self) -> None:
        pytest.fail("nobody asked for it")


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        (Lazy(), r"a .*Lazy; give X\.compute\(\)"),
        ({"a": [1], "b": [2]}, r"a builtins\.dict; give pandas\.DataFrame\(X\)"),
        (torch.ones(2, 2), r"a torch\.Tensor; give X\.detach\(\)\.cpu\(\)\.double\(\)\.numpy\(\)"),
        (torch.ones(2, 3, 8, 8), r"give X\.permute\(0, 2, 3, 1\)"),
        (
            pd.DataFrame(columns=pd.Index(["\ud800"], dtype=object), index=range(9)),
            "can be written",
        ),
        (pd.DataFrame(index=range(9)), "has no columns"),
    ],
)
def test_what_the_user_has_to_do_first(given: Any, advice: str) -> None:
    with pytest.raises(InputError, match=advice):
        GANDetector(settings=TINY).fit(given)


def test_wide_frames_are_fitted() -> None:
    rng = np.random.default_rng(0)
    check_fit(pd.DataFrame(rng.normal(size=(6, 300))).rename(columns=str))


# --- what was found so ----------------------------------------------------------------------------

ODD = np.array([1.0, 2.5, 3.0, 8.0, 4.0, 0.5, 9.0, 2.0])
BROKE: dict[str, Any] = {
    "a signalling NaN": [decimal.Decimal("sNaN"), decimal.Decimal(1)] * 4,
    "half a surrogate pair": ["\ud800", "b"] * 4,
    "half a surrogate pair in a string dtype": pd.array(["\ud800", "b"] * 4, "string[python]"),
    "far and wide numbers": [-1.2e251, 1e300, np.inf, -3e16, 1.7e308, -1.7e308, 5e-324, -0.0],
    "half floats": np.array([6e4, 1, 2, 3, 5, 8, 13, 21], np.float16),
    "long doubles": np.array([1e300, 1, 2, 3, 5, 8, 13, 21]).astype(np.longdouble) ** 2,
    "long doubles of Python's": [np.longdouble("1e4000"), np.longdouble(1)] * 4,
    "long durations of Python's": [dt.timedelta.max, dt.timedelta(days=1)] * 4,
    "long durations": np.array([1, 5, 9, 2**62, 3, 4, 5, 6], "timedelta64[us]"),
    "durations of Arrow": pd.Series(ODD.astype(int)).astype("duration[ns][pyarrow]"),
    "decimals of Arrow": pd.Series(
        pa.array([decimal.Decimal("1.5"), decimal.Decimal(2)] * 4, pa.decimal128(9, 2)),
        dtype=pd.ArrowDtype(pa.decimal128(9, 2)),
    ),
    "one moment, in the year 2861": [dt.datetime(2861, 1, 31)] * 8,
    "moments in a billion years": np.array([2**55, 0] * 4, "datetime64[s]"),
    "moments in nanoseconds": pd.Series(pd.date_range("2024-01-01", periods=8)).dt.as_unit("ns"),
    "a time zone without a name": pd.Series(
        pd.date_range("2024-01-01", periods=8, tz="dateutil/Europe/Berlin")
    ),
    "intervals as categories": pd.Categorical(pd.interval_range(0, 2).repeat(4)),
    "whole numbers of Python's": [10**25, 10**25 + 1] * 4,
}  # fmt: skip


@pytest.mark.parametrize("name", BROKE)
def test_what_broke_once(name: str) -> None:
    cells = BROKE[name]
    column = pd.Series(cells, dtype=object) if isinstance(cells, list) else pd.Series(cells)
    check_encoder(beside(column), beside(column))
    check_encoder(beside(pd.Series(["x", "y"] * 4)), beside(column))
