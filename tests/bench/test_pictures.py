import numpy as np
import PIL.Image
import pytest

from anomgan.bench.gans import GANContender
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


def test_a_folder_of_pictures_has_a_set_for_each_kind_of_defect(tmp_path):
    rng = np.random.default_rng(0)
    counts = {"normal": 12, "new/good": 3, "new/crack": 2, "new/spot": 4}
    for folder, count in counts.items():
        (tmp_path / "tiles" / folder).mkdir(parents=True)
        for at in range(count):
            pixels = rng.integers(0, 255, (9, 14 + at), dtype=np.uint8)
            PIL.Image.fromarray(pixels).save(tmp_path / "tiles" / folder / f"{at}.png")
    crack, spot = find_picture_sets([tmp_path / "tiles"], [], detailed=True)
    assert (crack.name, spot.name) == ("tiles crack", "tiles spot")
    assert crack.digest != spot.digest
    parts = spot.split(seed=0)
    assert (len(parts.normal), sorted(parts.label)) == (12, [0] * 3 + [1] * 4)
    assert parts.encode().spec.network_side == 32
    (tmp_path / "tiles" / "new" / "good").rename(tmp_path / "good")
    with pytest.raises(InputError, match="needs a folder good, and one of defects"):
        find_picture_sets([tmp_path / "tiles"], [])
