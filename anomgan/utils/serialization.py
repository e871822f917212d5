"""Plain data from strangers: JSON taken strictly, and values checked against their annotations.

A checksum shows damage, not intent: whoever forges a model computes it anew.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping
from dataclasses import fields
from types import NoneType, UnionType
from typing import (
    Any,
    Literal,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

import numpy as np

from anomgan.errors import InputError

MOST_VALUES = 2**23
"""Values in JSON that is read, lists and dicts counting four-fold: they fill about 0.5 GB."""

MOST_DIGITS = 19
"""Digits of the longest whole number: those of 64 bits."""

T = TypeVar("T")


def below(prefix: str, named: Mapping[str, T]) -> dict[str, T]:
    """Those whose name begins so, without it."""
    return {k.removeprefix(prefix): value for k, value in named.items() if k.startswith(prefix)}


def values_in(data: bytes) -> int:
    """About how many values JSON holds, from its punctuation; what stands in text counts too."""
    return data.count(b",") + 4 * (data.count(b"[") + data.count(b"{"))


def strict_json(data: bytes) -> Any:
    """Parse JSON of which there is one reading, in memory that is known before.

    Raises:
        json.JSONDecodeError: If it isn't JSON, or is cut off.
        ValueError: If it isn't UTF-8, holds too many values, too long a number, infinity, NaN, or
            a key twice.
        RecursionError: If it is nested too deeply.
    """
    if values_in(data) > MOST_VALUES:
        raise ValueError("it holds too many values")
    return json.loads(
        data.decode("utf-8", "surrogatepass"),  # of bytes it would guess the encoding
        object_pairs_hook=_unique,
        parse_int=_short,
        parse_float=_finite,
        parse_constant=_none,
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key comes twice")
    return found


def _short(text: str) -> int:
    if len(text.lstrip("-")) > MOST_DIGITS:
        raise ValueError("a number is too long")
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number is too large")
    return number


def _none(text: str) -> float:
    raise ValueError(f"{text} isn't JSON")


def to_plain(value: Any) -> Any:
    """Convert to what strict JSON holds: dicts, lists, text, finite numbers, booleans, None.

    Tuples and arrays become lists, NumPy scalars Python's, NaN and infinity None.

    Raises:
        InputError: If there is anything else.
    """
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return to_plain(value.tolist())
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, str | bool | int):
        return value
    raise InputError(f"{value!r} can't be stored; give plain numbers, text, lists or dicts")


def typed(kind: type[T], state: Mapping[str, Any]) -> T:
    """Make a dataclass of plain data; lists become tuples.

    Raises:
        TypeError: If a field is unknown or missing, or its value isn't what the annotation says.
    """
    values = {
        name: tuple(value) if isinstance(value, list) else value for name, value in state.items()
    }
    hints, known = _hints(kind), {field.name for field in fields(kind)}  # type: ignore[arg-type]
    for name, value in values.items():
        if name not in known or not fits(value, hints[name]):
            raise TypeError(f"{kind.__name__} can't have this {name!r}")
    return kind(**values)


def check(hint: Any, value: Any, name: str) -> None:
    """Check a value against an annotation.

    Raises:
        TypeError: If it doesn't fit; calls it, or the entry of a dict that is wrong, by its name.
    """
    if is_typeddict(hint) and isinstance(value, dict):
        missing = hint.__required_keys__ - value.keys()
        if missing:
            raise TypeError(f"{name} has no {min(missing)!r}")
        for key, inner in _hints(hint).items():
            if key in value:
                check(inner, value[key], f"{name}/{key}")
    elif not fits(value, hint):
        raise TypeError(f"{name} is of another kind than anomgan writes")


def fits(value: Any, hint: Any) -> bool:
    """Whether plain data are what an annotation says; whole numbers are floats, too."""
    outer, inner = get_origin(hint), get_args(hint)
    if outer in (Union, UnionType):
        return any(fits(value, option) for option in inner)
    if outer is Literal:
        return isinstance(value, str) and value in inner
    if outer is tuple:
        if not isinstance(value, tuple):
            return False
        parts = inner[:1] * len(value) if inner[1:] == (...,) else inner
        return len(parts) == len(value) and all(map(fits, value, parts))
    if outer is list:
        return isinstance(value, list) and all(fits(item, inner[0]) for item in value)
    if outer is dict:
        return isinstance(value, dict) and all(fits(item, inner[1]) for item in value.values())
    if is_typeddict(hint):
        known = _hints(hint)
        return (
            isinstance(value, dict)
            and hint.__required_keys__ <= value.keys()
            and all(fits(value[key], known[key]) for key in known.keys() & value.keys())
        )
    if hint is Any:
        return True
    if hint is float:
        return type(value) in (int, float) and math.isfinite(value)
    return type(value) is (NoneType if hint is None else hint)


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)
