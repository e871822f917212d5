from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path

import pandas as pd
import pytest

from anomgan.data.samples import export_sample, list_samples, load_sample
from anomgan.errors import InputError

SHAPES = {  # columns, rows to fit on, rows to score, abnormal ones among them
    "breast-cancer": (30, 250, 319, 212),
    "penguins": (6, 206, 138, 68),
    "taxis": (14, 3000, 1300, 100),
    "wine": (13, 97, 81, 48),
}
FILES = ["new.csv", "new_labels.csv", "normal.csv"]

each_sample = pytest.mark.parametrize("name", SHAPES)


def test_all_are_listed() -> None:
    assert [sample.name for sample in list_samples()] == sorted(SHAPES)


@each_sample
def test_shape_is_known_and_agrees_with_the_catalog(name: str) -> None:
    sample = load_sample(name)
    columns, normal, new, anomalies = SHAPES[name]
    assert sample.normal.shape == (normal, columns)
    assert sample.new.shape == (new, columns)
    assert sample.labels.sum() == anomalies
    assert (sample.columns, sample.rows_normal, sample.rows_new, sample.anomalies) == SHAPES[name]


@each_sample
def test_labels_are_aligned_with_rows(name: str) -> None:
    sample = load_sample(name)
    table = pd.read_csv(sample.labels_path)
    assert list(table.columns) == ["row", "label", "kind"]
    assert list(table["row"]) == list(range(len(sample.new)))
    assert set(table["label"]) == {0, 1}
    assert ((table["kind"] == "normal") == (table["label"] == 0)).all()


@each_sample
def test_columns_of_both_files_agree_and_hide_no_label(name: str) -> None:
    sample = load_sample(name)
    assert list(sample.normal.columns) == list(sample.new.columns)
    assert not {"species", "target", "label", "kind"} & set(sample.new.columns)


@each_sample
def test_files_are_those_of_the_catalog(name: str) -> None:
    sample = load_sample(name)
    assert sorted(sample.sha256) == FILES
    for file, digest in sample.sha256.items():
        assert hashlib.sha256((sample.folder / file).read_bytes()).hexdigest() == digest


def test_one_has_mixed_types_dates_and_missing_cells() -> None:
    taxis = load_sample("taxis").normal
    assert taxis["payment"].isna().any()
    assert pd.to_datetime(taxis["pickup"]).dt.year.eq(2019).all()
    assert pd.api.types.is_float_dtype(taxis["fare"])
    assert not pd.api.types.is_numeric_dtype(taxis["pickup_zone"])


def test_chinstraps_are_the_abnormal_penguins() -> None:
    sample = load_sample("penguins")
    abnormal = sample.new[sample.labels == 1]
    assert set(abnormal["island"]) == {"Dream"}
    assert abnormal["bill_length_mm"].max() == 58.0
    assert sample.normal.isna().any(axis=None)


def test_planted_taxi_trips_are_wrong_as_the_catalog_says() -> None:
    sample = load_sample("taxis")
    new, normal = sample.new, sample.normal
    kind = pd.read_csv(sample.labels_path)["kind"]
    assert kind[kind != "normal"].value_counts().to_dict() == dict.fromkeys(
        ["overcharged", "clock", "disputed", "cash tip", "wrong borough"], 20
    )
    backwards = pd.to_datetime(new["dropoff"]) < pd.to_datetime(new["pickup"])
    assert set(kind[backwards]) == {"clock"}
    assert (new.loc[kind == "disputed", "payment"] == "dispute").all()
    assert "dispute" not in set(normal["payment"])
    cash_tip = (new["payment"] == "cash") & (new["tip"] > 0)
    assert set(kind[cash_tip]) == {"cash tip"}
    assert not ((normal["payment"] == "cash") & (normal["tip"] > 0)).any()
    usual = normal.dropna().groupby("dropoff_zone")["dropoff_borough"].first()
    expected = new["dropoff_zone"].map(usual)
    contradicts = expected.notna() & new["dropoff_borough"].notna()
    contradicts &= expected != new["dropoff_borough"]
    assert set(kind[contradicts]) == {"wrong borough"}
    per_mile = new["fare"] / new["distance"]
    assert per_mile[kind == "overcharged"].median() > 3 * per_mile[kind == "normal"].median()


def test_frames_are_not_shared() -> None:
    sample = load_sample("wine")
    frame = sample.new
    frame.iloc[0, 0] = -1.0
    assert (sample.new.iloc[:, 0] > 0).all()


def test_together_they_stay_small() -> None:
    sizes = [path.stat().st_size for s in list_samples() for path in s.folder.iterdir()]
    assert sum(sizes) < 1_000_000


def test_every_entry_has_its_provenance() -> None:
    sample = list_samples()[0]
    catalog = tomllib.loads((sample.folder.parent / "catalog.toml").read_text("utf-8"))
    for entry in catalog.values():
        assert all(entry[key] for key in ("title", "description", "anomaly"))
        assert all(entry[key] for key in ("source", "licence", "citation"))


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"'penguin': did you mean 'penguins'.*taxis, wine$"):
        load_sample("penguin")
    with pytest.raises(InputError, match="'zzz': There are breast-cancer, penguins"):
        load_sample("zzz")


def test_export_copies_the_files(tmp_path: Path) -> None:
    written = export_sample("wine", tmp_path / "a" / "b")
    assert sorted(path.name for path in written) == FILES
    for path in written:
        assert path.read_bytes() == (load_sample("wine").folder / path.name).read_bytes()


def test_export_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("mine")
    with pytest.raises(InputError, match=r"new\.csv exists: remove it"):
        export_sample("wine", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["new.csv"]
    assert (tmp_path / "new.csv").read_text() == "mine"


def test_export_into_a_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(InputError, match=r"can't write to .*taken"):
        export_sample("wine", tmp_path / "taken")


def test_export_of_an_unknown_set_makes_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no sample data set"):
        export_sample("zzz", tmp_path / "out")
    assert not (tmp_path / "out").exists()
