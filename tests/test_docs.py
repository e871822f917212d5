"""The examples of docs/ do what they say.

Blocks of ``sh`` and ``python`` are run, in a folder with the files that they name, and with models
that take a moment to fit.  Blocks of ``bash`` and ``py`` need a server, a cluster, Java or hours:
of their commands, and of those in running text, the options must exist, and Python must compile.
"""

from __future__ import annotations

import ast
import itertools
import json
import os
import re
import shlex
import shutil
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from anomgan import DataWarning, load
from anomgan.cli.main import make_command
from anomgan.cli.options import DEFAULT_MODEL

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("docs/**/*.md")), ROOT / "README.md", ROOT / "SECURITY.md"]
RUN = [
    "commands",
    "distributed",
    "python",
    "report",
    "scores",
    "files",
    "images",
    "performance",
    "plugins",
    "series",
]
RUN += [
    "index",
    *(f"how-to/{page.stem}" for page in sorted(ROOT.glob("docs/how-to/*.md"))),
]
"""Pages whose examples are run here; tests/mlflow has a server for those of mlflow.md."""

LONG = {"how-to/conditions", "images", "python", "report", "series"}
"""Pages whose examples in Python take long to fit; `make test-all` runs them."""

COMMAND = make_command()

LANGUAGES = {"sh", "bash", "python", "py", "yaml", "toml", "text", "json", ""}
SETTINGS = {"steps": 20, "members": 1, "hidden": 8, "latent": 4, "inversion_steps": 1}
TINY = ["--preset", "fast", *(f"--set={name}={value}" for name, value in SETTINGS.items())]


def read_blocks(page: Path) -> list[tuple[str, str]]:
    """Language and text of each block of code."""
    text = page.read_text(encoding="utf-8")
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, flags=re.M | re.S)


def split_lines(block: str) -> list[str]:
    """The commands of a block, of which backslashes may continue lines."""
    return [line for line in block.replace("\\\n", " ").splitlines() if line.split("#")[0].strip()]


def make_rows(rows: int, seed: int, *, abnormal: int = 0) -> pd.DataFrame:
    """Records of pumps, the last of which are abnormal."""
    rng = np.random.default_rng(seed)
    heat = rng.normal(70, 3, rows)
    heat[rows - abnormal :] += 60
    return pd.DataFrame(
        {
            "pump": [f"P-{seed}-{i}" for i in range(rows)],
            "heat": heat.round(1),
            "bytes_out": (300 * heat + rng.normal(0, 200, rows)).round(),
            "machine": rng.choice(["press", "saw"], rows),
            "site": rng.choice(["north", "south"], rows),
            "remark": [f"note {i} of {seed}" for i in range(rows)],
        }
    )


def make_sensors(seed: int) -> pd.DataFrame:
    """A sensor of two machines over time, one of which stands still in the end."""
    rng, t = np.random.default_rng(seed), np.arange(200)
    parts = [
        pd.DataFrame(
            {
                "timestamp": pd.date_range("2024-01-01", periods=200, freq="5min"),
                "machine": machine,
                "heat": np.sin(t / 3) * (1 - (machine == "saw") * (t > 150))
                + rng.normal(0, 0.1, 200),
            }
        )
        for machine in ("press", "saw")
    ]
    return pd.concat(parts)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, run: Any) -> Path:
    """The files that examples name."""
    folder = tmp_path_factory.mktemp("docs")
    normal, new = make_rows(150, 0), make_rows(60, 1, abnormal=12)
    normal.to_csv(folder / "normal.csv", index=False)
    new.to_csv(folder / "new.csv", index=False)
    new.to_parquet(folder / "big.parquet")
    for name in ("mine.csv", "mixed.csv"):
        new.to_csv(folder / name, index=False)
    make_rows(100, 2).to_csv(folder / "unseen.csv", index=False)
    for name, seed in (("sensors.csv", 5), ("latest.csv", 6)):
        make_sensors(seed).to_csv(folder / name, index=False)
    labelled = make_rows(80, 3, abnormal=20).assign(y=[0] * 60 + [1] * 20)
    labelled.to_csv(folder / "labelled.csv", index=False)
    shades = np.random.default_rng(4).integers(0, 255, (40, 8, 8), dtype=np.uint8)
    for kind in ("images/normal", "images/new"):
        (folder / kind).mkdir(parents=True)
        for at, picture in enumerate(shades):
            Image.fromarray(picture).save(folder / kind / f"{at}.png")
    for name, *words in (
        (str(DEFAULT_MODEL), "normal.csv"),
        ("by-machine", "normal.csv", "--condition", "machine"),
        ("pictures", "images/normal"),
    ):
        source = folder / words[0]
        done = run("fit", source, *words[1:], "--model", folder / name, *TINY)
        assert done.code == 0, done.err
    [config] = [text for kind, text in read_blocks(ROOT / "docs/commands.md") if kind == "yaml"]
    (folder / "fit.yaml").write_text(config, encoding="utf-8")
    shutil.copy(ROOT / "docs/plugin-example/anomgan_lsgan.py", folder / "lsgan.py")
    [component] = [text for kind, text in read_blocks(ROOT / "docs/plugins.md") if kind == "python"]
    (folder / "furthest.py").write_text(component, encoding="utf-8")
    return folder


