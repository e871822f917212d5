"""One self-contained HTML page about a model and the rows that it has scored.

Its name leaves ``anomgan.report`` to the function :func:`anomgan.reporting.page.report`.
"""
