"""What the user says about how a file is read, where the file doesn't show it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from anomgan.errors import InputError

SEPARATOR_WORDS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "space": " "}
"""Word for a separator -> the separator; a blank stands for runs of blanks and tabs."""

_SPELLINGS = SEPARATOR_WORDS | {"\\t": "\t", "blank": " ", "blanks": " ", "spaces": " "}


@dataclass(frozen=True)
class ReadOptions:
    """How a file is to be read; what isn't said is found out.

    Attributes:
        sheet: Sheet of an Excel workbook: its name, or its number from 1.
        separator: What separates the fields of text; empty if it isn't said.
        header: Line of the header, from 1; 0 if there is none, None if it isn't said.
        names: Columns that a model needs: the line that holds them all is the header.
    """

    sheet: str | int | None = None
    separator: str = ""
    header: int | None = None
    names: tuple[str, ...] = ()

    @classmethod
    def make(
        cls,
        *,
        sheet: str | int | None = None,
        separator: str | None = None,
        header: int | None = None,
    ) -> Self:
        """Check what the user gave.

        Args:
            sheet: As the attribute.
            separator: A character, or a key of `SEPARATOR_WORDS`.
            header: Line of the header, from 1; False or 0 if there is none.

        Raises:
            InputError: If the separator can't be one, or there is no such line.
        """
        mark = "" if separator is None else _SPELLINGS.get(separator.lower(), separator)
        is_allowed = len(mark) == 1 and mark.isascii() and not mark.isalnum()
        if separator is not None and not (is_allowed and mark not in "\"'\r\n.-+_\\"):
            raise InputError(
                f"separator {separator!r}: give one character, or one of: "
                f"{', '.join(SEPARATOR_WORDS)}"
            )
        if header is not None and header < 0:
            raise InputError(f"header={header}: lines are counted from 1")
        return cls(sheet, mark, None if header is None else int(header))

    def follow(self, layout: Mapping[str, Any] | None, names: Iterable[str] = ()) -> Self:
        """These options, and what isn't said in them as an earlier file had it.

        Args:
            layout: That of the earlier file, as :meth:`.layout.Layout.to_json` gives it.
            names: Columns that the file must have.

        Raises:
            InputError: If the earlier file's separator can't be one.
        """
        known = layout or {}
        header = self.header
        if header is None and known and known.get("header") is None:
            header = 0
        given = self.make(separator=known.get("given_separator") or None).separator
        separator = self.separator or given
        return replace(self, separator=separator, header=header, names=tuple(names))
