"""Anomaly detection with GANs: learn what normal looks like, get calibrated scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anomgan.errors import DataWarning, InputError

if TYPE_CHECKING:
    from anomgan.estimator import GANDetector, load

    __version__: str

__all__ = ["DataWarning", "GANDetector", "InputError", "__version__", "load"]


def __getattr__(name: str) -> Any:
    """Import on first use: torch takes seconds, and ``anomgan --help`` doesn't need it."""
    if name == "__version__":
        from importlib.metadata import version

        return version("anomgan")
    if name in __all__:
        from anomgan import estimator

        return getattr(estimator, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names, before their first use too."""
    return sorted({*globals(), *__all__})
