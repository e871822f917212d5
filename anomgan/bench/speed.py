"""Speed and memory: ``make bench-speed``.

Whole commands on CSV files; curves over rows, columns, members and steps; latency of single rows; a
profile; the machine's limits.  All on synthetic data, each detector in a process of its own, beside
peers.  Markdown goes to standard output.

``--only score,latency`` measures the sections whose names begin so, ``--quick`` uses small tables
to test the benchmark itself, and ``--into docs/performance.md`` puts each table between the two
comments that name its section there.  The sections ``load-…`` run only with ``--only``.
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

from anomgan.bench import commands, stress
from anomgan.bench.curves import CURVES, measure_latency

LIBRARIES = "anomgan", "torch", "numpy", "scikit-learn", "pyod"


def describe_machine(*, quick: bool) -> Iterator[str]:
    """Describe the machine and the versions of libraries."""
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
"""``(*, quick)`` to lines of Markdown."""

SECTIONS: dict[str, Section] = {
    "machine": describe_machine,
    "start": commands.measure_start,
    "csv-fit": commands.measure_fit,
    "csv-score": commands.measure_score,
    **{curve.name: curve.measure for curve in CURVES},
    "latency": measure_latency,
    "profile": commands.profile_commands,
    "limits": commands.measure_limits,
}
STRESS_SECTIONS: dict[str, Section] = {
    "load-rows": stress.score_many_rows,
    "load-columns": stress.fit_many_columns,
    "load-levels": stress.fit_many_levels,
    "load-fit": stress.fit_many_rows,
}


def select_sections(only: str | None) -> dict[str, Section]:
    """Select the sections whose names begin with one of some comma-separated words.

    Raises:
        ValueError: If no section begins with one of the words.
    """
    if only is None:
        return SECTIONS
    sections, words = SECTIONS | STRESS_SECTIONS, only.split(",")
    for word in words:
        if not any(name.startswith(word) for name in sections):
            raise ValueError(f"no section begins with {word!r}; there are: {', '.join(sections)}")
    return {name: sections[name] for name in sections if name.startswith(tuple(words))}


def fill_page(text: str, name: str, table: str) -> str:
    """Put a table between the comments ``<!-- name -->`` and ``<!-- /name -->`` of a page.

    Raises:
        ValueError: If the page has no such pair of comments.
    """
    marks = f"<!-- {name} -->", f"<!-- /{name} -->"
    between = re.compile(f"{re.escape(marks[0])}.*?{re.escape(marks[1])}", re.DOTALL)
    filled, count = between.subn(lambda _: f"{marks[0]}\n{table}\n{marks[1]}", text)
    if count != 1:
        raise ValueError(f"there has to be one pair of comments {marks[0]} … {marks[1]}")
    return filled


def main() -> None:
    """Measure and print; optionally fill a page."""
    parser = argparse.ArgumentParser(description="Speed and memory beside the peers.")
    parser.add_argument("--only", metavar="NAMES", help="sections whose names begin so, by commas")
    parser.add_argument("--quick", action="store_true", help="small tables, to try it")
    parser.add_argument("--into", metavar="FILE", type=Path, help="page to put the tables into")
    args = parser.parse_args()
    try:
        sections = select_sections(args.only)
        for name in sections if args.into else ():
            fill_page(args.into.read_text(), name, "")
    except ValueError as error:
        parser.error(str(error))
    for name, section in sections.items():
        lines = []
        sys.stdout.write(f"\n## {name}\n\n")
        for line in section(quick=args.quick):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
            lines.append(line)
        if args.into:
            page = fill_page(args.into.read_text(), name, "\n".join(lines).rstrip("\n"))
            args.into.write_text(page)


if __name__ == "__main__":
    main()
