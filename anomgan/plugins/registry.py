"""Classes by name: those of the package, and those of plug-ins with where they come from."""

from __future__ import annotations

import contextlib
import hashlib
import re
import sys
from collections import UserDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from anomgan.errors import InputError

if TYPE_CHECKING:
    from anomgan.gans.base import GAN
    from anomgan.scoring.components import Component

T = TypeVar("T")

NAME = re.compile(r"[A-Za-z0-9_-]+")
"""Names that fit into ``--method NAME`` and into the sum of a score."""

OWN = "anomgan itself"
"""What messages call the origin of the package's own classes."""


@dataclass(frozen=True)
class Origin:
    """Where a class from outside of the package comes from.

    Attributes:
        kind: A plug-in's file, an installed distribution's entry point, or any other module.
        name: Path of the file, or name of the distribution or module.
        version: Version of the distribution.
        sha256: Digest of the file that defines the class, if there is one.
    """

    kind: Literal["file", "distribution", "module"]
    name: str
    version: str | None = None
    sha256: str | None = None

    def __str__(self) -> str:
        """As messages call it."""
        return f"{self.name} {self.version}" if self.version else self.name

    def to_json(self) -> dict[str, Any]:
        """Plain data; of a file its name alone, because its folder says nothing elsewhere."""
        name = Path(self.name).name if self.kind == "file" else self.name
        facts = {self.kind: name, "version": self.version, "sha256": self.sha256}
        return {key: value for key, value in facts.items() if value is not None}


class Registry(UserDict[str, type[T]]):
    """Name -> class, of all that are imported.

    Attributes:
        group: Name of the group of entry points.
        noun: What messages call such a class.
        origins: Name -> where the class comes from; the package's own aren't in it.
    """

    def __init__(self, group: str, noun: str) -> None:
        """Start without classes."""
        super().__init__()
        self.group, self.noun = group, noun
        self.origins: dict[str, Origin] = {}

    def add(self, name: str, cls: type[T]) -> None:
        """Register a class; one that is defined anew in the same place replaces the older one.

        Raises:
            InputError: If another place has defined the name, or it can't be typed.
        """
        if not NAME.fullmatch(name):
            raise InputError(
                f"{self.noun} {name!r}: name it with letters, digits, hyphens and underscores"
            )
        origin = None if cls.__module__.startswith("anomgan.") else _find_origin(cls)
        if name in self:
            before = self.origins.get(name)
            if (before and (before.kind, before.name)) != (origin and (origin.kind, origin.name)):
                raise self.clash_error(name, before, origin)
        self[name] = cls
        if origin is not None:
            self.origins[name] = origin

    def clash_error(self, name: str, *origins: Origin | None) -> InputError:
        """The error for a name that is defined in two places."""
        places = " and by ".join(OWN if each is None else str(each) for each in origins)
        return InputError(
            f"{self.noun} {name!r} is defined by {places}; rename or remove one of them"
        )

    def __delitem__(self, name: str) -> None:
        """Forget a class."""
        super().__delitem__(name)
        self.origins.pop(name, None)

    def list_from(self, kind: str, place: str) -> list[str]:
        """Names of the classes that come from a place."""
        return [
            name for name, each in self.origins.items() if (each.kind, each.name) == (kind, place)
        ]


GANS: Registry[GAN] = Registry("anomgan.gans", "method")
COMPONENTS: Registry[Component] = Registry("anomgan.components", "component")
REGISTRIES: tuple[Registry[Any], ...] = (GANS, COMPONENTS)

_running: Origin | None = None  # the plug-in whose code runs at the moment


@contextlib.contextmanager
def registering(origin: Origin) -> Iterator[None]:
    """Classes that are defined in this context come from there."""
    global _running
    before, _running = _running, origin
    try:
        yield
    finally:
        _running = before


def _find_origin(cls: type[Any]) -> Origin:
    """Where a class comes from that isn't the package's own."""
    origin = _running or Origin("module", cls.__module__)
    if origin.sha256 is not None:
        return origin
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    with contextlib.suppress(OSError):
        if file is not None:
            digest = hashlib.sha256(Path(file).read_bytes()).hexdigest()
            return replace(origin, sha256=digest)
    return origin
