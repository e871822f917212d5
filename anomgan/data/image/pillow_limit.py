"""Lift Pillow's own limit on pixels, which is global to the process."""

from __future__ import annotations

import contextlib
import threading
import warnings
from collections.abc import Iterator

_limit_lock = threading.Lock()
_limit_lifted = 0  # number of contexts within which it is lifted
_original_limit: int | None = None


@contextlib.contextmanager
def lift_pillow_limit() -> Iterator[None]:
    """Disable Pillow's own limit, so that ``max_pixels`` alone holds, and silence its warnings.

    The limit is global to the process; the last context that ends restores it.
    """
    import PIL.Image

    global _limit_lifted, _original_limit
    with _limit_lock:
        if not _limit_lifted:
            _original_limit, PIL.Image.MAX_IMAGE_PIXELS = PIL.Image.MAX_IMAGE_PIXELS, None
        _limit_lifted += 1
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="PIL")
            yield
    finally:
        with _limit_lock:
            _limit_lifted -= 1
            if not _limit_lifted:
                PIL.Image.MAX_IMAGE_PIXELS = _original_limit
