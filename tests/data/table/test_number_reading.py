"""Columns of numbers in any form: how they are read, and what is said about it."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

from anomgan.data.encoders.table import TableEncoder
from anomgan.data.table.columns.numeric import NumericColumn
from anomgan.data.table.options import TableOptions
from anomgan.errors import DataWarning, InputError

RNG = np.random.default_rng(0)
AMOUNTS = RNG.gamma(2, 700, 120).round(2)


def fit(
    cells: Any, *, beside: Any = None, **options: Any
) -> tuple[TableEncoder, list[str], list[str]]:
    """An encoder of a column ``x``, warnings and notes."""
    other = RNG.normal(size=len(cells)) if beside is None else beside
    frame = pd.DataFrame({"x": cells, "other": other})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        encoder = TableEncoder.fit(frame, options=TableOptions.make(**options), source="f.csv")
    return encoder, [str(each.message) for each in caught], encoder.schema.notes()


def decimal_comma(amount: float) -> str:
    return f"{amount:,.2f}".replace(",", "_").replace(".", ",").replace("_", ".")


FORMS = {
    "decimal comma": [f"{a:.2f}".replace(".", ",") for a in AMOUNTS],
    "decimal comma and points": [decimal_comma(a) for a in AMOUNTS],
    "blanks": [f"{a:,.2f}".replace(",", "\u00a0").replace(".", ",") for a in AMOUNTS],
    "apostrophes": [f"{a:,.2f}".replace(",", "'") for a in AMOUNTS],
    "currency in front": [f"${a:,.2f}" for a in AMOUNTS],
    "currency behind": [f"{decimal_comma(a)} \u20ac" for a in AMOUNTS],
    "unit in some cells": [f"{a} kg" if i % 3 else f"{a}" for i, a in enumerate(AMOUNTS)],
    "footnotes": [f"{a}{'*' if i % 9 == 0 else ''}" for i, a in enumerate(AMOUNTS)],
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_are_found_and_kept(form: str) -> None:
    encoder, caught, notes = fit(FORMS[form])
    column = encoder.schema["x"]
    assert isinstance(column, NumericColumn)
    assert column.center == pytest.approx(np.median(AMOUNTS))
    assert not caught
    assert any(note.startswith("column 'x': cells such as ") for note in notes)
    again = TableEncoder.from_json(encoder.to_json())
    frame = pd.DataFrame({"x": FORMS[form], "other": 0.0})
    values, report = again.transform(frame)
    assert not report.unreadable
    np.testing.assert_array_equal(values, encoder.transform(frame)[0])


def test_plain_numbers_are_stored_as_ever() -> None:
    encoder, caught, _ = fit([str(a) for a in AMOUNTS])
    assert not caught
    assert "form" not in encoder.to_json()["columns"][0]
    assert "markers" not in encoder.to_json()["columns"][0]


@pytest.mark.parametrize("marker", ["?", "-", "n.a.", "#DIV/0!", "Missing", "unknown", "."])
def test_words_for_missing_beside_numbers(marker: str) -> None:
    cells = [marker if i % 3 else str(a) for i, a in enumerate(AMOUNTS)]
    encoder, caught, notes = fit(cells)
    assert encoder.schema["x"].kind == "numeric"
    assert encoder.schema["x"].missing
    assert f"column 'x': 80 cells (row 1: {marker!r}) count as missing" in notes
    report = encoder.transform(pd.DataFrame({"x": cells, "other": 0.0}), strict=True)[1]
    assert (report.missing, report.unreadable, caught) == ({"x": 80}, {}, [])


def test_a_word_again_and_again_beside_many_numbers() -> None:
    cells = ["OFF" if i % 5 == 0 else str(a) for i, a in enumerate(AMOUNTS)]
    encoder, [warning], _ = fit(cells)
    assert encoder.schema["x"].kind == "numeric"
    assert "24 cells (row 0: 'OFF') beside numbers count as missing" in warning
    assert not encoder.transform(pd.DataFrame({"x": cells, "other": 0.0}))[1].unreadable
    _, caught, _ = fit(cells, missing={"x": "OFF"})
    assert not caught


def test_numbers_never_become_a_category_without_a_word() -> None:
    cells = [f"broken {i}" if i % 4 == 0 else str(a) for i, a in enumerate(AMOUNTS)]
    _, [warning, *_], _ = fit(cells)
    assert "90 cells are numbers, but not 30 cells (row 0: 'broken 0', row 4: 'bro" in warning
    encoder, caught, _ = fit(cells, columns={"x": "number"})
    assert encoder.schema["x"].kind == "numeric"
    assert not caught


def test_units_of_different_kinds_are_not_merged() -> None:
    cells = [f"{a} \u00b0C" if i % 3 else f"{a} \u00b0F" for i, a in enumerate(AMOUNTS)]
    encoder, [warning, *_], _ = fit(cells)
    assert [column.name for column in encoder.schema.columns] == ["other"]
    assert "different units: \u00b0C (80), \u00b0F (40) (40 cells (row 0: " in warning


def test_units_of_one_kind_are_converted_and_said() -> None:
    cells = [f"{a} ms" if a < 1500 else f"{a / 1000} s" for a in AMOUNTS]
    encoder, [warning], _ = fit(cells)
    column = encoder.schema["x"]
    assert isinstance(column, NumericColumn)
    assert column.center == pytest.approx(np.median(AMOUNTS))
    assert re.search(r"column 'x': \d+ cells \(row \d+: '[\d.]+ s'.* are converted to ms", warning)


def test_bounds_are_read_and_said() -> None:
    cells = ["<5" if i % 6 == 0 else str(50 + a) for i, a in enumerate(AMOUNTS)]
    _, caught, notes = fit(cells)
    assert "column 'x': 20 cells (row 0: '<5') only say a bound, and are read as it" in notes
    assert not caught


class TestOneComma:
    """``1,234`` alone doesn't show whether the comma separates decimals or thousands."""

    CELLS = tuple(f"{int(a):,}" for a in AMOUNTS)
    LARGEST = float(AMOUNTS.astype(int).max())

    def test_it_is_said(self) -> None:
        encoder, [warning], _ = fit(self.CELLS)
        assert re.search(r"as if ',' separated thousands; if it doesn't, give --decimal ,", warning)
        assert self.center(encoder) == np.median(AMOUNTS.astype(int))

    def test_the_option_decides(self) -> None:
        encoder, caught, _ = fit(self.CELLS, decimal=",")
        assert not caught
        assert self.center(encoder) < 999
        assert not fit(self.CELLS, thousands=",")[1]

    def test_other_columns_show_it(self) -> None:
        points = [f"{value:.2f}" for value in RNG.normal(size=len(self.CELLS))]
        assert not fit(self.CELLS, beside=points)[1]
        encoder, caught, _ = fit(self.CELLS, beside=[point.replace(".", ",") for point in points])
        assert not caught
        assert self.center(encoder) < 999

    def test_points_among_decimal_commas(self) -> None:
        commas = [f"{value:.2f}".replace(".", ",") for value in RNG.normal(size=len(self.CELLS))]
        encoder, caught, notes = fit([c.replace(",", ".") for c in self.CELLS], beside=commas)
        assert not caught
        assert self.center(encoder) == np.median(AMOUNTS.astype(int))
        assert any("thousands separated by '.'" in note for note in notes)

    @staticmethod
    def center(encoder: TableEncoder) -> float:
        column = encoder.schema["x"]
        assert isinstance(column, NumericColumn)
        return column.center


