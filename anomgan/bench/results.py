"""A folder of results that grows line by line, so that a killed run can be resumed.

``settings.json`` beside ``results.csv`` holds the settings of the lines; lines of other settings
are never mixed with them.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO

from anomgan.bench.result_row import ResultKey, ResultRow
from anomgan.bench.sets import LabelledSet
from anomgan.config import Config
from anomgan.errors import DataWarning, InputError
from anomgan.plugins.registry import REGISTRIES
from anomgan.utils.atomic import atomic_write
from anomgan.utils.locks import LOCK_FILE, hold_lock

RESULTS, SETTINGS, REPORT, PICTURE = "results.csv", "settings.json", "results.md", "results.png"
GAINS = "gains.csv"

ADVICE = "name another --output, or start over with --restart"

PACKAGE = Path(__file__).resolve().parents[1]
CODE = (
    *("config.py", "bench/sets.py", "evaluation/baselines.py"),
    *(f"{room}/**/*.py" for room in ("data", "gans", "nets", "scoring", "training", "utils")),
    *(
        f"bench/{name}.py"
        for name in ("contender", "gans", "peers", "pictures", "protocol", "series_*", "sets")
    ),
)
"""Patterns of the files that figures may depend on."""


def describe_settings(
    preset: str, config: Config, device: str, sets: Sequence[LabelledSet]
) -> dict[str, Any]:
    """Describe all that figures depend on beside detector and seed, as JSON-serialisable data."""
    return {
        "anomgan": version("anomgan"),
        "code": _hash_code(),
        "preset": preset,
        "settings": json.loads(json.dumps(config.to_json())),
        "device": device,
        "contamination": max((each.contamination for each in sets), default=0.0),
        "sets": {each.name: each.digest for each in sets},
        "plugins": {
            name: str(origin.version or origin.sha256)
            for registry in REGISTRIES
            for name, origin in registry.origins.items()
        },
    }


class Results:
    """The results in a folder.

    Attributes:
        folder: The folder.
        rows: Key -> its latest result.
    """

    def __init__(self, folder: Path, file: BinaryIO, rows: Iterable[ResultRow]) -> None:
        """Use a file opened for appending; :meth:`open` does that."""
        self.folder, self._file = folder, file
        self.rows: dict[ResultKey, ResultRow] = {row.key: row for row in rows}

    @classmethod
    @contextlib.contextmanager
    def open(
        cls,
        folder: Path,
        settings: Mapping[str, Any],
        *,
        restart: bool = False,
        row_type: type[ResultRow] = ResultRow,
    ) -> Iterator[Results]:
        """Open a folder for this process alone; it is made when missing.

        Args:
            folder: The folder of results.
            settings: From :func:`describe_settings`.
            restart: Whether to delete the results in it.
            row_type: What the lines hold.

        Raises:
            InputError: If the results in it are of other settings or of another program, another
                benchmark is using it, or it can't be written to.

        Warns:
            DataWarning: If the code has changed since the first result.
        """
        with contextlib.ExitStack() as stack:
            with _reword_write_errors(folder):
                folder.mkdir(parents=True, exist_ok=True)
                if stack.enter_context(hold_lock(folder / LOCK_FILE)) is False:
                    raise InputError(
                        f"--output {folder}: another benchmark is writing there; wait for it or "
                        f"name another"
                    )
                file = stack.enter_context((folder / RESULTS).open("a+b"))
                whole = _read_whole_lines(file, folder / RESULTS, row_type.header())
                if restart:
                    whole = b""
                    for name in (SETTINGS, REPORT, PICTURE, GAINS):
                        (folder / name).unlink(missing_ok=True)
                rows = list(_parse_rows(whole, folder / RESULTS, row_type))
                _check_settings(folder, settings, begun=bool(rows))
                file.truncate(len(whole))
                if not whole:
                    file.write(row_type.header().encode())
                    file.flush()
            yield cls(folder, file, rows)

    def append(self, row: ResultRow) -> None:
        """Add a result and flush it to the file."""
        with _reword_write_errors(self.folder):
            self._file.write(row.to_csv().encode(errors="backslashreplace"))
            self._file.flush()
        self.rows[row.key] = row

    def write(self, name: str, content: bytes) -> Path:
        """Write another file into the folder, atomically; returns its path."""
        with _reword_write_errors(self.folder), atomic_write(self.folder / name) as partial:
            partial.write_bytes(content)
        return self.folder / name


def _read_whole_lines(file: BinaryIO, path: Path, first_line: str) -> bytes:
    """Read a file without a last line that was cut off when a run was killed.

    Raises:
        InputError: If another program, or a benchmark of something else, wrote the file.
    """
    file.seek(0)
    data, header = file.read(), first_line.encode()
    if not (data.startswith(header) or header.startswith(data)):
        raise InputError(f"{path}: wasn't written by such a benchmark; name another --output")
    return data[: data.rfind(b"\n") + 1]


def _parse_rows(whole: bytes, path: Path, row_type: type[ResultRow]) -> Iterator[ResultRow]:
    """Parse the lines after the header.

    Raises:
        InputError: If one is damaged.
    """
    lines = csv.reader(io.StringIO(whole.decode(errors="replace"), newline=""))
    next(lines, None)
    for cells in lines:
        try:
            yield row_type.from_csv(cells)
        except ValueError as error:
            raise InputError(
                f"{path}: line {lines.line_num} is damaged ({error}); delete it, and it is "
                f"measured again"
            ) from None


def _check_settings(folder: Path, settings: Mapping[str, Any], *, begun: bool) -> None:
    """Compare the settings with those of older results, and store them.

    Raises:
        InputError: If they differ.
    """
    path, stored = folder / SETTINGS, dict(settings)
    if begun:
        before = _read_settings(path)
        changes = list(_list_differences(before, settings))
        for kind, word in (("sets", "set"), ("plugins", "plug-in")):
            old = before.get(kind, {})
            shared = sorted(old.keys() & settings[kind].keys())
            changes += [
                f"another {word} called {name!r}"
                for name in shared
                if old[name] != settings[kind][name]
            ]
            stored[kind] = old | settings[kind]
        if changes:
            raise InputError(
                f"{folder}: holds results of other settings ({'; '.join(changes)}); {ADVICE}"
            )
        if before.get("code") != settings["code"]:
            warnings.warn(
                f"{folder}: anomgan's code has changed since these results were begun; --restart "
                f"measures all anew",
                DataWarning,
                stacklevel=4,
            )
            stored["code"] = before.get("code")  # so that the next run says so too
    with atomic_write(path) as partial:
        partial.write_text(json.dumps(stored, indent=2) + "\n", encoding="utf-8")


def _read_settings(path: Path) -> dict[str, Any]:
    """Read the settings of older results.

    Raises:
        InputError: If they are missing or damaged.
    """
    try:
        before: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if not all(isinstance(before[key], dict) for key in ("settings", "sets")):
            raise TypeError
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(
            f"{path}: is missing or damaged, so the settings of the results beside it are "
            f"unknown; {ADVICE}"
        ) from None
    return before


def _list_differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Describe each setting that differs."""
    for key in ("anomgan", "preset", "device"):
        if before.get(key) != now[key]:
            yield f"{key} {before.get(key)}, now {now[key]}"
    if before.get("preset") == now["preset"]:
        old, new = before["settings"], now["settings"]
        for key in sorted(old.keys() | new.keys()):
            if old.get(key) != new.get(key):
                yield f"{key}={old.get(key)}, now {new.get(key)}"


@contextlib.contextmanager
def _reword_write_errors(folder: Path) -> Iterator[None]:
    """Raise errors of writing as user errors that name the option.

    Raises:
        InputError: If a file in the folder can't be written.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"--output {folder}: can't be written: {reason}") from error


def _hash_code() -> str:
    """Hash the code that figures depend on, to warn those who change it."""
    content = hashlib.sha256()
    for path in sorted(path for pattern in CODE for path in PACKAGE.glob(pattern)):
        content.update(path.read_bytes())
    return content.hexdigest()[:16]
