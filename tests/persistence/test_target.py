"""Where a model is written: what may be replaced, and what is left alone."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest

from anomgan import InputError, load
from anomgan.persistence import model_dir as directory
from anomgan.utils import atomic


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
@pytest.mark.parametrize(("mask", "folder", "file"), [(0o022, 0o755, 0o644), (0o077, 0o700, 0o600)])
def test_permissions_follow_the_umask(detector, tmp_path, mask, folder, file):
    before = os.umask(mask)
    try:
        detector.save(tmp_path / "model")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "model").stat().st_mode) == folder
    for name in directory.FILES:
        assert stat.S_IMODE((tmp_path / "model" / name).stat().st_mode) == file


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_replaced_folder_keeps_its_permissions(newer, saved):
    saved.chmod(0o750)
    newer.save(saved)
    assert stat.S_IMODE(saved.stat().st_mode) == 0o750


@pytest.mark.parametrize("exchange", [True, False], ids=["in one step", "in two steps"])
def test_saving_replaces_an_older_model(same_scores, beside, newer, saved, monkeypatch, exchange):
    if not exchange:
        monkeypatch.setattr(atomic, "_exchange", lambda one, other: False)
    newer.save(saved)
    assert same_scores(load(saved), newer)
    assert beside(saved) == set()


def test_an_empty_folder_becomes_the_model(same_scores, beside, detector, tmp_path):
    (tmp_path / "model").mkdir()
    detector.save(tmp_path / "model")
    assert same_scores(load(tmp_path / "model"), detector)
    assert beside(tmp_path / "model") == set()


def test_parents_are_made(same_scores, detector, tmp_path):
    detector.save(str(tmp_path / "a" / "b" / "model"))
    assert same_scores(load(str(tmp_path / "a" / "b" / "model")), detector)


@pytest.mark.parametrize("there", [True, False], ids=["to a model", "to nothing"])
def test_a_symbolic_link_stays(same_scores, newer, saved, tmp_path, there):
    if not there:
        shutil.rmtree(saved)
    link = tmp_path / "elsewhere" / "link"
    link.parent.mkdir()
    link.symlink_to(saved)
    newer.save(link)
    assert link.is_symlink()
    assert same_scores(load(saved), newer)
    assert same_scores(load(link), newer)


def foreign_folder(folder):
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")


def foreign_model(folder):
    folder.mkdir()
    (folder / "model.json").write_text('{"learner": {}, "version": [2, 0, 0]}')


def file_in_the_way(folder):
    folder.write_text("years of work")


def file_above(folder):
    folder.parent.write_text("years of work")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (foreign_folder, "isn't a model; it won't be overwritten"),
        (foreign_model, "isn't a model; it won't be overwritten"),
        (file_in_the_way, "is a file; name a folder"),
        (file_above, "is a file; name another folder"),
    ],
)
def test_what_is_no_model_is_never_overwritten(detector, tmp_path, make, message):
    folder = tmp_path / "sub" / "model"
    if make is not file_above:
        folder.parent.mkdir()
    make(folder)
    kept = {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")}
    for attempt in (directory.check_target, detector.save):
        with pytest.raises(InputError, match=message) as caught:
            attempt(folder)
        assert str(caught.value).startswith(f"{folder}: ")
    assert {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")} == kept


def test_files_beside_a_model_are_not_deleted(same_scores, newer, detector, saved):
    (saved / "notes.txt").write_text("keep")
    with pytest.raises(InputError, match=r"would delete other files there: 'notes\.txt'"):
        newer.save(saved)
    assert (saved / "notes.txt").read_text(encoding="utf-8") == "keep"
    assert same_scores(load(saved), detector)


@pytest.mark.parametrize("name", [".", "../model"])
def test_the_current_folder_is_not_pulled_from_under_the_user(
    same_scores, newer, detector, saved, monkeypatch, name
):
    monkeypatch.chdir(saved)
    with pytest.raises(InputError, match="is the current folder"):
        newer.save(name)
    assert same_scores(load("."), detector)


def test_a_damaged_model_of_ours_can_be_replaced(same_scores, newer, saved):
    whole = (saved / "model.json").read_bytes()
    (saved / "model.json").write_bytes(whole[:100])
    (saved / "weights.safetensors").unlink()
    newer.save(saved)
    assert same_scores(load(saved), newer)


def test_write_protection_is_respected(newer, saved, monkeypatch):
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda p, m: Path(p) != saved and allowed(p, m))
    with pytest.raises(InputError, match="write-protected"):
        newer.save(saved)
    monkeypatch.setattr(os, "access", lambda p, m: Path(p) != saved.parent and allowed(p, m))
    with pytest.raises(InputError, match="can't write to"):
        newer.save(saved)
    with pytest.raises(InputError, match="can't write to"):
        newer.save(saved.parent / "new" / "model")


def test_a_mounted_disk_is_not_replaced(newer, saved, monkeypatch):
    monkeypatch.setattr(Path, "is_mount", lambda path: path == saved)
    with pytest.raises(InputError, match="is where a disk is mounted"):
        newer.save(saved)