@pytest.mark.parametrize(
    ("value", "low"), [(-999, 20.0), (-200, 0.0), (9999, 1.0), (-1, 5.0), (1e6, 0.0), (-999.25, 3)]
)
def test_numbers_that_stand_for_missing_are_pointed_out(value: float, low: float) -> None:
    cells = [value if i % 9 == 0 else low + a / 10 for i, a in enumerate(AMOUNTS)]
    _, [warning], _ = fit(cells)
    assert f"{value:.15g} comes again and again" in warning
    assert f"give --missing {value:.15g}" in warning
    encoder, caught, _ = fit(cells, missing=value)
    assert not caught
    assert encoder.schema["x"].missing
    assert encoder.schema["x"].markers == (f"{value:.15g}",)
    new = pd.DataFrame({"x": [value, float(value), 7.0], "other": 0.0})
    assert encoder.transform(new)[1].missing == {"x": 2}
    text = pd.DataFrame({"x": [f"{value:.15g}", "7", "8"], "other": 0.0})
    assert encoder.transform(text)[1].missing == {"x": 1}


@pytest.mark.parametrize(
    "cells",
    [
        RNG.normal(size=200),
        RNG.poisson(3, 200),
        RNG.integers(-1, 30, 200),
        np.where(RNG.random(200) < 0.1, 0.0, RNG.gamma(2, 1, 200)),
        np.exp(3 * RNG.normal(size=200)),
        np.minimum(RNG.normal(90, 8, 200), 99),
        RNG.choice([0.0, 100.0], 200),
    ],
)
def test_ordinary_numbers_are_not_pointed_out(cells: Any) -> None:
    assert not fit(cells)[1]


