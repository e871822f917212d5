"""Exported scores are the native ones; what can't be exported says why."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from anomgan import DataWarning, GANDetector, InputError, load_exported, load_sample
from anomgan.config import Config
from anomgan.gans import GAN
from anomgan.persistence.onnx.export import MAX_UNROLLED_STEPS, find_obstacle
from anomgan.runtime.description import DESCRIPTION, GRAPH

EXPORTABLE = sorted(name for name, gan in GAN.registry.items() if gan.inversion != "prior")


def assert_same(detector: GANDetector, folder: Any, X: Any, tolerance: float = 1e-5) -> None:
    """Scores are equal, relative to a score of at least 1; all else follows from them."""
    detector.export(folder)
    exported = load_exported(folder, threads=1)
    before, after = detector.score_rows(X), exported.score_rows(X)
    difference = np.abs(after.score - before.score) / np.maximum(1, np.abs(before.score))
    # A step of the inversion may end at a kink of the networks, where rounding decides on the side.
    assert difference.max() < 1e-3
    assert np.sum(difference > tolerance) <= max(1, 0.01 * len(difference))
    np.testing.assert_array_equal(after.limit, before.limit)
    # A score may equal that of a calibration row, and be rounded to the other side of it.
    step = 1 / (len(detector.decision_scores_) + 1)
    np.testing.assert_allclose(after.p_value, before.p_value, atol=1.01 * step)
    clear = ~(np.abs(before.score - before.limit) < 1e-3)
    np.testing.assert_array_equal(after.flagged[clear], before.flagged[clear])
    few = (
        exported.score_frame(X[3:5]) if isinstance(X, pd.DataFrame) else exported.score_rows(X[3:5])
    )
    np.testing.assert_array_equal(few.score, after.score[3:5])


@pytest.mark.filterwarnings("ignore:X. columns left out")
@pytest.mark.slow
def test_conditions_gaps_and_constants_come_along(table, tmp_path):
    rows = table(400).assign(version=7)
    settings = {
        "steps": 2,
        "members": 2,
        "hidden": 16,
        "latent": 4,
        "inversion_steps": 1,
        "memory_rows": 60,
        "contrast_hidden": 16,
    }
    detector = GANDetector("cgan", settings=settings, condition="kind", random_state=0).fit(rows)
    new = table(40, seed=5).assign(version=[7] * 38 + [8, 9])
    new.loc[[1, 2], "size"] = [np.nan, 1e12]
    new.loc[[3, 4], "kind"] = ["new", None]
    with pytest.warns(DataWarning, match="judged against all levels pooled"):
        assert_same(detector, tmp_path / "export", new)
    exported = load_exported(tmp_path / "export")
    result = exported.score_frame(new)
    assert result.flagged[-2:].all()  # the constant changed
    assert result.score[-1] > detector.decision_scores_[-1]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["tables", "images"])
@pytest.mark.parametrize("name", EXPORTABLE)
def test_every_method_scores_the_same(table, fitted, name, kind, tmp_path):
    if kind not in GAN.registry[name].kinds:
        pytest.skip(f"not for {kind}")
    settings = {"steps": 3, "members": 2, "hidden": 16, "channels": 2, "memory_rows": 60}
    if kind == "tables":
        condition = "kind" if GAN.registry[name].conditional else None
        assert_same(fitted(method=name, condition=condition), tmp_path / "e", table(30, seed=5))
        return
    pictures = np.random.default_rng(0).uniform(0, 255, size=(60, 13, 12)).astype(np.uint8)
    if GAN.registry[name].conditional:
        pytest.skip("arrays of pictures have no conditions")
    detector = GANDetector(name, settings=settings, random_state=0).fit(pictures[:40])
    # Two steps through convolutions that were hardly trained enlarge the rounding.
    assert_same(detector, tmp_path / "e", pictures[40:], tolerance=5e-4)


@pytest.mark.slow
@pytest.mark.parametrize("sample", ["breast-cancer", "penguins", "taxis", "wine"])
@pytest.mark.parametrize("score", ["combined", "gan", "paper", "reconstruction"])
def test_sample_data_score_the_same(sample, score, tmp_path):
    data = load_sample(sample)
    settings = {"steps": 30, "members": 2, "score": score}
    detector = GANDetector(settings=settings, random_state=0).fit(data.normal)
    assert_same(detector, tmp_path / "export", data.new)


@pytest.mark.parametrize(
    ("inversion", "settings", "reason"),
    [
        ("prior", {}, r"searches the latent space .* in 50 steps; choose .* f-anogan"),
        ("encoder", {"inversion_steps": 51}, "51 gradient steps, .* inversion_steps=2"),
        ("encoder", {"inversion_steps": MAX_UNROLLED_STEPS}, None),
        ("none", {"inversion_steps": 51}, None),
    ],
)
def test_methods_that_search_say_why_not(inversion, settings, reason):
    gan = SimpleNamespace(name="g", inversion=inversion, config=replace(Config(), **settings))
    found = find_obstacle(SimpleNamespace(patches=None, gan=gan))
    assert (found is None) if reason is None else re.search(reason, found)


def test_other_folders_are_left_alone(detector, original, tmp_path):
    for folder in (original, tmp_path):
        (tmp_path / "notes.txt").write_text("mine")
        with pytest.raises(InputError, match="isn't an export; it won't be overwritten"):
            detector.export(folder)
    assert {path.name for path in tmp_path.iterdir()} == {"notes.txt"}


def test_damage_is_found(exported_folder, tmp_path):
    description = json.loads((exported_folder / DESCRIPTION).read_text(encoding="utf-8"))
    graph = (exported_folder / GRAPH).read_bytes()

    def load_with(change: dict[str, Any], data: bytes = graph) -> None:
        (tmp_path / DESCRIPTION).write_text(json.dumps(description | change))
        (tmp_path / GRAPH).write_bytes(data)
        load_exported(tmp_path)

    load_with({})
    with pytest.raises(InputError, match="isn't as it was written"):
        load_with({}, graph[:-1])
    with pytest.raises(InputError, match="of version 99, and this anomgan reads"):
        load_with({"export_version": 99})
    with pytest.raises(InputError, match="damaged: KeyError: 'threshold'"):
        load_with({"decision": {"calibration": {"scores": [1], "by_condition": None}, "alpha": 1}})
    (tmp_path / DESCRIPTION).write_text('{"anomgan":')
    with pytest.raises(InputError, match="damaged"):
        load_exported(tmp_path)
    with pytest.raises(InputError, match="isn't an exported detector"):
        load_exported(tmp_path / "nothing")
