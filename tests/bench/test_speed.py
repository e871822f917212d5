from __future__ import annotations

from pathlib import Path

import pytest

from anomgan.bench.speed import SECTIONS, STRESS_SECTIONS, fill_page, select_sections

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"


def test_a_table_goes_between_its_comments() -> None:
    page = "a\n<!-- x -->\nold\n\\1\n<!-- /x -->\nb\n<!-- xy -->\n<!-- /xy -->\n"
    expected = "a\n<!-- x -->\n| 1 |\n<!-- /x -->\nb\n<!-- xy -->\n<!-- /xy -->\n"
    assert fill_page(page, "x", "| 1 |") == expected
    assert fill_page(expected, "x", "| 1 |") == expected
    with pytest.raises(ValueError, match="one pair of comments <!-- y --> … <!-- /y -->"):
        fill_page(page, "y", "")


def test_the_page_has_a_place_for_every_section() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name in SECTIONS | STRESS_SECTIONS:
        assert fill_page(page, name, "here") != page


def test_sections_are_chosen_by_how_their_names_begin() -> None:
    assert list(select_sections(None)) == list(SECTIONS)
    assert list(select_sections("score-r,latency")) == ["score-rows", "latency"]
    assert set(select_sections("load")) == set(STRESS_SECTIONS)
    with pytest.raises(ValueError, match="no section begins with 'speed'; there are: machine, "):
        select_sections("fit,speed")
