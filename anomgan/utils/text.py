"""Format user-supplied strings for messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def visible(text: str) -> str:
    """The text in one line, line breaks and control characters spelt out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def shortened(items: Sequence[str], most: int = 10) -> str:
    """A list for a message, cut after ``most`` items."""
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more


def quoted(names: Iterable[object]) -> str:
    """Names of columns or levels for a message, as :func:`shortened`."""
    return shortened([repr(str(name)) for name in names])


def one_line(error: Exception) -> str:
    """The message of an error with runs of whitespace, line breaks among them, as one space."""
    return " ".join(str(error).split())
