"""Coverage-guided fuzzing of reading pictures; `make fuzz` runs it.

An input is a file.  It must give the pixels that its header promises, or raise BrokenPictureError
with one line; the encoder must turn it into finite numbers, or report it as lost.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["anomgan", "PIL"], enable_loader_override=False):
    import numpy as np
    import pandas as pd
    import PIL.Image

    PIL.Image.init()  # imports the readers of all formats

    from anomgan.data.encoders.image import ImageEncoder
    from anomgan.data.image.picture import (
        BrokenPictureError,
        FilePicture,
        to_picture_series,
    )
    from anomgan.data.image.pillow_limit import lift_pillow_limit

warnings.simplefilter("ignore")
FILE = Path(__file__).resolve().parents[1] / "build" / "fuzz" / "picture"
MAX_PIXELS = 250_000
RANDOM = np.random.default_rng(0).integers(0, 256, (8, 8, 8, 3), np.uint8)
ENCODER = ImageEncoder.fit(pd.DataFrame({"picture": to_picture_series(list(RANDOM))}), size=8)


def try_one(data: bytes) -> None:
    """Read and encode; anything but numbers or a one-line error is a crash."""
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_bytes(data)
    picture = FilePicture("input", FILE, MAX_PIXELS)
    try:
        with lift_pillow_limit():
            head = picture.header()
            pixels, _ = picture.load()
        assert pixels.shape == (head.height, head.width, head.channels)
        assert pixels.dtype == head.depth
        intact = True
    except BrokenPictureError as error:
        if len(str(error).splitlines()) != 1:
            raise AssertionError(str(error)) from None
        intact = False
    values, report = ENCODER.transform(pd.DataFrame({"picture": to_picture_series([picture])}))
    assert np.isfinite(values).all()
    assert intact or report.lost
    list(report.lines())


if __name__ == "__main__":
    atheris.Setup(sys.argv, try_one)
    atheris.Fuzz()
