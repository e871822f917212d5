"""The errors and warnings that users meet."""

from __future__ import annotations

import errno


class InputError(ValueError):
    """The user's data, file or argument is wrong.

    The message is one line that names the file, column, row or option and says what to do.  The
    command line prints it behind ``anomgan: error:`` and exits with 2.

    Example:
        >>> from anomgan import GANDetector, InputError
        >>> try:
        ...     GANDetector(alpha=2.0).fit([[0.0], [1.0]])
        ... except InputError as error:
        ...     print(error)
        alpha=2.0 must lie between 0 and 1
    """


class DataWarning(UserWarning):
    """Something in the data was worked around; the message says what and where.

    Example:
        >>> import warnings
        >>> from anomgan import DataWarning
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("error", DataWarning)  # refuse what isn't as it should be
    """


NO_ROOM = ("can't allocate memory", "Cannot allocate memory", "failed to map segment",
           "can't start new thread")  # fmt: skip
"""What torch, the system's linker and Python say when memory gives out."""


def out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory has given out, whoever noticed.

    Python, NumPy and pyarrow raise MemoryError; torch raises RuntimeError, and a library that no
    longer fits ImportError.  So what is raised for bad data may be neither the data's fault.
    """
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError | ImportError) and any(
        words in str(error) for words in NO_ROOM
    )
