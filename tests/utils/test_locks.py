"""One process at a time, and a killed one keeps nobody out."""

from __future__ import annotations

import subprocess
import sys

import pytest

from anomgan.utils.locks import hold_lock

HOLD = """
import sys, time
from pathlib import Path
from anomgan.utils.locks import hold_lock
with hold_lock(Path(sys.argv[1])) as locked:
    print(locked, flush=True)
    time.sleep(60)
"""


def test_a_lock_is_held_by_one_process_and_leaves_no_file(tmp_path):
    path = tmp_path / "lock"
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "True\n"
        with hold_lock(path) as locked:
            assert locked is False
        other.kill()
    assert path.exists()
    with hold_lock(path, 10) as locked:
        assert locked is True
    assert not path.exists()


def test_a_folder_without_locks_is_no_error(tmp_path):
    (tmp_path / "file").touch()
    with hold_lock(tmp_path / "file" / "lock") as locked:
        assert locked is None


def test_an_error_in_the_block_releases_the_lock(tmp_path):
    with pytest.raises(KeyError), hold_lock(tmp_path / "lock"):
        raise KeyError
    with hold_lock(tmp_path / "lock") as locked:
        assert locked is True
