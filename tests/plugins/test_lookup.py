"""Plug-ins of installed distributions: imported when their name is asked for, and not before."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anomgan import GANDetector, InputError, load, load_plugin
from anomgan.gans import get_method
from anomgan.plugins.lookup import list_names
from anomgan.plugins.registry import GANS

from .conftest import EXAMPLE, GAN_CODE

SETTINGS = {"steps": 4, "hidden": 4, "members": 1, "latent": 2, "memory_rows": 20, "checks": 0}


@pytest.fixture
def lsgan(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(installed))


@pytest.fixture
def provide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A distribution with one module."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def provide(code: str, entry: str, package: str = "fake") -> None:
        (tmp_path / f"{package}_module.py").write_text(code)
        folder = tmp_path / f"{package}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (folder / "entry_points.txt").write_text(f"[anomgan.gans]\n{entry}\n")

    return provide


@pytest.mark.usefixtures("lsgan")
def test_the_example_is_imported_once_it_is_asked_for(tmp_path: Path, run: Any) -> None:
    assert "lsgan" in list_names(GANS)
    get_method("gan")
    assert "lsgan (plug-in)" in run("methods").out
    assert "anomgan_lsgan" not in sys.modules
    rows = np.random.default_rng(0).normal(size=(60, 2))
    detector = GANDetector("lsgan", settings=SETTINGS, random_state=0).fit(rows)
    detector.save(tmp_path / "m")
    loaded = load(tmp_path / "m")
    np.testing.assert_array_equal(loaded.score_samples(rows), detector.score_samples(rows))
    info = run("info", tmp_path / "m").out
    assert "lsgan: LeastSquaresGAN of anomgan-lsgan 0.1.0, sha256 " in info


@pytest.mark.usefixtures("lsgan")
def test_a_module_that_is_imported_already_is_the_same_plug_in() -> None:
    import anomgan_lsgan  # type: ignore[import-not-found]

    assert get_method("lsgan") is anomgan_lsgan.LeastSquaresGAN
    assert str(GANS.origins["lsgan"]) == "anomgan-lsgan 0.1.0"


@pytest.mark.usefixtures("lsgan")
def test_a_file_and_a_distribution_of_one_name_are_refused_with_both() -> None:
    load_plugin(EXAMPLE / "anomgan_lsgan.py")
    with pytest.raises(InputError, match=r"by .*anomgan_lsgan.py and by anomgan-lsgan 0.1.0"):
        get_method("lsgan")


def test_the_example_is_that_of_contributing() -> None:
    guide = EXAMPLE.parents[1].joinpath("CONTRIBUTING.md").read_text(encoding="utf-8")
    code = EXAMPLE.joinpath("anomgan_lsgan.py").read_text(encoding="utf-8")
    assert code.partition("\n\n")[2] in guide


@pytest.mark.parametrize(
    ("code", "entry", "message"),
    [
        (GAN_CODE.format(name="gan"), "gan = fake_module:Mine", "anomgan itself and by fake 1.0"),
        ("import nowhere", "mine = fake_module:Mine", "fake 1.0: fake_module:Mine can't be imp"),
        (
            GAN_CODE.format(name="mine") + "1 / 0",
            "mine = fake_module:Mine",
            "can't be imported: ZeroDivisionError",
        ),
        (GAN_CODE.format(name="his"), "mine = fake_module:Mine", "isn't a method named 'mine'"),
        ("Mine = 3", "mine = fake_module:Mine", "isn't a method named 'mine'"),
    ],
)
def test_distributions_that_are_wrong(
    provide: Callable[..., None], code: str, entry: str, message: str
) -> None:
    provide(code, entry)
    for _ in range(2):
        with pytest.raises(InputError, match=message):
            get_method(entry.partition(" ")[0])


def test_two_distributions_of_one_name_are_refused_with_both(provide: Callable[..., None]) -> None:
    for package in ("fake", "other"):
        provide(GAN_CODE.format(name="mine"), f"mine = {package}_module:Mine", package)
    with pytest.raises(InputError, match=r"(fake|other) 1.0 and by (fake|other) 1.0; rename"):
        list_names(GANS)
