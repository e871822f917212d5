"""What the user says about a table's columns, where their cells don't show it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from anomgan.errors import InputError
from anomgan.utils.text import quote_names

NamedKind = Literal["category", "number", "text", "time"]
"""Kinds of column that can be asked for by name; text isn't learnt from."""


@dataclass(frozen=True)
class TableOptions:
    """How columns are to be read; what isn't said is inferred.

    Attributes:
        kinds: Column -> the kind it is of.
    """

    kinds: Mapping[str, NamedKind] = field(default_factory=dict)

    @classmethod
    def make(cls, *, columns: Mapping[str, Any] | None = None) -> TableOptions:
        """Check what the user gave.

        Args:
            columns: Column -> the name of its kind.

        Raises:
            InputError: If there is no such kind.
        """
        kinds = dict(columns or {})
        for name, kind in kinds.items():
            if kind not in get_args(NamedKind):
                raise InputError(
                    f"column {name!r}: no kind {kind!r}; choose one of: "
                    f"{', '.join(get_args(NamedKind))}"
                )
        return cls(kinds)

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
        for name in conditions:
            if self.kinds.get(name, "category") != "category":
                raise InputError(
                    f"{source}: column {name!r} can't be a condition and {self.kinds[name]}; "
                    f"choose one"
                )
