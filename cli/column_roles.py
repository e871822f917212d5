"""Columns that identify or label rows or are dropped: the model doesn't use them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from anomgan.errors import InputError
from anomgan.utils.text import quote_names

if TYPE_CHECKING:
    import pandas as pd

    from anomgan.estimator import GANDetector

RESULTS = ("score", "p_value", "probability", "is_anomaly")
"""Columns that scoring adds after the row's name; ``probability`` only after calibration."""


@dataclass(frozen=True)
class ColumnRoles:
    """The columns named by ``--id``, ``--label`` and ``--drop`` at fit; stored with the model.

    Attributes:
        identifier: The column that names rows.
        label: The column that marks abnormal rows.
        drop: Further columns to leave out.
        normal: The labels of normal rows, where they aren't words such as 0 or benign.
    """

    identifier: str | None = None
    label: str | None = None
    drop: tuple[str, ...] = ()
    normal: tuple[str, ...] = ()

    @property
    def options(self) -> list[tuple[str, str]]:
        """Pairs of option and column."""
        single = [("--id", self.identifier), ("--label", self.label)]
        several = [("--drop", name) for name in dict.fromkeys(self.drop)]
        return [(option, name) for option, name in single if name is not None] + several

    def check(
        self,
        frame: pd.DataFrame,
        *,
        source: str,
        conditions: Iterable[str] = (),
        kinds: Mapping[str, str] | None = None,
        series: Mapping[str, Any] | None = None,
    ) -> None:
        """Check the options against the training table.

        Args:
            frame: The table.
            source: What messages call it.
            conditions: Columns named by ``--condition``.
            kinds: Columns named by ``--category`` and the like -> the name of that option.
            series: ``time`` and ``group`` -> the column named by that option, if any.

        Raises:
            InputError: If a column doesn't exist or is named by two options, no column is left to
                learn from, or the identifier has the name of a result.
        """
        named = self.options + [("--condition", name) for name in dict.fromkeys(conditions)]
        columns = {role: (series or {}).get(role) for role in ("time", "group")}
        named += [(f"--{role}", name) for role, name in columns.items() if name is not None]
        for name, count in Counter(name for _, name in named).items():
            if count > 1:
                options = " and ".join(option for option, other in named if other == name)
                raise InputError(f"{options} name the same column {name!r}; choose one")
        set_aside = {name: option for option, name in self.options}
        for name, kind in (kinds or {}).items():
            if name in set_aside:
                raise InputError(
                    f"{set_aside[name]} and --{kind} name the same column {name!r}; choose one"
                )
            check_column(frame, name, option=f"--{kind}", source=source)
        for option, name in named:
            check_column(frame, name, option=option, source=source)
        if len(named) == frame.shape[1]:
            fewer = "--drop" if len(named) == len(self.options) else "--condition or --drop"
            raise InputError(f"{source}: no column is left to learn from; name fewer in {fewer}")
        if self.identifier in RESULTS:
            raise InputError(
                f"--id: scoring adds a column {self.identifier!r} of its own; rename yours"
            )

    def check_identifier(self, names: Collection[str], *, source: str) -> None:
        """Check that a table to score has the identifier.

        Raises:
            InputError: If it doesn't.
        """
        if self.identifier is not None and self.identifier not in names:
            raise InputError(
                f"{source}: has no column {self.identifier!r}, which names the rows (--id at fit); "
                f"it has: {quote_names(names)}"
            )

    def check_repeated(self, names: Collection[str], *, source: str) -> None:
        """Check that ``--append`` can repeat a table's columns beside the results.

        Raises:
            InputError: If a name would occur twice.
        """
        added = RESULTS if self.identifier else ("row", *RESULTS)
        clashes = [name for name in added if name in names]
        if clashes:
            raise InputError(
                f"{source}: has a column {clashes[0]!r} already, which --append would add; "
                f"rename it"
            )

    def drop_from(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The table without these columns."""
        return frame.drop(columns=[name for _, name in self.options], errors="ignore")

    def store_in(self, detector: GANDetector) -> None:
        """Store with a fitted detector."""
        state: dict[str, Any] = {"id": self.identifier, "label": self.label}
        state |= {"drop": list(self.drop)}
        if self.normal:
            state["normal"] = list(self.normal)
        detector.training_facts_["set_aside"] = state

    @classmethod
    def from_detector(cls, detector: GANDetector) -> Self:
        """The roles stored with a detector; empty if it was fitted from Python."""
        state = detector.training_facts_.get("set_aside", {})
        drop, normal = tuple(state.get("drop", ())), tuple(state.get("normal", ()))
        return cls(state.get("id"), state.get("label"), drop, normal)


def check_column(frame: pd.DataFrame, name: str, *, option: str, source: str) -> None:
    """Check that a table has the column named by an option.

    Raises:
        InputError: If it doesn't.
    """
    if name not in frame.columns:
        raise InputError(
            f"{option}: {source} has no column {name!r}; it has: {quote_names(frame.columns)}"
        )
