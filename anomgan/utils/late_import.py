"""Imports that wait until something of the module is used."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any


def delay_import(name: str) -> None:
    """Import a module when something of it is first used, rather than when it is imported.

    For a command of our own, whose libraries import a slow module at once and hardly ever use it.

    Args:
        name: The module; nothing happens if it has been imported already.
    """
    sys.modules.setdefault(name, _LateModule(name))


class _LateModule(ModuleType):
    """Stands for a module, and is replaced by it when an attribute is asked for."""

    def __getattr__(self, attribute: str) -> Any:
        """The attribute of the module itself."""
        if attribute.startswith("__") and attribute != "__path__":
            raise AttributeError(attribute)  # `inspect` looks at the files of all modules
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), attribute)
