"""What logging a fit to MLflow costs beside the fit.

    python tools/track_cost.py

Fits the sample set `taxis` with the defaults, logs it three times to a sqlite store of its own and
prints a Markdown table.  The first time the store is made, too.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from anomgan import GANDetector
from anomgan.data.samples import load_sample
from anomgan.mlflow.digest import digest_of
from anomgan.mlflow.usage import Usage


def main() -> None:
    """Measure and print."""
    normal = load_sample("taxis").normal
    with Usage() as usage:
        detector = GANDetector(random_state=0).fit(normal)
    begun = time.perf_counter()
    digest = digest_of(normal)
    lines = [("digest of the table", time.perf_counter() - begun)]
    detector.training_facts_ |= usage.facts() | {"digest": digest}
    begun = time.perf_counter()
    from anomgan.mlflow import log_fit

    lines.append(("importing MLflow", time.perf_counter() - begun))
    with tempfile.TemporaryDirectory() as place:
        uri = f"sqlite:///{Path(place) / 'mlflow.db'}"
        for what in ("a fit into a new store", "a fit", "a fit"):
            begun = time.perf_counter()
            logged = log_fit(detector, tracking_uri=uri)
            lines.append((what, time.perf_counter() - begun))
            if logged.error:
                raise SystemExit(logged.error)
    fit = detector.training_facts_["seconds"]
    print("| | seconds | of the fit |")
    print("|---|---:|---:|")
    print(f"| the fit itself | {fit:.2f} | |")
    for what, seconds in lines:
        print(f"| {what} | {seconds:.2f} | {seconds / fit:.1%} |")


if __name__ == "__main__":
    main()
