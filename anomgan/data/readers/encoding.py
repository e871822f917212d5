"""Where a table comes from: what messages call it, and its bytes, unpacked and as clean UTF-8."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import sys
import warnings
import zlib
from collections import deque
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from anomgan.errors import DataWarning, InputError
from anomgan.utils.text import one_line

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from _typeshed import WriteableBuffer


ENCODINGS = {
    codecs.BOM_UTF32_LE: "utf-32",  # begins with the mark of UTF-16
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Byte order marks of everything but UTF-8."""

UNMARKED = {"utf-32-le": "x?00", "utf-32-be": "00?x", "utf-16-le": "x0", "utf-16-be": "0x"}
"""Where bytes of text without a mark are often 0, at least those of digits, and where never."""

SNIFFED = 4096
"""Bytes by which an encoding without a mark is told."""

BINARY = {
    rb"\x1f\x8b": "is gzip data; unpack it, or end its name in .gz",
    rb"PK\x03\x04": "is a ZIP archive or an Excel workbook; unpack it, or save it as CSV",
    rb"\xd0\xcf\x11\xe0": "is an Excel workbook; save it as CSV",
    rb"PAR1[\x00-\x1f]": "is Parquet; end its name in .parquet",
    rb"\x93NUMPY": "is a NumPy array; write it to an .npz with numpy.savez",
    rb"BZh[1-9]1AY|\xfd7zXZ\x00|\x28\xb5\x2f\xfd": "is compressed; unpack it",
    rb"\x89PNG|\xff\xd8\xff|GIF8[79]a": "is a picture; name the folder it lies in",
    rb"%PDF-": "is a PDF document; save the table in it as CSV",
}
"""How data that isn't text begins, and what to do about it."""


def describe_source(source: str | Path) -> str:
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


def _encoding(head: bytes) -> str:
    """The encoding of text that begins so."""
    for mark, name in ENCODINGS.items():
        if head.startswith(mark):
            return name
    head = head[:SNIFFED]
    for name, pattern in UNMARKED.items():
        zeros = [head[at :: len(pattern)].count(0) for at in range(len(pattern))]
        units = len(head) // len(pattern)
        if units >= len(pattern) and all(
            {"0": count > 0.1 * units, "x": count <= 0.01 * units, "?": True}[kind]
            for count, kind in zip(zeros, pattern, strict=True)
        ):
            return name
    return "utf-8-sig"


codecs.register_error("anomgan.windows_1252", _windows_1252)


class Utf8(io.RawIOBase):
    """A byte stream as clean UTF-8 without byte order mark, whatever it was before.

    UTF-16 and UTF-32 are known by their byte order mark or by their zeros.  Bytes that aren't
    UTF-8, however late they come, are taken as Windows-1252 one by one: no second pass over the
    input is needed, and a file with a single broken character keeps its other ones.

    Attributes:
        kept: How many of the last bytes :attr:`tail` has at least, as far as there are so many.
    """

    def __init__(self, raw: BinaryIO, name: str) -> None:
        """Read from ``raw``, which messages call ``name``; with no name there is no warning."""
        self._raw = raw
        self._name = name
        self._decoder: codecs.IncrementalDecoder | None = None
        self._ready = memoryview(b"")
        self._recoded = False
        self._recent: deque[bytes] = deque()
        self.kept = 0

    @property
    def tail(self) -> bytes:
        """The last bytes read, as UTF-8."""
        return b"".join(self._recent)

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
            clean = self._decode(data).encode(errors="replace")
            self._ready = memoryview(clean)
            self._keep(clean)
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

    def _keep(self, clean: bytes) -> None:
        self._recent.append(clean)
        while sum(map(len, self._recent)) - len(self._recent[0]) >= max(1, self.kept):
            self._recent.popleft()

    def _decode(self, data: bytes) -> str:
        if self._decoder is None:
            for begins, advice in BINARY.items():
                if re.match(begins, data):
                    raise InputError(f"{self._name}: {advice}")
            self._decoder = codecs.getincrementaldecoder(_encoding(data))()
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