def test_missing_in_one_column_and_in_constant_ones() -> None:
    frame = pd.DataFrame({"x": [1.0, -1, 3, 4, 5] * 4, "y": [1.0, -1, 3, 4, 6] * 4, "z": 7.0})
    with pytest.warns(DataWarning, match="left out"):
        encoder = TableEncoder.fit(
            frame, options=TableOptions.make(missing={"x": -1, "": ["7.5", "bad"]})
        )
    assert encoder.schema["x"].missing
    assert not encoder.schema["y"].missing
    assert TableEncoder.from_json(encoder.to_json()) == encoder
    new = pd.DataFrame({"x": [1.0, 1.0], "y": [1.0, 1.0], "z": ["7.5", "8"]})
    report = encoder.transform(new)[1]
    assert report.changed_rows["z"].tolist() == [False, True]
    with pytest.raises(InputError, match="no column 'w' for missing cells"):
        TableEncoder.fit(frame, options=TableOptions.make(missing={"w": 1}))


def test_options_are_checked() -> None:
    for options, message in [
        ({"decimal": ";"}, "decimal=';'"),
        ({"thousands": "_"}, "thousands='_'"),
        ({"decimal": ",", "thousands": ","}, "can't separate thousands as well"),
        ({"missing": True}, "missing=True"),
    ]:
        with pytest.raises(InputError, match=message):
            TableOptions.make(**options)  # type: ignore[arg-type]


def test_codes_are_hinted_at() -> None:
    for cells in (["01003", "01001", "20095"] * 40, RNG.choice([3, 17, 40], 120)):
        assert any("may be codes, read as amounts: 'x'" in note for note in fit(cells)[2])
    assert not fit(RNG.poisson(300, 120))[2]


def test_another_form_at_scoring_is_named() -> None:
    encoder, _, _ = fit([str(a) for a in AMOUNTS])
    new = pd.DataFrame({"x": FORMS["decimal comma"], "other": 0.0})
    line = next(iter(encoder.transform(new)[1].lines()))
    assert "column 'x': 120 cells can't be read as a number" in line
    assert "they look like numbers with decimal comma" in line


def test_decimal_points_after_decimal_commas_are_said() -> None:
    encoder, _, _ = fit(FORMS["decimal comma"])
    new = pd.DataFrame({"x": [f"{a:.2f}" for a in AMOUNTS], "other": 0.0})
    values, report = encoder.transform(new)
    commas = pd.DataFrame({"x": FORMS["decimal comma"], "other": 0.0})
    np.testing.assert_array_equal(values, encoder.transform(commas)[0])
    assert list(report.unread_lines()) == [
        "120 cells of column 'x' have decimal points, and those of training decimal commas; read "
        "as decimals"
    ]


def test_a_known_number_for_missing_may_be_the_most_frequent() -> None:
    cells = [-200.0 if i % 5 else a for i, a in enumerate(AMOUNTS)]
    assert "-200 comes again and again" in fit(cells)[1][0]


def test_seats_and_addresses_are_levels_without_a_word() -> None:
    for cells in (
        [f"{i % 30}{'ABCDEF'[i % 6]}" for i in range(120)],
        [f"10.0.{i % 7}.{i % 5}" for i in range(120)],
        [f"R{i % 9}" for i in range(120)],
        [f"{i % 40} {'ABCDEFGHIJKLMNOP'[i % 16]}ain Street" for i in range(120)],
    ):
        encoder, caught, notes = fit(cells)
        assert (encoder.schema["x"].kind, caught, notes) == ("category", [], [])


def test_codes_that_rise_with_the_file_are_pointed_out() -> None:
    _, warned, _ = fit([f"{1000 + at:05}" for at in range(60)])
    assert any("if they are codes, --category x makes them levels" in text for text in warned)
    _, warned, _ = fit([str(1000 + at) for at in range(60)])
    assert not any("--category" in text for text in warned)
