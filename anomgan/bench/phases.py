"""Sampling profiler: the share of each phase in the time of a command.

``python -m anomgan.bench.phases FILE COMMAND…`` runs ``anomgan COMMAND…`` and writes the share of
each phase to the file.  It samples the stacks of all threads every few milliseconds, at next to no
cost; time inside torch counts for the Python function that called it.
"""

from __future__ import annotations

import json
import runpy
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

SAMPLING_INTERVAL_S = 0.002
PHASES = {
    "imports": ("importlib._bootstrap",),
    "health of the GANs": ("anomgan.training.health", "anomgan.training.monitor"),
    "drawing batches": ("anomgan.training.sampler",),
    "optimiser": ("anomgan.nets.adam",),
    "losses and gradients": ("anomgan.training.trainer",),
    "inversion": ("anomgan.scoring.inversion",),
    "whitening": ("anomgan.scoring.whitening",),
    "neighbours": ("anomgan.scoring.knn",),
    "networks": ("anomgan.gans", "anomgan.nets"),
    "scaling": ("anomgan.data.ensemble_scaler", "anomgan.data.transforms"),
    "other components": (
        "anomgan.scoring.components",
        "anomgan.scoring.features",
        "anomgan.scoring.scorer",
    ),
    "calibration": ("anomgan.calibration",),
    "drift": ("anomgan.evaluation.drift",),
    "tracking": ("anomgan.mlflow", "mlflow"),
    "writing": ("anomgan.cli.csv_output", "anomgan.persistence"),
    "reading": ("anomgan.data.readers",),
    "encoding": ("anomgan.data",),
}
"""Phase -> modules, classes or functions.  A stack belongs to the first phase with a part in it, so
that networks called by the inversion count as inversion."""

OTHER = "the rest"
WAITING_MODULES = "threading", "queue", "concurrent.futures", "selectors"
"""Modules whose functions on top of a stack mean that its thread waits."""


def find_phase(stack: list[str]) -> str | None:
    """Find the phase of a stack of qualified names, innermost first; None if it waits."""
    if not stack or _belongs(stack[0], WAITING_MODULES):
        return None
    for phase, parts in PHASES.items():
        if any(_belongs(name, parts) for name in stack):
            return phase
    return OTHER


def _belongs(name: str, parts: tuple[str, ...]) -> bool:
    return any(name == part or name.startswith(f"{part}.") for part in parts)


def _list_calls(frame: FrameType | None) -> list[str]:
    names = []
    while frame is not None:
        names.append(f"{frame.f_globals.get('__name__')}.{frame.f_code.co_qualname}")
        frame = frame.f_back
    return names


@contextmanager
def sample_stacks() -> Iterator[Counter[str]]:
    """Count samples of each phase, over all threads but the sampler's own, while the body runs."""
    counts: Counter[str] = Counter()
    done = threading.Event()

    def sample() -> None:
        sampler_id = threading.get_ident()
        while not done.wait(SAMPLING_INTERVAL_S):
            for thread, frame in sys._current_frames().items():
                phase = None if thread == sampler_id else find_phase(_list_calls(frame))
                if phase:
                    counts[phase] += 1

    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    try:
        yield counts
    finally:
        done.set()
        sampler.join()


def compute_shares(counts: Mapping[str, int]) -> dict[str, float]:
    """Share of each phase in all samples, largest first."""
    total = sum(counts.values())
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return {phase: count / total for phase, count in ordered}


def main() -> None:
    """Run a command of anomgan and write the shares."""
    out, *sys.argv[1:] = sys.argv[1:]
    try:
        with sample_stacks() as counts:
            runpy.run_module("anomgan", run_name="__main__", alter_sys=False)
    finally:
        Path(out).write_text(json.dumps(compute_shares(counts)))


if __name__ == "__main__":
    main()
