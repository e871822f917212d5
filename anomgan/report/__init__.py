"""One self-contained HTML page about a model, and about rows that it has judged."""

from __future__ import annotations

from anomgan.report.page import report

__all__ = ["report"]
