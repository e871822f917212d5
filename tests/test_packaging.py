from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def run_python(code: str, folder: Path) -> str:
    """Run code in a fresh interpreter whose first place to look for modules is this folder."""
    command = [sys.executable, "-c", code]
    env = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of a source distribution of this tree, built elsewhere: no build folder is left here.

    So a file that the source distribution lacks is missing in the wheel, too.
    """
    source = tmp_path_factory.mktemp("source")
    for name in ("anomgan", "cli", "datasets"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    out = source / "out"
    code = "from setuptools import build_meta; print(build_meta.build_sdist('out'))"
    archive = run_python(code, source).splitlines()[-1]
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "-w", str(out), str(out / archive)], check=True)
    [path] = out.glob("*.whl")
    return path


def test_list_of_packages_is_complete() -> None:
    inits = [*ROOT.glob("anomgan/**/__init__.py"), *ROOT.glob("cli/**/__init__.py")]
    folders = [path.parent.relative_to(ROOT) for path in inits]
    packages = [".".join(folder.parts) for folder in folders]
    expected = {name if name.startswith("anomgan") else f"anomgan.{name}" for name in packages}
    assert set(PYPROJECT["tool"]["setuptools"]["packages"]) == expected | {"anomgan.datasets"}


def test_every_python_file_lies_in_a_package() -> None:
    for path in [*ROOT.glob("anomgan/**/*.py"), *ROOT.glob("cli/**/*.py")]:
        assert (path.parent / "__init__.py").exists(), path


def test_datasets_is_no_package_that_shadows_another() -> None:
    assert not list(ROOT.glob("datasets/**/*.py"))


def test_version_is_the_installed_one() -> None:
    assert importlib.metadata.version("anomgan") == PYPROJECT["project"]["version"]


def test_what_is_deployed_is_a_python_that_is_declared() -> None:
    prefix = "Programming Language :: Python :: "
    named = [each.removeprefix(prefix) for each in PYPROJECT["project"]["classifiers"]]
    declared = [each for each in named if re.fullmatch(r"3\.\d+", each)]
    for path in (ROOT / "docs" / "deploy").iterdir():
        text = path.read_text(encoding="utf-8")
        for version in re.findall(r"python(?::|-version: \"?)(3\.\d+)", text):
            assert version in declared, path


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    project = PYPROJECT["project"]
    assert (citation["version"], citation["license"]) == (project["version"], project["license"])
    assert citation["keywords"] == project["keywords"]


def test_every_dependency_is_pinned() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    project = PYPROJECT["project"]
    asked = list(project["dependencies"])
    for extra in project["optional-dependencies"].values():
        asked += extra
    assert {line.partition(">=")[0] for line in asked} <= set(pins)
    assert pins["torch"] == "2.13.0"


def test_command_line_starts_without_torch(tmp_path: Path) -> None:
    code = "import sys, anomgan.cli.main; print(*set(sys.modules)"
    code += " & {'torch', 'mlflow', 'sklearn', 'matplotlib', 'jinja2', 'PIL'})"
    assert run_python(code, tmp_path) == ""


def test_wheel_holds_everything_below_one_package(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].removesuffix(".dist-info") for name in names} == {
        "anomgan",
        f"anomgan-{PYPROJECT['project']['version']}",
    }
    for folder, inside in {"anomgan": "", "cli": "cli/", "datasets": "datasets/"}.items():
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in {".py", ".csv", ".toml", ".css", ".j2"}:
                assert f"anomgan/{inside}{path.relative_to(ROOT / folder).as_posix()}" in names
    assert "anomgan/py.typed" in names


def test_wheel_works_without_the_repository(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = "from anomgan.data.samples import list_samples; print(list_samples()[0].folder)"
    folder = run_python(code, tmp_path)
    assert folder == str(tmp_path / "anomgan" / "datasets" / "breast-cancer")
    fit = [folder + "/normal.csv", "--set=steps=2", "--set=members=1", "--no-track", "--json"]
    code = f"from anomgan.cli import main; print(main.__file__); main.main(['fit', *{fit}])"
    place, _, model = run_python(code, tmp_path).partition("\n")
    assert place == str(tmp_path / "anomgan" / "cli" / "main.py")
    assert json.loads(model)["training"]["rows"] == 250
    assert (tmp_path / "anomgan-model" / "model.json").is_file()
