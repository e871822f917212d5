import numpy as np
import pytest

from anomgan.bench.defects import DEFECTS
from anomgan.bench.gans import GANContender
from anomgan.bench.localization import compute_aupro, format_table, localize_defects
from anomgan.config import Config

TINY = {"members": 1, "steps": 5, "channels": 4, "latent": 4, "batch": 16, "checks": 0}


def test_aupro_of_known_maps():
    masks = np.zeros((2, 20, 20), dtype=bool)
    masks[:, 2:4, 2:4] = masks[:, 10:18, 10:18] = True
    assert compute_aupro(masks, masks.astype(float)) == 1
    assert compute_aupro(masks, 1 - masks) == 0
    # Only the large region is found: pixels would say 94 %, regions say one of two.
    large = masks.copy()
    large[:, 2:4, 2:4] = False
    blind = np.where(large, 1.0, np.where(masks, -1.0, 0.0))
    assert compute_aupro(masks, blind) == pytest.approx(0.5, abs=0.01)
    noise = np.random.default_rng(0).normal(size=(200, 20, 20))
    many = np.repeat(masks[:1], 200, 0)
    assert compute_aupro(many, noise) == pytest.approx(0.15, abs=0.02)


def test_aupro_by_hand():
    """Half of the only region lies above all normal pixels, the other above four of five."""
    mask = np.zeros((1, 101, 10), dtype=bool)
    mask[0, 100, :2] = True
    heights = np.full((1, 101, 10), -1.0)
    heights[0, :100] = np.arange(1000).reshape(100, 10)
    heights[0, 100, :2] = 2000, 799.5
    heights[0, 100, 2:] = -1
    # Overlap 0.5 up to 200 of 1008 false alarms, then 1 up to a share of 0.3.
    share = 200 / 1008
    assert compute_aupro(mask, heights) == pytest.approx(
        (0.5 * share + 0.3 - share) / 0.3, abs=0.005
    )


def test_pixels_that_share_a_corner_are_one_defect():
    mask = np.zeros((1, 10, 10), dtype=bool)
    mask[0, 1, 1] = mask[0, 2, 2] = mask[0, 7, 7] = True
    only = np.where(mask, 1.0, 0.0)
    only[0, 7, 7] = -1
    assert compute_aupro(mask, only) == pytest.approx(0.5)


def test_defects_on_a_texture_are_found(monkeypatch):
    monkeypatch.setattr("anomgan.bench.localization.MAX_NORMAL_PICTURES", 60)
    monkeypatch.setattr("anomgan.bench.localization.MAX_DEFECT_PICTURES", 12)
    gan = GANContender("gan", ("visual",), Config.make("fast", TINY, "images"), "cpu")
    found = list(localize_defects([gan], [], seed=0))
    assert {each.dataset for each in found} == {"texture"}
    assert [each.kind for each in found] == ["all", *DEFECTS]
    assert found[0].pictures == sum(each.pictures for each in found[1:])
    assert found[0].auroc > 0.85
    assert "| texture | all | gan | 0." in format_table(found)
