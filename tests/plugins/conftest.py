from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "docs" / "plugin-example"

GAN_CODE = """
from anomgan.gans import GAN

class Mine(GAN):
    name, paper, year, formula = "{name}", "A paper", 2026, "a formula"
"""

COMPONENT_CODE = '''
import torch
from anomgan.scoring import Component

class Furthest(Component):
    """The entry that lies furthest from its median."""
    name = "furthest"

    def fit(self, records, rows):
        medians = [x[own].median(0).values for x, own in zip(records.x, rows, strict=True)]
        self.state = {"medians": torch.stack(medians)}

    def __call__(self, records):
        far = (records.x - self.state["medians"][:, None].to(records.x)).abs().amax(-1)
        return self.group_by_fold(far).mean(1)
'''


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a plug-in."""

    def write(code: str, name: str = "mine.py", folder: str = ".") -> Path:
        path = tmp_path / folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(code)
        return path

    return write


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed the example."""
    source, target = (tmp_path_factory.mktemp(name) for name in ("source", "target"))
    shutil.copytree(EXAMPLE, source, dirs_exist_ok=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
    command += ["--disable-pip-version-check", "--no-build-isolation", "--target", str(target)]
    subprocess.run([*command, str(source)], check=True)
    return target
