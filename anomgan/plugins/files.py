"""Plug-ins in files, which somebody names."""

from __future__ import annotations

import hashlib
import os
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from anomgan.errors import InputError
from anomgan.plugins.registry import REGISTRIES, Origin, registering
from anomgan.utils.text import one_line

VARIABLE = "ANOMGAN_PLUGINS"
"""Environment variable with the paths of plug-ins, as ``PATH`` lists folders.  Processes that are
started later find the plug-ins of this one there."""

_loaded: dict[str, PluginFile] = {}  # by path


@dataclass(frozen=True)
class PluginFile:
    """A file with Python code that defines GANs, components of scores, or both.

    Attributes:
        path: Where it was read, absolute; perhaps on another machine.
        source: Its bytes, which are run as they were read.
    """

    path: str
    source: bytes

    @classmethod
    def read(cls, path: str) -> PluginFile:
        """Read a file.

        Raises:
            InputError: If it can't be read.
        """
        try:
            return cls(path, Path(path).read_bytes())
        except OSError as error:
            raise InputError(f"plug-in {path}: {error.strerror or error}") from error

    def load(self) -> tuple[str, ...]:
        """Run the file, unless it was run already as it is; return the names that it defines.

        Raises:
            InputError: If it fails, defines nothing, or a name that is taken.
        """
        if _loaded.get(self.path) != self:
            self._forget()
            _loaded[self.path] = self
            try:
                self._run()
            except BaseException:
                self._forget()
                raise
        return tuple(name for each in REGISTRIES for name in each.list_from("file", self.path))

    def _run(self) -> None:
        digest = hashlib.sha256(self.source).hexdigest()
        module = ModuleType(self._module_name)
        module.__file__ = self.path
        sys.modules[self._module_name] = module  # where dataclasses look for it
        try:
            with registering(Origin("file", self.path, sha256=digest)):
                # What was digested is what runs: no cache of compiled code is asked.
                code = compile(self.source, self.path, "exec", dont_inherit=True)
                exec(code, module.__dict__)  # noqa: S102 - somebody has named the file
        except InputError:
            raise
        except Exception as error:
            what = one_line(f"{type(error).__name__}: {error}", 500)
            raise InputError(f"plug-in {self.path}: {self._find_line(error)}{what}") from error
        if not any(each.list_from("file", self.path) for each in REGISTRIES):
            raise InputError(
                f"plug-in {self.path}: defines no GAN and no Component with a name; derive one "
                "from anomgan.gans.GAN or anomgan.scoring.Component"
            )

    @property
    def _module_name(self) -> str:
        place = hashlib.sha256(self.path.encode(errors="surrogateescape")).hexdigest()[:8]
        return f"_anomgan_plugin_{Path(self.path).stem}_{place}"

    def _find_line(self, error: Exception) -> str:
        """The line of the file that an error comes from, for a message."""
        if isinstance(error, SyntaxError) and error.filename == self.path:
            return f"line {error.lineno}: "
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == self.path]
        return f"line {lines[-1]}: " if lines else ""

    def _forget(self) -> None:
        """Remove what an earlier state of the file has defined."""
        for registry in REGISTRIES:
            for name in registry.list_from("file", self.path):
                del registry[name]
        sys.modules.pop(self._module_name, None)
        _loaded.pop(self.path, None)


def load_plugin(path: str | Path) -> tuple[str, ...]:
    """Run a Python file that defines GANs or components of scores, so that they go by their names.

    A file that was changed since is run anew.  Processes that this one starts afterwards (workers
    of a search, of a server, of a benchmark) load it when they need it: its path is added to the
    environment variable ``ANOMGAN_PLUGINS``.

    Args:
        path: A ``.py`` file.  A name without a folder is looked for here, then on Python's path.

    Returns:
        The names that it defines.

    Raises:
        InputError: If it can't be read, fails, defines nothing, or a name that is taken.

    Example:
        >>> import anomgan
        >>> anomgan.load_plugin("nowhere.py")
        Traceback (most recent call last):
        anomgan.errors.InputError: plug-in nowhere.py: there is no such file
    """
    names = PluginFile.read(_find_path(str(path))).load()
    name_plugin(path)
    return names


def name_plugin(path: str | Path) -> None:
    """Have a file loaded once a GAN or component is asked for, here and in processes started later.

    Raises:
        InputError: If there is no such file.
    """
    found, named = _find_path(str(path)), _list_named()
    if found not in named:
        os.environ[VARIABLE] = os.pathsep.join([*named, found])


def load_named() -> None:
    """Load the files that ``ANOMGAN_PLUGINS`` names.

    Raises:
        InputError: If one can't be loaded.
    """
    for name in _list_named():
        if name not in _loaded:
            path = _find_path(name)
            if path not in _loaded:
                PluginFile.read(path).load()


def list_loaded() -> list[PluginFile]:
    """The files that were loaded, to be loaded on another machine."""
    return list(_loaded.values())


def _list_named() -> list[str]:
    return [path for path in os.environ.get(VARIABLE, "").split(os.pathsep) if path]


def _find_path(name: str) -> str:
    """The absolute path of a plug-in's file.

    Raises:
        InputError: If there is none, or it isn't one.
    """
    if not name.endswith(".py"):
        raise InputError(f"plug-in {name}: isn't a .py file")
    path = Path(name).expanduser()
    bare = [Path(folder, name) for folder in sys.path] if path.name == name else []
    found = next((place for place in [path, *bare] if place.is_file()), None)
    if found is None:
        raise InputError(f"plug-in {name}: there is no such file")
    absolute = os.path.abspath(found)  # noqa: PTH100 - resolve() would follow links
    if os.pathsep in absolute:
        raise InputError(f"plug-in {absolute}: move it to where no {os.pathsep!r} is in its path")
    return absolute
