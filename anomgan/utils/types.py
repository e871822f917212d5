"""Aliases for types of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

FloatArray = NDArray[np.floating[Any]]
"""float32 or float64."""

Folds = Sequence[NDArray[np.int64]]
"""For each fold of a cross-fit, the sorted indices of the rows held out from its members."""
