"""The public face: what `anomgan` offers, and that the docs use nothing else."""

import re
from pathlib import Path

import pytest

import anomgan
import anomgan.mlflow

ROOT = Path(__file__).parents[1]
EXTENSION_POINTS = {
    "anomgan.gans",
    "anomgan.mlflow",
    "anomgan.plotting",
    "anomgan.scoring",
    "anomgan.spark",
}
PAGES = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "notebooks").glob("*.ipynb")]


def test_every_public_name_is_there_and_explained():
    assert dir(anomgan) == sorted(anomgan.__all__)
    for name in anomgan.__all__:
        assert getattr(anomgan, name).__doc__, name


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'detektor'"):
        anomgan.detektor  # noqa: B018


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_docs_import_public_names_only(page):
    text = page.read_text(encoding="utf-8")
    for module, names in re.findall(r"from (anomgan[\w.]*) import ([\w, ]+)", text):
        if module == "anomgan":
            allowed = {*anomgan.__all__, "gans", "mlflow", "scoring", "spark"}
            assert {name.strip() for name in names.split(",")} <= allowed
        else:
            assert module in EXTENSION_POINTS
