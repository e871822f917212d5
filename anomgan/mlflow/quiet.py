"""MLflow without its chatter, without waiting for ever on a server, and its errors in one line."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import warnings
from collections.abc import Iterator

from anomgan.utils.text import one_line

PATIENCE = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
}
"""Seconds and attempts that a server gets where the user's environment doesn't say."""

SILENCE = {
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}
LONGEST = 300
"""Letters of an error that are shown."""

UNREACHABLE = "Max retries exceeded", "Connection refused", "timed out", "Timeout"


@contextlib.contextmanager
def calm(tracking_uri: str | None = None) -> Iterator[None]:
    """Keep MLflow's logs, hints and URLs off the terminal, and bound its waiting.

    Args:
        tracking_uri: The server or store to use meanwhile, where nothing else is said.
    """
    wanted = {k: v for k, v in (SILENCE | PATIENCE).items() if k not in os.environ}
    if tracking_uri is not None:
        wanted["MLFLOW_TRACKING_URI"] = tracking_uri
    environment = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    before = logging.root.manager.disable
    try:
        # Levels wouldn't do: alembic's configuration sets them anew.
        logging.disable(logging.CRITICAL)
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
        for name, value in environment.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def reason(error: Exception) -> str:
    """What went wrong, in one line for the user."""
    if any(sign in one_line(error) for sign in UNREACHABLE):
        return "the MLflow server doesn't answer"
    return one_line(error, LONGEST)
