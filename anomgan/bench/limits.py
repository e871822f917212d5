"""What this machine can do at best, and how near training and scoring come to it.

``python -m anomgan.bench.limits`` prints the table; :mod:`anomgan.bench.speed` starts it.
"""

from __future__ import annotations

import io
import sys
import time
import warnings
from collections.abc import Callable, Iterator

import pyarrow as pa
import pyarrow.csv
import torch

from anomgan.bench.cost import COLUMNS, cost
from anomgan.bench.gans import DEFAULT_METHOD
from anomgan.bench.synthetic import table
from anomgan.bench.timed_case import Case
from anomgan.config import Config
from anomgan.utils.threads import one_thread_each

LARGE = 2048
"""Side of the matrices whose product shows the most that the processor can do."""

COPIED = 2**28
"""Bytes that are copied to see how fast memory is; far more than caches hold."""

BLOCK = 512
"""Rows of a product in scoring."""

CASE = Case(5_000, COLUMNS, 20_000)


def lines(*, quick: bool) -> Iterator[str]:
    """Measure, and give a Markdown table."""
    config = Config.make(settings={"steps": 20} if quick else {})
    figures = Case(CASE.rows, CASE.columns, 1_000, config.to_json()).measure(DEFAULT_METHOD)
    if not quick:
        figures["score_s"] = CASE.measure(DEFAULT_METHOD)["score_s"] * 1_000 / CASE.scored
    one = cost(DEFAULT_METHOD, config)
    trained = one.fit * config.members / figures["fit_s"] / 1e9
    scored = one.score * config.members * 1_000 / figures["score_s"] / 1e9
    yield f"{torch.get_num_threads()} threads\n"
    yield "| | GFLOP/s in float32 | one thread | of the most, % |"
    yield "|---|---:|---:|---:|"
    tried = {
        "large products": (1, LARGE, LARGE, LARGE),
        "products of training": (config.members, config.batch, config.hidden, config.hidden),
        "products of scoring": (config.members, BLOCK, config.hidden, config.hidden),
    }
    found = {what: _product(*size) for what, size in tried.items()}
    most = max(found.values())
    for what, size in tried.items():
        alone, shape = _product(*size, threads=1), "×".join(map(str, size))
        share = 100 * found[what] / most
        yield f"| {what}: {shape} | {found[what]:,.0f} | {alone:,.0f} | {share:.0f} |"
    for name, reached in (("training", trained), ("scoring", scored)):
        yield f"| {name}, as a whole | {reached:,.1f} | | {100 * reached / most:.1f} |"
    rate, parse = _copy(), _parse(2_000 if quick else 100_000)
    yield f"\nMemory: {rate:,.1f} GB/s copied.  Parsing CSV on one thread: {parse:,.0f} MB/s."


def _product(members: int, rows: int, inner: int, outer: int, threads: int = 0) -> float:
    """GFLOP/s of products (members, rows, inner) × (members, inner, outer); 0 threads for all."""
    left, right = (torch.randn(members, *shape) for shape in ((rows, inner), (inner, outer)))
    work = 2 * members * rows * inner * outer
    if threads:
        with one_thread_each():
            return work / _fastest(lambda: left @ right) / 1e9
    return work / _fastest(lambda: left @ right) / 1e9


def _copy() -> float:
    """GB/s read and written."""
    source = torch.ones(COPIED // 8, dtype=torch.float64)
    target = torch.empty_like(source)
    return 2 * COPIED / _fastest(lambda: target.copy_(source)) / 1e9


def _parse(rows: int) -> float:
    """MB/s of CSV made into strings, as :mod:`anomgan.data.readers.delimited` has it done."""
    text = table(rows, COLUMNS, 1).astype("float32").to_csv(index=False).encode()
    names = text.partition(b"\n")[0].decode().split(",")
    options = pa.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.large_string()))
    reading = pa.csv.ReadOptions(use_threads=False)

    def read() -> object:
        return pa.csv.read_csv(io.BytesIO(text), reading, convert_options=options)

    return len(text) / _fastest(read) / 1e6


def _fastest(work: Callable[[], object]) -> float:
    """Seconds of the fastest of many calls within half a second, at least three."""
    taken: list[float] = []
    end = time.perf_counter() + 0.5
    while len(taken) < 3 or time.perf_counter() < end:
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return min(taken)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for line in lines(quick="--quick" in sys.argv):
        sys.stdout.write(line + "\n")