@pytest.fixture
def in_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    return folder


@pytest.mark.usefixtures("in_folder")
@pytest.mark.parametrize("page", RUN)
def test_shell_blocks(page: str, run_line: Any) -> None:
    for language, block in read_blocks(ROOT / "docs" / f"{page}.md"):
        for line in split_lines(block) if language == "sh" else []:
            run_line(line, *(TINY if line.startswith("anomgan fit ") else []))


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=pytest.mark.slow) if page in LONG else page for page in RUN],
)
def test_python_blocks(page: str, in_folder: Path) -> None:
    blocks = [
        text for language, text in read_blocks(ROOT / "docs" / f"{page}.md") if language == "python"
    ]
    if not blocks:
        return
    new = pd.read_csv("new.csv")
    namespace: dict[str, Any] = {
        "__name__": "docs",
        "detector": load(DEFAULT_MODEL),
        "new": new,
        "truth": np.arange(60) >= 48,
        "normal": pd.read_csv("normal.csv"),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        for block in blocks:
            exec(compile(block, page, "exec"), namespace)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_blocks_are_of_known_languages_and_compile(page: Path) -> None:
    for language, block in read_blocks(page):
        assert language in LANGUAGES
        if language in ("py", "python"):
            compile(block, page.name, "exec")
        elif language in ("", "text"):
            assert not re.search(r"^(anomgan|python|pip|torchrun) ", block, flags=re.M), block


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_files_of_the_repository_that_pages_name_exist(page: Path) -> None:
    named = r"`((?:anomgan|cli|datasets|docs|fuzz|tests|tools)/[\w./-]+)`"
    for path in re.findall(named, page.read_text(encoding="utf-8")):
        assert ROOT.joinpath(path).exists(), path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_options_of_commands_exist(page: Path) -> None:
    lines = [
        line
        for language, block in read_blocks(page)
        if language in ("sh", "bash")
        for line in split_lines(block)
    ]
    prose = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    lines += [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", prose)]
    for line in lines:
        check_options(line)


def test_commands_of_deployment_exist() -> None:
    workflow = yaml.safe_load((ROOT / "docs/deploy/score-daily.yml").read_text("utf-8"))
    steps = workflow["jobs"]["score"]["steps"]
    lines = [line for step in steps for line in step.get("run", "").splitlines()]
    image = (ROOT / "docs/deploy/Dockerfile").read_text("utf-8")
    [command] = re.findall(r"^CMD (.+)$", image, flags=re.M)
    lines.append(shlex.join(json.loads(command)))
    assert sum("anomgan" in line for line in lines) == 3
    for line in lines:
        check_options(line)


def check_options(line: str) -> None:
    """Check that the options in a line are those of its command."""
    try:
        words = shlex.split(line.split(" > ")[0].split(" | ")[-1], comments=True)
    except ValueError:  # code in running text that isn't a command
        return
    if "anomgan" in words:
        check_command(words[words.index("anomgan") + 1 :], line)
    for at, word in enumerate(words):
        module = words[at + 1 : at + 2] if word == "-m" else []
        if re.fullmatch(r"tools/\w+\.py", word):
            source = ROOT / word
        elif module and module[0].startswith("anomgan."):
            source = ROOT.joinpath(*module[0].split(".")).with_suffix(".py")
        else:
            continue
        text = source.read_text(encoding="utf-8")
        for option in (each for each in words[at:] if each.startswith("--")):
            assert f'"{option.partition("=")[0]}"' in text, line


def check_command(words: list[str], line: str) -> None:
    """Check that a command exists and has these options; its arguments may be placeholders."""
    command = COMMAND
    context = command.make_context("anomgan", [], resilient_parsing=True)
    while words and words[0] in getattr(command, "commands", {}):
        command, words = command.commands[words[0]], words[1:]
    if not words or words[0].isupper() or not re.match(r"[-\w]", words[0]):
        return
    assert not (hasattr(command, "commands") and words[0].isalpha()), f"no such command: {line}"
    known = {name for parameter in command.get_params(context) for name in parameter.opts}
    known |= {n for p in command.get_params(context) for n in getattr(p, "secondary_opts", [])}
    for word in words:
        if word.startswith("--"):
            assert word.partition("=")[0] in known, line


@pytest.mark.parametrize("tool", sorted(path.name for path in ROOT.glob("tools/*.py")))
def test_tools_read_their_options_before_they_work(tool: str) -> None:
    """Else ``--help`` would fit models, or write files."""
    tree = ast.parse((ROOT / "tools" / tool).read_text(encoding="utf-8"))
    [main] = [node for node in tree.body if getattr(node, "name", "") == "main"]
    work = (ast.For, ast.While, ast.With)
    before = itertools.takewhile(lambda node: "parse_args" not in ast.unparse(node), main.body)
    assert any("parse_args" in ast.unparse(node) for node in main.body)
    assert not any(isinstance(node, work) for node in before)
