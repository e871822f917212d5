"""Pictures in a backbone's features: any sizes, scores, maps, models and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from anomgan import GANDetector, load
from anomgan.errors import InputError
from anomgan.nets.backbone import load_backbone

SMALL = {"steps": 20, "channels": 4, "latent": 4, "checks": 0, "folds": 2}


def cloths(count: int, seed: int, *, defect: bool = False) -> list[np.ndarray]:
    """Stripes in pictures of two sizes, 60 × 90 and 110 × 50, with a dark blot if there is one."""
    rng = np.random.default_rng(seed)
    made = []
    for at in range(count):
        height, width = (60, 90) if at % 2 else (110, 50)
        y, x = np.mgrid[:height, :width]
        cloth = 130 + 50 * np.sin((x + y) / 4 + rng.uniform(0, 6))
        cloth += rng.normal(0, 4, cloth.shape)
        if defect:
            cloth[16:40, 16:40] = 255 * rng.integers(0, 2, (24, 24))
        made.append(cloth.clip(0, 255).astype(np.uint8))
    return made


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory, backbone_weights) -> str:
    path = tmp_path_factory.mktemp("backbone") / "weights.pth"
    torch.save(backbone_weights, path)
    return str(path)


@pytest.fixture(scope="module")
def detector(backbone: str) -> GANDetector:
    settings = SMALL | {"backbone": backbone}
    return GANDetector(preset="fast", settings=settings, random_state=0).fit(cloths(24, 0))


def test_pictures_keep_their_aspect_and_blots_are_found(detector: GANDetector) -> None:
    assert detector.encoder_.spec.grid == (1, 100, 100)  # the median of the longer sides
    assert detector.ensemble_.gan.views.spec.grid == (1, 32, 32)
    good, bad = cloths(6, 1), cloths(6, 2, defect=True)
    scores = -detector.score_samples([*good, *bad])
    assert scores[6:].min() > scores[:6].max()
    components = detector.components(good)
    assert list(components) == ["patch_distance", "patch_discriminator", "pooled_maps"]


def test_a_map_shows_the_blot_and_nothing_in_the_padding(detector: GANDetector) -> None:
    [anomaly_map] = detector.anomaly_map(cloths(2, 2, defect=True)[1:])  # 60 × 90
    shown = detector.encoder_.crop(anomaly_map, 60, 90)
    assert (anomaly_map.shape, shown.shape) == ((100, 100), (67, 100))
    assert np.abs(anomaly_map[69:]).max() == 0
    blot = shown[18:44, 18:44]
    assert blot.mean() > np.quantile(shown[:, 56:], 0.9)


def test_scores_depend_on_no_other_picture_and_survive_saving(
    detector: GANDetector, tmp_path: Path
) -> None:
    new = cloths(3, 3)
    together = detector.score_samples(new)
    assert [detector.score_samples([each])[0] for each in new] == together.tolist()
    detector.save(tmp_path / "model")
    again = load(tmp_path / "model")
    np.testing.assert_array_equal(again.score_samples(new), together)
    np.testing.assert_array_equal(again.anomaly_map(new), detector.anomaly_map(new))
    assert detector.sample(2).shape == (2, 100, 100)


def test_pictures_of_any_size_are_scored(detector: GANDetector) -> None:
    rng = np.random.default_rng(4)
    sizes = [(20, 20), (1, 300), (300, 1), (1, 1), (5000, 40), (700, 900)]
    new = [rng.integers(0, 256, size, dtype=np.uint8) for size in sizes]
    assert np.isfinite(detector.score_samples(new)).all()
    assert np.isfinite(detector.anomaly_map(new)).all()


def test_a_model_refuses_another_backbone(
    detector: GANDetector, backbone: str, backbone_weights, tmp_path: Path
) -> None:
    detector.save(model := tmp_path / "model")
    named = json.loads((model / "model.json").read_text())["backbone"]
    assert named == {"name": backbone, "sha256": load_backbone(backbone).digest}
    file = Path(backbone)
    original = file.read_bytes()
    try:
        torch.save({k: v + 1 for k, v in backbone_weights.items()}, file)
        load_backbone.cache_clear()
        with pytest.raises(InputError, match="its weights aren't those that the model was fitted"):
            load(model)
        file.unlink()
        load_backbone.cache_clear()
        with pytest.raises(InputError, match="no such file"):
            load(model)
    finally:
        file.write_bytes(original)
        load_backbone.cache_clear()


def test_scores_of_places_need_a_backbone() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (20, 9, 9), dtype=np.uint8)
    with pytest.raises(InputError, match=r"needs pictures and a backbone.*anomgan\[vision\]"):
        GANDetector(settings={"score": "pretrained", "backbone": "none"}).fit(pictures)
    with pytest.raises(InputError, match=r"backbone nowhere\.pth: no such file"):
        GANDetector(settings=SMALL | {"backbone": "nowhere.pth"}).fit(pictures)
