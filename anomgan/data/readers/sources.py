"""Where bytes come from: a file, a URL, standard input, a member of a ZIP archive, or memory."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import urlsplit

import pyarrow as pa

from anomgan.data.readers.urls import explain_errors, is_url, open_url
from anomgan.errors import InputError, out_of_memory
from anomgan.utils.text import one_line


@dataclass(frozen=True)
class ZipMember:
    """A file in a ZIP archive.

    Attributes:
        archive: The archive.
        member: The file's path in it.
    """

    archive: Source
    member: str

    def __str__(self) -> str:
        """Path of the archive, then of the file in it."""
        return f"{describe_source(self.archive)}/{self.member}"


@dataclass(frozen=True)
class Memory:
    """Bytes that were made from a file, such as the text of a sheet.

    Attributes:
        name: What messages call them.
        data: The bytes.
    """

    name: str
    data: bytes = field(repr=False)

    def __str__(self) -> str:
        """The name."""
        return self.name


Source = str | Path | ZipMember | Memory

_UNPACKERS: dict[str, Callable[[BinaryIO], Any]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".zst": lambda file: pa.CompressedInputStream(file, "zstd"),
}
PACKED_SUFFIXES = tuple(_UNPACKERS)
"""Endings of the names of compressed files."""


def is_local(source: Source) -> bool:
    """Whether a source is a file or folder of this machine."""
    return isinstance(source, str | Path) and str(source) != "-" and not is_url(source)


def describe_source(source: Source) -> str:
    """The name of a source in messages: its path, or ``stdin`` for ``-``.

    A URL comes without passwords and queries, which may hold keys.
    """
    if str(source) == "-":
        return "stdin"
    if is_url(source):
        return re.sub(r"(?<=://)[^/]*@|[?#].*", "", str(source))
    return str(source)


def file_name(source: Source) -> str:
    """The last part of a source's path in lower case, whose ending tells the kind of file."""
    if isinstance(source, ZipMember):
        return source.member.rpartition("/")[2].lower()
    path = urlsplit(str(source)).path if is_url(source) else str(source)
    return path.rstrip("/").rpartition("/")[2].lower()


def open_bytes(source: Source, name: str) -> AbstractContextManager[BinaryIO]:
    """Open a source for reading bytes, unpacked if its name says that it is compressed.

    Args:
        source: The source; standard input, ``-``, stays open afterwards.
        name: What messages call it.

    Raises:
        InputError: If it can't be opened.
    """
    unpack = _UNPACKERS.get(Path(file_name(source)).suffix)
    return _open_stored(source, name) if unpack is None else _open_packed(source, name, unpack)


@contextlib.contextmanager
def _open_packed(
    source: Source, name: str, unpack: Callable[[BinaryIO], Any]
) -> Iterator[BinaryIO]:
    with _open_stored(source, name) as packed, unpack(packed) as stream:
        yield cast("BinaryIO", stream)


@contextlib.contextmanager
def open_seekable(source: Source, name: str) -> Iterator[BinaryIO]:
    """Open a source in which readers jump; what isn't a local file is copied to one first.

    Raises:
        InputError: If it can't be opened or copied.
    """
    with _open_stored(source, name) as stored:
        if isinstance(source, Memory) or is_local(source):
            yield stored
            return
        with tempfile.TemporaryFile() as copy:
            with explain_errors(name):
                shutil.copyfileobj(stored, copy)
            copy.seek(0)
            yield cast("BinaryIO", copy)


@contextlib.contextmanager
def _open_stored(source: Source, name: str) -> Iterator[BinaryIO]:
    """Open a source as it is."""
    if str(source) == "-":
        if sys.stdin is None:
            raise InputError(f"{name}: is closed; pipe records into it, or name a file")
        yield cast("BinaryIO", sys.stdin.buffer)
    elif isinstance(source, Memory):
        yield io.BytesIO(source.data)
    elif isinstance(source, ZipMember):
        with open_zip(source.archive) as archive, archive.open(source.member) as member:
            yield cast("BinaryIO", member)
    else:
        with explain_errors(name):
            file = open_url(str(source)) if is_url(source) else Path(source).open("rb")  # noqa: SIM115
        with file:
            yield file


@contextlib.contextmanager
def open_zip(source: Source) -> Iterator[zipfile.ZipFile]:
    """Open a ZIP archive.

    Raises:
        InputError: If it isn't one, is damaged, or asks for a password.
    """
    name = describe_source(source)
    with open_seekable(source, name) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                yield archive
        except zipfile.BadZipFile as error:
            raise InputError(f"{name}: isn't a ZIP archive, or is damaged: {error}") from None
        except (RuntimeError, NotImplementedError) as error:  # a password, or a strange compression
            if out_of_memory(error):
                raise
            raise InputError(f"{name}: can't be unpacked: {one_line(error)}; unpack it") from None


def list_members(source: Source) -> list[ZipMember]:
    """The files in a ZIP archive, sorted by path; hidden ones (``_``, ``.``) are left out.

    Raises:
        InputError: As :func:`open_zip`.
    """
    with open_zip(source) as archive:
        names = sorted(entry.filename for entry in archive.infolist() if not entry.is_dir())
    return [ZipMember(source, name) for name in names if not is_hidden(name)]


def is_hidden(path: str) -> bool:
    """Whether a part of a path begins with ``_`` or ``.``, as in Hadoop and archives of macOS."""
    return any(part[:1] in ("_", ".") for part in path.split("/"))
