"""Bytes that may be a picture: numbers that agree with its header, or one line that says why."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import PIL.Image
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from anomgan.data.encoders.image import ImageEncoder
from anomgan.data.image.picture import (
    DEPTHS,
    BrokenPictureError,
    FilePicture,
    to_picture_series,
)
from anomgan.data.image.pillow_limit import lift_pillow_limit
from anomgan.errors import InputError

MOST_PIXELS = 1_000_000
RAMP = np.arange(0, 210, 2, dtype=np.uint8).reshape(7, 15)
SMALL = PIL.Image.fromarray(np.stack([RAMP, RAMP[::-1], 255 - RAMP], -1))
ENDINGS = ["png", "jpg", "tiff", "bmp", "gif", "webp", "PNG", "jpeg"]


def saved(image: PIL.Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def turned(kind: str, orientation: int) -> bytes:
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    return saved(SMALL, kind, exif=exif)


WHOLE = {
    **{f"PNG, {mode}": saved(SMALL.convert(mode), "PNG") for mode in ("1", "L", "LA", "P", "RGBA")},
    **{f"TIFF, {mode}": saved(SMALL.convert(mode), "TIFF") for mode in ("1", "CMYK", "F", "LAB")},
    **{kind: saved(SMALL, kind) for kind in ("PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP")},
    "16 bit": saved(PIL.Image.fromarray(RAMP.astype(np.uint16) * 300), "PNG"),
    "32 bit": saved(PIL.Image.fromarray(RAMP.astype(np.int32) * 99_999), "TIFF"),
    "not a number": saved(PIL.Image.fromarray(np.full((3, 4), np.nan, np.float32)), "TIFF"),
    "JPEG, CMYK": saved(SMALL.convert("CMYK"), "JPEG"),
    "JPEG, progressive": saved(SMALL, "JPEG", progressive=True),
    "palette that is clear in places": saved(SMALL.convert("P"), "PNG", transparency=3),
    "one pixel": saved(PIL.Image.new("1", (1, 1)), "PNG"),
    "a line": saved(PIL.Image.new("L", (300, 1)), "PNG"),
    "animated": saved(SMALL, "GIF", save_all=True, append_images=[SMALL.rotate(90)]),
    "pages": saved(SMALL, "TIFF", save_all=True, append_images=[SMALL.convert("L")]),
    "on its side": turned("JPEG", 6),
    "upside down": turned("WEBP", 3),
    "no such way up": turned("PNG", 77),
}


@st.composite
def files(draw: Any) -> tuple[bytes, str]:
    """A picture that is cut off, spoilt, doubled or called something else; and its ending."""
    data = bytearray(draw(st.sampled_from(list(WHOLE.values()))))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(data)))
        change = draw(st.sampled_from(["cut", "flip", "drop", "double", "fill", "insert"]))
        if change == "cut":
            del data[at:]
        elif change == "flip" and at < len(data):
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif change == "drop":
            del data[at : at + draw(st.integers(1, 30))]
        elif change == "double":
            data[at:at] = data[at : at + 40]
        elif change == "fill":
            data[at : at + 4] = draw(
                st.sampled_from([b"\xff" * 4, b"\x00" * 4, b"\x7f\xff\xff\xff"])
            )
        else:
            data[at:at] = draw(st.binary(max_size=8))
    kept = draw(st.sampled_from([bytes(data)] * 9 + [b"", b"GIF89a", b"BM", b"\x89PNG\r\n\x1a\n"]))
    return kept, draw(st.sampled_from(ENDINGS))


def examples(count: int) -> settings:
    """The same examples every time, so many of them."""
    return settings(
        max_examples=count,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pictures")


@pytest.fixture(scope="module")
def encoder() -> ImageEncoder:
    """Learnt from small pictures in colours."""
    rng = np.random.default_rng(0)
    pictures = list(rng.integers(0, 256, size=(8, 8, 8, 3), dtype=np.uint8))
    return ImageEncoder.fit(pd.DataFrame({"picture": to_picture_series(pictures)}), size=8)


def check(picture: FilePicture) -> bool:
    """Whether it can be read; what is read agrees with what the file says of itself."""
    try:
        head = picture.header()
        pixels, changes = picture.load()
    except BrokenPictureError as error:
        if len(str(error).splitlines()) != 1:
            raise AssertionError(str(error)) from None
        return False
    assert pixels.shape == (head.height, head.width, head.channels)
    assert pixels.dtype == head.depth
    assert head.depth in DEPTHS
    assert all(isinstance(change, str) for change in changes)
    return True


def check_file(folder: Path, encoder: ImageEncoder, data: bytes, ending: str) -> None:
    """Alone, and beside a good one, whose numbers it must not touch."""
    path = folder / f"given.{ending}"
    path.write_bytes(data)
    good = folder / "good.bmp"
    good.write_bytes(WHOLE["BMP"])
    with warnings.catch_warnings(), lift_pillow_limit():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", module="PIL")
        pictures = [FilePicture(each.name, each, MOST_PIXELS) for each in (good, path)]
        readable = check(pictures[1])
    frame = pd.DataFrame({"picture": to_picture_series(pictures)})
    values, report = encoder.transform(frame)
    alone, _ = encoder.transform(frame[:1])
    assert np.isfinite(values).all()
    assert np.array_equal(values[0], alone[0])
    assert len(values) == 2 - len(report.lost)
    assert readable or list(report.lost) == [1]
    assert all(len(line.splitlines()) == 1 for line in report.lines())
    if report.lost:
        with pytest.raises(InputError, match=path.name):
            encoder.transform(frame, strict=True)


@pytest.mark.parametrize("name", WHOLE)
def test_all_kinds_of_pictures(folder: Path, encoder: ImageEncoder, name: str) -> None:
    for ending in ("png", "jpg"):  # the content counts
        check_file(folder, encoder, WHOLE[name], ending)


@examples(120)
@given(files())
def test_any_bytes_are_a_picture_or_refused(
    folder: Path, encoder: ImageEncoder, given: tuple[bytes, str]
) -> None:
    check_file(folder, encoder, *given)


@pytest.mark.slow
@examples(8000)
@given(files())
def test_many_more_pictures(folder: Path, encoder: ImageEncoder, given: tuple[bytes, str]) -> None:
    check_file(folder, encoder, *given)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize(("orientation", "turn"), [(1, 0), (3, 2), (6, 3), (8, 1)])
def test_pictures_stand_as_exif_says(folder: Path, kind: str, orientation: int, turn: int) -> None:
    straight, path = folder / "straight", folder / "turned"
    straight.write_bytes(turned(kind, 1))
    path.write_bytes(turned(kind, orientation))
    expected = np.rot90(FilePicture("a", straight).load()[0], turn)
    np.testing.assert_array_equal(FilePicture("b", path).load()[0], expected)
