"""What a model says of the plug-ins that it needs, and whether they are here."""

from __future__ import annotations

import re
import reprlib
import warnings
from collections.abc import Iterable, Iterator
from typing import Any, cast

from anomgan.errors import DataWarning, InputError
from anomgan.plugins.files import VARIABLE
from anomgan.plugins.lookup import find, is_known
from anomgan.plugins.registry import COMPONENTS, GANS, REGISTRIES, Origin, Registry
from anomgan.utils.serialization import check_type

Record = dict[str, str]
"""``group``, ``name``, ``class``; ``file``, ``distribution`` or ``module``; ``version``,
``sha256`` if known."""

FILE_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,99}\.py", re.ASCII)
"""Names of files that a message may ask a user to type, though a model has them from anybody."""

SHOWN_DIGITS = 12
"""Digits of a digest that a message shows."""


def describe_plugins(method: str, components: Iterable[str]) -> list[Record]:
    """The plug-ins that a method and the components of a score come from, as plain data."""
    return [_describe(registry, name) for registry, name in _list_used(method, components)]


def list_origins(method: str, components: Iterable[str]) -> list[Origin]:
    """Where these plug-ins were found, each place once."""
    used = _list_used(method, components)
    return list(dict.fromkeys(registry.origins[name] for registry, name in used))


def require_plugins(records: object) -> None:
    """Check that the plug-ins which a model names are here; nothing it names is run.

    Raises:
        InputError: If one isn't; the message says which and what to do.
    """
    for registry, record in _read(records):
        name = record["name"]
        if is_known(registry, name):
            find(registry, name)
            continue
        needed = f"it needs the {registry.noun} {_show(name)} of a plug-in"
        if "file" in record:
            file = record["file"] if FILE_NAME.fullmatch(record["file"]) else "FILE.py"
            raise InputError(
                f"{needed}, which was in the file {_show(record['file'])}; say where that is: "
                f"--plugin {file}, {VARIABLE}={file}, or in Python anomgan.load_plugin({file!r})"
            )
        if "distribution" in record:
            place = " ".join([record["distribution"], record.get("version", "")]).strip()
            raise InputError(
                f"{needed}, the distribution {_show(place)}; install that if you trust it, or name "
                f"a file with the same class with --plugin FILE.py"
            )
        raise InputError(
            f"{needed}, the module {_show(record.get('module', ''))}; write its class to a file "
            f"and name that with --plugin FILE.py, or import the module first"
        )


def warn_changed(records: object) -> None:
    """Warn about plug-ins that aren't those that a model was fitted with.

    Raises:
        InputError: As :func:`require_plugins`.

    Warns:
        DataWarning: If a file or version differs.
    """
    changes: dict[str, None] = {}  # each once, though several classes may come from one place
    for registry, record in _read(records):
        now = _describe(registry, record["name"])
        for key in ("sha256", "version"):
            if key in record and record[key] != now.get(key, record[key]):
                before, after = (_show(each[key][:SHOWN_DIGITS]) for each in (record, now))
                place = registry.origins[record["name"]]
                changes[f"plug-in {place}: {key} was {before} at the fit and is {after}"] = None
                break
    for change in changes:
        warnings.warn(f"{change}; scores may differ", DataWarning, stacklevel=3)


def _list_used(method: str, components: Iterable[str]) -> list[tuple[Registry[Any], str]]:
    """The registry and name of each that isn't the package's own."""
    used: list[tuple[Registry[Any], str]] = [(GANS, method)]
    used += [(COMPONENTS, name) for name in components]
    return [(registry, name) for registry, name in used if name in registry.origins]


def _describe(registry: Registry[Any], name: str) -> Record:
    """A plug-in's class as plain data; nothing but its name for the package's own."""
    origin = registry.origins.get(name)
    if origin is None:
        return {"name": name}
    cls = registry[name].__qualname__
    return {"group": registry.group, "name": name, "class": cls, **origin.to_json()}


def _read(records: object) -> Iterator[tuple[Registry[Any], Record]]:
    """The entries of a model, perhaps a forged one.

    Raises:
        InputError: If they aren't as :func:`describe_plugins` makes them.
    """
    groups = {registry.group: registry for registry in REGISTRIES}
    try:
        check_type(list[Record], records, "plugins")
        entries = [(groups[each["group"]], each["name"], each) for each in cast("Any", records)]
    except (KeyError, TypeError):
        raise InputError("its list of plug-ins isn't as anomgan writes it") from None
    for registry, _, record in entries:
        yield registry, record


def _show(text: str) -> str:
    """Text from a model for a message, short and in one line."""
    return reprlib.repr(text)
