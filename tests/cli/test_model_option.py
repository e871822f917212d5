"""--model and MODEL, and --json, wherever a model is read or facts are printed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from anomgan.gans import GAN


@pytest.mark.parametrize("words", [["{m}"], ["--model", "{m}"], ["{m}", "--model", "{m}"]])
def test_info_takes_its_model_both_ways(run: Any, fitted: Any, words: list[str]) -> None:
    done = run("info", "--json", *(word.format(m=fitted.model) for word in words))
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out)["model"] == str(fitted.model)


@pytest.mark.parametrize("command", ["info", "report", "log", "calibrate"])
def test_two_models_are_refused(run: Any, fitted: Any, tmp_path: Path, command: str) -> None:
    error = run(command, fitted.model, "--model", tmp_path).error
    assert error == f"MODEL {fitted.model} and --model {tmp_path} are two models; give one of them"


def test_an_option_beats_the_environment(
    run: Any, fitted: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANOMGAN_MODEL", str(tmp_path / "other"))
    assert run("info", "--model", fitted.model).code == 0
    assert "other: no such model" in run("info").error


def test_report_and_calibrate_take_the_option(run: Any, fitted: Any, tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(fitted.model, model)
    assert run("report", "--model", model, "--output", tmp_path / "page.html").code == 0
    done = run("calibrate", "--model", model, "--alpha", 0.2, "--json")
    assert json.loads(done.out)["training"]["calibration"]["rows"] == 200
    assert json.loads(run("info", model, "--json").out)["alpha"] == 0.2


def test_fit_says_in_json_what_info_says(
    run: Any, fitted: Any, tmp_path: Path, tiny: list[str]
) -> None:
    normal = fitted.new.with_name("normal.csv")
    done = run("fit", normal, "--model", tmp_path / "m", "--json", *tiny)
    assert json.loads(done.out) == json.loads(run("info", tmp_path / "m", "--json").out)


def test_lists_in_json(run: Any) -> None:
    methods = json.loads(run("methods", "--json").out)
    assert [each["name"] for each in methods] == sorted(GAN.registry)
    sets = json.loads(run("datasets", "list", "--json").out)
    assert {each["name"]: each["anomalies"] for each in sets}["penguins"] == 68


def test_bench_in_json(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("datasets", "export", "wine", "wine").code == 0
    done = run("bench", "wine", "--methods", "none", "--peers", "iforest", "--seeds", 1, "--json")
    facts = json.loads(done.out)
    assert facts["auroc"]["wine"]["iforest"] > 0.9
    assert facts["settings"]["preset"] == "balanced"


def test_the_quality_of_samples_in_json(run: Any, fitted: Any, tmp_path: Path) -> None:
    sample = ["sample", 60, "--model", fitted.model, "--json"]
    assert "name a file by --output" in run(*sample, "--quality", fitted.new).error
    done = run(*sample, "--quality", fitted.new, "--output", tmp_path / "s.csv")
    assert "coverage" in json.loads(done.out)["joint"]
    assert "belongs to" in run("sample", 9, "--training", "x.csv").error
    assert "--quality" in run(*sample, "--output", tmp_path / "s.csv").error
