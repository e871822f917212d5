from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from anomgan.config import Config
from anomgan.data.ensemble_scaler import EnsembleScaler
from anomgan.data.spec import Spec
from anomgan.gans import GAN, Batch, OptimizerStep, Phase
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
