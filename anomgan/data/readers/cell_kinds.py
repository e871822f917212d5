"""Whether text looks like a value or like a word, to tell records from headers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

from anomgan.data.table.missing import MISSING_MARKERS

_NUMBER = re.compile(
    r"[<>~=]{0,2} ?\(?[-+−–]? ?[$€£¥]? ?(\d[\d.,'’ \u00a0\u202f]*|[.,]\d+)([eE][-+]?\d+)?\)?"
)
_AMOUNT = re.compile(_NUMBER.pattern + r"[ \u00a0]?(%|‰|°|[^\W\d_]|[€$£¥])[\w/%°²³·^]{0,6}")
_TIME = re.compile(
    r"\[?(\w{3,9},? )?(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{1,2}[-/. ]?[^\W\d_]{3,9}[-/., ]+\d{2,4}"
    r"|[^\W\d_]{3,9} \d{1,2},? \d{4}|\d{1,2}:\d{2})([T :.,\d+\-/]|[APap]\.?[Mm]|Z|GMT|UTC)*\]?"
)
_TRUTH = frozenset(("true", "false", "yes", "no"))
_MISSING = MISSING_MARKERS | {"", "inf", "-inf"}

_MIN_SHARE = 0.8
"""Share of a column's filled cells that decide on its kind."""


@lru_cache(2**14)
def find_kind(cell: str) -> str:
    """What a cell looks like: number, amount (with a unit), time, truth, text, or empty."""
    text = cell.strip()
    if text.lower() in _MISSING:
        return ""
    if _NUMBER.fullmatch(text):
        return "time" if _TIME.fullmatch(text) and text.count(".") != 1 else "number"
    if _TIME.fullmatch(text):
        return "time"
    if text.lower() in _TRUTH:
        return "truth"
    return "amount" if _AMOUNT.fullmatch(text) else "text"


def find_column_kind(cells: Iterable[str]) -> str:
    """What the cells of a column look like; empty if it has none, text if they differ."""
    counts = Counter(find_kind(cell) for cell in cells)
    del counts[""]
    filled = counts.total()
    if not filled:
        return ""
    for kinds in (("number",), ("time",), ("truth",), ("number", "amount"), ("number", "time")):
        if sum(counts[kind] for kind in kinds) >= _MIN_SHARE * filled:
            return kinds[-1]
    return "text"


def is_value(cell: str, column_kind: str) -> bool:
    """Whether a cell looks like those of a column of values."""
    kind = find_kind(cell)
    return kind == column_kind or (kind == "number" and column_kind in ("amount", "time"))


def to_numbers(cells: Sequence[str]) -> list[float] | None:
    """The cells as numbers with points; None if one isn't."""
    try:
        return [float(cell) for cell in cells]
    except ValueError:
        return None
