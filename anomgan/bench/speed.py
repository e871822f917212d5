"""Speed and memory: ``make bench-speed``.

Whole commands on CSV files, as the operating system accounts for them; curves over rows, columns,
members and steps; single rows; where the time goes; what the machine could do.  All on data made
here, each detector in a process of its own, peers beside.  Markdown goes to standard output.

``--only score,latency`` measures the sections whose names begin so, ``--quick`` does all of it on
small tables, to see whether it works, and ``--into docs/performance.md`` puts each table between
the two comments that name its section there.  The sections ``load-…`` run only if asked for.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from anomgan.bench import commands
from anomgan.bench import stress as heavy
from anomgan.bench.curves import CURVES, latency

LIBRARIES = "anomgan", "torch", "numpy", "scikit-learn", "pyod"


def machine(*, quick: bool) -> Iterator[str]:
    """What all of it was measured on."""
    versions = []
    for name in LIBRARIES:
        try:
            versions.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    yield (
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"{', '.join(versions)}{'; small tables (--quick)' if quick else ''}"
    )


Section = Callable[..., Iterator[str]]
"""Measures, given whether it is to be quick, and yields Markdown."""

SECTIONS: dict[str, Section] = {
    "machine": machine,
    "start": commands.start,
    "csv-fit": commands.fit,
    "csv-score": commands.score,
    **{curve.name: curve.lines for curve in CURVES},
    "latency": latency,
    "profile": commands.profile,
    "limits": commands.limits,
}
LOADS: dict[str, Section] = {
    "load-rows": heavy.rows,
    "load-columns": heavy.columns,
    "load-levels": heavy.levels,
    "load-fit": heavy.many,
}


def chosen(only: str | None) -> dict[str, Section]:
    """The sections whose names begin with one of some words, set apart by commas.

    Raises:
        ValueError: If none does with one of them.
    """
    if only is None:
        return SECTIONS
    known, words = SECTIONS | LOADS, only.split(",")
    for word in words:
        if not any(name.startswith(word) for name in known):
            raise ValueError(f"no section begins with {word!r}; there are: {', '.join(known)}")
    return {name: known[name] for name in known if name.startswith(tuple(words))}


def filled(text: str, name: str, table: str) -> str:
    """A page with a table between the comments ``<!-- name -->`` and ``<!-- /name -->``.

    Raises:
        ValueError: If it has no such comments.
    """
    marks = f"<!-- {name} -->", f"<!-- /{name} -->"
    between = re.compile(f"{re.escape(marks[0])}.*?{re.escape(marks[1])}", re.DOTALL)
    whole, count = between.subn(lambda _: f"{marks[0]}\n{table}\n{marks[1]}", text)
    if count != 1:
        raise ValueError(f"there has to be one pair of comments {marks[0]} … {marks[1]}")
    return whole


def main() -> None:
    """Measure, print, and fill a page."""
    parser = argparse.ArgumentParser(description="Speed and memory beside the peers.")
    parser.add_argument("--only", metavar="NAMES", help="sections whose names begin so, by commas")
    parser.add_argument("--quick", action="store_true", help="small tables, to try it")
    parser.add_argument("--into", metavar="FILE", type=Path, help="page to put the tables into")
    asked = parser.parse_args()
    try:
        sections = chosen(asked.only)
        for name in sections if asked.into else ():
            filled(asked.into.read_text(), name, "")
    except ValueError as error:
        parser.error(str(error))
    for name, section in sections.items():
        lines = []
        sys.stdout.write(f"\n## {name}\n\n")
        for line in section(quick=asked.quick):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
            lines.append(line)
        if asked.into:
            page = filled(asked.into.read_text(), name, "\n".join(lines).rstrip("\n"))
            asked.into.write_text(page)


if __name__ == "__main__":
    main()
