"""Commands that tell what there is: info, methods, datasets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anomgan import GANDetector
from anomgan.data.samples import list_samples
from anomgan.gans import GAN


def test_info(run: Any, fitted: Any) -> None:
    done = run("info", fitted.model)
    assert (done.code, done.err) == (0, "")
    facts = dict(line.split(maxsplit=1) for line in done.out.splitlines())
    assert facts["method"] == "gan"
    assert facts["rows"] == "200"
    assert facts["size"].startswith("numeric  ")
    assert facts["colour"].startswith("category, 3 levels  ")
    assert facts["left"].startswith("out ")
    assert "'remark' (text that differs in every row)" in facts["left"]
    assert facts["threshold"].endswith("(alpha 0.05)")
    assert "torch " in facts["versions"]
    assert facts["source"] == str(fitted.new.with_name("normal.csv"))
    assert "chance is 50%" in done.out


def test_info_as_json(run: Any, fitted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANOMGAN_MODEL", str(fitted.model))
    done = run("info", "--json")
    assert (done.code, done.err) == (0, "")
    facts = json.loads(done.out)
    assert facts["method"] == "gan"
    assert facts["training"]["rows"] == 200
    assert {"coverage", "density", "two_sample", "frechet"} < set(facts["health"][0]["measures"])
    assert facts["health"][0]["step"] < facts["health"][-1]["step"]
    assert facts["held_out"]["measures"].keys() == facts["health"][0]["measures"].keys()
    assert len(facts["health_in_words"]) >= 4
    assert [column["name"] for column in facts["schema"]["columns"]] == ["size", "weight", "colour"]


def test_info_of_a_model_made_in_python(run: Any, tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(30, 2))
    settings = {"steps": 5, "members": 1, "hidden": 8}
    detector = GANDetector(settings=settings, contamination=0.1, random_state=0).fit(values)
    detector.save(tmp_path / "model")
    done = run("info", tmp_path / "model")
    assert done.code == 0, done.err
    assert "fitted in Python" in done.out
    assert "(contamination 0.1)" in done.out
    (tmp_path / "new.csv").write_text("x1,x0\n0,0\n9,-9\n")
    done = run("score", tmp_path / "new.csv", "--model", tmp_path / "model")
    assert done.table["is_anomaly"].tolist() == [0, 1]
    expected = (detector.predict([[0, 0], [-9, 9]]) == -1).tolist()
    assert done.table["is_anomaly"].astype(bool).tolist() == expected


def test_methods_lists_every_registered_gan(run: Any) -> None:
    done = run("methods")
    assert done.code == 0
    for name, gan in GAN.registry.items():
        [line] = [line for line in done.out.splitlines() if line.split()[:1] == [name]]
        assert str(gan.year) in line
        assert line.split()[-2:].count("-") == (0 if "tables" in gan.kinds else 2)
        assert ("(default)" in line) == (name == GANDetector().method)


def test_fit_offers_the_default_method_of_the_estimator(run: Any) -> None:
    assert f"[default: {GANDetector().method}]" in run("fit", "--help").out


@pytest.mark.parametrize("arguments", [["datasets"], ["datasets", "list"]])
def test_datasets_lists_every_sample(run: Any, arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.code == 0
    for sample in list_samples():
        assert sample.name in done.out


def test_datasets_export(run: Any, tmp_path: Path) -> None:
    done = run("datasets", "export", "wine", tmp_path / "deep" / "wine")
    assert (done.code, done.out) == (0, "")
    files = sorted(path.name for path in (tmp_path / "deep" / "wine").iterdir())
    assert files == ["new.csv", "new_labels.csv", "normal.csv"]
    again = run("datasets", "export", "wine", tmp_path / "deep" / "wine").error
    assert "exists: remove it or name another folder" in again
    assert "did you mean 'wine'" in run("datasets", "export", "whine", tmp_path).error
