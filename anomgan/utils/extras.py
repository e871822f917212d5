"""Import packages that only some users need, which an extra of anomgan installs."""

from __future__ import annotations

import importlib
from typing import Any

from anomgan.errors import InputError


def import_extra(module: str, extra: str, purpose: str) -> Any:
    """Import a module of a package that may not be installed.

    Args:
        module: Its name.
        extra: The extra of anomgan that installs the package.
        purpose: What needs it: a file, or an option, for messages.

    Raises:
        InputError: If the package isn't installed; names it and the extra.
    """
    package = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != package:
            raise
        raise InputError(
            f"{purpose}: needs {package}; install it with: pip install 'anomgan[{extra}]'"
        ) from None
