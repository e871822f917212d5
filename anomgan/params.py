"""Validation of the estimator's parameters, and what they resolve to."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from types import UnionType
from typing import Any

import numpy as np
import torch

from anomgan.config import Config
from anomgan.data.series.options import SeriesOptions, check_every, check_window
from anomgan.data.table.options import TableOptions
from anomgan.errors import DataWarning, InputError
from anomgan.gans import GAN, get_method
from anomgan.utils.sklearn_base import check_random_state

MAX_TRIM = 0.5
"""Largest share of the training rows that a contamination trims."""


def resolve_config(
    method: Any,
    preset: Any,
    settings: Any,
    alpha: Any,
    contamination: Any,
    kind: str = "tables",
) -> Config:
    """Validate an estimator's parameters and make the training settings from them.

    Args:
        method: A registered method that can be trained on this kind of data.
        preset: A key of :data:`anomgan.config.PRESETS`.
        settings: A dict of names and values, or None.
        alpha: In (0, 1).
        contamination: In (0, 0.5], or None.  Unless the settings say otherwise, twice that share
            of the rows is trimmed, as abnormal rows can't be identified exactly before training.
        kind: ``tables`` or ``images``.

    Raises:
        InputError: If a parameter is invalid; the message names it.
    """
    if not is_instance(str, method, preset):
        raise InputError(f"method={method!r} and preset={preset!r} must be names")
    if kind not in get_method(method).kinds:
        able = ", ".join(name for name, gan in sorted(GAN.registry.items()) if kind in gan.kinds)
        raise InputError(f"method {method!r} doesn't learn from {kind}; choose one of: {able}")
    settings = {} if settings is None else settings
    if not is_instance(Mapping, settings):
        raise InputError(f"settings={settings!r} must be a dict of names and values")
    check_alpha(alpha)
    if contamination is None:
        return Config.make(preset, settings, kind)
    if not is_instance(Real, contamination) or not 0 < contamination <= 0.5:
        raise InputError(f"contamination={contamination!r} must be None or lie in (0, 0.5]")
    trim = min(MAX_TRIM, 2 * float(contamination))
    return Config.make(preset, {"trim": trim} | dict(settings), kind)


def resolve_condition(method: str, condition: Any, *, other: bool) -> tuple[str | int, ...]:
    """The columns to condition on, by name or position, each once.

    Args:
        method: A registered method.
        condition: The estimator's parameter.
        other: Whether rows of a second domain are given.

    Raises:
        InputError: If it is something else, or the method can't use the rows of a second domain.

    Warns:
        DataWarning: If the method is conditional, but no column is given.
    """
    gan = get_method(method)
    columns = [condition] if is_instance(str | Integral, condition) else condition
    columns = [] if columns is None else columns
    if not isinstance(columns, list | tuple) or not is_instance(str | Integral, *columns):
        raise InputError(f"condition={condition!r} must be a column's name, or a list of several")
    if other and not gan.translates:
        able = " or ".join(f"method={n!r}" for n, g in sorted(GAN.registry.items()) if g.translates)
        raise InputError(f"method {method!r} learns from no other rows; use {able}")
    if gan.conditional and not columns:
        warnings.warn(
            f"method {method!r} without a condition is an ordinary GAN; name a column to condition "
            f"on, or choose another method",
            DataWarning,
            stacklevel=3,
        )
    return tuple(dict.fromkeys(c if isinstance(c, str) else int(c) for c in columns))


def resolve_column_names(
    wanted: Sequence[str | int], columns: Sequence[str], *, by_label: bool, source: str
) -> list[str]:
    """Names of columns given by name or position.  The schema checks that they exist.

    Args:
        wanted: Such as :func:`resolve_condition` returns them.
        columns: Names of the table's columns.
        by_label: Whether a number is a column's label, as in a DataFrame, or its position.
        source: Name of the table in messages.

    Raises:
        InputError: If there is no such position.
    """
    for column in wanted:
        if isinstance(column, int) and not by_label and not 0 <= column < len(columns):
            raise InputError(f"{source}: no column {column}; it has {len(columns)}, counted from 0")
    return [columns[c] if isinstance(c, int) and not by_label else str(c) for c in wanted]


def resolve_series_options(
    time: Any,
    window: Any,
    group: Any,
    every: Any,
    *,
    names: Sequence[str],
    by_label: bool,
    source: str,
) -> SeriesOptions | None:
    """What the estimator's parameters say about series; None if rows make up none.

    Args:
        time: This and the following are the estimator's parameters.
        window: See :func:`anomgan.data.series.options.check_window`.
        group: Name or position of a column, or None.
        every: See :func:`anomgan.data.series.options.check_every`.
        names: Names of the table's columns.
        by_label: As of :func:`resolve_column_names`.
        source: Name of the table in messages.

    Raises:
        InputError: If a parameter is invalid.
    """
    roles = {}
    for role, column in (("time", time), ("group", group)):
        if column is not None and not is_instance(str | Integral, column):
            raise InputError(f"{role}={column!r} must be the name or position of a column")
        wanted = [] if column is None else [column if isinstance(column, str) else int(column)]
        resolved = resolve_column_names(wanted, names, by_label=by_label, source=source)
        roles[role] = resolved[0] if resolved else None
    if time is None and window is None:
        for role, given in (("group", group), ("every", every)):
            if given is not None:
                raise InputError(f"{role}={given!r} is about series; give time or window, too")
        return None
    if roles["time"] is not None and roles["time"] == roles["group"]:
        raise InputError(f"time and group name the same column {roles['time']!r}; choose one")
    return SeriesOptions(roles["time"], roles["group"], check_window(window), check_every(every))


def resolve_table_options(
    columns: Any,
    missing: Any,
    decimal: Any,
    thousands: Any,
    date_format: Any,
    *,
    names: Sequence[str],
    by_label: bool,
    source: str,
) -> TableOptions:
    """What the estimator's parameters say about the columns of a table.

    Args:
        columns: This and the following are the estimator's parameters.
        missing: See :meth:`anomgan.data.table.options.TableOptions.make`.
        decimal: See there.
        thousands: See there.
        date_format: See there.
        names: Names of the table's columns.
        by_label: As of :func:`resolve_column_names`.
        source: Name of the table in messages.

    Raises:
        InputError: If a parameter is invalid.
    """
    columns = {} if columns is None else columns
    if not isinstance(columns, Mapping) or not is_instance(str | Integral, *columns):
        raise InputError(f"columns={columns!r} must be a dict of columns and their kinds")
    wanted = [name if isinstance(name, str) else int(name) for name in columns]
    resolved = resolve_column_names(wanted, names, by_label=by_label, source=source)
    return TableOptions.make(
        columns=dict(zip(resolved, columns.values(), strict=True)),
        missing=missing,
        decimal=decimal,
        thousands=thousands,
        date_format=date_format,
    )


def resolve_device(name: str) -> str:
    """The device in torch's notation; ``auto`` is the GPU if there is one.

    Raises:
        InputError: If the name is invalid, or torch has no such device here.
    """
    devices = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        return "cuda" if devices else "cpu"
    if name == "cpu":
        return name
    match = re.fullmatch(r"cuda(?::([0-9]{1,3}))?", str(name))
    if match is None:
        raise InputError(f"device={name!r} must be one of: auto, cpu, cuda, cuda:N")
    if int(match[1] or 0) >= devices:
        raise InputError(
            f"device={name!r}: torch finds {devices or 'no'} CUDA device{'s' * (devices != 1)} "
            f"here; choose 'auto' or 'cpu', or install a torch built for your GPU"
        )
    return name


def resolve_stored_device(name: str) -> str:
    """The device of a stored model; the CPU, with a warning, if this machine lacks it."""
    try:
        return resolve_device(name)
    except InputError:
        warnings.warn(
            f"the model was made for device={name!r}, which isn't here; using the CPU",
            DataWarning,
            stacklevel=4,
        )
        return "cpu"


def resolve_seed(random_state: Any) -> int:
    """A seed from whatever scikit-learn accepts as a random state; a fresh one for None.

    Raises:
        ValueError: If it is something else.
    """
    if random_state is None:
        return int(np.random.default_rng().integers(2**31))
    if isinstance(random_state, Integral) and 0 <= int(random_state) < 2**32:
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))


def check_alpha(alpha: Any) -> None:
    """Raise an InputError unless alpha is a number in (0, 1)."""
    if not is_instance(Real, alpha) or not 0 < alpha < 1:
        raise InputError(f"alpha={alpha!r} must lie between 0 and 1")


def check_positive_integer(name: str, value: Any) -> None:
    """Raise an InputError that names the parameter unless its value is an integer above 0."""
    if not is_instance(Integral, value) or value < 1:
        raise InputError(f"{name}={value!r} must be a positive integer")


def is_instance(kind: type | UnionType, *values: Any) -> bool:
    """Whether all values are of a type, where a bool isn't a number."""
    return all(isinstance(v, kind) and not isinstance(v, bool) for v in values)
