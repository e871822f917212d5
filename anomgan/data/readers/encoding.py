"""Convert bytes of text, whatever its encoding, to a stream of valid UTF-8."""

from __future__ import annotations

import codecs
import io
import lzma
import re
import warnings
import zipfile
import zlib
from collections import deque
from typing import TYPE_CHECKING, BinaryIO

from anomgan.errors import DataWarning, InputError, out_of_memory
from anomgan.utils.text import one_line

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",  # first, since it begins with the mark of UTF-16
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Byte order mark -> encoding, except UTF-8."""

_ZERO_PATTERNS = {"utf-32-le": "x?00", "utf-32-be": "00?x", "utf-16-le": "x0", "utf-16-be": "0x"}
"""Encoding -> bytes of a character that are often 0 (`0`), hardly ever (`x`) or either (`?`)."""

_SNIFFED_BYTES = 4096
"""Bytes from which an encoding without a mark is detected."""

_BINARY_FORMATS = {
    rb"\x1f\x8b": "is gzip data; unpack it, or end its name in .gz",
    rb"PK\x03\x04": "is a ZIP archive or an Excel workbook; end its name in .zip or .xlsx",
    rb"\xd0\xcf\x11\xe0": "is an old Excel workbook, or has a password; save it as .xlsx or CSV",
    rb"PAR1[\x00-\x1f]": "is Parquet; end its name in .parquet",
    rb"ARROW1": "is an Arrow file; end its name in .arrow or .feather",
    rb"\x93NUMPY": "is a NumPy array; write it to an .npz with numpy.savez",
    rb"BZh[1-9]1AY": "is bzip2 data; unpack it, or end its name in .bz2",
    rb"\xfd7zXZ\x00": "is xz data; unpack it, or end its name in .xz",
    rb"\x28\xb5\x2f\xfd": "is zstd data; unpack it, or end its name in .zst",
    rb"\x89PNG|\xff\xd8\xff|GIF8[79]a": "is a picture; name the folder it lies in",
    rb"%PDF-": "is a PDF document; save the table in it as CSV",
}
"""Pattern of the first bytes of data that isn't text -> what to do about it."""


_UNPACKING_ERRORS = EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile
"""What decompressors raise for damaged data."""


def _decode_as_windows_1252(error: UnicodeError) -> tuple[str, int]:
    """Codec error handler: decode bytes that aren't UTF-8 as Windows-1252."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    bad = error.object[error.start : error.end]
    try:
        return bad.decode("cp1252"), error.end
    except UnicodeDecodeError:  # five bytes are undefined there
        return bad.decode("latin-1"), error.end


def _detect_encoding(head: bytes) -> str:
    """Detect an encoding from the first bytes of text."""
    for mark, name in _BYTE_ORDER_MARKS.items():
        if head.startswith(mark):
            return name
    head = head[:_SNIFFED_BYTES]
    for name, pattern in _ZERO_PATTERNS.items():
        zeros = [head[at :: len(pattern)].count(0) for at in range(len(pattern))]
        units = len(head) // len(pattern)
        if units >= len(pattern) and all(
            {"0": count > 0.1 * units, "x": count <= 0.01 * units, "?": True}[kind]
            for count, kind in zip(zeros, pattern, strict=True)
        ):
            return name
    return "utf-8-sig"


codecs.register_error("anomgan.windows_1252", _decode_as_windows_1252)


class Utf8Stream(io.RawIOBase):
    """Convert a byte stream to valid UTF-8 without byte order mark.

    UTF-16 and UTF-32 are detected by their byte order mark or their zero bytes.  Bytes that aren't
    UTF-8 are decoded as Windows-1252 one by one, wherever they are: that needs no second pass over
    the input, which may be a pipe, and a file with one broken character keeps all others.

    Attributes:
        tail_bytes: Fewest bytes that :attr:`tail` holds, if that many were read.
    """

    def __init__(self, raw: BinaryIO, name: str) -> None:
        """Wrap a stream.

        Args:
            raw: The bytes to convert.
            name: What messages call the input; no warnings are given if it is empty.
        """
        self._raw = raw
        self._name = name
        self._decoder: codecs.IncrementalDecoder | None = None
        self._ready = memoryview(b"")
        self._has_other_bytes = False
        self._recent: deque[bytes] = deque()
        self.tail_bytes = 0

    @property
    def tail(self) -> bytes:
        """The last bytes read, as UTF-8."""
        return b"".join(self._recent)

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill part of the buffer.

        Returns:
            Number of bytes written; 0 at the end of the stream.

        Raises:
            InputError: If the bytes can't be read or unpacked.
        """
        target = memoryview(buffer).cast("B")
        while not self._ready:
            data = self._read(len(target))
            utf8 = self._decode(data).encode(errors="replace")
            self._ready = memoryview(utf8)
            self._append_to_tail(utf8)
            if not data:
                break
        count = min(len(target), len(self._ready))
        target[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _read(self, size: int) -> bytes:
        try:
            return self._raw.read(size)
        except InputError:
            raise
        except Exception as error:  # of the system, five decompressors or a network
            if out_of_memory(error):
                raise
            reason = getattr(error, "strerror", None)
            if reason is None and isinstance(error, _UNPACKING_ERRORS):
                reason = f"the compressed data is cut off or damaged: {one_line(error)}"
                raise InputError(f"{self._name}: {reason}") from None
            raise InputError(f"{self._name}: can't be read: {reason or one_line(error)}") from None

    def _append_to_tail(self, utf8: bytes) -> None:
        self._recent.append(utf8)
        while sum(map(len, self._recent)) - len(self._recent[0]) >= max(1, self.tail_bytes):
            self._recent.popleft()

    def _decode(self, data: bytes) -> str:
        if self._decoder is None:
            for pattern, advice in _BINARY_FORMATS.items():
                if re.match(pattern, data):
                    raise InputError(f"{self._name}: {advice}")
            self._decoder = codecs.getincrementaldecoder(_detect_encoding(data))()
        try:
            return self._decoder.decode(data, final=not data)
        except UnicodeDecodeError:
            self._has_other_bytes = True
            self._decoder.errors = "anomgan.windows_1252"
            return self._decoder.decode(data, final=not data)

    def warn_if_not_utf8(self) -> None:
        """Warn, once, if there were bytes that aren't UTF-8.

        This isn't part of reading, which may happen in another thread, where warnings get lost.
        """
        if self._has_other_bytes and self._name:
            warnings.warn(
                f"{self._name}: isn't all UTF-8; the other bytes were read as Windows-1252",
                DataWarning,
                stacklevel=2,
            )
            self._has_other_bytes = False
