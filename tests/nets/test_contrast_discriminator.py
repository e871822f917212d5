import pytest
import torch

from anomgan.nets.contrast_discriminator import ContrastDiscriminators
from anomgan.nets.fisher_directions import DIRECTIONS


def build(entries: int = 2, conditions: int = 0) -> ContrastDiscriminators:
    torch.manual_seed(0)
    continuous = torch.ones(entries, dtype=torch.bool)
    return ContrastDiscriminators(
        2, continuous, columns=entries, classes=3, conditions=conditions, hidden=8
    ).eval()


def rows(count: int, entries: int = 2, seed: int = 0) -> torch.Tensor:
    """Rows whose columns are equal."""
    draws = torch.randn(2, count, 1, generator=torch.Generator().manual_seed(seed))
    return draws.expand(-1, -1, entries).clone()


def corrupt(x: torch.Tensor) -> torch.Tensor:
    """Swap a column, so that it says nothing about the others."""
    x = x.clone()
    x[..., 0] = x[..., 0].flip(1)
    return x


def test_many_columns_are_projected():
    nets = build(entries=700, conditions=3)
    inputs, base = nets.encode(torch.zeros(2, 3, 703))
    assert inputs.shape == (2, 3, 1403)
    assert base.shape == (2, 3, 256)
    assert [part.shape[-1] for part in nets.classifier.embed(inputs, base)] == [8, 8, 256]
    assert nets.project(torch.zeros(2, 3, 703)).shape == (2, 3, 2, DIRECTIONS)


def test_the_classifiers_loss_falls_to_nothing_where_all_is_told():
    nets = build()
    inputs, _ = nets.encode(torch.zeros(2, 4, 2))
    kinds, cells = torch.zeros(2, 4, dtype=torch.long), torch.zeros(2, 4, 2)
    before = nets.classifier.loss(inputs, kinds, cells)
    with torch.no_grad():
        nets.classifier.head.bias[..., :2] = -30
        nets.classifier.head.bias[..., 2] = 30
    assert before.shape == (2,)
    assert (before > 0.1).all()
    assert (nets.classifier.loss(inputs, kinds, cells) < 1e-6).all()


def test_the_energy_tells_corrupted_rows_before_training():
    nets, x = build(), rows(500)
    nets.encoding.fit(x)
    nets.fit_energy(x, corrupt(x))
    real, fake = nets.encode(rows(200, seed=1)), nets.encode(corrupt(rows(200, seed=2)))
    assert (nets.energy.energy(*fake).median(1)[0] > nets.energy.energy(*real).median(1)[0]).all()
    labels = torch.zeros(2, 200), torch.ones(2, 200)
    right = nets.energy.loss(*real, labels[0]) + nets.energy.loss(*fake, labels[1])
    wrong = nets.energy.loss(*real, labels[1]) + nets.energy.loss(*fake, labels[0])
    assert (right < wrong).all()


def test_the_energys_head_is_trained_from_the_directions_on():
    nets, x = build(), rows(500)
    nets.encoding.fit(x)
    nets.fit_energy(x, corrupt(x))
    encoded = nets.encode(torch.cat([x, corrupt(x)], 1))
    labels = torch.cat([torch.zeros(2, 500), torch.ones(2, 500)], 1)
    start = nets.energy.project(*encoded)
    assert torch.equal(start, nets.energy.fisher(*nets.energy.embed(*encoded)))
    optimizer = torch.optim.SGD(nets.energy.parameters(), 1e-3)
    losses = []
    for _ in range(20):
        loss = nets.energy.loss(*encoded, labels).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]
    assert nets.energy.rotation.abs().max() > 0


@pytest.mark.parametrize("which", ["classifier", "energy"])
def test_positions_of_normal_rows_are_centred(which):
    nets, x = build(), rows(500)
    nets.encoding.fit(x)
    nets.fit_energy(x, corrupt(x))
    nets.fit_classifier(x, corrupt(x))
    positions = nets.project(x)[..., ["classifier", "energy"].index(which), :]
    assert positions.mean(1).abs().max() < 0.01
    assert positions.var(1).max() < 1.1
