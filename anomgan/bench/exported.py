"""Time and memory of an exported detector beside the one that it was exported from.

``python -m anomgan.bench.exported`` fits once on a synthetic table, exports, and scores the same
rows by torch and by onnxruntime, each in a process of its own with as many threads.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from anomgan.bench.curves import COLUMNS
from anomgan.bench.process import run
from anomgan.bench.synthetic import make_table

FIT_ROWS = 2_000

NATIVE = """
import torch
torch.set_num_threads(threads)
from anomgan import load
detector = load(folder, device="cpu")
"""
EXPORTED = """
from anomgan.runtime import load_exported
detector = load_exported(folder, threads=threads)
"""
SCORE = """
import json, sys, time
started = time.perf_counter()
folder, table, out, threads = *sys.argv[1:4], int(sys.argv[4])
import numpy as np, pandas as pd
{load}
loaded = time.perf_counter()
frame = pd.read_parquet(table)
score = detector.score_samples(frame.head(100))
begun = time.perf_counter()
score = detector.score_samples(frame)
seconds = time.perf_counter() - begun
np.save(out, score)
[peak] = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
figures = {{"start_s": loaded - started, "score_s": seconds, "peak_mb": int(peak) / 1024}}
print(json.dumps(figures))
"""


def measure_export(rows: int, threads: int, settings: dict[str, object]) -> Iterator[str]:
    """Lines of Markdown: seconds until the detector is there, seconds of scoring, peak memory.

    Args:
        rows: How many to score.
        threads: Of each process.
        settings: Of the fit.
    """
    from anomgan import GANDetector

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        detector = GANDetector(settings=settings, random_state=0)
        detector.fit(make_table(FIT_ROWS, COLUMNS, 1))
        detector.save(folder / "model")
        started = time.perf_counter()
        detector.export(folder / "export")
        seconds = time.perf_counter() - started
        size = sum(path.stat().st_size for path in (folder / "export").iterdir()) / 2**20
        make_table(rows, COLUMNS, 2).to_parquet(folder / "new.parquet")
        yield (
            f"{rows:,} rows × {COLUMNS} columns, {threads} threads; the export took "
            f"{seconds:.1f} s and has {size:.1f} MB\n"
        )
        yield "| | start, s | scoring, s | rows/s | peak MB |\n|---|---:|---:|---:|---:|"
        scores = []
        for label, load, place in (("torch", NATIVE, "model"), ("onnxruntime", EXPORTED, "export")):
            out, told = folder / f"{label}.npy", folder / f"{label}.json"
            script = SCORE.format(load=load)
            paths = [str(folder / each) for each in (place, "new.parquet", out.name)]
            run(sys.executable, "-W", "ignore", "-c", script, *paths, str(threads), out=told)
            figures = json.loads(told.read_text())
            scores.append(np.load(out))
            yield (
                f"| {label} | {figures['start_s']:.1f} | {figures['score_s']:.1f} | "
                f"{rows / figures['score_s']:,.0f} | {figures['peak_mb']:,.0f} |"
            )
        native, exported = scores
        difference = np.abs(exported - native) / np.maximum(1, np.abs(native))
        yield (
            f"\nDifference of the two scores, relative to a score of at least 1: at most 1e-5 in "
            f"{np.mean(difference <= 1e-5):.2%} of the rows, {difference.max():.0e} in the worst."
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--set", action="append", default=[], metavar="K=V")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    settings: dict[str, object] = dict(each.split("=", 1) for each in options.set)
    for line in measure_export(options.rows, options.threads, settings):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
