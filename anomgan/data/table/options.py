"""What the user says about a table's columns, where their cells don't show it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import Any, Literal, get_args

from anomgan.data.table.number_form import SEPARATORS
from anomgan.data.table.time_form import check_form
from anomgan.errors import InputError
from anomgan.utils.text import quote_names

NamedKind = Literal["category", "number", "text", "time"]
"""Kinds of column that can be asked for by name; text isn't learnt from."""


THOUSANDS = (*SEPARATORS, " ", "'")
"""What may separate thousands."""


@dataclass(frozen=True)
class TableOptions:
    """How columns are to be read; what isn't said is inferred.

    Attributes:
        kinds: Column -> the kind it is of.
        missing: Texts and numbers that stand for a missing cell in any column.
        missing_in: Column -> such texts and numbers of its own.
        decimal: What separates decimals in text, ``.`` or ``,``; empty if it isn't said.
        thousands: What separates thousands; empty if it isn't said.
        date_formats: Column -> how it writes times, as :func:`.time_form.check_form` gives it;
            under an empty name for all columns that it fits.
    """

    kinds: Mapping[str, NamedKind] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    missing_in: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    decimal: str = ""
    thousands: str = ""
    date_formats: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def make(
        cls,
        *,
        columns: Mapping[str, Any] | None = None,
        missing: Any = None,
        decimal: str | None = None,
        thousands: str | None = None,
        date_format: str | Mapping[str, str] | None = None,
    ) -> TableOptions:
        """Check what the user gave.

        Args:
            columns: Column -> the name of its kind.
            missing: A text or number that stands for a missing cell, a list of them, or a dict:
                column -> one or a list of them.
            decimal: What separates decimals in text.
            thousands: What separates thousands.
            date_format: How times are written: a format of strptime or a key of
                `anomgan.data.table.time_form.UNITS` for all columns that it fits, or a dict: column
                -> its own, which makes it a column of times.

        Raises:
            InputError: If there is no such kind, separator or format.
        """
        kinds = dict(columns or {})
        forms = dict(date_format) if isinstance(date_format, Mapping) else {"": date_format}
        date_formats = {
            name: check_form(str(form)) for name, form in forms.items() if form is not None
        }
        for name in date_formats.keys() - {""}:
            if kinds.setdefault(name, "time") != "time":
                raise InputError(f"column {name!r} can't have a date format and be {kinds[name]}")
        for name, kind in kinds.items():
            if kind not in get_args(NamedKind):
                raise InputError(
                    f"column {name!r}: no kind {kind!r}; choose one of: "
                    f"{', '.join(get_args(NamedKind))}"
                )
        if decimal not in (None, *SEPARATORS):
            raise InputError(f"decimal={decimal!r}: decimals are separated by '.' or ','")
        if thousands not in (None, *THOUSANDS):
            raise InputError(
                f"thousands={thousands!r}: choose one of: {', '.join(map(repr, THOUSANDS))}"
            )
        if decimal is not None and decimal == thousands:
            raise InputError(f"decimal={decimal!r} can't separate thousands as well")
        if isinstance(missing, Mapping):
            missing_in = {name: _to_markers(each) for name, each in missing.items()}
            markers: tuple[str, ...] = missing_in.pop("", ())
        else:
            missing_in, markers = {}, _to_markers(missing)
        return cls(kinds, markers, missing_in, decimal or "", thousands or "", date_formats)

    def without(self, names: Iterable[str]) -> TableOptions:
        """The same without what is said about some columns."""
        gone = set(names)
        return replace(
            self,
            kinds={name: kind for name, kind in self.kinds.items() if name not in gone},
            missing_in={name: each for name, each in self.missing_in.items() if name not in gone},
            date_formats={n: each for n, each in self.date_formats.items() if n not in gone},
        )

    def markers(self, name: str) -> tuple[str, ...]:
        """What stands for a missing cell in a column."""
        return tuple(dict.fromkeys((*self.missing, *self.missing_in.get(name, ()))))

    def check(self, names: Iterable[str], conditions: Iterable[str], source: str) -> None:
        """Check that a table has the columns named.

        Raises:
            InputError: If one doesn't exist, or is a condition, whose cells are levels anyway.
        """
        known = list(names)
        for name, kind in self.kinds.items():
            if name not in known:
                raise InputError(
                    f"{source}: no column {name!r} to read as {kind}; it has: {quote_names(known)}"
                )
        for name in self.date_formats.keys() - {"", *known}:
            raise InputError(
                f"{source}: no column {name!r} with a date format; it has: {quote_names(known)}"
            )
        for name in self.missing_in:
            if name not in known:
                raise InputError(
                    f"{source}: no column {name!r} for missing cells; it has: {quote_names(known)}"
                )
        for name in conditions:
            if self.kinds.get(name, "category") != "category":
                raise InputError(
                    f"{source}: column {name!r} can't be a condition and {self.kinds[name]}; "
                    f"choose one"
                )


def _to_markers(missing: Any) -> tuple[str, ...]:
    """Texts and numbers as text: whole numbers without a decimal point.

    Raises:
        InputError: If there is something else.
    """
    several = missing if isinstance(missing, list | tuple) else [missing]
    markers = []
    for each in several if missing is not None else []:
        if isinstance(each, bool) or not isinstance(each, str | Real):
            raise InputError(f"missing={each!r} must be a text or a number, or a list of them")
        is_whole = not isinstance(each, str) and float(each).is_integer()
        markers.append(f"{float(each):.0f}" if is_whole else str(each).strip())
    return tuple(dict.fromkeys(markers))
