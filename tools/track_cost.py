"""Cost of logging a fit to MLflow, beside the fit.

    python tools/track_cost.py

Fits the sample set `taxis` with the defaults, logs it to a sqlite store of its own and prints a
Markdown table, in seconds of one processor core, which a busy machine doesn't distort.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from anomgan import GANDetector
from anomgan.data.samples import load_sample
from anomgan.mlflow.system_metrics import ResourceMonitor
from anomgan.utils.digest import compute_digest


def main() -> None:
    """Measure and print."""
    argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0]).parse_args()
    normal = load_sample("taxis").normal
    seconds_by_step: dict[str, float] = {}

    @contextlib.contextmanager
    def measure(what: str) -> Iterator[None]:
        started = time.process_time()
        yield
        seconds_by_step[what] = time.process_time() - started

    with measure("the fit itself"), ResourceMonitor() as resources:
        detector = GANDetector(random_state=0).fit(normal)
    with measure("digest of the table"):
        digest = compute_digest(normal)
    detector.training_facts_ |= resources.to_facts() | {"digest": digest}
    with measure("importing MLflow"):
        from anomgan.mlflow import log_fit, run_logger
        from anomgan.mlflow.run_logger import write_artifacts
    with measure("importing plots"):
        from anomgan.reporting.page import report  # noqa: F401
    with tempfile.TemporaryDirectory() as place, mock.patch.object(run_logger, "write_artifacts"):
        uri = f"sqlite:///{Path(place) / 'mlflow.db'}"
        for what in ("making a new store", "run, parameters, metrics, model"):
            with measure(what):
                logged = log_fit(detector, tracking_uri=uri)
            if logged.error:
                raise SystemExit(logged.error)
        with measure("figures and report"):
            write_artifacts(detector, Path(place))
    fit = seconds_by_step["the fit itself"]
    print("| | seconds | of the fit |")
    print("|---|---:|---:|")
    for what, seconds in seconds_by_step.items():
        print(f"| {what} | {seconds:.2f} | {seconds / fit:.1%} |")


if __name__ == "__main__":
    main()
