"""The README's code blocks do what they say."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

README = Path(__file__).parents[1].joinpath("README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.M | re.S)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("readme")


@pytest.fixture(autouse=True)
def in_folder(folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")


def in_a_shell(text):
    done = subprocess.run(["bash", "-euc", text], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_shell_blocks(run_line):
    quick_start, more = blocks("sh")
    in_a_shell(quick_start)
    scores = pd.read_csv("scores.csv")
    assert list(scores) == ["row", "score", "p_value", "is_anomaly"]
    assert len(scores) == len(pd.read_csv("data/new.csv"))
    for line in more.splitlines():
        run_line(line)
    assert set(pd.read_csv("annotated.csv")) > {"bill_length_mm", "score"}
    assert len(pd.read_csv("few.csv")) == len(scores)
    assert len(pd.read_csv("synthetic.csv")) == 100


def test_python_blocks():
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), {"__name__": "readme"})
    assert Path("penguin-model", "model.json").is_file()


def test_links_and_pictures_exist():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert Path(__file__).parents[1].joinpath(target).exists(), target
