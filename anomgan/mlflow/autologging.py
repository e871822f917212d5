"""Every fit logged by itself, also one of a notebook."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

import mlflow

from anomgan.errors import DataWarning
from anomgan.estimator import GANDetector
from anomgan.mlflow.digest import digest_of
from anomgan.mlflow.quiet import calm, reason
from anomgan.mlflow.run_logger import fill
from anomgan.mlflow.tracking import log_fit

_plain: Callable[..., Any] | None = None


def autolog(*, disable: bool = False, log_models: bool = True) -> None:
    """Log each later :meth:`GANDetector.fit` to the active run, or to a run of its own.

    Args:
        disable: Whether to stop doing so.
        log_models: Whether the model is logged, too.

    Warns:
        DataWarning: At a fit, if it couldn't be logged; the fit itself is never lost.
    """
    global _plain
    if _plain is not None:
        GANDetector.fit = _plain  # type: ignore[method-assign]
        _plain = None
    if disable:
        return
    plain = GANDetector.fit

    @functools.wraps(plain)
    def fit(self: GANDetector, X: Any, y: Any = None, **kwargs: Any) -> GANDetector:
        plain(self, X, y, **kwargs)
        self.training_facts_["digest"] = digest_of(X)
        active = mlflow.active_run()
        if active is None:
            logged = log_fit(self, model=log_models)
            error = logged.error
        else:
            error = ""
            try:
                with calm():
                    fill(mlflow.MlflowClient(), active, self, model=log_models)
            except Exception as failure:  # whatever a server or a store comes up with
                error = reason(failure)
        if error:
            warnings.warn(f"the fit wasn't logged to MLflow: {error}", DataWarning, stacklevel=2)
        return self

    GANDetector.fit, _plain = fit, plain  # type: ignore[method-assign]
