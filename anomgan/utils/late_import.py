"""Imports that wait until something of the module is used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


def delay_import(name: str) -> None:
    """Import a module when something of it is first used, rather than when it is imported.

    For a command of our own, whose libraries import a slow module at once and hardly ever use it.

    Args:
        name: The module; nothing happens if it has been imported already.
    """
    sys.modules.setdefault(name, _LateModule(name))


@contextmanager
def delay_imports(*names: str) -> Iterator[None]:
    """Delay imports of these modules while the body imports what would import them at once.

    For a library: afterwards, others import them as ever.
    """
    for name in names:
        delay_import(name)
    try:
        yield
    finally:
        for name in names:
            if isinstance(sys.modules.get(name), _LateModule):
                del sys.modules[name]


class _LateModule(ModuleType):
    """Stands for a module, and is replaced by it when an attribute is asked for."""

    def __getattr__(self, attribute: str) -> Any:
        """The attribute of the module itself."""
        if attribute.startswith("__") and attribute != "__path__":
            raise AttributeError(attribute)  # `inspect` looks at the files of all modules
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), attribute)
