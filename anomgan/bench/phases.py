"""Where the time of a command goes: its stacks, looked at every few milliseconds.

``python -m anomgan.bench.phases FILE COMMAND…`` runs ``anomgan COMMAND…`` and writes the share of
each phase to the file.  Looking costs next to nothing, sees all threads, and takes the time inside
torch for that of the Python function that called it.
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

PAUSE = 0.002
"""Seconds between two looks."""

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
    "calibration": ("anomgan.calibration", "anomgan.scoring.scaling"),
    "drift": ("anomgan.evaluation.drift",),
    "tracking": ("anomgan.mlflow", "mlflow"),
    "writing": ("anomgan.cli.csv_output", "anomgan.persistence"),
    "reading": ("anomgan.data.readers",),
    "encoding": ("anomgan.data",),
}
"""Phase -> modules, classes or functions.  A stack belongs to the first phase that has part in it,
so that networks at work in the inversion count as inversion."""

OTHER = "the rest"
WAITING = "threading", "queue", "concurrent.futures", "selectors"
"""Modules in which a thread isn't at work."""


def phase_of(stack: list[str]) -> str | None:
    """The phase of a stack of qualified names, innermost first; None if it waits."""
    if not stack or _within(stack[0], WAITING):
        return None
    for phase, parts in PHASES.items():
        if any(_within(name, parts) for name in stack):
            return phase
    return OTHER


def _within(name: str, parts: tuple[str, ...]) -> bool:
    return any(name == part or name.startswith(f"{part}.") for part in parts)


def _stack(frame: FrameType | None) -> list[str]:
    names = []
    while frame is not None:
        names.append(f"{frame.f_globals.get('__name__')}.{frame.f_code.co_qualname}")
        frame = frame.f_back
    return names


@contextmanager
def watched() -> Iterator[Counter[str]]:
    """Count how often each phase is met in any thread but this snapshot_callback's."""
    counts: Counter[str] = Counter()
    done = threading.Event()

    def look() -> None:
        own = threading.get_ident()
        while not done.wait(PAUSE):
            for thread, frame in sys._current_frames().items():
                phase = None if thread == own else phase_of(_stack(frame))
                if phase:
                    counts[phase] += 1

    snapshot_callback = threading.Thread(target=look, daemon=True)
    snapshot_callback.start()
    try:
        yield counts
    finally:
        done.set()
        snapshot_callback.join()


def shares(counts: Mapping[str, int]) -> dict[str, float]:
    """Each phase's part of the whole, largest first."""
    total = sum(counts.values())
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return {phase: count / total for phase, count in ordered}


def main() -> None:
    """Run a command of anomgan's and write the shares."""
    out, *sys.argv[1:] = sys.argv[1:]
    try:
        with watched() as counts:
            runpy.run_module("anomgan", run_name="__main__", alter_sys=False)
    finally:
        Path(out).write_text(json.dumps(shares(counts)))


if __name__ == "__main__":
    main()
