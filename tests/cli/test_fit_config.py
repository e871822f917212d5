"""fit --config: options from a file, and the file beside the model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

TINY = "{steps: 20, members: 1, hidden: 8, latent: 4, inversion_steps: 1, memory_rows: 100}"


@pytest.fixture(autouse=True)
def in_folder(fitted: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("normal.csv").write_bytes(fitted.new.with_name("normal.csv").read_bytes())


def write(text: str) -> str:
    Path("fit.yaml").write_text(text, encoding="utf-8")
    return "fit.yaml"


def test_a_fit_is_repeated_from_the_file_beside_its_model(run: Any) -> None:
    config = write(
        f"normal: normal.csv\nmodel: m\npreset: fast\nset: {TINY}\ndrop: [colour]\n"
        "id: name\nseed: 0\nalpha: 0.1\n--strict: yes\ncheckpoint_every: 0\n"
    )
    assert run("fit", "--config", config, "--set", "steps=25").code == 0
    kept = yaml.safe_load(Path("m", "fit.yaml").read_text(encoding="utf-8"))
    assert kept["normal"] == "normal.csv"
    assert kept["set"] == yaml.safe_load(TINY) | {"steps": 25}
    assert (kept["drop"], kept["id"], kept["seed"]) == (["colour"], "name", 0)
    assert (kept["alpha"], kept["strict"], kept["method"]) == (0.1, True, "gan")
    assert not {"checkpoint-every", "track", "config", "contamination"} & kept.keys()

    weights = Path("m", "weights.safetensors").read_bytes()
    assert run("fit", "--config", "m/fit.yaml", "--model", "again").code == 0
    assert Path("again", "weights.safetensors").read_bytes() == weights
    again = yaml.safe_load(Path("again", "fit.yaml").read_text(encoding="utf-8"))
    assert again == kept | {"model": "again"}


def test_the_command_line_counts_first(run: Any) -> None:
    config = write(f"normal: nowhere.csv\npreset: fast\nset: {TINY}\nalpha: 0.2\nmethod: wgan-gp\n")
    done = run("fit", "normal.csv", "--config", config, "--alpha", "0.1", "--model", "m", "--json")
    facts = json.loads(done.out)
    assert (facts["method"], facts["alpha"], facts["config"]["steps"]) == ("wgan-gp", 0.1, 20)


def test_a_model_that_is_calibrated_anew_keeps_its_options(run: Any) -> None:
    config = write(f"normal: normal.csv\npreset: fast\nset: {TINY}\nmodel: m\n")
    assert run("fit", "--config", config).code == 0
    before = Path("m", "fit.yaml").read_bytes()
    assert run("calibrate", "m", "--alpha", 0.2).code == 0
    assert Path("m", "fit.yaml").read_bytes() == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("modle: m", "fit.yaml: fit has no option 'modle'; did you mean 'model'?"),
        ("qqq: m", "fit.yaml: fit has no option 'qqq'; `anomgan fit -h` lists all"),
        ("json: true", "fit.yaml: fit has no option 'json'"),
        ("[1, 2]", "--config fit.yaml: write a line `option: value` for each option"),
        ("a: [1\nb: 2", "--config fit.yaml: line 2: "),
        ("strict: maybe", "fit.yaml: strict: 'maybe' is neither true nor false"),
        ("alpha: [0.1]", "fit.yaml: alpha: takes one value, not a list"),
        ("alpha: {a: 1}", "fit.yaml: alpha: has entries below it"),
        ("alpha: low", "Invalid value for '--alpha'"),
        ("set: {stepps: 3}", "stepps"),
        ("set: [steps]", "--set steps: write it as key=value"),
        ("a: !!python/object/apply:os.getcwd []", "fit has no option 'a'"),
    ],
)
def test_mistakes_in_the_file(run: Any, text: str, message: str) -> None:
    assert message in run("fit", "normal.csv", "--config", write(text)).error


def test_files_that_cannot_be_read(run: Any) -> None:
    assert "--config no.yaml: can't be read" in run("fit", "x.csv", "--config", "no.yaml").error
    Path("fit.yaml").write_bytes(b"\xff\xfe\x00a")
    assert "isn't UTF-8" in run("fit", "x.csv", "--config", "fit.yaml").error
    write("alpha: 0.1")
    assert "Missing argument 'NORMAL'" in run("fit", "--config", "fit.yaml").error


def test_values_are_taken_as_they_are_typed(run: Any) -> None:
    config = write(f"normal: normal.csv\nmodel: m\nset: {TINY}\ndrop: no\n")
    assert "has no column 'no'" in run("fit", "--config", config).error
