"""Numbers as people write them."""

import numpy as np
import pyarrow as pa
import pytest

from anomgan.data.table.number_form import NumberForm
from anomgan.data.table.units import convert

PLAIN, THOUSANDS, COMMA = NumberForm(), NumberForm(".", ","), NumberForm(",")


def read(form: NumberForm, *cells: str) -> list[float]:
    return form.read(pa.array(cells, pa.large_string())).tolist()


@pytest.mark.parametrize(
    ("form", "cell", "number"),
    [
        (COMMA, "1,5", 1.5),
        (COMMA, "1.234.567,5", 1234567.5),
        (COMMA, "1 234,5", 1234.5),
        (COMMA, "1\u202f234", 1234),
        (COMMA, "-0,125", -0.125),
        (COMMA, "1,5e-3", 0.0015),
        (NumberForm(",", "."), "1.234", 1234),
        (THOUSANDS, "1,234", 1234),
        (THOUSANDS, "999", 999),
        (THOUSANDS, "12,34,567", 1234567),
        (PLAIN, "1,234,567", 1234567),
        (PLAIN, "1'234.5", 1234.5),
        (PLAIN, "1\u2019234", 1234),
        (PLAIN, "\u22123", -3),
        (PLAIN, "(12.5)", -12.5),
        (PLAIN, "5-", -5),
        (PLAIN, "<0.5", 0.5),
        (PLAIN, "\u2265 100", 100),
        (PLAIN, "12*", 12),
        (PLAIN, "12 a", 12),
        (PLAIN, "12[1]", 12),
        (PLAIN, "12.5 \u00b1 0.2", 12.5),
        (NumberForm(unit="mm Hg"), "120 mm Hg", 120),
        (PLAIN, "3\u00b2", 3),
        (PLAIN, "24.3K", 24300),
        (PLAIN, "1.2 M", 1.2e6),
        (PLAIN, '"7"', 7),
        (PLAIN, ".5", 0.5),
        (NumberForm(unit="$"), "$1,200.50", 1200.5),
        (NumberForm(unit="$"), "-$5", -5),
        (NumberForm(unit="$"), "$ 1.2M", 1.2e6),
        (NumberForm(unit="$"), "USD 5", 5),
        (NumberForm(",", unit="\u20ac"), "5,20 \u20ac", 5.2),
        (NumberForm(",", unit="\u20ac"), "EUR 5", 5),
        (NumberForm(unit="kr"), "5 kr.", 5),
        (NumberForm(unit="%"), "12 %", 12),
        (NumberForm(unit="\u00b0C"), "21.5 degC", 21.5),
        (NumberForm(unit="kg"), "500 g", 0.5),
        (NumberForm(unit="kg"), "12 KG", 12),
        (NumberForm(unit="kg"), "12", 12),
        (NumberForm(unit="m\u00b2"), "12 m\u00b2", 12),
        (NumberForm(unit="ms"), "1.5 s", 1500),
        (NumberForm(unit="MB"), "512 KiB", 0.524288),
    ],
)
def test_numbers(form: NumberForm, cell: str, number: float) -> None:
    assert read(form, cell) == pytest.approx([number])


@pytest.mark.parametrize(
    ("form", "cell"),
    [
        (PLAIN, "1,5"),  # a decimal comma where none was learnt
        (PLAIN, "1,234"),  # it doesn't show what this comma means
        (COMMA, "1.5"),
        (PLAIN, "12 kg"),
        (PLAIN, "2024-03-01"),
        (PLAIN, "12:30"),
        (PLAIN, "5-10"),
        (PLAIN, "1.2.3"),
        (PLAIN, "10.0.0.1"),
        (PLAIN, "A12"),
        (PLAIN, "3 Mar 2024"),
        (PLAIN, "(12"),
        (PLAIN, "\u221e"),
        (NumberForm(unit="\u00b0C"), "70 \u00b0F"),
        (NumberForm(unit="s"), "3 m"),
        (NumberForm(unit="K"), "1.2M"),
    ],
)
def test_what_is_no_number_of_the_form(form: NumberForm, cell: str) -> None:
    assert np.isnan(read(form, cell)).all()


def test_missing_cells_stay_missing() -> None:
    values = COMMA.read(pa.array(["1,5", None, "<2,5"], pa.large_string()))
    np.testing.assert_array_equal(values, [1.5, np.nan, 2.5])


@pytest.mark.parametrize(
    ("prefix", "suffix", "unit", "factor"),
    [
        ("", "MW", "mW", 1e9),
        ("", "min", "s", 60),
        ("$", "B", "$", 1e9),
        ("\u20ac", "", "$", None),
        ("", "Hz", "s", None),
    ],
)
def test_units(prefix: str, suffix: str, unit: str, factor: float | None) -> None:
    assert convert(prefix, suffix, unit) == (factor and pytest.approx(factor))
