"""Columns of a file that aren't learnt from because the user said so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from anomgan.errors import InputError
from anomgan.utils.text import quoted

if TYPE_CHECKING:
    import pandas as pd

    from anomgan.estimator import GANDetector

RESULTS = ("score", "p_value", "probability", "is_anomaly")
"""Columns that scoring adds, after the one that names the row; the probability not always."""


@dataclass(frozen=True)
class SetAside:
    """What ``--id``, ``--label`` and ``--drop`` named at fit; stored with the model.

    Attributes:
        identifier: The column that names rows.
        label: The column that marks abnormal rows.
        drop: Others to leave out.
    """

    identifier: str | None = None
    label: str | None = None
    drop: tuple[str, ...] = ()

    @property
    def named(self) -> list[tuple[str, str]]:
        """Option and column."""
        single = [("--id", self.identifier), ("--label", self.label)]
        several = [("--drop", name) for name in dict.fromkeys(self.drop)]
        return [(option, name) for option, name in single if name is not None] + several

    def check(self, frame: pd.DataFrame, *, source: str, conditions: Iterable[str] = ()) -> None:
        """Check the options against a file.

        Args:
            frame: The file's table.
            source: What messages call it.
            conditions: Columns that ``--condition`` names.

        Raises:
            InputError: If a column isn't there, is named by two options, none is left, or the
                identifier has a name that scoring uses too.
        """
        named = self.named + [("--condition", name) for name in dict.fromkeys(conditions)]
        for name, count in Counter(name for _, name in named).items():
            if count > 1:
                options = " and ".join(option for option, other in named if other == name)
                raise InputError(f"{options} name the same column {name!r}; choose one")
        for option, name in named:
            check_column(frame, name, option=option, source=source)
        if len(named) == frame.shape[1]:
            fewer = "--drop" if len(named) == len(self.named) else "--condition or --drop"
            raise InputError(f"{source}: no column is left to learn from; name fewer in {fewer}")
        if self.identifier in RESULTS:
            raise InputError(
                f"--id: scoring adds a column {self.identifier!r} of its own; rename yours"
            )

    def check_identifier(self, names: Collection[str], *, source: str) -> None:
        """See that a file to score has the column that names its rows.

        Raises:
            InputError: If it hasn't.
        """
        if self.identifier is not None and self.identifier not in names:
            raise InputError(
                f"{source}: has no column {self.identifier!r}, which names the rows (--id at fit); "
                f"it has: {quoted(names)}"
            )

    def check_repeated(self, names: Collection[str], *, source: str) -> None:
        """See that ``--append`` can repeat a file's columns beside those that scoring adds.

        Raises:
            InputError: If a name would come twice.
        """
        added = RESULTS if self.identifier else ("row", *RESULTS)
        taken = [name for name in added if name in names]
        if taken:
            raise InputError(
                f"{source}: has a column {taken[0]!r} already, which --append would add; rename it"
            )

    def remove(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The other columns."""
        return frame.drop(columns=[name for _, name in self.named], errors="ignore")

    def keep_with(self, detector: GANDetector) -> None:
        """Store with a fitted detector."""
        state = {"id": self.identifier, "label": self.label, "drop": list(self.drop)}
        detector.training_facts_["set_aside"] = state

    @classmethod
    def of(cls, detector: GANDetector) -> Self:
        """What was stored with a detector; nothing if it wasn't fitted by this command."""
        state = detector.training_facts_.get("set_aside", {})
        return cls(state.get("id"), state.get("label"), tuple(state.get("drop", ())))


def check_column(frame: pd.DataFrame, name: str, *, option: str, source: str) -> None:
    """See that a table has the column that an option names.

    Raises:
        InputError: If it hasn't.
    """
    if name not in frame.columns:
        raise InputError(
            f"{option}: {source} has no column {name!r}; it has: {quoted(frame.columns)}"
        )
