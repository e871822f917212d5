"""Labelled pictures, synthetic defects, and whether maps find these."""

import numpy as np
import pytest

from anomgan.bench.defects import DEFECTS, add_defects, make_textures
from anomgan.bench.gans import GANContender
from anomgan.bench.localization import compute_aupro, format_table, localize_defects
from anomgan.bench.measure import Task, measure
from anomgan.bench.pictures import SKLEARN_DIGITS, find_picture_sets
from anomgan.config import Config
from anomgan.errors import InputError

TINY = {"members": 1, "steps": 5, "channels": 4, "latent": 4, "batch": 16, "checks": 0}


@pytest.fixture
def archive(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "tiny.npz"
    pictures = rng.integers(0, 255, (60, 8, 8), dtype=np.uint8)
    np.savez(
        path,
        x_train=pictures[:40],
        y_train=np.arange(40) % 2,
        x_test=pictures[40:],
        y_test=np.arange(20) % 4,
    )
    return path


def test_an_official_split_stays_as_it_is(archive):
    first, second = find_picture_sets([archive], [])
    assert (first.name, second.name) == ("tiny 0", "tiny 1")
    parts = second.split(seed=3)
    assert len(parts.normal) == 20
    assert parts.label.tolist() == [int(i % 4 != 1) for i in range(20)]
    assert first.digest != second.digest


def test_pictures_without_a_split_are_split_as_tables_are():
    (five,) = find_picture_sets([SKLEARN_DIGITS], [5])
    assert five.name == "digits 5"
    parts = five.split(seed=0)
    assert len(parts.normal) == 91
    assert len(parts.new) == 1797 - 91
    assert (parts.label == 0).sum() == 91


def test_what_cannot_be_used_is_named(archive, tmp_path):
    with pytest.raises(InputError, match=r"--classes: .*tiny\.npz has no class 7; it has: 0, 1"):
        find_picture_sets([archive], [7])
    with pytest.raises(InputError, match="no such file"):
        find_picture_sets([tmp_path / "none.npz"], [])
    flat = tmp_path / "flat.npz"
    np.savez(flat, X=np.zeros((5, 64)), y=np.zeros(5))
    with pytest.raises(InputError, match="not N × H × W"):
        find_picture_sets([flat], [])
    text = tmp_path / "text.npz"
    text.write_text("hello")
    with pytest.raises(InputError, match="isn't an"):
        find_picture_sets([text], [])


def test_ours_and_others_are_measured_on_pictures_as_on_tables(archive):
    from anomgan.bench.peers import Peer

    (data,) = find_picture_sets([archive], [0])
    gan = GANContender("gan", ("visual", "paper"), Config.make("fast", TINY, "images"), "cpu")
    rows = list(measure(Task(data, 0, (gan, Peer("knn")))))
    assert [row.detector for row in rows] == ["gan", "gan (paper)", "knn"]
    assert all(row.error == "" and 0 <= row.auroc <= 1 for row in rows)
    assert rows[0].rows_fit == 20
    assert rows[0].anomalies == 15


@pytest.mark.parametrize("kind", DEFECTS)
def test_a_defect_changes_its_pixels_and_no_others(kind, monkeypatch):
    monkeypatch.setattr("anomgan.bench.defects.DEFECTS", {kind: DEFECTS[kind]})
    normal = make_textures(12, 0)
    changed, masks, kinds = add_defects(normal, seed=0)
    assert set(kinds) == {kind}
    assert len(changed) >= 10
    assert masks.any((1, 2)).all()
    assert masks.mean() < 0.3
    again, _, _ = add_defects(normal, seed=0)
    assert np.array_equal(changed, again)
    same = np.array([(normal == own).sum((1, 2)).argmax() for own in changed])
    where = np.abs(changed - normal[same]) >= 0.1 * np.ptp(normal)
    assert np.array_equal(where, masks)


def test_what_cannot_be_seen_is_no_defect(monkeypatch):
    """A patch swapped for the same, one slightly brighter pixel block, and a speck of one pixel."""
    normal = np.zeros((3, 12, 12))
    normal[:, 0, 0] = 100

    def faint(picture, others, rng):
        out = picture.copy()
        out[4:8, 4:8] += 9
        return out

    def speck(picture, others, rng):
        out = picture.copy()
        out[5, 5], out[8:10, 8:10] = 50, 50
        return out

    kinds = {"same": lambda picture, others, rng: picture.copy(), "faint": faint, "speck": speck}
    monkeypatch.setattr("anomgan.bench.defects.DEFECTS", kinds)
    changed, masks, left = add_defects(normal, seed=0)
    assert left.tolist() == ["speck"]
    assert np.argwhere(masks[0]).tolist() == [[8, 8], [8, 9], [9, 8], [9, 9]]
    assert changed[0, 5, 5] == 0


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
