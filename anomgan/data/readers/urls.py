"""Open URLs through fsspec, and list folders there.

Its file systems need packages of their own: s3fs for ``s3://``, aiohttp for ``https://``.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import BinaryIO, cast

from anomgan.errors import InputError, out_of_memory
from anomgan.utils.text import one_line

_URL = re.compile(r"[\w+.-]+(::[\w+.-]+)*://")


def is_url(source: object) -> bool:
    """Whether a source is a URL rather than a path."""
    return isinstance(source, str) and _URL.match(source) is not None


def open_url(url: str) -> BinaryIO:
    """Open the file at a URL; errors are those of its file system."""
    import fsspec

    file_system, path = fsspec.core.url_to_fs(url)
    return cast("BinaryIO", file_system.open(path, "rb"))


def is_url_of_folder(url: str, name: str) -> bool:
    """Whether a URL names a folder; servers of the Web don't know any.

    Raises:
        InputError: If the file system can't be asked, or there is nothing of that name.
    """
    if url.startswith(("http://", "https://")):
        return False
    import fsspec

    with explain_errors(name):
        file_system, path = fsspec.core.url_to_fs(url)
        is_folder: bool = file_system.isdir(path)
        if not is_folder and not file_system.exists(path):
            raise FileNotFoundError(2, "No such file or directory")
    return is_folder


def list_url(url: str, name: str) -> dict[str, str]:
    """URLs of the files in a folder and its subfolders -> their paths in it.

    Raises:
        InputError: If they can't be listed.
    """
    import fsspec

    with explain_errors(name):
        file_system, root = fsspec.core.url_to_fs(url)
        return {
            str(file_system.unstrip_protocol(path)): path.removeprefix(root).lstrip("/")
            for path in file_system.find(root)
        }


@contextlib.contextmanager
def explain_errors(name: str) -> Iterator[None]:
    """Turn the errors of files, networks and storage into one kind.

    Raises:
        InputError: With the name of the source.
    """
    try:
        yield
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{name}: no such file") from None
    except ImportError as error:  # fsspec says which package
        if out_of_memory(error):
            raise
        raise InputError(
            f"{name}: needs a package that isn't installed ({one_line(error)}); "
            f"pip install 'anomgan[files]' brings those for https:// and s3://"
        ) from None
    except Exception as error:  # each storage has errors of its own
        if out_of_memory(error):
            raise
        reason = getattr(error, "strerror", None) or one_line(error, 300) or type(error).__name__
        raise InputError(f"{name}: can't be opened: {reason}") from None
