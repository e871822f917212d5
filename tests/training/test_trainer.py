from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from anomgan.config import Config
from anomgan.data.ensemble_scaler import EnsembleScaler
from anomgan.data.spec import Spec
from anomgan.gans import GAN, Batch, OptimizerStep, Phase, get_method
from anomgan.training.sampler import Sampler
from anomgan.training.trainer import train

SPEC = Spec.of([("a", "numeric", 1, "a"), ("b", "numeric", 1, "b")])


class Toy(GAN):
    """Learns the mean of its members' rows: no GAN at all, so the answer is known."""

    def __init__(self, views: EnsembleScaler, config: Config) -> None:
        super().__init__(views, config)
        self.mean = torch.nn.ParameterList([torch.zeros(views.members, 2)])
        self.other = torch.nn.ParameterList([torch.zeros(views.members, 2)])
        self.seen: list[str] = []

    def phases(self) -> tuple[Phase, ...]:
        first = OptimizerStep("mean", ("mean",), self.fit_mean, repeats=2)
        return Phase((first,)), Phase(
            (OptimizerStep("other", ("other",), self.fit_other),), share=0.5
        )

    def fit_mean(self, batch: Batch) -> Tensor:
        self.seen.append("mean")
        return (batch.real - self.mean[0][:, None]).square().sum(-1).mean(-1)

    def fit_other(self, batch: Batch) -> Tensor:
        self.seen.append("other")
        return (self.mean[0] + self.other[0]).square().sum(-1)


@pytest.fixture
def toy():
    values = np.concatenate([np.full((50, 2), -1.0), np.full((50, 2), 1.0)])
    config = Config.make(settings={"steps": 400, "batch": 8, "learning_rate": 0.05})
    views = EnsembleScaler(SPEC, ["standard", "standard"]).fit(values)
    rows = [torch.arange(50), torch.arange(50, 100)]
    sampler = Sampler(
        Toy(views, config), torch.from_numpy(values), rows, torch.Generator().manual_seed(0)
    )
    return sampler.gan, sampler


def test_members_learn_from_their_own_rows_and_stages_follow_each_other(toy):
    gan, sampler = toy
    train(gan, sampler)
    assert gan.mean[0].detach().numpy() == pytest.approx(np.array([[-1, -1], [1, 1]]), abs=0.02)
    assert gan.other[0].detach().numpy() == pytest.approx(-gan.mean[0].detach().numpy(), abs=0.02)
    assert gan.seen == ["mean"] * 800 + ["other"] * 200


def test_networks_that_do_not_move_stay_as_they_are(toy):
    gan, sampler = toy
    before = {k: v.clone() for k, v in gan.state_dict().items() if "mean" not in k}
    gan.phases = lambda: (Phase((OptimizerStep("mean", ("mean",), gan.fit_mean),)),)
    train(gan, sampler)
    after = gan.state_dict()
    assert all(torch.equal(after[k], v) for k, v in before.items())


def test_no_step_leaves_every_network_as_it_was(toy):
    gan, sampler = toy
    gan.config = replace(gan.config, steps=0)
    before = {k: v.clone() for k, v in gan.state_dict().items()}
    assert train(gan, sampler) == []
    assert all(torch.equal(gan.state_dict()[k], v) for k, v in before.items())
    assert gan.seen == []


def test_progress_reaches_the_end_and_the_curve_falls(toy):
    gan, sampler = toy
    told = []
    curve = train(gan, sampler, told.append)
    assert [p.step for p in told] == list(range(1, 601))
    assert {p.steps for p in told} == {600}
    assert curve[-1].step == 600
    assert 90 <= len(curve) <= 110
    means = [p.losses["mean"] for p in curve if "mean" in p.losses]
    assert means[-1] < 0.01 < means[0]


def test_sampler_draws_each_members_own_rows_and_no_others(toy):
    _, sampler = toy
    batch = sampler()
    assert batch.real.shape == (2, 8, 2)
    assert batch.real.dtype == torch.float32
    assert (batch.real[0] < 0).all()
    assert (batch.real[1] > 0).all()
    assert batch.latent.shape == (2, 8, sampler.gan.config.latent)


def test_batches_shrink_for_few_rows(toy):
    gan, _ = toy
    values = torch.zeros(6, 2, dtype=torch.float64)
    rows = [torch.arange(6), torch.arange(5)]
    assert Sampler(gan, values, rows, torch.Generator())().real.shape[1] == 2


def test_levels_of_a_condition_are_drawn_more_evenly_than_they_come():
    spec = Spec.of([("a", "numeric", 1, "a"), ("m", "condition", 2, "m")])
    level = (np.arange(1000) < 20).astype(int)  # 2% of one level, 98% of the other
    values = np.c_[np.arange(1000.0), np.eye(2)[level]]
    config = Config.make(settings={"members": 1, "withheld": 0.0})
    views = EnsembleScaler(spec, ["standard"]).fit(values)
    gan = get_method("gan")(views, config)
    rows = [torch.arange(0, 1000, 2)]  # the member sees 10 rows of the rare level
    sampler = Sampler(gan, torch.from_numpy(values), rows, torch.Generator().manual_seed(0))
    batch = sampler(size=8000)
    assert batch.real[0, :, 2].mean() == pytest.approx(0.5 * 0.02 + 0.5 * 0.5, abs=0.02)
    drawn = views.inverse(batch.real)[0, :, 0].round()
    assert set(drawn[batch.real[0, :, 2] == 1].tolist()) == set(range(0, 20, 2))
    assert (drawn % 2 == 0).all()
    assert torch.equal(batch.latent[..., config.latent :], batch.real[..., 1:])


def test_of_some_records_the_condition_is_withheld():
    spec = Spec.of([("a", "numeric", 1, "a"), ("m", "condition", 2, "m")])
    values = np.c_[np.zeros(100), np.eye(2)[np.arange(100) % 2]]
    config = Config.make(settings={"members": 1, "withheld": 0.3})
    views = EnsembleScaler(spec, ["standard"]).fit(values)
    sampler = Sampler(
        get_method("gan")(views, config),
        torch.from_numpy(values),
        [torch.arange(100)],
        torch.Generator().manual_seed(0),
    )
    told = sampler(size=5000).real[0, :, 1:].sum(-1)
    assert set(told.tolist()) == {0.0, 1.0}
    assert 1 - told.mean() == pytest.approx(0.3, abs=0.03)


def test_batches_of_very_wide_records_are_smaller():
    config = Config.make(settings={"members": 1})
    for columns, expected in ((100, 128), (1000, 65), (5000, 32)):
        spec = Spec.of([(f"x{i}", "numeric", 1, f"x{i}") for i in range(columns)])
        gan = Toy(EnsembleScaler(spec, ["standard"]), config)
        values = torch.zeros(300, columns, dtype=torch.float64)
        sampler = Sampler(gan, values, [torch.arange(300)], torch.Generator())
        assert sampler.size == expected
