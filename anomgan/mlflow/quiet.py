"""Use MLflow without its terminal output and with bounded waiting; shorten its errors."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import warnings
from collections.abc import Iterator

from anomgan.utils.text import one_line

WAITING_LIMITS = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
}
"""Seconds and attempts for a request, unless the user's environment has other ones."""

NO_OUTPUT = {
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}
MAX_ERROR_CHARS = 300

UNREACHABLE = "Max retries exceeded", "Connection refused", "timed out", "Timeout"
"""Parts of the messages of errors in reaching a server."""


@contextlib.contextmanager
def quiet_mlflow(tracking_uri: str | None = None) -> Iterator[None]:
    """Suppress MLflow's logs, warnings and prints, and limit how long it waits for a server.

    Args:
        tracking_uri: The server or store to use meanwhile, instead of the environment's.
    """
    changes = {k: v for k, v in (NO_OUTPUT | WAITING_LIMITS).items() if k not in os.environ}
    if tracking_uri is not None:
        changes["MLFLOW_TRACKING_URI"] = tracking_uri
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    disabled_level = logging.root.manager.disable
    try:
        # Loggers' levels don't help: alembic's configuration resets them.
        logging.disable(logging.CRITICAL)
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled_level)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def describe_error(error: Exception) -> str:
    """An error of MLflow's or a server's in one line."""
    if any(part in str(error) for part in UNREACHABLE):
        return "the MLflow server doesn't answer"
    return one_line(error, MAX_ERROR_CHARS)
