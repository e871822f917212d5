"""Folders as frames: which files count as pictures, in which order, under which names."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from anomgan.data.readers.files import name_rows, read_chunks, read_table
from anomgan.errors import DataWarning, InputError


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def test_pictures_below_a_folder_in_the_order_of_their_paths(tmp_path: Path) -> None:
    touch(tmp_path, "b/2.PNG", "b/10.jpeg", "a.tif", "b/c/1.webp", ".hidden.png", ".git/x.png")
    frame = read_table(tmp_path)
    assert frame["path"].tolist() == ["a.tif", "b/10.jpeg", "b/2.PNG", "b/c/1.webp"]
    assert frame["folder"].isna().tolist() == [True, False, False, False]
    assert frame["folder"].tolist()[1:] == ["b", "b", "b"]
    assert [str(picture) for picture in frame["picture"]] == frame["path"].tolist()
    assert name_rows(frame).name == "path"
    assert frame.index.tolist() == [0, 1, 2, 3]


def test_chunks(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{i}.png" for i in range(7)))
    assert [len(frame) for frame in read_chunks(tmp_path, rows=3)] == [3, 3, 1]


def test_other_files_are_named(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "notes.txt", "b/table.csv")
    with pytest.warns(DataWarning, match=r"endings aren't those of pictures: .*notes\.txt"):
        read_table(tmp_path)


def test_a_folder_without_pictures(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no pictures"):
        read_table(tmp_path)
    touch(tmp_path, "notes.doc")
    with pytest.raises(InputError, match=r"has no pictures .*; it holds 1 other file"):
        read_table(tmp_path)


def test_links(tmp_path: Path) -> None:
    touch(tmp_path / "elsewhere", "far.png")
    touch(tmp_path / "pictures", "a/near.png")
    (tmp_path / "pictures" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "pictures" / "a" / "round").symlink_to(tmp_path / "pictures")
    (tmp_path / "pictures" / "self.png").symlink_to(tmp_path / "pictures" / "self.png")
    with pytest.warns(DataWarning, match="leads back to a folder above it"):
        frame = read_table(tmp_path / "pictures")
    assert frame["path"].tolist() == ["a/near.png", "link/far.png", "self.png"]


def test_a_folder_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "a.png", "b/c.png")
    scan = os.scandir

    def refuse(folder: str) -> object:
        if Path(folder).name == "b":
            raise PermissionError(13, "Permission denied")
        return scan(folder)

    monkeypatch.setattr(os, "scandir", refuse)  # permissions don't bind root
    with pytest.raises(InputError, match="b: can't be read: Permission denied"):
        read_table(tmp_path)


def test_names_that_are_no_text(tmp_path: Path) -> None:
    path = os.path.join(os.fsencode(tmp_path), b"caf\xe9.png")  # noqa: PTH118 - bytes
    with open(path, "wb"):  # noqa: PTH123
        pass
    assert read_table(tmp_path)["path"].tolist() == ["caf\\xe9.png"]


def test_a_table_with_such_columns_is_a_table(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("picture,path\nx,y\n")
    assert name_rows(read_table(path)).name == "row"


def test_every_page_is_a_picture(tmp_path: Path) -> None:
    pages = [PIL.Image.fromarray(np.full((8, 8), shade, np.uint8)) for shade in (10, 20, 30)]
    pages[0].save(tmp_path / "b.tif", save_all=True, append_images=pages[1:])
    pages[0].save(tmp_path / "a.tiff")
    touch(tmp_path, "c.tif")
    frame = read_table(tmp_path)
    assert frame["path"].tolist() == ["a.tiff", "b.tif#1", "b.tif#2", "b.tif#3", "c.tif"]
    shades = [picture.load()[0][0, 0, 0] for picture in frame["picture"][:4]]
    assert shades == [10, 10, 20, 30]
    assert [len(chunk) for chunk in read_chunks(tmp_path, rows=2)] == [2, 2, 1]
