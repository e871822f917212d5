"""Texts of users, as they may be shown."""

from __future__ import annotations


def visible(text: str) -> str:
    """The text in one line, line breaks and control characters spelt out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
