"""Options of fit for tables whose rows make up series."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from anomgan.errors import InputError

WindowOption = Annotated[
    str | None,
    typer.Option(
        "--window",
        metavar="N",
        help="Rows are points of a series: learn windows of N of them, or auto.  --time names the "
        "column of times; without it, rows are in order.",
        show_default=False,
    ),
]
GroupOption = Annotated[
    str | None,
    typer.Option(
        "--group",
        metavar="COL",
        help="Column that tells several series in one table apart, such as a machine.",
        show_default=False,
    ),
]
EveryOption = Annotated[
    str | None,
    typer.Option(
        "--every",
        metavar="DURATION",
        help="Average the rows of a series to steps of this length, such as 30s, 5min or 1h.",
        show_default="their own rate",
    ),
]


def collect_series(
    time: list[str] | None, window: str | None, group: str | None, every: str | None
) -> dict[str, Any]:
    """Parameters of the estimator for series; none if the rows of a table make up none.

    Args:
        time: Columns of ``--time``, of which series have one.
        window: Of ``--window``.
        group: Of ``--group``.
        every: Of ``--every``.

    Raises:
        InputError: If an option's value is wrong, or several columns are named as times.
    """
    if window is None and group is None and every is None:
        return {}
    if len(time or []) > 1:
        raise InputError(f"--time: series have one column of times, not {len(time or [])}")
    if window not in (None, "auto") and not str(window).isdecimal():
        raise InputError(f"--window {window}: give the number of points in a window, or auto")
    points = "auto" if window in (None, "auto") else int(window or 0)
    return {"time": time[0] if time else None, "window": points, "group": group, "every": every}
