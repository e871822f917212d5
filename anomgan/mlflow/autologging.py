"""Log every fit automatically, as MLflow's autologging does for other libraries."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

import mlflow

from anomgan.errors import DataWarning
from anomgan.estimator import GANDetector
from anomgan.mlflow.quiet import describe_error, quiet_mlflow
from anomgan.mlflow.run_logger import log_detector
from anomgan.mlflow.tracking import log_fit
from anomgan.utils.digest import compute_digest

_original_fit: Callable[..., Any] | None = None


def autolog(*, disable: bool = False, log_models: bool = True) -> None:
    """Log each later :meth:`GANDetector.fit` to the active run, or to a new run.

    Args:
        disable: Whether to stop logging instead.
        log_models: Whether to log the models, too.

    Warns:
        DataWarning: At a fit that couldn't be logged; the fit itself isn't affected.
    """
    global _original_fit
    if _original_fit is not None:
        GANDetector.fit = _original_fit  # type: ignore[method-assign]
        _original_fit = None
    if disable:
        return
    original_fit = GANDetector.fit

    @functools.wraps(original_fit)
    def fit(self: GANDetector, X: Any, y: Any = None, **kwargs: Any) -> GANDetector:
        original_fit(self, X, y, **kwargs)
        self.training_facts_["digest"] = compute_digest(X)
        error = _log(self, log_models)
        if error:
            warnings.warn(f"the fit wasn't logged to MLflow: {error}", DataWarning, stacklevel=2)
        return self

    GANDetector.fit, _original_fit = fit, original_fit  # type: ignore[method-assign]


def _log(detector: GANDetector, log_models: bool) -> str:
    """Log a fit to the active run, or to a new one; gives the error, empty if there is none."""
    active_run = mlflow.active_run()
    if active_run is None:
        return log_fit(detector, model=log_models).error
    try:
        with quiet_mlflow():
            log_detector(mlflow.MlflowClient(), active_run, detector, model=log_models)
    except Exception as error:  # servers and stores raise exceptions of any kind
        return describe_error(error)
    return ""
