"""What the parameters of a detector may be, and what is made of them."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from types import UnionType
from typing import Any

import numpy as np
import torch
from sklearn.utils import check_random_state

from anomgan.config import Config
from anomgan.errors import DataWarning, InputError
from anomgan.gans import GAN
from anomgan.gans import method as find_method

MOST_TRIMMED = 0.5
"""Largest share of the training rows that a contamination leaves out."""


def checked_config(
    method: Any,
    preset: Any,
    settings: Any,
    alpha: Any,
    contamination: Any,
    kind: str = "tables",
) -> Config:
    """The training settings that these parameters of a detector stand for.

    Args:
        method: A registered method that learns from this kind of data.
        preset: A key of :data:`anomgan.config.PRESETS`.
        settings: A dict of names and values, or None.
        alpha: In (0, 1).
        contamination: In (0, 0.5], or None; unless the settings say otherwise, twice that share of
            the rows is left out of training, as those that are abnormal can't be told exactly.
        kind: ``tables`` or ``images``.

    Raises:
        InputError: If a parameter is wrong; names it.
    """
    if not are(str, method, preset):
        raise InputError(f"method={method!r} and preset={preset!r} must be names")
    if kind not in find_method(method).kinds:
        able = ", ".join(name for name, gan in sorted(GAN.registry.items()) if kind in gan.kinds)
        raise InputError(f"method {method!r} doesn't learn from {kind}; choose one of: {able}")
    settings = {} if settings is None else settings
    if not are(Mapping, settings):
        raise InputError(f"settings={settings!r} must be a dict of names and values")
    if not are(Real, alpha) or not 0 < alpha < 1:
        raise InputError(f"alpha={alpha!r} must lie between 0 and 1")
    share = contamination
    if share is not None and (not are(Real, share) or not 0 < share <= 0.5):
        raise InputError(f"contamination={share!r} must be None or lie in (0, 0.5]")
    left_out = {} if share is None else {"trim": min(MOST_TRIMMED, 2 * float(share))}
    return Config.make(preset, left_out | dict(settings), kind)


def checked_condition(method: str, condition: Any, *, other: bool) -> tuple[str | int, ...]:
    """The columns to condition on, by name or position, each once.

    Args:
        method: A registered method.
        condition: What the user gave for them.
        other: Whether rows of a second domain are given.

    Raises:
        InputError: If it is something else, or the method can't make use of what is given.

    Warns:
        DataWarning: If the method conditions, and there is nothing to condition on.
    """
    gan = find_method(method)
    given = [condition] if are(str | Integral, condition) else condition
    given = [] if given is None else given
    if not isinstance(given, list | tuple) or not are(str | Integral, *given):
        raise InputError(f"condition={condition!r} must be a column's name, or a list of several")
    if other and not gan.translates:
        able = " or ".join(f"method={n!r}" for n, g in sorted(GAN.registry.items()) if g.translates)
        raise InputError(f"method {method!r} learns from no other rows; use {able}")
    if gan.conditional and not given:
        warnings.warn(
            f"method {method!r} without a condition is an ordinary GAN; name a column to condition "
            f"on, or choose another method",
            DataWarning,
            stacklevel=3,
        )
    return tuple(dict.fromkeys(c if isinstance(c, str) else int(c) for c in given))


def condition_names(
    condition: Sequence[str | int], columns: Sequence[str], *, by_label: bool, source: str
) -> list[str]:
    """Names of the columns to condition on; whether they exist is for the schema to find out.

    Args:
        condition: As :func:`checked_condition` gives it.
        columns: Names of the table's columns.
        by_label: Whether a number is a column's label, as in a DataFrame, or its position.
        source: What messages call the table.

    Raises:
        InputError: If there is no such position.
    """
    for at in condition:
        if isinstance(at, int) and not by_label and not 0 <= at < len(columns):
            raise InputError(
                f"{source}: no column {at} to condition on; it has {len(columns)}, counted from 0"
            )
    return [columns[c] if isinstance(c, int) and not by_label else str(c) for c in condition]


def chosen_device(name: str) -> str:
    """The device as torch names it.

    Raises:
        InputError: If it isn't known or not there.
    """
    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        return "cuda" if there else "cpu"
    if name == "cpu":
        return name
    found = re.fullmatch(r"cuda(?::([0-9]{1,3}))?", str(name))
    if found is None:
        raise InputError(f"device={name!r} must be one of: auto, cpu, cuda, cuda:N")
    if int(found[1] or 0) >= there:
        raise InputError(
            f"device={name!r}: torch finds {there or 'no'} CUDA device{'s' * (there != 1)} here; "
            f"choose 'auto' or 'cpu', or install a torch built for your GPU"
        )
    return name


def device_at_hand(name: str) -> str:
    """The device a stored model asks for, or the CPU where it isn't there."""
    try:
        return chosen_device(name)
    except InputError:
        warnings.warn(
            f"the model was made for device={name!r}, which isn't here; using the CPU",
            DataWarning,
            stacklevel=4,
        )
        return "cpu"


def seed_from(random_state: Any) -> int:
    """A seed from what scikit-learn takes for a random state; fresh for None.

    Raises:
        ValueError: If it is something else.
    """
    if random_state is None:
        return int(np.random.default_rng().integers(2**31))
    if isinstance(random_state, Integral) and 0 <= int(random_state) < 2**32:
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))


def are(kind: type | UnionType, *values: Any) -> bool:
    """Whether all values are of a kind; a truth value is no number."""
    return all(isinstance(v, kind) and not isinstance(v, bool) for v in values)
