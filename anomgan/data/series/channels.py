"""The layout of a window's record."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anomgan.data.spec import Kind
from anomgan.utils.types import Floats


@dataclass(frozen=True)
class Layout:
    """The entries of a window's record: its channels one by one, then the means of its shares.

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
        channels: list[tuple[str, Kind, int, str]] = [
            (name, "numeric", self.length, name) for name in self.names
        ]
        return channels + [(name, "numeric", 1, name) for name in self.shares]

    def show(self, windows: Floats, shares: Floats) -> Floats:
        """Records of windows.

        Args:
            windows: Scaled channels, ``(m, C, length)``.
            shares: Of the same windows, ``(m, S, length)``.

        Returns:
            ``(m, C·length + S)``.
        """
        flat = windows.reshape(len(windows), len(self.names) * self.length)
        return np.concatenate([flat, shares.mean(-1)], 1)

    def restore(self, records: Floats) -> tuple[Floats, Floats]:
        """Undo :meth:`show`: channels, ``(m, C, length)``, and means of shares, ``(m, S)``."""
        at = len(self.names) * self.length
        levels = records[:, :at].reshape(len(records), len(self.names), self.length)
        return levels, records[:, at : at + len(self.shares)]
