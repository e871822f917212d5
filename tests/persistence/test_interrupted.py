"""Errors and kills while a model is written leave one whole model."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from anomgan import InputError, load
from anomgan.persistence import model_store as store
from anomgan.utils import atomic

STEPS = ["_write weights", "_write description", "_sync", "_swap"]


def break_at(monkeypatch, step, error):
    """Let a step of saving fail."""
    name, _, which = step.partition(" ")
    real = getattr(atomic, name)

    def broken(*args):
        if which == "description" and args[0].name != "model.json":
            return real(*args)
        if name == "_write":
            args[0].write_bytes(args[1][:50])
        raise error

    monkeypatch.setattr(atomic, name, broken)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    ("code", "message"),
    [
        (errno.ENOSPC, "No space left on device; free some space"),
        (errno.EACCES, "Permission denied; name a folder elsewhere"),
        (errno.EROFS, "Read-only file system; name a folder elsewhere"),
    ],
)
def test_an_error_leaves_all_as_it_was(
    same_scores, beside, newer, detector, saved, monkeypatch, step, code, message
):
    break_at(monkeypatch, step, OSError(code, os.strerror(code)))
    with pytest.raises(InputError, match=message):
        newer.save(saved)
    assert same_scores(load(saved), detector)
    assert beside(saved) == set()


def test_a_full_disk_leaves_nothing_where_nothing_was(newer, tmp_path, monkeypatch):
    break_at(monkeypatch, "_write weights", OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(InputError, match="No space left"):
        newer.save(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


class KilledError(BaseException):
    """Ends a save as a kill would, with no clearing up."""


@pytest.mark.parametrize("step", [*STEPS, "_sync parent"])
def test_a_kill_leaves_one_whole_model(
    same_scores, beside, newer, detector, saved, monkeypatch, step
):
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", lambda *args, **kwargs: None)
        if step == "_sync parent":  # the swap is over
            real = atomic._sync

            def broken(folder):
                real(folder)
                if folder == saved.parent:
                    raise KilledError

            patch.setattr(atomic, "_sync", broken)
        else:
            break_at(patch, step, KilledError)
        with pytest.raises(KilledError):
            newer.save(saved)
    assert len(beside(saved)) == 1
    assert same_scores(load(saved), newer if step == "_sync parent" else detector)
    newer.save(saved)
    assert beside(saved) == set()
    assert same_scores(load(saved), newer)


KILL_BETWEEN_MOVES = """
import os, signal, sys
from pathlib import Path
from anomgan import load
from anomgan.utils import atomic

folder, source = sys.argv[1:]
atomic._exchange = lambda one, other: False
rename = Path.rename
def killed_after(path, target):
    rename(path, target)
    os.kill(os.getpid(), signal.SIGKILL)
Path.rename = killed_after
load(source).save(folder)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_kill_between_two_moves_loses_no_model(
    same_scores, beside, newer, detector, saved, tmp_path
):
    newer.save(tmp_path / "newer")
    command = [sys.executable, "-c", KILL_BETWEEN_MOVES, str(saved), str(tmp_path / "newer")]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == -9, done.stderr
    assert not saved.exists()
    assert same_scores(load(saved), detector)
    newer.save(saved)
    assert same_scores(load(saved), newer)
    assert beside(saved) == {"newer"}


def test_an_error_between_two_moves_takes_the_first_one_back(
    same_scores, beside, newer, detector, saved, monkeypatch
):
    monkeypatch.setattr(atomic, "_exchange", lambda one, other: False)
    rename, moves = Path.rename, []

    def second_fails(path, target):
        moves.append(target)
        if len(moves) == 2:
            raise OSError(errno.EIO, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", second_fails)
    with pytest.raises(InputError, match="Input/output error"):
        newer.save(saved)
    assert same_scores(load(saved), detector)
    assert beside(saved) == set()


def test_a_model_moved_aside_outlives_a_failed_save(
    same_scores, newer, detector, saved, monkeypatch
):
    saved.rename(saved.with_name(".model.anomgan-old"))
    break_at(monkeypatch, "_write weights", OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(InputError):
        newer.save(saved)
    assert same_scores(load(saved), detector)


def test_what_another_save_is_writing_is_left_alone(same_scores, beside, newer, saved, monkeypatch):
    at_work = saved.with_name(".model.anomgan-new-12345678")
    at_work.mkdir()
    monkeypatch.setattr(atomic, "LOCK_TIMEOUT_S", 0.1)
    with FileLock(saved.with_name(".model.anomgan-lock")):
        newer.save(saved)
    assert same_scores(load(saved), newer)
    assert at_work.exists()
    newer.save(saved)
    assert beside(saved) == set()


def test_a_model_swapped_while_it_is_read_is_read_again(same_scores, newer, saved, monkeypatch):
    real, swapped = store._read_arrays, []

    def swap_first(*args):
        if not swapped:
            swapped.append(True)
            newer.save(saved)
        return real(*args)

    monkeypatch.setattr(store, "_read_arrays", swap_first)
    assert same_scores(load(saved), newer)
