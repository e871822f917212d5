"""Pictures to records and back: what is learnt of them, and what is said of odd ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import PIL.Image
import pytest

from anomgan.data.encoders.convert import encoder_from_json, fit_encoder, to_frame
from anomgan.data.encoders.image import ImageEncoder
from anomgan.data.encoders.table import TableEncoder
from anomgan.data.parse_report import ParseReport
from anomgan.data.readers.files import read_table
from anomgan.errors import DataWarning, InputError

RNG = np.random.default_rng(0)
GRAY = RNG.integers(0, 256, (10, 12, 9), dtype=np.uint8)
RGB = RNG.integers(0, 256, (10, 12, 12, 3), dtype=np.uint8)


def frame_of(X: object) -> pd.DataFrame:
    frame = to_frame(X)
    assert frame is not None
    return frame


def fit(X: object, **options: object) -> ImageEncoder:
    return ImageEncoder.fit(frame_of(X), **options)  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    def make(*pictures: np.ndarray, ending: str = "png") -> Path:
        for at, pixels in enumerate(pictures):
            PIL.Image.fromarray(pixels).save(tmp_path / f"{at}.{ending}")
        return tmp_path

    return make


def test_values_are_channel_by_channel_and_row_by_row() -> None:
    encoder = fit(RGB)
    assert encoder.spec.grid == (3, 12, 12)
    assert [(span.kind, span.width) for span in encoder.spec.spans] == [("pixel", 432)]
    values, report = encoder.transform(frame_of(RGB))
    assert values.dtype == np.uint8
    np.testing.assert_array_equal(values.reshape(-1, 3, 12, 12), RGB.transpose(0, 3, 1, 2))
    assert list(report.lines()) == []
    np.testing.assert_array_equal(encoder.to_pictures(values), RGB)


@pytest.mark.parametrize(
    "pictures",
    [GRAY, GRAY[..., None], GRAY.astype(np.uint16) * 257, GRAY / 7, np.stack([GRAY] * 5, -1)],
)
def test_arrays_come_back_in_their_own_form(pictures: np.ndarray) -> None:
    pictures = pictures[:, :9]  # square
    encoder = fit(pictures)
    again = encoder.to_pictures(encoder.transform(frame_of(pictures))[0])
    assert again.dtype == (np.float32 if pictures.dtype == float else pictures.dtype)
    np.testing.assert_array_equal(again, pictures.astype(again.dtype))


def test_generated_values_are_rounded_and_clipped() -> None:
    encoder = fit(GRAY[:, :9])
    made = np.zeros((1, 81))
    made[0, :3] = -4, 300, 7.6
    assert encoder.to_pictures(made)[0, 0, :3].tolist() == [0, 255, 8]


def test_the_usual_size_is_the_side_of_the_square() -> None:
    assert fit(GRAY).spec.grid == (1, 12, 12)
    assert fit(np.zeros((5, 200, 300), dtype=np.uint8)).spec.grid == (1, 64, 64)
    assert fit(np.zeros((5, 2, 3), dtype=np.uint8)).spec.grid == (1, 8, 8)
    assert fit(GRAY, size=20).spec.grid == (1, 20, 20)
    with pytest.raises(InputError, match="--size 300: must lie between 8 and 256"):
        fit(GRAY, size=300)


def test_folders_of_mixed_pictures_are_brought_to_one_form(folder: Callable[..., Path]) -> None:
    sizes = [RNG.integers(0, 256, (10 + i, 20), dtype=np.uint8) for i in range(6)]
    deep = RNG.integers(0, 65536, (12, 20), dtype=np.uint16)
    frame = read_table(folder(*sizes, deep, RGB[0]))
    encoder = ImageEncoder.fit(frame)
    assert (encoder.spec.grid, encoder.depth) == ((3, 20, 20), "uint16")
    values, report = encoder.transform(frame)
    assert values.shape == (8, 1202)  # and how much of the square the picture fills
    assert report.changes == {
        "pictures of 8 bits: taken as 16, as the model's": 7,
        "gray pictures: taken as RGB, as the model's are": 7,
    }
    assert encoder.summary() == {
        "size": "20×20, from 7 sizes between 12×12 and 15×20",
        "values": "RGB, 16 bits",
    }


def test_colour_pictures_for_a_model_of_gray_ones() -> None:
    encoder = fit(GRAY)
    values, report = encoder.transform(frame_of(RGB))
    expected = np.rint(RGB.astype(np.float32) @ np.float32([0.299, 0.587, 0.114]))
    np.testing.assert_array_equal(values[:, :-2].reshape(RGB.shape[:3]), expected)
    assert list(report.lines()) == ["10 colour pictures: turned to gray, as the model's are"]


def test_broken_pictures_are_left_out_by_name(folder: Callable[..., Path]) -> None:
    root = folder(*GRAY)
    (root / "3.png").write_text("no picture")
    frame = read_table(root)
    encoder, values, report = fit_encoder(frame)
    assert len(values) == 9
    assert list(report.lost) == [3]
    assert report.lost[3].startswith("3.png: isn't a picture")
    whole, _ = encoder.transform(frame.drop(index=3))
    np.testing.assert_array_equal(values, whole)
    later = encoder.transform(frame, first_row=100)[1]
    assert list((ParseReport() + later).lost) == [103]
    with pytest.raises(InputError, match=r"the pictures: 3\.png: isn't a picture"):
        encoder.transform(frame, strict=True)


def test_pictures_of_another_kind_are_lost_not_guessed_at() -> None:
    encoder = fit(GRAY)
    several = [GRAY[0], GRAY[1] / 255, np.zeros((12, 9, 2), dtype=np.uint8)]
    values, report = encoder.transform(frame_of(several))
    assert len(values) == 1
    assert report.lost == {
        1: "picture 1: holds float32 values; the model's pictures hold uint8: convert it",
        2: "picture 2: has 2 channels; the model's pictures have 1",
    }


def test_channels_in_front_are_doubted() -> None:
    with pytest.warns(DataWarning, match="3×12 pixels with 12 channels; if channels come first"):
        fit(RGB.transpose(0, 3, 1, 2), source="new.npz")


def test_too_little_to_learn_from(folder: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match="the input: all 10 pictures are the same"):
        fit_encoder(frame_of(np.zeros((10, 9, 9), dtype=np.uint8)))
    with pytest.raises(InputError, match="X: 1 pictures; at least 5 are needed"):
        fit_encoder(frame_of(GRAY[:1]), source="X")
    root = folder(*GRAY[:7])
    for name in ("1.png", "2.png", "5.png"):
        (root / name).write_bytes((root / name).read_bytes()[:60])
    with pytest.raises(InputError, match=r"4 pictures; .*; 3 can't be read, the first: 1\.png: is"):
        fit_encoder(read_table(root))


def test_a_picture_that_goes_between_listing_and_reading(folder: Callable[..., Path]) -> None:
    root = folder(*GRAY)
    frame = read_table(root)
    encoder = ImageEncoder.fit(frame)
    (root / "4.png").unlink()
    values, report = encoder.transform(frame)
    assert (len(values), list(report.lost)) == (9, [4])
    assert report.lost[4] == "4.png: can't be read: No such file or directory"


def test_conditions_follow_the_pixels() -> None:
    frame = frame_of(GRAY[:, :9]).assign(machine=list("ababababab"))
    encoder = ImageEncoder.fit(frame, conditions=["machine"])
    assert encoder.spec.condition_size == 2
    values, report = encoder.transform(frame.assign(machine=list("abc") + [None] * 7))
    assert values[:3, 81:].tolist() == [[1, 0], [0, 1], [0, 0]]
    assert report.pooled == {"machine": 8}
    with pytest.raises(InputError, match="no column 'line' to condition on"):
        ImageEncoder.fit(frame, conditions=["line"])
    with pytest.raises(InputError, match="no column 'machine'"):
        encoder.transform(frame_of(GRAY))


def test_both_kinds_go_through_json() -> None:
    frame = frame_of(GRAY).assign(machine=list("ababababab"))
    table = pd.DataFrame({"a": np.arange(5) * 2.5})
    for encoder in (
        ImageEncoder.fit(frame, conditions=["machine"]),
        TableEncoder.fit(table),
    ):
        state = json.loads(json.dumps(encoder.to_json(), allow_nan=False))
        assert encoder_from_json(state) == encoder
    state = json.loads(json.dumps(fit(GRAY).to_json()))
    for key, value in [("depth", "int8"), ("grid", [1, 10**6, 10**6]), ("grid", [1, 12, 9])]:
        with pytest.raises(ValueError, match="no such pictures"):
            encoder_from_json(state | {key: value})


def test_what_counts_as_pictures(folder: Callable[..., Path]) -> None:
    root = folder(*GRAY[:3])
    paths = sorted(root.iterdir())
    expected = fit(GRAY, size=12).transform(frame_of(GRAY[:3]))[0]
    images = [PIL.Image.open(path) for path in paths]
    for X in (
        paths,
        [str(path) for path in paths],
        np.array([str(path) for path in paths]),
        pd.Series(paths, index=list("xyz")),
        list(GRAY[:3]),
        images,
        root,
        str(root),
    ):
        frame = frame_of(X)
        np.testing.assert_array_equal(fit(GRAY, size=12).transform(frame)[0], expected)
    for image in images:
        image.close()
    assert frame_of(pd.Series(paths, index=list("xyz"))).index.tolist() == list("xyz")
    for X in (np.zeros((3, 4)), [[1.0, 2.0]], np.zeros(3), [], [np.zeros(3)], None):
        assert to_frame(X) is None


def test_a_table_for_a_model_of_pictures() -> None:
    with pytest.raises(InputError, match="holds no pictures, which the model was fitted on"):
        fit(GRAY).transform(pd.DataFrame({"a": [1.0]}))


def test_reading_leaves_no_warning_and_takes_an_order_of_its_own() -> None:
    many = RNG.integers(0, 256, (200, 8, 8), dtype=np.uint8)
    values, _ = fit(many).transform(frame_of(many))  # in threads, yet in order
    np.testing.assert_array_equal(values, many.reshape(200, 64))


def test_one_level_of_a_condition_is_worth_a_warning() -> None:
    frame = frame_of(GRAY).assign(machine="a")
    with pytest.warns(DataWarning, match="conditions on nothing"):
        ImageEncoder.fit(frame, conditions=["machine"])
