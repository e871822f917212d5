"""The scikit-learn face on pictures: the same methods, the same promises."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import PIL.Image
import pytest
from sklearn.base import clone

from anomgan import GANDetector, load
from anomgan.errors import DataWarning, InputError

SETTINGS = {
    "steps": 20,
    "members": 1,
    "channels": 4,
    "latent": 4,
    "memory_rows": 50,
    "cross_fit_below": 40,
    "held_out": 0.35,
    "checks": 2,
}
HASTY = SETTINGS | {"steps": 3, "checks": 0}
"""For tests of which no outcome depends on what was learnt."""


def stripes(count: int, seed: int, defect: bool = False) -> np.ndarray:
    """Slanted stripes of random phase, 12×12, with a bright spot if there is a defect."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:12, :12]
    phase = rng.uniform(0, 2 * np.pi, (count, 1, 1))
    made = 120 + 60 * np.sin((x + y) / 2 + phase) + rng.normal(0, 4, (count, 12, 12))
    if defect:
        made[:, 3:7, 6:10] = 250
    return made.clip(0, 255).astype(np.uint8)


NORMAL, NEW = stripes(60, 0), np.concatenate([stripes(4, 1), stripes(4, 2, defect=True)])


def make(**options: object) -> GANDetector:
    options = {"preset": "fast", "settings": SETTINGS, "random_state": 0} | options
    return GANDetector(**options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def detector() -> GANDetector:
    return make().fit(NORMAL)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    root = tmp_path_factory.mktemp("pictures")
    paths = [root / f"{at:02}.png" for at in range(len(NEW))]
    for path, pixels in zip(paths, NEW, strict=True):
        PIL.Image.fromarray(pixels).save(path)
    return paths


def test_defects_score_as_less_normal(detector: GANDetector) -> None:
    scores = detector.score_samples(NEW)
    assert (scores.shape, scores.dtype) == ((8,), np.float64)
    assert scores[4:].max() < scores[:4].min()
    assert detector.predict(NEW)[4:].tolist() == [-1] * 4
    np.testing.assert_array_equal(detector.predict(NEW) == -1, detector.p_values(NEW) <= 0.05)
    assert detector.components(NEW).shape[0] == 8


def test_a_score_does_not_depend_on_its_neighbours(detector: GANDetector) -> None:
    together = detector.score_samples(NEW)
    alone = [detector.score_samples(NEW[at : at + 1])[0] for at in range(len(NEW))]
    np.testing.assert_array_equal(together, alone)


def test_files_score_as_the_arrays_in_them(detector: GANDetector, files: list[Path]) -> None:
    expected = detector.score_samples(NEW)
    for X in (files, [str(path) for path in files], pd.Series(files), files[0].parent, list(NEW)):
        np.testing.assert_array_equal(detector.score_samples(X), expected)


def test_fitting_files_is_fitting_their_arrays(files: list[Path]) -> None:
    from_files = make(alpha=0.3, settings=HASTY).fit(files[0].parent)
    from_array = make(alpha=0.3, settings=HASTY).fit(NEW)
    np.testing.assert_array_equal(from_files.score_samples(NEW), from_array.score_samples(NEW))
    assert from_files.training_facts_["rows"] == 8


def test_the_map_shows_where(detector: GANDetector) -> None:
    maps = detector.anomaly_map(NEW)
    assert (maps.shape, maps.dtype) == ((8, 12, 12), np.float32)
    for at in range(4, 8):
        inside = maps[at, 3:7, 6:10].mean()
        assert inside > 1 + maps[at, :, :3].mean()


def test_samples_are_pictures(detector: GANDetector) -> None:
    made = detector.sample(5, random_state=1)
    assert (made.shape, made.dtype) == ((5, 12, 12), np.uint8)
    np.testing.assert_array_equal(made, detector.sample(5, random_state=1))


def test_pickled_saved_and_cloned(detector: GANDetector, tmp_path: Path) -> None:
    expected = detector.score_samples(NEW)
    maps = detector.anomaly_map(NEW)
    detector.save(tmp_path / "model")
    for other in (pickle.loads(pickle.dumps(detector)), load(tmp_path / "model")):
        np.testing.assert_array_equal(other.score_samples(NEW), expected)
        np.testing.assert_array_equal(other.anomaly_map(NEW), maps)
        np.testing.assert_array_equal(other.sample(3, 0), detector.sample(3, 0))
        assert other.encoder_ == detector.encoder_
        assert other.training_facts_ == detector.training_facts_
    again = clone(detector).fit(NORMAL)
    np.testing.assert_array_equal(again.score_samples(NEW), expected)


def test_a_broken_picture_has_no_score_and_is_not_called_normal(
    detector: GANDetector, files: list[Path], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_text("no picture")
    some = [files[0], broken, files[5]]
    with pytest.warns(DataWarning, match=r"X: .*broken\.png: isn't a picture"):
        scores = detector.score_samples(some)
    expected = detector.score_samples([files[0], files[5]])
    np.testing.assert_array_equal(scores, [expected[0], np.nan, expected[1]])
    with pytest.warns(DataWarning, match="broken"):
        assert detector.predict(some)[1] == -1
    with pytest.warns(DataWarning, match="broken"):
        assert detector.components(some).isna().all(axis=1).tolist() == [False, True, False]
    with pytest.warns(DataWarning, match="broken"):
        maps = detector.anomaly_map(some)
    assert np.isnan(maps).all(axis=(1, 2)).tolist() == [False, True, False]
    with pytest.warns(DataWarning, match="broken"):
        assert np.isnan(detector.p_values([broken])).all()


def test_broken_pictures_are_skipped_in_fit_unless_strict(
    files: list[Path], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_text("no picture")
    with pytest.warns(DataWarning, match="broken"):
        fitted = make(alpha=0.3, settings=HASTY).fit([*files, broken])
    assert (fitted.training_facts_["rows"], fitted.training_facts_["lost_rows"]) == (8, 1)
    with pytest.raises(InputError, match=r"X: .*broken\.png: isn't a picture"):
        make().fit([*files, broken], strict=True)


def test_what_is_no_pictures_is_refused(detector: GANDetector, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="fitted on pictures: give a folder"):
        detector.score_samples(NEW[0])
    with pytest.raises(InputError, match="X: has no rows"):
        detector.score_samples(NEW[:0])
    with pytest.raises(InputError, match="no such file"):
        detector.score_samples(tmp_path / "gone")
    with pytest.raises(InputError, match="all 9 pictures are the same"):
        make().fit(np.zeros((9, 8, 8), dtype=np.uint8))
    with pytest.raises(InputError, match="1 pictures; at least 5"):
        make().fit(NORMAL[:1])


def test_a_table_is_still_a_table(detector: GANDetector) -> None:
    table = np.random.default_rng(0).normal(size=(40, 3))
    fitted = make(settings={"steps": 3, "members": 1}).fit(table)
    with pytest.raises(ValueError, match="dim 3"):
        fitted.score_samples(NEW)
    with pytest.raises(InputError, match="table"):
        fitted.anomaly_map(table)
    with pytest.raises(InputError, match="holds no pictures"):
        detector.score_samples(pd.DataFrame(table))


def test_conditions() -> None:
    frame = pd.DataFrame({"picture": list(NORMAL), "machine": ["a", "b"] * 30})
    fitted = make(method="cgan", condition="machine", settings=HASTY).fit(frame)
    scores = fitted.score_samples(frame)
    assert np.isfinite(scores).all()
    with pytest.warns(DataWarning, match="judged against all levels pooled"):
        assert np.isfinite(fitted.score_samples(frame[:3].assign(machine="c"))).all()
    assert fitted.sample(2, 0).shape == (2, 12, 12)
    assert fitted.anomaly_map(frame[:2]).shape == (2, 12, 12)


def test_contamination() -> None:
    fitted = make(contamination=0.1, settings=HASTY).fit(NORMAL)
    assert (fitted.predict(NORMAL) == -1).sum() == 6


def test_tiles_find_what_is_small(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:40, :40]
    phase = rng.uniform(0, 2 * np.pi, (64, 1, 1))
    made = (120 + 60 * np.sin((x + y) / 2 + phase) + rng.normal(0, 4, (64, 40, 40))).astype(
        np.uint8
    )
    normal, new = made[:56], made[56:].copy()
    new[4:, 30:34, 4:8] = 250
    fitted = make(settings=SETTINGS | {"tiles": 3}).fit(normal)
    assert fitted.encoder_.spec.grid == (1, 16, 16)
    assert fitted.encoder_.spec.tiles == 9
    # Pictures calibrate, not tiles: 35 % of 56 are held out.
    assert fitted.training_facts_["calibration"]["rows"] == 20
    assert fitted.training_facts_["rows"] == 56
    scores, p_values = fitted.score_samples(new), fitted.p_values(new)
    assert scores[4:].max() < scores[:4].min()
    assert p_values[4:].tolist() == [1 / 21] * 4
    np.testing.assert_array_equal(fitted.score_samples(new[5:6]), scores[5:6])
    assert fitted.components(new).shape[0] == 8
    maps = fitted.anomaly_map(new)
    assert maps.shape == (8, 40, 40)
    for found in maps[4:]:
        top, left = np.unravel_index(found.argmax(), found.shape)
        assert abs(top - 32) <= 4
        assert abs(left - 6) <= 4
    assert fitted.sample(2, 0).shape == (2, 16, 16)
    fitted.save(tmp_path / "model")
    np.testing.assert_array_equal(load(tmp_path / "model").score_samples(new), scores)
