"""``--plugin``: an own GAN and an own component in every command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

EXAMPLE = Path(__file__).parents[2] / "docs" / "plugin-example" / "anomgan_lsgan.py"
COMPONENT = '''
from anomgan.scoring import Component

class Length(Component):
    """How long a record is."""
    name = "length"

    def fit(self, records, rows):
        self.state = {}

    def __call__(self, records):
        return self.group_by_fold(records.x.square().sum(-1)).mean(1).sqrt()
'''


@pytest.fixture
def component(tmp_path: Path) -> Path:
    path = tmp_path / "length.py"
    path.write_text(COMPONENT)
    return path


def test_fit_score_info_explain_and_sample(
    run: Any, fitted: Any, tiny: list[str], component: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    named = ["--plugin", EXAMPLE, "--plugin", component]
    normal, model = fitted.new.with_name("normal.csv"), tmp_path / "m"
    options = ["--method", "lsgan", "--set", "score=gan+length", "--model", model]
    done = run("fit", normal, *options, *named, *tiny, "--json")
    assert done.code == 0, done.err
    plugins = json.loads(done.out)["plugins"]
    assert [(each["name"], each["file"]) for each in plugins] == [
        ("lsgan", "anomgan_lsgan.py"),
        ("length", "length.py"),
    ]
    assert "plugin" not in (model / "fit.yaml").read_text()
    again = run("fit", "--config", model / "fit.yaml", "--model", tmp_path / "n", *named)
    assert again.code == 0, again.err
    scored = run(*named, "score", fitted.new, "--model", model)  # before the command, too
    monkeypatch.setenv("ANOMGAN_PLUGINS", f"{EXAMPLE}:{component}")
    pd.testing.assert_frame_equal(
        scored.table, run("score", fitted.new, "--model", tmp_path / "n").table
    )
    assert "lsgan: LeastSquaresGAN of anomgan_lsgan.py, sha256 " in run("info", model).out
    for words in (["explain", fitted.new, "--rows", 3], ["sample", 3]):
        assert run(*words, "--model", model).code == 0


def test_a_model_without_its_plug_in_is_refused(
    run: Any, fitted: Any, tiny: list[str], component: Path, tmp_path: Path
) -> None:
    from anomgan.plugins.files import VARIABLE, list_loaded

    normal, model = fitted.new.with_name("normal.csv"), tmp_path / "m"
    run("fit", normal, "--plugin", component, "--set", "score=length", "--model", model, *tiny)
    for file in list_loaded():
        file._forget()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, "")
        error = run("score", fitted.new, "--model", model).error
    assert (
        "it needs the component 'length' of a plug-in, which was in the file 'length.py'" in error
    )
    assert error.endswith(
        "--plugin length.py, ANOMGAN_PLUGINS=length.py, or in Python "
        "anomgan.load_plugin('length.py')"
    )


def test_lists_mark_plug_ins(run: Any, component: Path) -> None:
    assert "lsgan (plug-in)  2017  tables, images" in run("methods", "--plugin", EXAMPLE).out
    entry = json.loads(run("methods", "--plugin", EXAMPLE, "--json").out)[-1]
    assert (entry["name"], entry["plugin"], entry["fit_cost"]) == ("lsgan", str(EXAMPLE), None)
    assert "\n    plug-ins: length\n" in run("settings", "--plugin", component).out
    settings = json.loads(run("settings", "--plugin", component, "--json").out)
    assert next(each for each in settings if each["name"] == "score")["choices"][-1] == "length"


def test_bench_takes_an_own_gan_and_score(
    run: Any, tmp_path: Path, component: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    table = pd.DataFrame({"a": [*range(80)], "b": [*range(80)][::-1], "y": [0] * 70 + [1] * 10})
    table.to_csv("t.csv", index=False)
    options = ["--label", "y", "--peers", "none", "--seeds", 1, "--plugin", EXAMPLE]
    options += ["--set", "steps=2", "--set", "members=1", "--set", "contrast=off"]
    scores = ["--scores", "gan,gan+2*length", "--plugin", component]
    done = run("bench", "t.csv", "--methods", "lsgan", *scores, *options, "--json")
    assert done.code == 0, done.err
    names = ["lsgan (gan)", "lsgan (gan+2*length)"]
    assert list(json.loads(done.out)["auroc"]["t"]) == names
    assert "unknown 'best'" in run("bench", "t.csv", "--scores", "best", *options).error
    assert "score='best' must be" in run("bench", "t.csv", "--scores", "gan+best", *options).error


def test_an_error_in_a_plug_in_is_its_own(
    run: Any, fitted: Any, tiny: list[str], tmp_path: Path
) -> None:
    plugin = tmp_path / "broken.py"
    broken = EXAMPLE.read_text("utf-8").replace("return (fake - 1)", "return 1 / 0 + (fake - 1)")
    plugin.write_text(broken, "utf-8")
    options = ["--method", "lsgan", "--plugin", plugin, "--model", tmp_path / "m", *tiny]
    done = run("fit", fitted.new.with_name("normal.csv"), *options)
    said = f"plug-in {plugin}: line 24, generator_loss: ZeroDivisionError: division by zero; -v"
    assert done.error.startswith(said)
    assert "Traceback" in run("fit", fitted.new.with_name("normal.csv"), *options, "-v").err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["fit", "x.csv", "--plugin", "nowhere.py"], "plug-in nowhere.py: there is no such file"),
        (["--plugin", "x.csv", "info"], "plug-in x.csv: isn't a .py file"),
    ],
)
def test_what_is_no_plug_in_is_refused(run: Any, words: list[str], message: str) -> None:
    assert run(*words).error == message


def test_a_file_of_options_names_no_code(run: Any, tmp_path: Path) -> None:
    (tmp_path / "fit.yaml").write_text("plugin: evil.py\n")
    error = run("fit", "x.csv", "--config", tmp_path / "fit.yaml").error
    assert error.endswith(
        "no option 'plugin'; plug-ins are code: type --plugin, or set ANOMGAN_PLUGINS"
    )
