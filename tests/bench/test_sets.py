from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from anomgan.bench import protocol
from anomgan.bench.sets import LabelledSet, find_sets
from anomgan.cli.labels import find_abnormal_rows
from anomgan.errors import InputError


def by_the_book(y: np.ndarray, seed: int, fit: int, new: int) -> tuple[list[int], list[int]]:
    """The protocol in other words: rows to fit on and rows to score."""
    rng = np.random.default_rng(seed)
    normal = rng.permutation([i for i, odd in enumerate(y) if not odd])
    abnormal = rng.permutation([i for i, odd in enumerate(y) if odd])
    first, second = np.split(normal, [round(len(normal) / 2)])
    total = len(second) + len(abnormal)
    if total > new:
        second = second[: max(1, round(len(second) * new / total))]
        abnormal = abnormal[: max(1, round(len(abnormal) * new / total))]
    return first[:fit].tolist(), [*second.tolist(), *abnormal.tolist()]


@pytest.mark.parametrize("shape", [(91, 10), (40, 60), (5_000, 20), (30_001, 700)])
def test_split_is_the_known_protocol(shape):
    y = np.random.default_rng(1).permutation(np.repeat([0, 1], shape))
    table = pd.DataFrame({"row": np.arange(len(y))})
    for seed in range(2):
        parts = protocol.split(table, y, seed)
        fit, new = by_the_book(y, seed, 5_000, 10_000)
        assert parts.normal["row"].tolist() == fit
        assert parts.new["row"].tolist() == new
        assert np.array_equal(parts.label, y[new])


def test_archives_are_split_into_normal_rows_and_the_others(archive):
    parts = LabelledSet("toy", archive).split(0)
    assert len(parts.normal) == 45
    assert (parts.normal[1] == 0).all()
    assert sorted([*parts.normal[0], *parts.new[0]]) == list(range(100))
    assert np.array_equal(parts.label, parts.new[1])
    other = LabelledSet("toy", archive).split(1)
    assert not np.array_equal(other.normal, parts.normal)


def test_large_archives_keep_the_proportion(archive, monkeypatch):
    monkeypatch.setattr(protocol, "MAX_FIT_ROWS", 20)
    monkeypatch.setattr(protocol, "MAX_SCORED_ROWS", 11)
    parts = LabelledSet("toy", archive).split(0)
    assert (len(parts.normal), len(parts.new), parts.label.sum()) == (20, 11, 2)


def test_folders_stay_split_as_they_are(folder):
    parts = LabelledSet("split", folder).split(0)
    assert (len(parts.normal), len(parts.new), parts.label.sum()) == (60, 40, 10)


def split_archive(place: Path, **changes: object) -> Path:
    """A set that is split already: 6 normal rows, 4 to score, of which the last is abnormal."""
    arrays = {
        "train": np.arange(12).reshape(6, 2),
        "test": np.arange(8.0).reshape(4, 2),
        "label": np.array([0, 0, 0, 1], dtype=np.int8),
        "names": np.array(["size", "weight"]),
    }
    kept = {k: v for k, v in (arrays | changes).items() if v is not None}
    np.savez(place / "split.npz", **{name: np.asarray(array) for name, array in kept.items()})
    return place / "split.npz"


def test_archives_that_are_split_stay_so_whatever_the_seed(tmp_path):
    [found] = find_sets([split_archive(tmp_path)], None, find_abnormal_rows)
    for seed in (0, 1):
        parts = found.split(seed)
        assert parts.normal.to_dict("list") == {
            "size": [0, 2, 4, 6, 8, 10],
            "weight": [1, 3, 5, 7, 9, 11],
        }
        assert parts.new["size"].tolist() == [0, 2, 4, 6]
        assert parts.label.tolist() == [0, 0, 0, 1]
    nameless = find_sets([split_archive(tmp_path, names=None)], None, find_abnormal_rows)[0].split(
        0
    )
    assert list(nameless.normal) == list(nameless.new) == [0, 1]


