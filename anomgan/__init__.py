"""Anomaly detection with GANs: learn what normal data looks like, get calibrated scores.

Fit :class:`GANDetector` on normal rows or images, save it, :func:`load` it; everything else that
users need is in ``anomgan.__all__``.  Own GANs derive from :class:`anomgan.gans.GAN`, own score
components from :class:`anomgan.scoring.Component`, and :func:`load_plugin` reads files with such
classes; :mod:`anomgan.mlflow` and :mod:`anomgan.spark` are the integrations, and
:mod:`anomgan.plotting` has displays.  All other modules are private and may change.
"""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any

from anomgan.errors import DataWarning, InputError

if TYPE_CHECKING:
    from anomgan.config import Config
    from anomgan.data.readers.files import read_table
    from anomgan.data.samples import list_samples, load_sample
    from anomgan.estimator import GANDetector, load
    from anomgan.evaluation.drift import detect_drift
    from anomgan.evaluation.evaluate import evaluate
    from anomgan.evaluation.sample_quality import sample_quality
    from anomgan.plugins.files import load_plugin
    from anomgan.reporting.page import report
    from anomgan.runtime.detector import load_exported
    from anomgan.training.checkpoint import Checkpoint

    __version__: str

# Whoever uses the library decides what becomes of what it logs.
logging.getLogger("anomgan").addHandler(logging.NullHandler())

__all__ = [
    "Checkpoint",
    "Config",
    "DataWarning",
    "GANDetector",
    "InputError",
    "__version__",
    "detect_drift",
    "evaluate",
    "list_samples",
    "load",
    "load_exported",
    "load_plugin",
    "load_sample",
    "read_table",
    "report",
    "sample_quality",
]

_HOMES = {
    "Checkpoint": "training.checkpoint",
    "Config": "config",
    "GANDetector": "estimator",
    "detect_drift": "evaluation.drift",
    "evaluate": "evaluation.evaluate",
    "list_samples": "data.samples",
    "load": "estimator",
    "load_exported": "runtime.detector",
    "load_plugin": "plugins.files",
    "load_sample": "data.samples",
    "read_table": "data.readers.files",
    "report": "reporting.page",
    "sample_quality": "evaluation.sample_quality",
}
"""Public name -> the module that defines it, imported when the name is first used: torch takes
seconds, and ``anomgan --help`` doesn't need it."""


def __getattr__(name: str) -> Any:
    """Import a public name on first use."""
    if name == "__version__":
        from importlib.metadata import version

        return version("anomgan")
    if name in _HOMES:
        return getattr(importlib.import_module(f"anomgan.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names, before their first use too."""
    return sorted(__all__)
