import torch

from anomgan.data.spec import Spec
from anomgan.gans.cyclegan import index_columns


def test_a_pictures_patches_are_corrupted_as_a_whole():
    columns, continuous = index_columns(Spec.of([("p", "pixel", 2 * 64, "p")], (2, 8, 8)))
    patches = columns.reshape(2, 8, 8)
    assert torch.equal(patches[0], patches[1])
    assert patches.unique().numel() == 16
    assert (patches[0, :2, :2] == 0).all()
    assert patches[0, 7, 7] == 15
    assert continuous.all()


def test_entries_of_one_column_are_corrupted_together():
    parts = [
        ("size", "numeric", 1, "size"),
        ("size (missing)", "indicator", 1, "size"),
        ("kind", "category", 3, "kind"),
        ("machine", "condition", 2, "machine"),
    ]
    columns, continuous = index_columns(Spec.of(parts))
    assert columns.tolist() == [0, 0, 1, 1, 1]
    assert continuous.tolist() == [True, False, False, False, False]