def test_archives_that_are_split_can_be_contaminated(tmp_path):
    path = split_archive(tmp_path, label=[0, 1, 1, 1])
    parts = LabelledSet("split", path, contamination=0.14).split(0)
    assert (len(parts.normal), len(parts.new), parts.label.sum()) == (7, 3, 2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label": None}, "no array named label; a labelled set has X and y, or, if it is split"),
        ({"train": None}, "no array named train"),
        ({"train": None, "test": None, "label": None}, "no array named X; a labelled set has X"),
        ({"train": np.zeros((6, 3))}, "train has 3 columns, but test 2; give both the same"),
        ({"train": np.zeros(6)}, r"train has shape \(6,\); a table has rows and columns"),
        ({"test": np.zeros((0, 2))}, r"test has shape \(0, 2\)"),
        ({"label": [0, 1]}, "test has 4 rows, but label has 2 labels"),
        ({"label": [0, 0, 2, 1]}, "label: row 2 holds 2; write 0"),
        ({"label": [0.0, np.nan, 0.5, 1.0]}, "label: row 1 holds nan; write 0"),
        ({"label": ["n", "n", "n", "y"]}, "label holds <U1; it must hold numbers"),
        ({"label": [0, 0, 0, 0]}, "no abnormal row to score"),
        ({"test": np.array([["a", "b"]] * 4)}, "test holds <U1; it must hold numbers"),
        ({"train": np.array([[object(), 1]] * 6)}, "train holds Python objects"),
        ({"names": ["size"]}, r"names has shape \(1,\); write 2 different names"),
        ({"names": ["size", "size"]}, "write 2 different names"),
        ({"names": [1, 2]}, "names holds int64; it must hold strings"),
        ({"names": np.array([None, "a"])}, "names holds Python objects.*array of strings"),
    ],
)
def test_split_archives_that_cant_be_used(tmp_path, changes, message):
    path = split_archive(tmp_path, **changes)
    found = refused(path)
    assert found.startswith(str(path))
    assert re.search(message, found)


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet"])
def test_tables_with_a_label_and_columns_of_all_types(tmp_path, ending):
    count = 50
    table = pd.DataFrame(
        {
            "row": np.arange(count),
            "colour": ["red", "blue"] * 25,
            "day": pd.date_range("2024-01-01", periods=count).astype(str),
            "verdict": ["Normal", "attack", "normal", "normal", "normal"] * 10,
        }
    )
    path = tmp_path / f"mine.{ending}"
    table.to_parquet(path) if ending == "parquet" else table.to_csv(path, index=False)
    [found] = find_sets([path], "verdict", find_abnormal_rows)
    assert found.name == "mine"
    parts = found.split(3)
    fit, new = by_the_book((table["verdict"] == "attack").to_numpy(), 3, 5_000, 10_000)
    assert list(parts.new.columns) == ["row", "colour", "day"]
    assert parts.normal["row"].astype(int).tolist() == fit
    assert parts.new["row"].astype(int).tolist() == new
    assert parts.label.sum() == 10


def test_sets_are_found_in_order_and_told_apart(tmp_path, folder, archive):
    for name in ("b", "a"):
        np.savez(tmp_path / f"{name}.npz", X=np.zeros((2, 1)), y=[0, 1])
    names = [each.name for each in find_sets([folder, tmp_path], None, find_abnormal_rows)]
    assert names == ["split", "a", "b", "toy"]
    first = LabelledSet("toy", archive).digest
    np.savez(archive, X=np.ones((2, 1)), y=[0, 1])
    assert LabelledSet("toy", archive).digest != first


def refused(path: Path, label: str | None = None) -> str:
    with pytest.raises(InputError) as error:
        [each.split(0) for each in find_sets([path], label, find_abnormal_rows)]
    message = str(error.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"X": np.array([[object()]]), "y": [1]}, "X holds Python objects"),
        ({"X": np.zeros((2, 1)), "y": np.array([0, {}])}, "y holds Python objects"),
        ({"X": np.zeros((2, 1))}, "no array named y"),
        ({"X": np.zeros((3, 1)), "y": [0, 1]}, "X has 3 rows, but y has 2"),
        ({"X": np.zeros(3), "y": [0, 1, 1]}, r"X has shape \(3,\)"),
        ({"X": np.array([["a"], ["b"]]), "y": [0, 1]}, "must hold numbers"),
        ({"X": np.zeros((3, 1)), "y": [0, 1, 2]}, "row 2 holds 2"),
        ({"X": np.zeros((3, 1)), "y": [0, 0, 0]}, "no abnormal row"),
        ({"X": np.zeros((3, 1)), "y": [1, 1, 1]}, "no normal row"),
    ],
)
def test_archives_that_cant_be_used(tmp_path, arrays, message):
    np.savez(tmp_path / "a.npz", **{name: np.asarray(array) for name, array in arrays.items()})
    found = refused(tmp_path / "a.npz")
    assert found.startswith(str(tmp_path / "a.npz"))
    assert re.search(message, found)


def test_paths_that_cant_be_used(tmp_path, folder):
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.npz").write_text("no archive")
    (tmp_path / "a.doc").touch()
    (tmp_path / "b.csv").write_text("x,bad\n1,0\n2,1\n3,maybe\n")
    assert "no such file" in refused(tmp_path / "none")
    assert "holds no labelled set" in refused(tmp_path / "empty")
    assert "isn't an .npz archive" in refused(tmp_path / "a.npz")
    assert "unknown kind of file" in refused(tmp_path / "a.doc")
    assert "--label COL" in refused(tmp_path / "b.csv")
    assert "has no column 'y'; it has: 'x', 'bad'" in refused(tmp_path / "b.csv", "y")
    assert "row 2, column 'bad'" in refused(tmp_path / "b.csv", "bad")
    assert "no PATH is a table" in refused(folder, "bad")
    labels = folder / "new_labels.csv"
    labels.write_text("label\n1\n0\n")
    assert "has 2 rows, new.csv beside it 40" in refused(folder)
    labels.write_text("truth\n1\n")
    assert "no column 'label'" in refused(folder)
    labels.unlink()
    assert "lacks new_labels.csv" in refused(folder)


def test_two_sets_of_one_name_are_refused(tmp_path, archive):
    (tmp_path / "other").mkdir()
    copy = tmp_path / "other" / "toy.npz"
    copy.write_bytes(archive.read_bytes())
    with pytest.raises(InputError, match="both called 'toy'"):
        find_sets([archive, copy], None, find_abnormal_rows)
