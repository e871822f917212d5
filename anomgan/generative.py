"""What a fitted detector's generators draw: rows or pictures, under conditions if so wanted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from anomgan.data.encoders.base import Records
from anomgan.errors import InputError
from anomgan.fitted import FittedDetector
from anomgan.gans.sampling import drawn
from anomgan.params import are, condition_names, seed_from
from anomgan.utils.text import quoted, shortened


class Generative(FittedDetector):
    """A fitted detector whose generators are asked for records."""

    def sample(
        self,
        n: int,
        random_state: int | np.random.RandomState | None = None,
        *,
        condition: Mapping[str | int, Any] | None = None,
    ) -> Any:
        """Draw rows or pictures from the generators.

        Args:
            n: How many, at least one.
            random_state: Seed; the global random states are neither used nor changed.
            condition: Level that is to hold for some of the conditions, by column (in arrays, also
                by position); None or NaN is the level of missing cells.  The others come as often
                as in training.

        Returns:
            A DataFrame of the columns in use, conditions among them, if the model was fitted on
            one, else a float64 array (n, n_features_in_), in which unused constant columns hold
            their constant and other unused columns NaN.  Pictures come as an array (n, H, W) or
            (n, H, W, C) of the training pictures' type, of the size that the model works at.

        Raises:
            InputError: If n isn't a positive integer, or the model has no such condition or level.
        """
        chunks = list(self._drawn(n, random_state, condition or {}))
        values = np.concatenate(chunks)
        return self.encoder_.restore(values, self._columns, as_frame=self._from_frame)

    def sample_chunks(
        self,
        n: int,
        random_state: int | np.random.RandomState | None = None,
        *,
        condition: Mapping[str | int, Any] | None = None,
    ) -> Iterator[Any]:
        """Draw the rows of :meth:`sample` piece by piece, in memory that doesn't grow with n.

        Yields:
            Frames of the columns in use, in the training table's order, also if the model was
            fitted on an array; arrays of pictures.
        """
        for values in self._drawn(n, random_state, condition or {}):
            yield self.encoder_.restore(values, self._columns, as_frame=True)

    def _drawn(
        self, n: int, random_state: Any, condition: Mapping[str | int, Any]
    ) -> Iterator[Records]:
        """Encoded records, block by block; errors as of :meth:`sample`."""
        check_is_fitted(self, "detector_")
        if not are(Integral, n) or n < 1:
            raise InputError(f"n={n!r} must be a positive integer")
        slots = self._slots(condition)
        return drawn(self.detector_.gan, int(n), seed_from(random_state), slots)

    def _slots(self, condition: Mapping[str | int, Any]) -> dict[str, int]:
        """The slot of each level that is to hold, by the condition's name.

        Raises:
            InputError: If there is no such condition or level.
        """
        known = {column.name: column for column in self.encoder_.schema.conditions}
        by_label = self._from_frame
        names = condition_names(list(condition), self._columns, by_label=by_label, source="X")
        slots = {}
        for name, level in zip(names, condition.values(), strict=True):
            if not known:
                raise InputError(
                    f"condition {name!r}: the model has no conditions; fit it with some, or leave "
                    f"this out"
                )
            if name not in known:
                raise InputError(
                    f"condition {name!r}: the model has no such condition; it has: {quoted(known)}"
                )
            slot = known[name].slot(level)
            if slot is None:
                raise InputError(
                    f"condition {name!r}: the generator learnt no level {level!r}; it knows: "
                    f"{shortened(known[name].slots)}"
                )
            slots[name] = slot
        return slots
