"""Bytes that may be CSV, through the command line: whole rows, or one line that says why not."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

VALID = b'size,weight,colour\n1.5,2,red\n-3e2,,blue\n"4",5,"gr""ee\nn"\n2024-01-01,yes,\xc3\xbc\n'
PIECES = [b",", b";", b"\t", b"|", b"\n", b"\r", b"\r\n", b"\n\n", b'"', b'""', b"'",
          b"\\", b"\x00", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xff", b"\x80", b"\xc3",
          b"\xed\xa0\x80", b"\x1a", b"\x1b[31m", b"nan", b"inf", b"1e999", b"-", b"NULL",
          b"size", b"size,weight", b"=1+1", b" ", b"\xe2\x80\xa8", b"\x0b", b"\x0c", b"\x85",
          b"x" * 70_000, b'"' + b"y\n" * 3000, b"," * 3000, b"\n" * 300, b"9" * 400]  # fmt: skip


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


@st.composite
def mutated(draw: Any) -> bytes:
    """A valid file with pieces put in, taken out or repeated, in some encoding."""
    data = VALID
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        to = draw(st.integers(at, min(len(data), at + 20)))
        kept = draw(st.sampled_from([b"", data[at:to], 2 * data[at:to]]))
        data = data[:at] + draw(st.sampled_from([*PIECES, b""])) + kept + data[to:]
    recoded = draw(
        st.sampled_from([None, None, None, "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp037"])
    )
    return data if recoded is None else data.decode(errors="replace").encode(recoded, "replace")


FILES = st.one_of(
    mutated(),
    mutated(),
    st.binary(max_size=200),
    st.text('size,weigtcoluràed\n\r";\x00 0123456789.-eé', max_size=120).map(str.encode),
)


def check(run: Any, model: Path, data: bytes, *options: str) -> None:
    """Score these bytes; everything that comes out is whole."""
    done = run("score", "-", "--model", model, *options, stdin=data)
    assert "Traceback" not in done.err
    assert done.code in (0, 2), done.err
    assert all(line.startswith("anomgan: ") for line in done.err.split("\n")[:-1])
    assert done.err.endswith("\n")
    assert not done.out or done.out.endswith("\n")
    rows = list(csv.DictReader(io.StringIO(done.out, newline="")))
    assert [int(row["row"]) for row in rows] == list(range(len(rows)))
    for row in rows:
        assert np.isfinite(float(row["score"]))
        assert 0 < float(row["p_value"]) <= 1
        assert row["is_anomaly"] in ("0", "1")
    if done.code == 0:
        assert rows
        assert f"{len(rows):,} rows scored" in done.err
    else:
        assert done.err.split("\n")[-2].startswith("anomgan: error: stdin: ")


@examples(60)
@given(FILES)
def test_any_bytes_are_scored_or_refused(run: Any, fitted: Any, data: bytes) -> None:
    check(run, fitted.model, data)


@examples(20)
@given(FILES)
def test_any_bytes_are_repeated_whole(run: Any, fitted: Any, data: bytes) -> None:
    check(run, fitted.model, data, "--append")


@pytest.mark.slow
@examples(1500)
@given(FILES, st.sampled_from([[], ["--append"], ["--fdr", "0.1"], ["--strict"]]))
def test_many_more_bytes(run: Any, fitted: Any, data: bytes, options: list[str]) -> None:
    check(run, fitted.model, data, *options)


@examples(10)
@given(FILES)
def test_any_bytes_are_fitted_or_refused(
    run: Any, tiny: list[str], tmp_path_factory: Any, data: bytes
) -> None:
    model = tmp_path_factory.mktemp("bytes") / "model"
    done = run("fit", "-", "--model", model, *tiny, stdin=data * 3)
    assert done.code in (0, 2), done.err
    assert "Traceback" not in done.err
    assert (done.code == 0) == model.exists()


BROKE: dict[str, bytes] = {
    "carriage returns alone": VALID.replace(b"\n", b"\r"),
    "no line end": b"size,weight,colour\n1,2,red",
    "nothing but quotes": b'"""""',
    "a NUL among digits": b"size,weight,colour\n1\x002,2,red\n",
    "UTF-32": VALID.decode().encode("utf-32"),
}


@pytest.mark.parametrize("name", BROKE)
@pytest.mark.parametrize("options", [[], ["--append"]])
def test_odd_files(run: Callable[..., Any], fitted: Any, name: str, options: list[str]) -> None:
    check(run, fitted.model, BROKE[name], *options)
