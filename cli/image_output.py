"""Pictures for people: ``--heatmaps`` of score and ``--grids`` of fit."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from anomgan.errors import InputError
from anomgan.plotting.images import is_drawn
from anomgan.utils.atomic import PARTIAL_PREFIX, atomic_write, note_change

if TYPE_CHECKING:
    import pandas as pd

    from anomgan.data.encoders.base import Encoder, Records
    from anomgan.data.encoders.image import ImageEncoder
    from anomgan.estimator import GANDetector
    from anomgan.plotting.images import Bytes
    from anomgan.scoring.result import ScoreResult
    from anomgan.training.monitor import Snapshot

SHOWN, COLUMNS = 32, 8
"""Pictures that are shown beside generated ones, and places in a row."""


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
            own = self._own()
            note_change(folder)
            for path in own:
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
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path, noted=self.folder) as partial:
                partial.write_bytes(data)
        except OSError as error:
            raise self._unwritable(error) from None

    def _own(self) -> list[Path]:
        """What an earlier run drew.

        Raises:
            InputError: If there is anything else.
        """
        own = f"{PARTIAL_PREFIX}{os.getpid()}-"  # what this command is about to write there
        found = sorted(self.folder.rglob("*"))
        here = [path for path in found if not (path.is_dir() or path.name.startswith(own))]
        for path in here:
            if not (path.name.startswith(PARTIAL_PREFIX) or is_drawn(path)):
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


def picture_encoder(detector: GANDetector, option: str) -> ImageEncoder:
    """The encoder of a model of pictures.

    Raises:
        InputError: If it is a model of tables.
    """
    from anomgan.data.encoders.image import ImageEncoder

    if not isinstance(detector.encoder_, ImageEncoder):
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
        self.detector = detector.ensemble_
        self.folder = OutputFolder("--heatmaps", folder, source)

    def write(self, frame: pd.DataFrame, scored: ScoreResult) -> None:
        """Draw a chunk.

        Args:
            frame: The pictures, n of them.
            scored: What was found out about them.
        """
        import numpy as np

        from anomgan.data.image.image import PICTURE_COLUMN
        from anomgan.data.readers.files import name_rows
        from anomgan.plotting.images import shown, triptych

        if not len(scored.values):
            return
        generated = self.detector.reconstruct(scored.values)
        seen, nearest = (
            shown(self.encoder.merge_tiles(self.encoder.to_pictures(values)))
            for values in (scored.values, generated)
        )
        maps = self.encoder.merge_tiles(self.detector.anomaly_maps(scored.values))
        names, read = name_rows(frame), np.flatnonzero(~np.isnan(scored.score))
        for at, row in enumerate(read):
            name = names.iloc[row]
            stem = name if isinstance(name, str) else f"{names.name}-{name:06}"
            picture = _as_it_came(frame[PICTURE_COLUMN].iloc[row], seen[at])
            # The whole name and .png: a.png and a.jpg mustn't meet.
            self.folder.write(f"{stem}.png", triptych(picture, nearest[at], maps[at]))


def _as_it_came(cell: Any, otherwise: Bytes) -> Bytes:
    """A picture in its own size and colours, or what the model saw of it if it has gone since."""
    from anomgan.data.image.image import BrokenPictureError, as_picture, lift_pillow_limit
    from anomgan.plotting.images import PANEL, shown

    try:
        with lift_pillow_limit():
            pixels, _ = as_picture(cell, "").load(PANEL)
    except BrokenPictureError:
        return otherwise
    drawn: Bytes = shown(pixels[None])[0]
    return drawn


class Grids:
    """A folder with grids of what a GAN makes, while it trains and in the end."""

    def __init__(self, folder: Path, source: str) -> None:
        """Prepare the folder.

        Raises:
            InputError: If it won't do.
        """
        self.folder = OutputFolder("--grids", folder, source)

    def __call__(self, encoder: Encoder, look: Snapshot) -> None:
        """Draw what is made while training: ``samples-STEP.png``, ``reconstructions-STEP.png``."""
        again = None if look.reconstructed is None else (look.real, look.reconstructed)
        self._draw(encoder, look.generated, again, f"-{look.step:06}")

    def finish(self, detector: GANDetector, frame: pd.DataFrame) -> None:
        """Draw what is made in the end.

        Args:
            detector: The fitted model.
            frame: Its training pictures; the first are shown.
        """
        import numpy as np

        from anomgan.gans.sampling import sample_records

        encoder, fitted = detector.encoder_, detector.ensemble_
        values = encoder.transform(frame.iloc[:SHOWN])[0][:SHOWN]  # of large pictures, tiles
        again = values, fitted.reconstruct(values)
        made = np.concatenate(list(sample_records(fitted.gan, 2 * SHOWN, seed=0)))
        self._draw(encoder, made, again, "")

    def _draw(
        self,
        encoder: Encoder,
        drawn: Records,
        again: tuple[Records, Records] | None,
        ending: str,
    ) -> None:
        """Draw samples, and pictures each beside the nearest generated one."""
        import numpy as np

        from anomgan.plotting.images import grid, shown

        def pictures(values: Records) -> Bytes:
            return shown(encoder.restore(values, encoder.columns, as_frame=True))

        self.folder.write(f"samples{ending}.png", grid(pictures(drawn), COLUMNS))
        if again is not None:
            known, made = map(pictures, again)
            pairs = np.stack([known, made], 1).reshape(-1, *known.shape[1:])
            self.folder.write(f"reconstructions{ending}.png", grid(pairs, COLUMNS))
