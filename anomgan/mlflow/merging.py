"""Rows that several callers want scored at the same moment, scored as one block.

A block of sixteen rows takes little longer than a single one: the steps of the inversion are the
same, and each is a product over all rows.  Nobody waits for others to come: a caller that finds
nobody at work begins at once, and who comes meanwhile is taken along in the next block.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

import numpy as np

from anomgan.scoring.fitted_ensemble import FittedEnsemble
from anomgan.utils.types import Floats

if TYPE_CHECKING:
    from anomgan.estimator import GANDetector

MOST = 4096
"""Rows in a block, unless one caller alone has more."""


@dataclass(eq=False)
class _Call:
    """What a caller wants, and what became of it."""

    values: Floats
    found: Floats | Exception | None = None


@dataclass
class MergedDetector(FittedEnsemble):
    """A fitted ensemble that scores the rows of concurrent callers in one block."""

    _waiting: list[_Call] = field(default_factory=list, init=False)
    _guard: threading.Lock = field(default_factory=threading.Lock, init=False)
    _turn: threading.Lock = field(default_factory=threading.Lock, init=False)

    def score(self, values: Floats) -> Floats:
        """Scores of encoded records; arguments and errors as everywhere."""
        call = _Call(values)
        with self._guard:
            self._waiting.append(call)
        while call.found is None:
            with self._turn:
                if call.found is None:  # nobody took it along
                    self._work(self._next())
        if isinstance(call.found, Exception):
            raise call.found
        return call.found

    def _next(self) -> list[_Call]:
        """The callers of the next block, at least one, who came first first."""
        with self._guard:
            block = [self._waiting.pop(0)]
            rows = len(block[0].values)
            while self._waiting and rows + len(self._waiting[0].values) <= MOST:
                block.append(self._waiting.pop(0))
                rows += len(block[-1].values)
        return block

    def _work(self, block: list[_Call]) -> None:
        """Score a block; where that fails, each caller's rows alone, so that errors are their own.

        Pictures in tiles have fewer scores than records, so scores are dealt out by share.
        """
        try:
            scores = super().score(np.concatenate([call.values for call in block]))
            each = len(scores) / sum(len(call.values) for call in block)
            ends = np.cumsum([round(len(call.values) * each) for call in block])
            for call, own in zip(block, np.split(scores, ends[:-1]), strict=True):
                call.found = own
        except Exception:
            for call in block:
                try:
                    call.found = super().score(call.values)
                except Exception as error:
                    call.found = error


def merged(detector: GANDetector) -> GANDetector:
    """The same fitted detector, for many callers at once; the given one stays as it is."""
    shared = object.__new__(type(detector))
    shared.__dict__.update(vars(detector))  # copy.copy would pack and load the model
    found = detector.ensemble_
    own = {each.name: getattr(found, each.name) for each in fields(FittedEnsemble)}
    shared.ensemble_ = MergedDetector(**own)
    return shared
