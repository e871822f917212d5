"""One self-contained HTML page about a model and the rows that it has scored.

``anomgan.report(detector, data)`` gives the page: this package can be called, as its function
:func:`anomgan.report.report` has the same name.
"""

import sys
from types import ModuleType

from anomgan.report.page import report

__all__ = ["report"]


class _CallableModule(ModuleType):
    __call__ = staticmethod(report)


__wrapped__ = report  # whose signature `inspect` shows
sys.modules[__name__].__class__ = _CallableModule
