from __future__ import annotations

import json
import math

import pytest

from anomgan.bench.result_row import COLUMNS, ResultRow
from anomgan.bench.results import CODE, PACKAGE, Results, describe_settings
from anomgan.config import Config
from anomgan.errors import DataWarning, InputError

FIRST_LINE = ResultRow.header()
ROW = ResultRow("a", 0, "knn", 0.91234567, 0.5, 1.25, 0.5, 321.04, 50, 60, 7, 10)
SETTINGS = describe_settings("fast", Config.make("fast"), "cpu", []) | {
    "sets": {"a": "1", "b": "2"},
    "plugins": {"mine": "1"},
}


def other(**changes):
    return {**SETTINGS, **changes}


def test_a_row_survives_the_file():
    assert FIRST_LINE == (
        "dataset,seed,detector,auroc,ap,fit_s,score_s,peak_mb,rows_fit,rows_scored,columns,"
        "anomalies,error\n"
    )
    assert ROW.to_csv() == "a,0,knn,0.912346,0.500000,1.250,0.500,321.0,50,60,7,10,\n"
    failed = ResultRow("a, b", 1, "lof", error='said "no", twice')
    line = failed.to_csv()
    import csv

    [cells] = csv.reader([line])
    back = ResultRow.from_csv(cells)
    assert back.key == failed.key
    assert back.error == failed.error
    assert math.isnan(back.auroc)
    assert math.isnan(back.peak_mb)
    assert len(cells) == len(COLUMNS)


def test_rows_are_there_at_once_and_next_time(tmp_path):
    with Results.open(tmp_path / "new" / "dir", SETTINGS) as results:
        results.append(ROW)
        assert (tmp_path / "new/dir/results.csv").read_text() == FIRST_LINE + ROW.to_csv()
    with Results.open(tmp_path / "new" / "dir", SETTINGS) as results:
        assert list(results.rows) == [("a", 0, "knn")]


@pytest.mark.parametrize("cut", [1, 10, 21])
def test_a_torn_last_line_is_measured_again(tmp_path, cut):
    second = ResultRow("b", 0, "knn")
    (tmp_path / "settings.json").write_text(json.dumps(SETTINGS))
    text = FIRST_LINE + ROW.to_csv() + second.to_csv()
    (tmp_path / "results.csv").write_text(text[:-cut])
    with Results.open(tmp_path, SETTINGS) as results:
        assert ("a", 0, "knn") in results.rows
        assert ("b", 0, "knn") not in results.rows
        results.append(second)
    assert (tmp_path / "results.csv").read_text() == text


def test_a_torn_header_is_no_obstacle(tmp_path):
    (tmp_path / "results.csv").write_text(FIRST_LINE[:9])
    with Results.open(tmp_path, SETTINGS) as results:
        results.append(ROW)
    assert (tmp_path / "results.csv").read_text() == FIRST_LINE + ROW.to_csv()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"preset": "thorough"}, "preset fast, now thorough"),
        ({"anomgan": "99"}, "now 99"),
        ({"device": "cuda"}, "device cpu, now cuda"),
        ({"settings": {**SETTINGS["settings"], "steps": 1}}, "steps=[0-9]+, now 1"),
        ({"sets": {"b": "3", "c": "4"}}, "another set called 'b'"),
        ({"plugins": {"mine": "2"}}, "another plug-in called 'mine'"),
    ],
)
def test_other_settings_are_refused_until_restarted(tmp_path, changes, said):
    with Results.open(tmp_path, SETTINGS) as results:
        results.append(ROW)
    with pytest.raises(InputError, match=said) as error, Results.open(tmp_path, other(**changes)):
        pass
    assert str(error.value).endswith("name another --output, or start over with --restart")
    assert ROW.to_csv() in (tmp_path / "results.csv").read_text()
    with Results.open(tmp_path, other(**changes), restart=True) as results:
        assert not results.rows
    assert (tmp_path / "results.csv").read_text() == FIRST_LINE
    with Results.open(tmp_path, other(**changes)) as results:
        assert not results.rows


def test_further_sets_are_remembered(tmp_path):
    for sets in ({"a": "1"}, {"c": "3"}):
        with Results.open(tmp_path, other(sets=sets)) as results:
            results.append(ROW)
    assert json.loads((tmp_path / "settings.json").read_text())["sets"] == {"a": "1", "c": "3"}


def test_changed_code_is_said_each_time(tmp_path):
    with Results.open(tmp_path, SETTINGS) as results:
        results.append(ROW)
    for _ in range(2):
        with (
            pytest.warns(DataWarning, match="code has changed"),
            Results.open(tmp_path, other(code="0")),
        ):
            pass


def test_the_code_that_figures_depend_on_is_there():
    for pattern in CODE:
        assert any(PACKAGE.glob(pattern)), pattern


def test_what_isnt_ours_stays(tmp_path):
    (tmp_path / "results.csv").write_text("my,own\n1,2\n")
    for restart in (False, True):
        with (
            pytest.raises(InputError, match="wasn't written by such a benchmark"),
            Results.open(tmp_path, SETTINGS, restart=restart),
        ):
            pass
    assert (tmp_path / "results.csv").read_text() == "my,own\n1,2\n"


def test_damage_is_named(tmp_path):
    (tmp_path / "settings.json").write_text(json.dumps(SETTINGS))
    (tmp_path / "results.csv").write_text(FIRST_LINE + ROW.to_csv() + "a,b\n")
    with pytest.raises(InputError, match="line 3 is damaged"), Results.open(tmp_path, SETTINGS):
        pass
    (tmp_path / "results.csv").write_text(FIRST_LINE + ROW.to_csv())
    (tmp_path / "settings.json").write_text("{")
    with (
        pytest.raises(InputError, match="missing or damaged"),
        Results.open(tmp_path, SETTINGS),
    ):
        pass
    (tmp_path / "file").touch()
    with (
        pytest.raises(InputError, match="can't be written"),
        Results.open(tmp_path / "file", SETTINGS),
    ):
        pass


def test_two_runs_dont_share_a_folder(tmp_path):
    pytest.importorskip("fcntl")
    with (
        Results.open(tmp_path, SETTINGS),
        pytest.raises(InputError, match="another benchmark"),
        Results.open(tmp_path, SETTINGS),
    ):
        pass
