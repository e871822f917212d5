"""Choose and check the column names of a table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from anomgan.errors import InputError
from anomgan.utils.text import join_limited


def named_columns(names: Iterable[str]) -> list[str]:
    """Names of columns, without the unnamed indexes that pandas stores in files."""
    return [name for name in names if not re.fullmatch(r"__index_level_\d+__", name)]


def refuse_duplicates(names: Iterable[str], source: str) -> None:
    """Refuse column names that occur twice or can't be encoded as UTF-8.

    Args:
        names: All column names.
        source: What messages call the table.

    Raises:
        InputError: If there are such names; up to three duplicates are listed.
    """
    counts = Counter(names)
    for name in counts:
        try:
            name.encode()
        except UnicodeEncodeError:  # a lone surrogate
            raise InputError(
                f"{source}: column name {name!r} isn't text that can be written; rename it"
            ) from None
    twice = [repr(name) for name, count in counts.items() if count > 1]
    if twice:
        raise InputError(
            f"{source}: more than one column is named {join_limited(twice, 3)}; "
            f"give each its own name"
        )
