"""The errors and warnings that users meet."""

from __future__ import annotations


class InputError(ValueError):
    """The user's data, file or argument is wrong.

    The message is one line that names the file, column, row or option and says what to do.  The
    command line prints it behind ``anomgan: error:`` and exits with 2.
    """


class DataWarning(UserWarning):
    """Something in the data was worked around; the message says what and where."""
