"""Images of any depth as RGB of eight bits."""

from __future__ import annotations

import io

import numpy as np
import PIL.Image

from anomgan.plotting.images import png_image, to_rgb


def test_deep_images_are_scaled_by_a_range() -> None:
    deep = np.array([[[100, 1100], [600, 4100]]], np.uint16)  # of twelve bits
    assert to_rgb(deep)[0, ..., 0].tolist() == [[0, 63], [31, 255]]
    like = np.array([[[100, 1100]]], np.uint16)
    assert to_rgb(deep, like)[0, ..., 0].tolist() == [[0, 255], [127, 255]]
    shallow = np.array([[[0, 9], [200, 255]]], np.uint8)
    assert to_rgb(shallow, like)[0, ..., 1].tolist() == shallow[0].tolist()
    assert to_rgb(deep, shallow)[0, ..., 2].tolist() == [[0, 63], [31, 255]]


def test_a_drawn_image_keeps_what_png_can() -> None:
    gray = np.array([[0, 300], [4000, 65535]], np.uint16)
    stored = np.asarray(PIL.Image.open(io.BytesIO(png_image(gray))))
    np.testing.assert_array_equal(stored, gray)
    colours = np.stack([gray] * 3, -1)
    stored = np.asarray(PIL.Image.open(io.BytesIO(png_image(colours))))
    np.testing.assert_array_equal(stored, colours >> 8)
