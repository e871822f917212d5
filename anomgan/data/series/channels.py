"""What networks are shown of a window: the level and the shape of its channels."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from anomgan.data.spec import Kind
from anomgan.utils.types import Floats

PARTS = 8
"""Parts of a window, each of which can be corrupted apart."""


@dataclass(frozen=True)
class Layout:
    """The entries of a window's record.

    For each channel its values, and the same about their mean: a shift of the level shows in the
    first, a change of the shape, whatever the level, in the second.  Then for each share the mean
    over the window.

    Attributes:
        names: Names of the channels.
        columns: The user's column of each channel.
        shares: Names of what is averaged: levels of categories, missing cells.
        length: Points in a window.
    """

    names: tuple[str, ...]
    columns: tuple[str, ...]
    shares: tuple[str, ...]
    length: int

    def parts(self) -> list[tuple[str, Kind, int, str]]:
        """Name, kind, width and column of each span, as :meth:`.spec.Spec.of` takes them."""
        edges = np.linspace(0, self.length, min(PARTS, self.length) + 1).astype(int).tolist()
        spans: list[tuple[str, Kind, int, str]] = []
        for view in ("level", "shape"):
            for name in self.names:
                for number, (start, stop) in enumerate(pairwise(edges)):
                    unit = f"{name} [{number}]"  # both views of a part are corrupted together
                    spans.append((f"{name} ({view}, {number})", "numeric", stop - start, unit))
        return spans + [(name, "numeric", 1, name) for name in self.shares]

    def show(self, windows: Floats, shares: Floats) -> Floats:
        """Records of windows.

        Args:
            windows: Scaled channels, ``(m, C, length)``.
            shares: Of the same windows, ``(m, S, length)``.

        Returns:
            ``(m, 2·C·length + S)``.
        """
        shape = windows - windows.mean(-1, keepdims=True)
        flat = [part.reshape(len(windows), -1) for part in (windows, shape)]
        return np.concatenate([*flat, shares.mean(-1)], 1)

    def restore(self, records: Floats) -> tuple[Floats, Floats]:
        """Undo :meth:`show`: channels, ``(m, C, length)``, and means of shares, ``(m, S)``."""
        at = len(self.names) * self.length
        levels = records[:, :at].reshape(len(records), len(self.names), self.length)
        return levels, records[:, 2 * at : 2 * at + len(self.shares)]
