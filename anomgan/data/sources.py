"""Where a table comes from: what messages call it, and its bytes, unpacked and as clean UTF-8."""

from __future__ import annotations

import codecs
import gzip
import io
import sys
import warnings
import zlib
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from anomgan.errors import DataWarning, InputError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from _typeshed import WriteableBuffer


def source_name(source: str | Path) -> str:
    """What messages call a source: the path as it was typed, or ``stdin`` for ``-``."""
    return "stdin" if str(source) == "-" else str(source)


def open_bytes(source: str | Path, name: str) -> AbstractContextManager[BinaryIO]:
    """Open for reading bytes, unpacked; standard input is left open afterwards.

    Raises:
        InputError: If the file can't be opened.
    """
    if str(source) == "-":
        if sys.stdin is None:
            raise InputError(f"{name}: is closed; pipe records into it, or name a file")
        return nullcontext(sys.stdin.buffer)
    try:
        if str(source).lower().endswith(".gz"):
            return cast("BinaryIO", gzip.open(source))
        return Path(source).open("rb")
    except OSError as error:
        raise InputError(f"{name}: can't be opened: {error.strerror or error}") from None


def _windows_1252(error: UnicodeError) -> tuple[str, int]:
    """Decode what isn't UTF-8, a few bytes at a time; the answer a codec error handler gives."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    bad = error.object[error.start : error.end]
    try:
        return bad.decode("cp1252"), error.end
    except UnicodeDecodeError:  # five bytes have no meaning there
        return bad.decode("latin-1"), error.end


codecs.register_error("anomgan.windows_1252", _windows_1252)


class Utf8(io.RawIOBase):
    """A byte stream as clean UTF-8 without byte order mark, whatever it was before.

    UTF-16 is known by its byte order mark.  Bytes that aren't UTF-8, however late they come, are
    taken as Windows-1252 one by one: no second pass over the input is needed, and a file with a
    single broken character keeps its other ones.
    """

    def __init__(self, raw: BinaryIO, name: str) -> None:
        """Read from ``raw``, which messages call ``name``; with no name there is no warning."""
        self._raw = raw
        self._name = name
        self._decoder: codecs.IncrementalDecoder | None = None
        self._ready = memoryview(b"")
        self._recoded = False

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill part of the buffer; 0 at the end.

        Raises:
            InputError: If the bytes can't be read or unpacked.
        """
        into = memoryview(buffer).cast("B")
        while not self._ready:
            data = self._read(len(into))
            self._ready = memoryview(self._decode(data).encode(errors="replace"))
            if not data:
                break
        count = min(len(into), len(self._ready))
        into[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _read(self, size: int) -> bytes:
        try:
            return self._raw.read(size)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise InputError(
                f"{self._name}: the gzip data is cut off or damaged: {one_line(error)}"
            ) from None
        except OSError as error:
            raise InputError(f"{self._name}: can't be read: {error.strerror or error}") from None

    def _decode(self, data: bytes) -> str:
        if self._decoder is None:
            utf_16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
            self._decoder = codecs.getincrementaldecoder("utf-16" if utf_16 else "utf-8-sig")()
        try:
            return self._decoder.decode(data, final=not data)
        except UnicodeDecodeError:
            self._recoded = True
            self._decoder.errors = "anomgan.windows_1252"
            return self._decoder.decode(data, final=not data)

    def warn_if_recoded(self) -> None:
        """Warn, once, if bytes that aren't UTF-8 were met.

        The bytes themselves may be read on another thread, where a warning would be lost.
        """
        if self._recoded and self._name:
            warnings.warn(
                f"{self._name}: isn't all UTF-8; the other bytes were read as Windows-1252",
                DataWarning,
                stacklevel=2,
            )
            self._recoded = False


def one_line(error: Exception) -> str:
    """What an error says, without its line breaks."""
    return " ".join(str(error).split())
