"""Figures: displays of a fitted detector, in the way of scikit-learn's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anomgan.plotting.displays import (
        AnomalyMapDisplay,
        CalibrationDisplay,
        ExplanationDisplay,
        LossDisplay,
        PValueDisplay,
        ScoreDisplay,
    )

__all__ = [
    "AnomalyMapDisplay",
    "CalibrationDisplay",
    "ExplanationDisplay",
    "LossDisplay",
    "PValueDisplay",
    "ScoreDisplay",
]


def __getattr__(name: str) -> Any:
    """Import a display on first use: matplotlib takes time that heatmaps do without."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from anomgan.plotting import displays

    return getattr(displays, name)
