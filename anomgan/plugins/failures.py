"""Tell an error in a plug-in's code from one of the package's own."""

from __future__ import annotations

import logging
import sys
import traceback

from anomgan.plugins.registry import REGISTRIES, Origin
from anomgan.utils.text import one_line

LOGGER = logging.getLogger(__name__)


def describe_failure(error: Exception) -> str | None:
    """Plug-in, line and error, if it arose in a plug-in's code; the log has the rest."""
    origins = _list_files()
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename in origins:
            LOGGER.info("%s", "".join(traceback.format_exception(error)).rstrip())
            what = one_line(f"{type(error).__name__}: {error}", 500)
            place = f"plug-in {origins[frame.filename]}: line {frame.lineno}, {frame.name}"
            return f"{place}: {what}; -v shows how it came there"
    return None


def _list_files() -> dict[str, Origin]:
    """File -> the plug-in of which it defines a class."""
    files = {}
    for registry in REGISTRIES:
        for name, origin in registry.origins.items():
            module = sys.modules.get(registry[name].__module__)
            files[getattr(module, "__file__", None) or ""] = origin
    files.pop("", None)
    return files
