"""anomgan as an MLflow flavour, and everything else that touches MLflow.

    import anomgan.mlflow

    with mlflow.start_run():
        info = anomgan.mlflow.log_model(detector, name="model")
    detector = anomgan.mlflow.load_model(info.model_uri)      # a GANDetector
    served = mlflow.pyfunc.load_model(info.model_uri)         # score, p_value, is_anomaly

A logged folder holds JSON, safetensors and YAML: nothing that pickle could read, and no code.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anomgan.mlflow.autolog import autolog
    from anomgan.mlflow.evaluator import log_evaluation
    from anomgan.mlflow.flavor import FLAVOR_NAME, _load_pyfunc, load_model, log_model, save_model
    from anomgan.mlflow.tracking import log_fit

__all__ = [
    "FLAVOR_NAME",
    "_load_pyfunc",
    "autolog",
    "load_model",
    "log_evaluation",
    "log_fit",
    "log_model",
    "save_model",
]

HOMES = {
    "autolog": "autologging",
    "log_evaluation": "evaluation",
    "log_fit": "tracking",
}
"""Public names that don't live in ``flavour``, and where they do."""

# Before MLflow is imported: nothing is told to anybody but the servers that the user names.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")


def __getattr__(name: str) -> Any:
    """Import on first use: MLflow takes seconds.

    Raises:
        AttributeError: If there is no such name.
        InputError: If MLflow isn't installed.
    """
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    from anomgan.mlflow.quiet import installed

    installed()
    return getattr(import_module(f"{__name__}.{HOMES.get(name, 'flavour')}"), name)
