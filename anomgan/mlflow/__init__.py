"""The MLflow integration: log fits, evaluations and models; save, load and serve them.

    import anomgan.mlflow

    with mlflow.start_run():
        info = anomgan.mlflow.log_model(detector, name="model")
    detector = anomgan.mlflow.load_model(info.model_uri)      # a GANDetector
    served = mlflow.pyfunc.load_model(info.model_uri)         # score, p_value, is_anomaly

A logged model consists of JSON, safetensors and YAML files: no pickle, and no code but the files of
plug-ins, which run only where somebody names them.
"""

from __future__ import annotations

import os as _os
from importlib import import_module as _import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anomgan.mlflow.autologging import autolog
    from anomgan.mlflow.evaluator import log_evaluation
    from anomgan.mlflow.flavor import FLAVOR_NAME, load_model, log_model, save_model
    from anomgan.mlflow.tracking import log_fit

__all__ = [
    "FLAVOR_NAME",
    "autolog",
    "load_model",
    "log_evaluation",
    "log_fit",
    "log_model",
    "save_model",
]

_MODULES = {"autolog": "autologging", "log_evaluation": "evaluator", "log_fit": "tracking"}
"""Modules of the public names that aren't in ``flavor``."""

# MLflow reads it on import: no usage data is sent to its makers.
_os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")


def __getattr__(name: str) -> object:
    """Import a public name on first use, because importing MLflow takes seconds."""
    if (
        name not in __all__ and name != "_load_pyfunc"
    ):  # the latter is for MLflow, which loads by it
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(_import_module(f"{__name__}.{_MODULES.get(name, 'flavor')}"), name)


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
