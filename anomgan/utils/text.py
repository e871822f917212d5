"""Format user-supplied strings for messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def escape_control(text: str) -> str:
    """The text in one line, with line breaks and control characters as escape sequences."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def join_limited(items: Sequence[str], limit: int = 10) -> str:
    """A list for a message, cut after ``limit`` items."""
    more = f" and {len(items) - limit} more" if len(items) > limit else ""
    return ", ".join(items[:limit]) + more


def quote_names(names: Iterable[object]) -> str:
    """Names of columns or levels for a message, as :func:`join_limited`."""
    return join_limited([repr(str(name)) for name in names])


def limit_lines(lines: Iterable[str], limit: int = 20) -> list[str]:
    """The first lines of a list, and how many more there are (of a wide table thousands)."""
    lines = list(lines)
    more = [f"{len(lines) - limit:,} more oddities like these"] if len(lines) > limit else []
    return lines[:limit] + more


def one_line(text: object, max_length: int | None = None) -> str:
    """A text, or an error's message, with each run of whitespace as one space.

    Args:
        text: The text or error.
        max_length: Characters after which it is cut (words aren't kept whole: they may be long).
    """
    line = " ".join(str(text)[: max_length and 2 * max_length].split())
    return line if max_length is None or len(line) <= max_length else f"{line[:max_length]}…"
