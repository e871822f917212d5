"""What a whole process takes, as the operating system accounts for it."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

SAID = 2000
"""Characters of a failed process's words that an error carries: the last ones."""


@dataclass(frozen=True, order=True)
class Usage:
    """What one process took; less is sooner done.

    Attributes:
        seconds: From start to end.
        megabytes: Most memory held.
    """

    seconds: float
    megabytes: float

    def row(self, name: str, rows: int | None = None) -> str:
        """A line of a Markdown table; ``rows`` adds rows per second."""
        rate = "" if rows is None else f"{rows / self.seconds:,.0f}"
        # A process starts out with the peak of the one that started it.
        least = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        peak = f"< {least:,.0f}" if self.megabytes <= least else f"{self.megabytes:,.0f}"
        return f"| {name} | {self.seconds:.1f} | {rate} | {peak} |"


USAGE_HEAD = "| | seconds | rows/s | peak MB |\n|---|---:|---:|---:|"
"""Above lines of :meth:`Usage.row`."""


def run(*command: str, out: Path | None = None) -> Usage:
    """Run a process to its end.

    Args:
        command: The program and its arguments.
        out: Where its standard output goes, by default nowhere.

    Raises:
        RuntimeError: If it fails; carries what it printed.
    """
    with tempfile.TemporaryFile() as said, (out or Path(os.devnull)).open("wb") as stdout:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=stdout, stderr=said)  # noqa: S603
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise RuntimeError(f"{command[:4]} failed: {said.read().decode()[-SAID:]}")
    return Usage(seconds, usage.ru_maxrss / 1024)


def module(name: str, *arguments: object, out: Path | None = None) -> Usage:
    """Run a module of this Python's; raises as :func:`run` does."""
    return run(sys.executable, "-m", name, *map(str, arguments), out=out)
