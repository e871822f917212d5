"""What comes above the header and the records: a line that names the separator, and comments."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from anomgan.data.readers.head import split_records

_SEPARATOR_LINE = re.compile(r"\"?sep=(.)\"?\s*", re.IGNORECASE)
_COMMENT = re.compile(r"\s*\"?\s*(#|%|//)")
_MARK = re.compile(r"\s*(#+|%+|//+)\s*")


@dataclass(frozen=True)
class Preamble:
    """The lines above the header and the records.

    Attributes:
        separator: The separator that the first line names, as Excel writes it; else empty.
        comments: Numbers of the lines that are comments, from 1.
        last: The last comment if it stands directly above what follows, else empty.
        lines: How many lines it has, blank ones among them.
    """

    separator: str
    comments: tuple[int, ...]
    last: str
    lines: int

    @classmethod
    def find(cls, lines: Sequence[str]) -> Self:
        """Find it in the first lines of a file; if all look like comments, they are records."""
        filled = next((at for at, line in enumerate(lines) if line.strip()), 0)
        named = _SEPARATOR_LINE.fullmatch(lines[filled]) if lines else None
        separator, first = ("", 0) if named is None else (named[1], filled + 1)
        comments: list[int] = []
        for at, line in enumerate(lines[first:], first):
            if _COMMENT.match(line):
                comments.append(at + 1)
            elif line.strip():
                last = lines[at - 1] if comments and comments[-1] == at else ""
                return cls(separator, tuple(comments), last, at)
        return cls(separator, (), "", first)

    def split_last(self, separator: str) -> list[list[str]]:
        """Fields of the last comment without its mark, and as it is written; the likelier first."""
        texts = [_MARK.sub("", self.last, count=1), self.last] if self.last else []
        if self.last.lstrip()[:1] == "%":  # rather a share than a comment: "% load"
            texts.reverse()
        split = [record.fields for text in texts for record in split_records([text], separator)]
        return [fields for fields in split if fields[0]]  # a column may be called "#"

    def describe_comments(self, header: int | None) -> str:
        """What became of the comments, for a warning; empty if there are none.

        Args:
            header: The line of the header.
        """
        left_out = [line for line in self.comments if line != header]
        parts = []
        if header in self.comments:
            parts.append(f"line {header}, {self.last.strip()[:40]!r}, is taken as the header")
        if left_out:
            lines = "a comment is" if len(left_out) == 1 else f"{len(left_out)} comments are"
            parts.append(f"{lines} left out above the records, from line {left_out[0]} on")
        return "; ".join(parts)
