"""One picture: what its file says, how it is decoded, and how it is brought to a form."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.TiffImagePlugin
import pytest

from anomgan.data.image.pages import list_pages
from anomgan.data.image.picture import (
    ArrayPicture,
    BrokenPictureError,
    FilePicture,
    Header,
    Picture,
)
from anomgan.data.image.pillow_limit import lift_pillow_limit
from anomgan.data.image.preprocessing import convert_channels, convert_depth, resize

RAMP = np.arange(0, 96, 4, dtype=np.uint8).reshape(4, 6)
COLOURS = np.stack([RAMP, RAMP[::-1], 255 - RAMP], -1)


def saved(path: Path, image: PIL.Image.Image, **options: object) -> FilePicture:
    image.save(path, **options)
    return FilePicture(path.name, path)


def read(picture: Picture) -> np.ndarray:
    return picture.load()[0]


@pytest.mark.parametrize("ending", ["png", "bmp", "tiff", "gif", "webp"])
def test_gray_pictures_are_read_exactly(tmp_path: Path, ending: str) -> None:
    options = {"lossless": True} if ending == "webp" else {}
    picture = saved(tmp_path / f"a.{ending}", PIL.Image.fromarray(RAMP), **options)
    head = picture.header()
    assert (head.height, head.width, head.depth) == (4, 6, "uint8")
    assert head.channels == (3 if ending == "webp" else 1)  # WebP knows no gray
    np.testing.assert_array_equal(read(picture), np.repeat(RAMP[..., None], head.channels, 2))


@pytest.mark.parametrize("ending", ["png", "bmp", "tiff"])
def test_colours_are_read_exactly(tmp_path: Path, ending: str) -> None:
    picture = saved(tmp_path / f"a.{ending}", PIL.Image.fromarray(COLOURS))
    assert picture.header() == Header(4, 6, 3, "uint8")
    np.testing.assert_array_equal(read(picture), COLOURS)


def test_jpeg_is_read_nearly(tmp_path: Path) -> None:
    picture = saved(tmp_path / "a.jpg", PIL.Image.fromarray(RAMP), quality=100)
    assert picture.header() == Header(4, 6, 1, "uint8")
    assert np.abs(read(picture)[..., 0].astype(int) - RAMP).max() <= 2


@pytest.mark.parametrize("ending", ["png", "tiff"])
def test_16_bits(tmp_path: Path, ending: str) -> None:
    deep = RAMP.astype(np.uint16) * 257 + 3
    picture = saved(tmp_path / f"a.{ending}", PIL.Image.fromarray(deep))
    assert picture.header() == Header(4, 6, 1, "uint16")
    np.testing.assert_array_equal(read(picture)[..., 0], deep)
    assert read(picture).dtype == np.uint16


def test_real_numbers(tmp_path: Path) -> None:
    real = RAMP.astype(np.float32) / 7 - 3
    picture = saved(tmp_path / "a.tiff", PIL.Image.fromarray(real))
    assert picture.header().depth == "float32"
    np.testing.assert_array_equal(read(picture)[..., 0], real)


def test_palettes(tmp_path: Path) -> None:
    colourful = PIL.Image.fromarray(RAMP // 50).convert("P")
    colourful.putpalette([255, 0, 0, 0, 0, 255] + [0] * 762)
    picture = saved(tmp_path / "a.png", colourful)
    assert picture.header().channels == 3
    assert read(picture)[0, 0].tolist() == [255, 0, 0]
    assert read(picture)[-1, -1].tolist() == [0, 0, 255]
    gray = PIL.Image.fromarray(RAMP // 50).convert("P")
    gray.putpalette([10, 10, 10, 20, 20, 20] + [0] * 762)
    picture = saved(tmp_path / "b.png", gray)
    assert picture.header().channels == 1
    assert read(picture)[-1, -1].tolist() == [20]


def test_one_bit(tmp_path: Path) -> None:
    picture = saved(tmp_path / "a.png", PIL.Image.fromarray(RAMP > 50))
    np.testing.assert_array_equal(read(picture)[..., 0], np.where(RAMP > 50, 255, 0))


def test_transparency_is_laid_on_white(tmp_path: Path) -> None:
    clear = np.zeros((2, 2, 4), dtype=np.uint8)
    clear[0, 0] = [200, 0, 0, 255]
    clear[0, 1] = [0, 0, 0, 51]  # a fifth black
    picture = saved(tmp_path / "a.png", PIL.Image.fromarray(clear))
    pixels, changes = picture.load()
    assert pixels[0].tolist() == [[200, 0, 0], [204, 204, 204]]
    assert (pixels[1] == 255).all()
    assert changes == ["pictures with transparency: laid on white"]
    both = PIL.Image.fromarray(clear[..., [0, 3]], "LA")
    picture = saved(tmp_path / "b.png", both)
    assert picture.header().channels == 1
    assert read(picture)[..., 0].tolist() == [[200, 204], [255, 255]]


def test_pictures_stand_upright(tmp_path: Path) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to look at it
    picture = saved(tmp_path / "a.png", PIL.Image.fromarray(RAMP), exif=exif)
    assert picture.header() == Header(6, 4, 1, "uint8")
    np.testing.assert_array_equal(read(picture)[..., 0], np.rot90(RAMP, -1))


def test_the_first_of_several_frames(tmp_path: Path) -> None:
    frames = [PIL.Image.fromarray(RAMP), PIL.Image.fromarray(255 - RAMP)]
    for ending in ("gif", "tiff"):
        picture = saved(
            tmp_path / f"a.{ending}", frames[0], save_all=True, append_images=frames[1:]
        )
        pixels, changes = picture.load()
        np.testing.assert_array_equal(pixels[..., 0], RAMP)
        assert changes == ["pictures with several pages or frames: only the first counts"]


def test_pages(tmp_path: Path) -> None:
    pages = [PIL.Image.fromarray(RAMP), PIL.Image.fromarray(255 - RAMP)]
    path = tmp_path / "a.tif"
    pages[0].save(path, save_all=True, append_images=pages[1:])
    assert list_pages(path) == [0, 1]
    for page, expected in enumerate((RAMP, 255 - RAMP)):
        pixels, changes = FilePicture(f"a.tif#{page + 1}", path, page=page).load()
        np.testing.assert_array_equal(pixels[..., 0], expected)
        assert changes == []
    with pytest.raises(BrokenPictureError):
        FilePicture("a.tif#3", path, page=2).load()


def test_reduced_copies_are_no_pages(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    small, large = PIL.Image.fromarray(RAMP[::2, ::2]), PIL.Image.fromarray(RAMP)
    with PIL.TiffImagePlugin.AppendingTiffWriter(str(path), new=True) as file:
        for image, kind in ((small, 1), (large, 0), (large, 2), (small, 4)):
            image.save(file, "TIFF", tiffinfo={254: kind})
            file.newFrame()
    assert list_pages(path) == [1, 2]
    path.write_bytes(b"no picture")
    assert list_pages(path) == [0]


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


@pytest.mark.parametrize(
    ("name", "make", "why"),
    [
        ("a.png", lambda data: b"only text", "isn't a picture"),
        ("a.png", lambda data: b"", "isn't a picture"),
        ("a.jpg", cut, "is damaged"),
        ("a.png", cut, "is damaged"),
        ("a.tiff", cut, "is damaged"),
        ("a.bmp", cut, "is damaged"),
        ("a.png", lambda data: data[:40] + b"\0\0\0" + data[43:], "isn't a picture"),
    ],
)
def test_broken_files(tmp_path: Path, name: str, make: Callable[[bytes], bytes], why: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    path = tmp_path / name
    PIL.Image.fromarray(noise).save(path)
    path.write_bytes(make(path.read_bytes()))
    with pytest.raises(BrokenPictureError, match=f"^{why}"):
        FilePicture(name, path).load()


def test_files_that_are_not_there_or_not_ours(tmp_path: Path) -> None:
    with pytest.raises(BrokenPictureError, match="can't be read: No such file"):
        FilePicture("a.png", tmp_path / "a.png").load()
    loop = tmp_path / "loop.png"
    loop.symlink_to(loop)
    with pytest.raises(BrokenPictureError, match="can't be read: Too many levels"):
        FilePicture("loop.png", loop).header()
    os.mkfifo(tmp_path / "pipe.png")
    for endless in (tmp_path / "pipe.png", Path("/dev/zero")):
        with pytest.raises(BrokenPictureError, match="isn't an ordinary file"):
            FilePicture("pipe.png", endless).load()


def bomb(path: Path, side: int) -> None:
    """A small file of a huge picture: all white, one bit."""
    small = io.BytesIO()
    PIL.Image.new("1", (side, side), 1).save(small, "PNG")
    path.write_bytes(small.getvalue())


def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    bomb(path, 20_000)
    assert path.stat().st_size < 100_000
    before = PIL.Image.MAX_IMAGE_PIXELS
    with lift_pillow_limit():
        for ask in (Picture.header, Picture.load):
            with pytest.raises(BrokenPictureError, match="20,000×20,000 pixels, more than the 89,"):
                getattr(FilePicture("bomb.png", path), ask.__name__)()
        # The limit can be raised beyond Pillow's own, of which nothing is heard.
        head = FilePicture("bomb.png", path, max_pixels=400_000_000).header()
    assert (head.height, head.width) == (20_000, 20_000)
    assert before == PIL.Image.MAX_IMAGE_PIXELS


def test_arrays() -> None:
    assert ArrayPicture("a", RAMP).header() == Header(4, 6, 1, "uint8")
    assert ArrayPicture("a", np.zeros((4, 6, 5))).header() == Header(4, 6, 5, "float32")
    assert ArrayPicture("a", np.zeros((4, 6), dtype=np.int64)).header().depth == "float32"
    assert read(ArrayPicture("a", RAMP)).shape == (4, 6, 1)
    for array, why in [
        (np.zeros(4), "shape"),
        (np.zeros((4, 0)), "shape"),
        (np.array([["a"]]), "holds str"),
        (np.array([[np.nan]]), "aren't finite"),
        (np.array([[1e300]]), "aren't finite numbers below 3.4e38"),
    ]:
        with pytest.raises(BrokenPictureError, match=why):
            ArrayPicture("a", array).load()


def test_resizing_averages_without_aliasing() -> None:
    checks = (np.indices((32, 32)).sum(0) % 2 * 200).astype(np.uint8)[..., None]
    for depth in (np.uint8, np.uint16, np.float32):
        small = resize(checks.astype(depth), 8, 8)
        assert small.dtype == depth
        assert np.abs(small[2:-2, 2:-2].astype(float) - 100).max() <= 2
    five = np.repeat(checks, 5, axis=2)
    assert resize(five, 8, 4).shape == (8, 4, 5)
    assert resize(checks, 32, 32) is checks


def test_gray_and_colour_are_made_of_each_other() -> None:
    red = np.zeros((1, 1, 3), dtype=np.uint8)
    red[..., 0] = 100
    gray, changes = convert_channels(red, 1)
    assert gray.tolist() == [[[30]]]  # BT.601: 0.299 of red
    assert "turned to gray" in changes[0]
    again, changes = convert_channels(gray, 3)
    assert again.tolist() == [[[30, 30, 30]]]
    assert "taken as RGB" in changes[0]
    assert convert_channels(red, 3) == (red, [])
    with pytest.raises(BrokenPictureError, match="has 2 channels; the model's pictures have 3"):
        convert_channels(red[..., :2], 3)


def test_8_and_16_bits_are_made_of_each_other() -> None:
    narrow = np.array([[[0], [1], [255]]], dtype=np.uint8)
    deep, changes = convert_depth(narrow, "uint16")
    assert deep.ravel().tolist() == [0, 257, 65535]
    assert "taken as 16" in changes[0]
    again, changes = convert_depth(deep, "uint8")
    np.testing.assert_array_equal(again, narrow)
    assert "reduced to 8" in changes[0]
    with pytest.raises(BrokenPictureError, match=r"holds uint8 values.* float32: convert"):
        convert_depth(narrow, "float32")
