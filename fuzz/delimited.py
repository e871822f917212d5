"""Coverage-guided fuzzing of reading CSV and encoding it; `make fuzz` runs it.

An input is a file.  The reader must return frames of strings or raise InputError with one line; the
frames are encoded by an encoder fitted to another table, and by one fitted to themselves, and must
give finite numbers.
"""

from __future__ import annotations

import io
import sys
import warnings
from unittest import mock

import atheris

with atheris.instrument_imports(include=["anomgan"], enable_loader_override=False):
    import numpy as np
    import pandas as pd

    from anomgan.data.encoders.table import TableEncoder
    from anomgan.data.readers.files import read_chunks
    from anomgan.errors import InputError

warnings.simplefilter("ignore")
TRAINING_TABLE = pd.DataFrame(
    {
        "size": [1.5, 2.0, 3.5, -4.0, 8.0, 0.5],
        "kind": ["red", "blue", "red", "red", "blue", "blue"],
        "open": ["yes", "no", "yes", "no", "no", "no"],
        "at": ["2024-01-01", "2024-03-05T10:00:00Z", "2023-12-31", "2024-02-02", "2024-01-09", ""],
    }
)
ENCODER = TableEncoder.fit(TRAINING_TABLE)


def try_one(data: bytes) -> None:
    """Read, fit, encode; anything but finite numbers or a one-line InputError is a crash."""
    stdin = io.TextIOWrapper(io.BytesIO(data))
    try:
        with mock.patch.object(sys, "stdin", stdin):
            for frame in read_chunks("-", rows=64):
                names = [*TRAINING_TABLE, *map(str, range(frame.shape[1]))][: frame.shape[1]]
                renamed = frame.set_axis(names, axis=1)
                encoders = [TableEncoder.fit(frame)] if len(frame) >= 5 else []
                if set(TRAINING_TABLE) <= set(renamed):
                    values, _ = ENCODER.transform(renamed)
                    assert np.isfinite(values).all()
                for encoder in encoders:
                    values, report = encoder.transform(frame)
                    assert np.isfinite(values).all()
                    list(report.lines())
    except InputError as error:
        if len(str(error).splitlines()) != 1:
            raise AssertionError(str(error)) from None


if __name__ == "__main__":
    atheris.Setup(sys.argv, try_one)
    atheris.Fuzz()
