"""Columns that ``anomgan fit`` set aside: what names rows, what labels them, what is dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from anomgan.estimator import GANDetector


def find_identifier(detector: GANDetector) -> str | None:
    """The column named by ``fit --id``, if one was."""
    name: str | None = detector.training_facts_.get("set_aside", {}).get("id")
    return name


def split_off(
    detector: GANDetector, frame: pd.DataFrame
) -> tuple[pd.DataFrame, pd.Series[Any] | None]:
    """Split the columns that were set aside at fit off a table.

    Returns:
        The other columns, and the one that names rows if the table has it.
    """
    aside = detector.training_facts_.get("set_aside", {})
    identifier = aside.get("id")
    names = frame[identifier] if identifier is not None and identifier in frame.columns else None
    unused = [identifier, aside.get("label"), *aside.get("drop", ())]
    return frame.drop(columns=[name for name in unused if name in frame.columns]), names
