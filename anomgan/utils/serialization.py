"""Parse and validate untrusted JSON, and convert values to what JSON holds.

Checksums show damage, not intent: whoever forges a model computes them anew.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping
from dataclasses import fields
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints, is_typeddict

import numpy as np

from anomgan.errors import InputError

MAX_JSON_VALUES = 2**23
"""Values in JSON that is parsed, lists and dicts counting four-fold: they fill about 0.5 GB."""

MAX_INTEGER_DIGITS = 19
"""Digits of the longest whole number: those of 64 bits."""

T = TypeVar("T")


def below(prefix: str, named: Mapping[str, T]) -> dict[str, T]:
    """The entries whose name begins with a prefix, under their names without it."""
    return {k.removeprefix(prefix): value for k, value in named.items() if k.startswith(prefix)}


def count_json_values(data: bytes) -> int:
    """An upper bound on the values in JSON, from its punctuation, that in text included."""
    return data.count(b",") + 4 * (data.count(b"[") + data.count(b"{"))


def strict_json(data: bytes) -> Any:
    """Parse JSON within bounded memory, refusing what other parsers read differently.

    Raises:
        json.JSONDecodeError: If it isn't JSON, or is cut off.
        ValueError: If it isn't UTF-8, holds too many values, too long a number, infinity, NaN, or
            a key twice.
        RecursionError: If it is nested too deeply.
    """
    if count_json_values(data) > MAX_JSON_VALUES:
        raise ValueError("it holds too many values")
    return json.loads(
        data.decode("utf-8", "surrogatepass"),  # json.loads would guess the encoding of bytes
        object_pairs_hook=_parse_object,
        parse_int=_parse_int,
        parse_float=_parse_float,
        parse_constant=_refuse_constant,
    )


def _parse_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        raise ValueError("a key comes twice")
    return entries


def _parse_int(text: str) -> int:
    if len(text.lstrip("-")) > MAX_INTEGER_DIGITS:
        raise ValueError("a number is too long")
    return int(text)


def _parse_float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number is too large")
    return number


def _refuse_constant(text: str) -> float:
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


def build_dataclass(kind: type[T], state: Mapping[str, Any]) -> T:
    """Make a dataclass from plain data; lists become tuples.

    Raises:
        TypeError: If a field is unknown or missing, or its value doesn't match its annotation.
    """
    hints, names = _type_hints(kind), {field.name for field in fields(kind)}  # type: ignore[arg-type]
    values = {
        name: tuple(value) if isinstance(value, list) else value for name, value in state.items()
    }
    for name, value in values.items():
        if name not in names or not _matches(value, hints[name]):
            raise TypeError(f"{kind.__name__} can't have this {name!r}")
    return kind(**values)


def check_type(hint: Any, value: Any, name: str) -> None:
    """Check plain data against an annotation; entries that a TypedDict lacks are ignored.

    Raises:
        TypeError: If it doesn't match; names the value, or the entry of a dict that is wrong.
    """
    if is_typeddict(hint) and isinstance(value, dict):
        missing = hint.__required_keys__ - value.keys()
        if missing:
            raise TypeError(f"{name} has no {min(missing)!r}")
        for key, inner in _type_hints(hint).items():
            if key in value:
                check_type(inner, value[key], f"{name}/{key}")
    elif not _matches(value, hint):
        raise TypeError(f"{name} is of another kind than anomgan writes")


def _matches(value: Any, hint: Any) -> bool:
    """Whether plain data match an annotation; whole numbers are floats, too, but not booleans."""
    outer, inner = get_origin(hint), get_args(hint)
    if outer in (Union, UnionType):
        return any(_matches(value, option) for option in inner)
    if outer is Literal:
        return isinstance(value, str) and value in inner
    if outer is tuple:
        if not isinstance(value, tuple):
            return False
        items = inner[:1] * len(value) if inner[1:] == (...,) else inner
        return len(items) == len(value) and all(map(_matches, value, items))
    if outer is list:
        return isinstance(value, list) and all(_matches(item, inner[0]) for item in value)
    if outer is dict:
        return isinstance(value, dict) and all(_matches(item, inner[1]) for item in value.values())
    if hint is Any:
        return True
    if hint is float:
        return type(value) in (int, float) and math.isfinite(value)
    return type(value) is (NoneType if hint is None else hint)


_type_hints = functools.cache(get_type_hints)
