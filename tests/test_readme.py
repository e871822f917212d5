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


def run(command, folder):
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("readme")


def test_shell_blocks(folder):
    quick_start, more = blocks("sh")
    run(["bash", "-euc", quick_start], folder)
    scores = pd.read_csv(folder / "scores.csv")
    assert list(scores) == ["row", "score", "p_value", "is_anomaly"]
    assert len(scores) == len(pd.read_csv(folder / "data" / "new.csv"))
    run(["bash", "-euc", more], folder)
    assert set(pd.read_csv(folder / "annotated.csv")) > {"bill_length_mm", "score"}
    assert len(pd.read_csv(folder / "few.csv")) == len(scores)


def test_python_blocks(folder):
    for block in blocks("python"):
        run([sys.executable, "-c", block], folder)
    assert (folder / "penguin-model" / "model.json").is_file()


def test_links_and_pictures_exist():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert Path(__file__).parents[1].joinpath(target).exists(), target
