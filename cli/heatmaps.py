"""Pictures for people: ``--heatmaps`` of score and ``--grids`` of fit."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from anomgan.errors import InputError
from anomgan.heatmaps import is_drawn

if TYPE_CHECKING:
    import pandas as pd

    from anomgan.data.pictures import PictureEncoder
    from anomgan.estimator import GANDetector
    from anomgan.fitted import Scored
    from anomgan.heatmaps import Bytes

PARTIAL = ".anomgan-drawing-"
"""How the names of unfinished files begin."""

SHOWN, COLUMNS = 64, 8
"""Pictures in a grid, and in a row of it."""


class OutputFolder:
    """A folder of drawn pictures: a new one, an empty one, or one with an earlier run's alone.

    Attributes:
        folder: Where it is.
    """

    def __init__(self, option: str, folder: Path, source: str) -> None:
        """Make the folder, or empty it of what an earlier run drew.

        Args:
            option: The option that named it.
            folder: Where to write.
            source: Where pictures are read.

        Raises:
            InputError: If it holds other files, lies in the source, or can't be written to.
        """
        self.option, self.folder = option, folder
        true, read = Path(os.path.realpath(folder)), Path(os.path.realpath(source))
        if source != "-" and (true == read or read in true.parents):
            raise InputError(f"{option} {folder}: lies in {source}, which is read; name another")
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{option} {folder}: is a file; name a folder")
        try:
            for path in self._own():
                path.unlink()
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unwritable(error) from None

    def write(self, name: str, data: bytes) -> None:
        """Write a file, whole or not at all.

        Args:
            name: Its path in the folder, with ``/``.
            data: What is in it.

        Raises:
            InputError: If it can't be written.
        """
        path = self.folder.joinpath(*PurePosixPath(name).parts)
        partial = path.with_name(f"{PARTIAL}{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(data)
            partial.replace(path)
        except OSError as error:
            raise self._unwritable(error) from None

    def _own(self) -> list[Path]:
        """What an earlier run drew.

        Raises:
            InputError: If there is anything else.
        """
        here = [path for path in sorted(self.folder.rglob("*")) if not path.is_dir()]
        for path in here:
            if not (path.name.startswith(PARTIAL) or is_drawn(path)):
                name = path.relative_to(self.folder).as_posix()
                raise InputError(
                    f"{self.option} {self.folder}: holds other files, such as {name!r}; name a "
                    f"new folder or empty it"
                )
        return here

    def _unwritable(self, error: OSError) -> InputError:
        return InputError(
            f"{self.option} {self.folder}: can't be written: {error.strerror or error}"
        )


def picture_encoder(detector: GANDetector, option: str) -> PictureEncoder:
    """The encoder of a model of pictures.

    Raises:
        InputError: If it is a model of tables.
    """
    from anomgan.data.pictures import PictureEncoder

    if not isinstance(detector.encoder_, PictureEncoder):
        raise InputError(f"{option}: the model was fitted on a table, not on pictures")
    return detector.encoder_


class Heatmaps:
    """A folder with a picture for each picture scored."""

    def __init__(self, detector: GANDetector, folder: Path, source: str) -> None:
        """Prepare the folder.

        Raises:
            InputError: If the model isn't one of pictures, or the folder won't do.
        """
        self.encoder = picture_encoder(detector, "--heatmaps")
        self.detector = detector.detector_
        self.folder = OutputFolder("--heatmaps", folder, source)

    def write(self, frame: pd.DataFrame, scored: Scored) -> None:
        """Draw a chunk.

        Args:
            frame: The pictures, n of them.
            scored: What was found out about them.
        """
        import numpy as np

        from anomgan.data.files import row_names
        from anomgan.data.folder import PICTURE
        from anomgan.heatmaps import shown, triptych

        if not len(scored.values):
            return
        generated = self.detector.reconstructions(scored.values)
        seen, nearest = (
            shown(self.encoder.whole(self.encoder.pictures(values)))
            for values in (scored.values, generated)
        )
        maps = self.encoder.whole(self.detector.anomaly_maps(scored.values))
        names, read = row_names(frame), np.flatnonzero(~np.isnan(scored.score))
        for at, row in enumerate(read):
            name = names.iloc[row]
            stem = name if isinstance(name, str) else f"{names.name}-{name:06}"
            picture = _as_it_came(frame[PICTURE].iloc[row], seen[at])
            # The whole name and .png: a.png and a.jpg mustn't meet.
            self.folder.write(f"{stem}.png", triptych(picture, nearest[at], maps[at]))


def _as_it_came(cell: Any, otherwise: Bytes) -> Bytes:
    """A picture in its own size and colours, or what the model saw of it if it has gone since."""
    from anomgan.data.picture import BrokenPictureError, as_picture, own_limit
    from anomgan.heatmaps import PANEL, shown

    try:
        with own_limit():
            pixels, _ = as_picture(cell, "").load(PANEL)
    except BrokenPictureError:
        return otherwise
    drawn: Bytes = shown(pixels[None])[0]
    return drawn


def write_grids(detector: GANDetector, frame: pd.DataFrame, folder: OutputFolder) -> None:
    """Draw what a model generates, and training pictures beside the nearest generated ones.

    Args:
        detector: A fitted model of pictures.
        frame: Its training pictures; the first are shown.
        folder: Where ``samples.png`` and ``reconstructions.png`` go.
    """
    import numpy as np

    from anomgan.heatmaps import grid, shown

    encoder, fitted = picture_encoder(detector, "--grids"), detector.detector_
    folder.write("samples.png", grid(shown(detector.sample(SHOWN, random_state=0)), COLUMNS))
    values, _ = encoder.transform(frame.iloc[: SHOWN // 2])
    values = values[: SHOWN // 2]  # of large pictures, tiles
    pictures = shown(encoder.pictures(values))
    nearest = shown(encoder.pictures(fitted.reconstructions(values)))
    pairs = np.stack([pictures, nearest], 1).reshape(-1, *pictures.shape[1:])
    folder.write("reconstructions.png", grid(pairs, COLUMNS))
