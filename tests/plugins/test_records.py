"""A model says which plug-ins it needs, runs none that nobody named, and tells when one changed."""

from __future__ import annotations

import json
import pickle
import re
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anomgan import DataWarning, GANDetector, InputError, load, load_plugin
from anomgan.plugins.files import list_loaded

from .conftest import COMPONENT_CODE, GAN_CODE
from .test_lookup import SETTINGS

GOLDEN = Path(__file__).parents[1] / "golden" / "format-3" / "model"
ROWS = np.random.default_rng(0).normal(size=(60, 2))


@pytest.fixture
def plugin(write: Callable[..., Path]) -> Path:
    return write(GAN_CODE.format(name="mine") + COMPONENT_CODE)


@pytest.fixture
def detector(plugin: Path) -> GANDetector:
    """Of an own GAN, with an own component beside others."""
    load_plugin(plugin)
    settings = SETTINGS | {"score": "combined + 2*furthest"}
    return GANDetector("mine", settings=settings, random_state=0).fit(ROWS)


@pytest.fixture
def model(detector: GANDetector, tmp_path: Path) -> Path:
    detector.save(tmp_path / "m")
    return tmp_path / "m"


def forget() -> None:
    """As if the process were new."""
    for file in list_loaded():
        file._forget()


def test_an_own_component_is_weighed_beside_others(detector: GANDetector) -> None:
    parts = detector.components(ROWS)
    assert {"furthest", "memory"} < set(parts)
    far = detector.components(np.array([[0.0, 0.0], [0.0, 50.0]]))["furthest"]
    assert far[1] > far[0]
    scorer = detector.ensemble_.scorer
    scaled = np.zeros((5, 1))
    scaled[[each.name for each in scorer.components].index("furthest")] = 3
    assert scorer.combine(scaled) - scorer.combine(0 * scaled) == pytest.approx(3 * 2 / 6)


def test_a_model_records_its_plug_ins(model: Path, plugin: Path) -> None:
    digest = sha256(plugin.read_bytes()).hexdigest()
    same = {"file": "mine.py", "sha256": digest}
    gan = {"group": "anomgan.gans", "name": "mine", "class": "Mine", **same}
    component = {"group": "anomgan.components", "name": "furthest", "class": "Furthest", **same}
    assert json.loads((model / "model.json").read_text())["plugins"] == [gan, component]


def test_without_the_plug_in_it_says_what_to_type(
    model: Path, detector: GANDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, packed = detector.score_samples(ROWS), pickle.dumps(detector)
    forget()
    monkeypatch.setenv("ANOMGAN_PLUGINS", "")
    monkeypatch.chdir(model.parent)  # where the file is, but nobody has named it
    message = re.escape("needs the method 'mine' of a plug-in, which was in the file 'mine.py'; ")
    for read in (lambda: load(model), lambda: pickle.loads(packed)):
        with pytest.raises(InputError, match=message + "say where that is: --plugin mine.py, ANOM"):
            read()
    monkeypatch.setenv("ANOMGAN_PLUGINS", "mine.py")
    np.testing.assert_array_equal(load(model).score_samples(ROWS), expected)
    np.testing.assert_array_equal(pickle.loads(packed).score_samples(ROWS), expected)


def test_a_changed_file_is_a_warning(model: Path, plugin: Path) -> None:
    plugin.write_text(plugin.read_text() + "\n# better\n")
    load_plugin(plugin)
    with pytest.warns(DataWarning, match=r"mine.py: sha256 was '\w{12}' at .*; scores may"):
        load(model)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"distribution": "his-gan", "version": "1.0"}, "the distribution 'his-gan 1.0'; install"),
        ({"module": "__main__"}, "the module '__main__'; write its class to a file"),
        ({"file": "x.py; rm -rf ~"}, r"in the file 'x.py; rm -rf ~'; .*: --plugin FILE.py, ANOM"),
        ({"group": "os"}, "its list of plug-ins isn't as anomgan writes it"),
        ({"sha256": 3}, "its list of plug-ins isn't as anomgan writes it"),
        (None, "its list of plug-ins isn't as anomgan writes it"),
    ],
)
def test_forged_and_missing_ones_are_refused(
    tmp_path: Path, record: dict[str, Any] | None, message: str
) -> None:
    model = Path(shutil.copytree(GOLDEN, tmp_path / "m"))
    path = model / "model.json"
    description = json.loads(path.read_text())
    entry = {"group": "anomgan.gans", "name": "his", "class": "His"}
    description["plugins"] = None if record is None else [entry | record]
    path.write_text(json.dumps(description))
    with pytest.raises(InputError, match=message) as caught:
        load(model)
    assert "\n" not in str(caught.value)


def test_a_fit_by_a_changed_plug_in_is_not_resumed(plugin: Path, tmp_path: Path) -> None:
    from anomgan import Checkpoint

    class StopError(Exception):
        pass

    def stop(progress: Any) -> None:
        if progress.step == 3:
            raise StopError

    load_plugin(plugin)
    detector = GANDetector("mine", settings=SETTINGS, random_state=0)
    with pytest.raises(StopError):
        detector.fit(ROWS, checkpoint=Checkpoint(tmp_path / "c", every=1e-9), callback=stop)
    plugin.write_text(plugin.read_text() + "\n# better\n")
    load_plugin(plugin)
    with pytest.raises(InputError, match="belongs to a fit of other rows, settings"):
        detector.fit(ROWS, checkpoint=Checkpoint(tmp_path / "c", resume=True))
