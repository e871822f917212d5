import pytest
import torch

from anomgan.data.spec import Spec
from anomgan.gans.batch import Batch
from anomgan.gans.corruptions import CLASSES, FIRST_KIND, KINDS, corrupt_rows

SPEC = Spec.of(
    [
        ("a", "numeric", 1, "a"),
        ("a missing", "indicator", 1, "a"),
        ("b", "numeric", 1, "b"),
        ("c", "category", 3, "c"),
        ("machine", "condition", 2, "machine"),
    ]
)
COLUMNS = [[0, 1], [2], [3, 4, 5]]


@pytest.fixture
def batch() -> Batch:
    draw = torch.Generator().manual_seed(0)
    real = torch.randn(2, 600, 8, generator=draw)
    return Batch(real, torch.zeros(2, 600, 4), draw)


@pytest.fixture
def edges(batch: Batch) -> torch.Tensor:
    levels = torch.linspace(0, 1, 6)
    return torch.quantile(batch.real[..., [0, 2]], levels, dim=1).permute(1, 2, 0)


@pytest.fixture
def generated(batch: Batch) -> torch.Tensor:
    return torch.full_like(batch.real, 77.0)


def test_what_is_said_to_have_changed_has_changed(batch, edges, generated):
    made = corrupt_rows(SPEC, batch, edges, generated)
    changed = (made.rows - batch.real).abs() > 1e-6
    by_column = torch.stack([changed[..., entries].any(-1) for entries in COLUMNS], -1)
    assert torch.equal(made.cells > 0, by_column)
    assert torch.equal(made.kinds > 0, by_column.any(-1))
    assert made.kinds.max() < CLASSES
    assert not changed[..., 6:].any()  # conditions


def test_every_kind_does_what_its_name_says(batch, edges, generated):
    made = corrupt_rows(SPEC, batch, edges, generated)
    part = len(batch.real[0]) // len(KINDS)
    changed = (made.rows - batch.real).abs() > 1e-6
    for m in range(2):
        for number, kind in enumerate(KINDS):
            rows = slice(number * part, (number + 1) * part)
            new, touched = made.rows[m, rows], changed[m, rows]
            if kind == "generated":
                assert (new[touched] == 77).all()
            elif kind == "noise":
                assert not touched[:, [1, 3, 4, 5]].any()  # numbers alone
                assert set(made.kinds[m, rows].tolist()) <= {0, *range(len(KINDS), CLASSES)}
            elif kind == "uniform":
                low, high = edges[m, 0, 0], edges[m, 0, -1]
                margin = 0.1 * (high - low)
                assert ((new[:, 0] >= low - margin) & (new[:, 0] <= high + margin)).all()
            elif kind == "block":
                donors = torch.cdist(new[:, :6], batch.real[m, :, :6]).argmin(1)
                whole = touched[:, :6].all(1)
                assert torch.equal(new[whole, :6], batch.real[m][donors[whole], :6])
            elif kind == "swap":
                values = set(batch.real[m, :, 2].tolist())
                assert set(new[:, 2].tolist()) <= values


def test_same_seed_same_corruptions(batch, edges, generated):
    state = batch.generator.get_state()
    first = corrupt_rows(SPEC, batch, edges, generated)
    batch.generator.set_state(state)
    assert torch.equal(corrupt_rows(SPEC, batch, edges, generated).rows, first.rows)


def test_without_a_generator_the_other_kinds_share_the_rows(batch, edges):
    made = corrupt_rows(SPEC, batch, edges)
    assert made.kinds.max() < CLASSES
    part = len(batch.real[0]) // (len(KINDS) - 1)
    noisy = made.kinds[0, (KINDS.index("noise")) * part : (KINDS.index("noise") + 1) * part]
    assert set(noisy.tolist()) <= {0, *range(len(KINDS), CLASSES)}
    assert FIRST_KIND[KINDS.index("generated")] not in made.kinds
