import numpy as np
import pytest

from anomgan.bench.defects import DEFECTS, add_defects, make_textures


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
