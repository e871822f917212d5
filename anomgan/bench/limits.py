"""Peak performance of this machine, and the share of it that training and scoring reach.

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

from anomgan.bench.cost import COLUMNS, estimate_cost
from anomgan.bench.gans import DEFAULT_METHOD
from anomgan.bench.synthetic import make_table
from anomgan.bench.timed_case import TimedCase
from anomgan.config import Config
from anomgan.utils.threads import one_thread_each

LARGE_SIDE = 2048
"""Side of the matrices whose product measures the processor's peak."""

COPIED_BYTES = 2**28
"""Bytes copied to measure the bandwidth of memory; far more than caches hold."""

SCORED_BLOCK_ROWS = 512
"""Rows of a matrix product in scoring."""

CASE = TimedCase(5_000, COLUMNS, 20_000)


def measure_limits(*, quick: bool) -> Iterator[str]:
    """Measure, and yield a Markdown table."""
    config = Config.make(settings={"steps": 20} if quick else {})
    figures = TimedCase(CASE.rows, CASE.columns, 1_000, config.to_json()).measure(DEFAULT_METHOD)
    if not quick:
        figures["score_s"] = CASE.measure(DEFAULT_METHOD)["score_s"] * 1_000 / CASE.scored
    per_member = estimate_cost(DEFAULT_METHOD, config)
    trained = per_member.fit * config.members / figures["fit_s"] / 1e9
    scored = per_member.score * config.members / figures["score_s"] / 1e6
    yield f"{torch.get_num_threads()} threads\n"
    yield "| | GFLOP/s in float32 | one thread | of the peak, % |"
    yield "|---|---:|---:|---:|"
    shapes = {
        "large products": (1, LARGE_SIDE, LARGE_SIDE, LARGE_SIDE),
        "products of training": (config.members, config.batch, config.hidden, config.hidden),
        "products of scoring": (config.members, SCORED_BLOCK_ROWS, config.hidden, config.hidden),
    }
    rates = {what: _time_product(*size) for what, size in shapes.items()}
    peak = max(rates.values())
    for what, size in shapes.items():
        alone, shape = _time_product(*size, threads=1), "×".join(map(str, size))
        share = 100 * rates[what] / peak
        yield f"| {what}: {shape} | {rates[what]:,.0f} | {alone:,.0f} | {share:.0f} |"
    for name, reached in (("training", trained), ("scoring", scored)):
        yield f"| {name}, as a whole | {reached:,.1f} | | {100 * reached / peak:.1f} |"
    bandwidth, parsing = _time_copy(), _time_parsing(2_000 if quick else 100_000)
    yield f"\nMemory: {bandwidth:,.1f} GB/s copied.  CSV parsed on one thread: {parsing:,.0f} MB/s."


def _time_product(members: int, rows: int, inner: int, outer: int, threads: int = 0) -> float:
    """Measure products (members, rows, inner) × (members, inner, outer) in GFLOP/s.

    One thread, or with `threads` = 0 all.
    """
    left, right = (torch.randn(members, *shape) for shape in ((rows, inner), (inner, outer)))
    work = 2 * members * rows * inner * outer
    if threads:
        with one_thread_each():
            return work / _time_fastest(lambda: left @ right) / 1e9
    return work / _time_fastest(lambda: left @ right) / 1e9


def _time_copy() -> float:
    """Measure the bandwidth of a copy, read and written bytes together, in GB/s."""
    source = torch.ones(COPIED_BYTES // 8, dtype=torch.float64)
    target = torch.empty_like(source)
    return 2 * COPIED_BYTES / _time_fastest(lambda: target.copy_(source)) / 1e9


def _time_parsing(rows: int) -> float:
    """Measure parsing of CSV into strings, as the reader does it, in MB/s."""
    text = make_table(rows, COLUMNS, 1).astype("float32").to_csv(index=False).encode()
    names = text.partition(b"\n")[0].decode().split(",")
    options = pa.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.large_string()))
    reading = pa.csv.ReadOptions(use_threads=False)

    def read() -> object:
        return pa.csv.read_csv(io.BytesIO(text), reading, convert_options=options)

    return len(text) / _time_fastest(read) / 1e6


def _time_fastest(work: Callable[[], object]) -> float:
    """Seconds of the fastest of at least three calls within about half a second."""
    seconds: list[float] = []
    end = time.perf_counter() + 0.5
    while len(seconds) < 3 or time.perf_counter() < end:
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for line in measure_limits(quick="--quick" in sys.argv):
        sys.stdout.write(line + "\n")
