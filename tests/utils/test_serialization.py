from __future__ import annotations

import numpy as np
import pytest

from anomgan import InputError
from anomgan.utils.serialization import to_plain


def test_plain_data():
    value = {1: (np.float64(2.5), np.int8(3), np.nan), "b": np.array([1.0, np.inf]), "c": None}
    assert to_plain(value) == {"1": [2.5, 3, None], "b": [1.0, None], "c": None}
    with pytest.raises(InputError, match="can't be stored"):
        to_plain(object())
