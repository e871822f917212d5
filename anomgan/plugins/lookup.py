"""Find a class by its name: the package's own, a named file's, or an installed distribution's."""

from __future__ import annotations

import functools
import sys
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from anomgan.errors import InputError
from anomgan.plugins.files import load_named
from anomgan.plugins.registry import Origin, Registry, registering
from anomgan.utils.text import one_line

T = TypeVar("T")


def find(registry: Registry[T], name: object) -> type[T]:
    """The class of that name; an entry point is imported only now.

    Raises:
        InputError: If there is none, it can't be imported, or two places define the name.
    """
    load_named()
    entry = list_installed(registry).get(name) if isinstance(name, str) else None
    if entry is not None:
        _load(registry, entry)
    if not isinstance(name, str) or name not in registry:
        raise InputError(
            f"unknown {registry.noun} {name!r}; choose one of: {', '.join(list_names(registry))}; "
            "or name the file of your own with --plugin"
        )
    return registry[name]


def is_known(registry: Registry[T], name: object) -> bool:
    """Whether :func:`find` would look for the class anywhere."""
    load_named()
    return isinstance(name, str) and (name in registry or name in list_installed(registry))


def list_names(registry: Registry[T]) -> list[str]:
    """All names, sorted; installed plug-ins aren't imported for it.

    Raises:
        InputError: If a named file can't be loaded, or two distributions define a name.
    """
    load_named()
    return sorted({*registry, *list_installed(registry)})


def list_installed(registry: Registry[T]) -> dict[str, EntryPoint]:
    """Name -> entry point, of installed distributions.

    Raises:
        InputError: If two of them define a name.
    """
    found: dict[str, EntryPoint] = {}
    for entry in _list_entry_points(registry.group, tuple(sys.path)):
        if entry.name in found:
            raise registry.clash_error(entry.name, get_origin(found[entry.name]), get_origin(entry))
        found[entry.name] = entry
    return found


def get_origin(entry: EntryPoint) -> Origin:
    """The distribution of an entry point."""
    if entry.dist is None:
        return Origin("distribution", entry.value)
    return Origin("distribution", entry.dist.name, entry.dist.version)


@functools.cache
def _list_entry_points(group: str, path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """The entry points of all distributions on Python's path; looking takes some milliseconds."""
    return tuple(entry_points(group=group))


def _load(registry: Registry[Any], entry: EntryPoint) -> None:
    """Import an entry point, if it isn't yet.

    Raises:
        InputError: If that fails, or its name is taken.
    """
    origin, package = get_origin(entry), entry.module.partition(".")[0]
    known = registry.get(entry.name)
    if known is not None:
        before = registry.origins.get(entry.name)
        if before is not None and (before.kind, before.name) == (origin.kind, origin.name):
            return
        if before is None or before.kind == "file" or known.__module__.split(".")[0] != package:
            raise registry.clash_error(entry.name, before, origin)
        del registry[entry.name]  # the program has imported its module itself
        with registering(origin):
            registry.add(entry.name, known)
    present = set(registry)
    try:
        with registering(origin):
            loaded = entry.load()
    except Exception as error:
        for name in set(registry) - present:
            del registry[name]
        if isinstance(error, InputError):
            raise
        what = one_line(f"{type(error).__name__}: {error}", 500)
        raise InputError(f"plug-in {origin}: {entry.value} can't be imported: {what}") from error
    if loaded is not registry.get(entry.name):
        raise InputError(
            f"plug-in {origin}: {entry.value} isn't a {registry.noun} named {entry.name!r}; "
            "give class and entry point one name"
        )
