"""Write images: ``--heatmaps`` of score, ``--grids`` of fit, and generated ones of sample."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from anomgan.cli.console import warn
from anomgan.errors import InputError
from anomgan.plotting.images import is_drawn
from anomgan.utils.atomic import PARTIAL_PREFIX, atomic_write, note_change

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from anomgan.calibration.result import ScoreResult
    from anomgan.data.encoders.encoder import Encoder, Records
    from anomgan.data.encoders.image import ImageEncoder
    from anomgan.estimator import GANDetector
    from anomgan.plotting.images import Bytes
    from anomgan.training.monitor import Snapshot

GRID_IMAGES, GRID_COLUMNS = 32, 8
"""Training images shown beside the nearest generated ones, and images in a row of a grid."""


class OutputFolder:
    """A folder of image files that is new or empty, or contains only those of an earlier run.

    Attributes:
        folder: Its path.
    """

    def __init__(self, option: str, folder: Path, source: str) -> None:
        """Create the folder, or delete the files of an earlier run.

        Args:
            option: The option that names it, for messages.
            folder: Its path.
            source: Path of the images that are read.

        Raises:
            InputError: If it contains other files, lies in the source, or can't be written to.
        """
        self.option, self.folder = option, folder
        real_folder, real_source = Path(os.path.realpath(folder)), Path(os.path.realpath(source))
        if source != "-" and real_source in (real_folder, *real_folder.parents):
            raise InputError(f"{option} {folder}: lies in {source}, which is read; name another")
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{option} {folder}: is a file; name a folder")
        try:
            earlier_files = self._list_earlier_files()
            note_change(folder)
            for path in earlier_files:
                path.unlink()
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._make_write_error(error) from None

    def write(self, name: str, data: bytes) -> None:
        """Write a file atomically.

        Args:
            name: Its path in the folder, with ``/``.
            data: Its contents.

        Raises:
            InputError: If it can't be written.
        """
        path = self.folder.joinpath(*PurePosixPath(name).parts)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path, noted=self.folder) as partial:
                partial.write_bytes(data)
        except OSError as error:
            raise self._make_write_error(error) from None

    def _list_earlier_files(self) -> list[Path]:
        """The files of an earlier run.

        Raises:
            InputError: If there are other files.
        """
        own_prefix = f"{PARTIAL_PREFIX}{os.getpid()}-"  # of unfinished files of this very command
        files = [
            path
            for path in sorted(self.folder.rglob("*"))
            if not (path.is_dir() or path.name.startswith(own_prefix))
        ]
        for path in files:
            if not (path.name.startswith(PARTIAL_PREFIX) or is_drawn(path)):
                name = path.relative_to(self.folder).as_posix()
                raise InputError(
                    f"{self.option} {self.folder}: holds other files, such as {name!r}; name a "
                    f"new folder or empty it"
                )
        return files

    def _make_write_error(self, error: OSError) -> InputError:
        return InputError(
            f"{self.option} {self.folder}: can't be written: {error.strerror or error}"
        )


def get_image_encoder(detector: GANDetector, option: str) -> ImageEncoder:
    """The encoder of a model of images.

    Raises:
        InputError: If the model is of tables.
    """
    from anomgan.data.encoders.image import ImageEncoder

    if not isinstance(detector.encoder_, ImageEncoder):
        raise InputError(f"{option}: the model was fitted on a table, not on pictures")
    return detector.encoder_


def has_failed_generators(detector: GANDetector) -> bool:
    """Whether what the generators draw is unlike real records, by the health of the fit."""
    from anomgan.training.health import grade_health

    held_out = detector.history_.held_out
    return held_out is not None and grade_health(held_out) in ("failed", "collapsed")


class Heatmaps:
    """A folder with a file for each scored image: it, the nearest normal one, and the map.

    Where the generators failed, which nearest normal image they give says nothing; it isn't shown.
    """

    def __init__(self, detector: GANDetector, folder: Path, source: str) -> None:
        """Create or empty the folder.

        Raises:
            InputError: If the model isn't of images, or the folder can't be used.
        """
        self.encoder = get_image_encoder(detector, "--heatmaps")
        self.ensemble = detector.ensemble_
        self.folder = OutputFolder("--heatmaps", folder, source)
        self.shows_nearest = not has_failed_generators(detector)
        if not self.shows_nearest:
            warn(
                "--heatmaps: show no nearest normal picture, since the generators failed; maps "
                "don't need them"
            )

    def write(self, frame: pd.DataFrame, scored: ScoreResult) -> None:
        """Draw a chunk.

        Args:
            frame: n images.
            scored: Their scores.
        """
        import numpy as np

        from anomgan.data.image.picture import PICTURE_COLUMN
        from anomgan.data.readers.files import name_rows
        from anomgan.plotting.images import png_triptych, to_rgb

        if not len(scored.values):
            return
        pictures = self._decode(scored.values)
        encoded, nearest = to_rgb(pictures), None
        if self.shows_nearest:
            nearest = to_rgb(self._decode(self.ensemble.reconstruct(scored.values)), like=pictures)
        maps = self.encoder.merge_tiles(self.ensemble.anomaly_maps(scored.values))
        names, readable_rows = name_rows(frame), np.flatnonzero(~np.isnan(scored.score))
        for i, row in enumerate(readable_rows):
            name = names.iloc[row]
            stem = name if isinstance(name, str) else f"{names.name}-{name:06}"
            image = _reload(frame[PICTURE_COLUMN].iloc[row], encoded[i], pictures)
            # The whole name and .png, so that a.png and a.jpg get different files.
            size = image.shape[:2]
            shown = None if nearest is None else self.encoder.crop(nearest[i], *size)
            drawn = png_triptych(image, shown, self.encoder.crop(maps[i], *size))
            self.folder.write(f"{stem}.png", drawn)

    def _decode(self, values: Records) -> NDArray[Any]:
        """Encoded pictures, tiles joined."""
        return self.encoder.merge_tiles(self.encoder.to_pictures(values))


def _reload(cell: Any, fallback: Bytes, like: NDArray[Any]) -> Bytes:
    """An image in its own size and colours, or the fallback if it can no longer be read.

    Args:
        cell: The image.
        fallback: The same, encoded.
        like: Encoded images whose range is that of the colours.
    """
    from anomgan.data.image.picture import BrokenPictureError, as_picture
    from anomgan.data.image.pillow_limit import lift_pillow_limit
    from anomgan.plotting.images import PANEL, to_rgb

    try:
        with lift_pillow_limit():
            pixels, _ = as_picture(cell, "").load(PANEL)
    except BrokenPictureError:
        return fallback
    image: Bytes = to_rgb(pixels[None], like=like)[0]
    return image


class Grids:
    """A folder with grids of generated and reconstructed images, during training and after."""

    def __init__(self, folder: Path, source: str) -> None:
        """Create or empty the folder.

        Raises:
            InputError: If it can't be used.
        """
        self.folder = OutputFolder("--grids", folder, source)

    def __call__(self, encoder: Encoder, snapshot: Snapshot) -> None:
        """Draw a snapshot: ``samples-STEP.png`` and ``reconstructions-STEP.png``."""
        pairs = None
        if snapshot.reconstructed is not None:
            pairs = snapshot.real, snapshot.reconstructed
        self._draw(encoder, snapshot.generated, pairs, f"-{snapshot.step:06}")

    def finish(self, detector: GANDetector, frame: pd.DataFrame) -> None:
        """Draw the fitted model's images: ``samples.png`` and ``reconstructions.png``.

        Args:
            detector: The fitted model.
            frame: Its training images, of which the first are shown.
        """
        import numpy as np

        from anomgan.gans.sampling import sample_records

        encoder, ensemble = detector.encoder_, detector.ensemble_
        values, _ = encoder.transform(frame.iloc[:GRID_IMAGES])
        values = values[:GRID_IMAGES]  # a large image is several tiles
        generated = np.concatenate(list(sample_records(ensemble.gan, 2 * GRID_IMAGES, seed=0)))
        self._draw(encoder, generated, (values, ensemble.reconstruct(values)), "")

    def _draw(
        self,
        encoder: Encoder,
        generated: Records,
        pairs: tuple[Records, Records] | None,
        suffix: str,
    ) -> None:
        """Draw generated images; and real ones, each beside its reconstruction."""
        import numpy as np

        from anomgan.plotting.images import png_grid, to_rgb

        like = None if pairs is None else encoder.restore(pairs[0], encoder.columns, as_frame=True)

        def restore(values: Records) -> Bytes:
            return to_rgb(encoder.restore(values, encoder.columns, as_frame=True), like)

        self.folder.write(f"samples{suffix}.png", png_grid(restore(generated), GRID_COLUMNS))
        if pairs is not None:
            real, reconstructed = map(restore, pairs)
            alternating = np.stack([real, reconstructed], 1).reshape(-1, *real.shape[1:])
            self.folder.write(f"reconstructions{suffix}.png", png_grid(alternating, GRID_COLUMNS))
