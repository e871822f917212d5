"""Colours of 16 bits keep them all, in every way that PNG and TIFF store them."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from anomgan.data.image.picture import FilePicture, Header

RNG = np.random.default_rng(0)
COLOURS = RNG.integers(0, 2**16, (7, 5, 3), dtype=np.uint16)


def png(pixels: np.ndarray, *, filtered: bool = False) -> bytes:
    """A PNG of 16 bits; each line may be stored as differences from the pixel before."""
    height, width, channels = pixels.shape
    rows = pixels.astype(">u2").view(np.uint8).reshape(height, -1)
    if filtered:
        step = 2 * channels
        rows = rows - np.pad(rows, ((0, 0), (step, 0)))[:, :-step]
    data = b"".join(bytes([filtered]) + row.astype(np.uint8).tobytes() for row in rows)
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(data)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def tiff(pixels: np.ndarray, order: str, *, packed: bool = False, separate: bool = False) -> bytes:
    """A TIFF of 16 bits in one strip, or in one for each channel."""
    height, width, channels = pixels.shape
    stored = pixels.astype(f"{order}u2")
    planes = [stored[..., at] for at in range(channels)] if separate else [stored]
    strips = [plane.tobytes() for plane in planes]
    if packed:
        strips = [zlib.compress(strip) for strip in strips]
    count = len(strips)
    tags = {
        256: ("H", [width]),
        257: ("H", [height]),
        258: ("H", [16] * channels),
        259: ("H", [8 if packed else 1]),
        262: ("H", [2 if channels >= 3 else 1]),
        273: ("I", [0] * count),
        277: ("H", [channels]),
        278: ("H", [height]),
        279: ("I", [len(strip) for strip in strips]),
        284: ("H", [2 if separate else 1]),
    }
    if channels == 4:
        tags[338] = ("H", [2])
    at = 8 + 2 + 12 * len(tags) + 4
    values_size = sum(len(v) * struct.calcsize(k) for k, v in tags.values())
    place = at + values_size
    starts = [place + sum(map(len, strips[:i])) for i in range(count)]
    tags[273] = ("I", starts)
    entries, values = b"", b""
    for tag, (kind, numbers) in sorted(tags.items()):
        body = struct.pack(f"{order}{len(numbers)}{kind}", *numbers)
        code = {"H": 3, "I": 4}[kind]
        if len(body) <= 4:
            field = body.ljust(4, b"\0")
        else:
            field = struct.pack(f"{order}I", at + len(values))
            values += body
        entries += struct.pack(f"{order}HHI", tag, code, len(numbers)) + field
    magic = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8)
    head = magic + struct.pack(f"{order}H", len(tags)) + entries + b"\0" * 4 + values
    return head.ljust(place, b"\0") + b"".join(strips)


FILES = {
    "plain.png": lambda pixels: png(pixels),
    "filtered.png": lambda pixels: png(pixels, filtered=True),
    "intel.tif": lambda pixels: tiff(pixels, "<"),
    "motorola.tif": lambda pixels: tiff(pixels, ">"),
    "intel-packed.tif": lambda pixels: tiff(pixels, "<", packed=True),
    "motorola-packed.tif": lambda pixels: tiff(pixels, ">", packed=True),
    "separate.tif": lambda pixels: tiff(pixels, "<", separate=True),
}


@pytest.mark.parametrize("name", FILES)
def test_every_bit_is_kept(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(FILES[name](COLOURS))
    picture = FilePicture(name, path, page=0)
    assert picture.header() == Header(7, 5, 3, "uint16")
    pixels, changes = picture.load()
    np.testing.assert_array_equal(pixels, COLOURS)
    assert (pixels.dtype, changes) == (np.uint16, [])


@pytest.mark.parametrize("name", ["filtered.png", "motorola.tif"])
def test_transparent_colours_are_laid_on_white(tmp_path: Path, name: str) -> None:
    alpha = np.full((7, 5, 1), 65535, np.uint16)
    path = tmp_path / name
    path.write_bytes(FILES[name](np.concatenate([COLOURS, alpha], -1)))
    pixels, changes = FilePicture(name, path).load()
    np.testing.assert_array_equal(pixels, COLOURS)
    assert changes == []
    alpha[0, 0] = 0
    path.write_bytes(FILES[name](np.concatenate([COLOURS, alpha], -1)))
    pixels, changes = FilePicture(name, path).load()
    assert pixels[0, 0].tolist() == [65535] * 3
    np.testing.assert_array_equal(pixels[1:], COLOURS[1:])
    assert changes == ["pictures with transparency: laid on white"]


def test_what_still_loses_bits_is_told(tmp_path: Path) -> None:
    pixels = np.concatenate([COLOURS[..., :1], np.full((7, 5, 1), 65535, np.uint16)], -1)
    files = {
        "gray-alpha.png": png(pixels),
        "both.tif": tiff(COLOURS, "<", packed=True, separate=True),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        read, changes = FilePicture(name, tmp_path / name).load()
        assert read.dtype == np.uint8
        np.testing.assert_array_equal(read[..., 0], COLOURS[..., 0] >> 8)
        assert "pictures with colours of 16 bits: stored such that 8 are read" in changes


def test_damaged_colours(tmp_path: Path) -> None:
    from anomgan.data.image.picture import BrokenPictureError

    path = tmp_path / "a.png"
    path.write_bytes(png(COLOURS)[:90])
    with pytest.raises(BrokenPictureError):
        FilePicture("a.png", path).load()
