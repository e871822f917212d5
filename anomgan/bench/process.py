"""Time and memory of whole processes, as the operating system accounts for them."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

MAX_ERROR_CHARS = 2000
"""Length of the end of a failed process's standard error that an exception carries."""


@dataclass(frozen=True, order=True)
class ProcessUsage:
    """Resources that one process used; ordered by time.

    Attributes:
        seconds: Wall time.
        megabytes: Peak memory.
    """

    seconds: float
    megabytes: float

    def format_row(self, name: str, rows: int | None = None) -> str:
        """Format as a row of a Markdown table; ``rows`` adds rows per second."""
        rate = "" if rows is None else f"{rows / self.seconds:,.0f}"
        # A process inherits the peak of its parent, so a smaller one can't be seen.
        inherited = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        peak = f"< {inherited:,.0f}" if self.megabytes <= inherited else f"{self.megabytes:,.0f}"
        return f"| {name} | {self.seconds:.1f} | {rate} | {peak} |"


USAGE_HEADER = "| | seconds | rows/s | peak MB |\n|---|---:|---:|---:|"
"""Header of the table of :meth:`ProcessUsage.format_row`."""


def run(*command: str, out: Path | None = None) -> ProcessUsage:
    """Run a process and wait for it.

    Args:
        command: The program and its arguments.
        out: File for its standard output, by default none.

    Raises:
        RuntimeError: If it fails; carries the end of its standard error.
    """
    with tempfile.TemporaryFile() as stderr, (out or Path(os.devnull)).open("wb") as stdout:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=stdout, stderr=stderr)  # noqa: S603
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            stderr.seek(0)
            raise RuntimeError(f"{command[:4]} failed: {stderr.read().decode()[-MAX_ERROR_CHARS:]}")
    return ProcessUsage(seconds, usage.ru_maxrss / 1024)


def run_module(name: str, *arguments: object, out: Path | None = None) -> ProcessUsage:
    """Run a module with this Python; raises as :func:`run` does."""
    return run(sys.executable, "-m", name, *map(str, arguments), out=out)
