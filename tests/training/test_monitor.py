"""Members that collapse or diverge are trained anew, and the user is told."""

from typing import ClassVar

import numpy as np
import pytest
import torch

from anomgan.config import Config
from anomgan.data.spec import Spec
from anomgan.errors import DataWarning, InputError
from anomgan.gans import GAN, VanillaGAN
from anomgan.training.ensemble import TrainedEnsemble

SPEC = Spec.of([("a", "numeric", 1, "a"), ("b", "numeric", 1, "b")])
VALUES = np.random.default_rng(0).normal(size=(600, 2))
SMALL = {"steps": 100, "hidden": 16, "latent": 2, "members": 3, "checks": 4}


@pytest.fixture
def sick():
    """A GAN whose first draw of weights makes member 1 a failure of the kind asked for."""

    class Sick(VanillaGAN):
        name: ClassVar[str] = "sick"
        built: ClassVar[list[int]] = []
        failure: ClassVar[float] = 0.0
        forever: ClassVar[bool] = False

        def __init__(self, views, config):
            super().__init__(views, config)
            first = not self.built
            self.built.append(views.members)
            self.scale = torch.ones(views.members, 1, 1)
            if first or self.forever:
                self.scale[min(1, views.members - 1)] = self.failure

        def generate(self, z):
            return super().generate(z) * self.scale.to(z)

    yield Sick
    del GAN.registry["sick"]


def fit(**settings):
    return TrainedEnsemble.fit(
        VALUES,
        SPEC,
        name="sick",
        config=Config.make(settings=SMALL | settings),
        seed=0,
        device="cpu",
    )


@pytest.mark.parametrize("failure", [0.0, float("nan")], ids=["collapsed", "diverged"])
def test_a_failed_member_alone_is_trained_anew(sick, failure):
    sick.failure = failure
    with pytest.warns(DataWarning, match="1 of 3 members collapsed or diverged"):
        ensemble = fit()
    assert sick.built == [3, 1]
    assert ensemble.history.restarted == [1]
    assert ensemble.history.health[-1].collapsed() == []
    assert all(weight.isfinite().all() for weight in ensemble.gan.parameters())


def test_healthy_members_are_what_they_would_have_been(sick):
    sick.failure = 1.0
    sound = fit().gan.state_dict()
    sick.built.clear()
    sick.failure = 0.0
    with pytest.warns(DataWarning, match="trained anew"):
        mended = fit().gan.state_dict()
    weights = [key for key in sound if key.endswith("weight")]
    for key in weights:
        assert torch.equal(mended[key][[0, 2]], sound[key][[0, 2]])
    assert not all(torch.equal(mended[key][1], sound[key][1]) for key in weights)


def test_collapse_that_no_seed_heals_is_told_and_ends(sick):
    sick.forever = True
    with pytest.warns(DataWarning) as caught:
        ensemble = fit(restarts=5)
    assert sick.built == [3, 1]
    assert any("mode collapse" in str(warning.message) for warning in caught)
    assert ensemble.history.health[-1].collapsed() == [1]


def test_divergence_that_no_seed_heals_is_an_error(sick):
    sick.forever, sick.failure = True, float("nan")
    with pytest.raises(InputError, match="diverged; try again with a lower learning_rate"):
        fit()


def test_restarts_can_be_switched_off(sick):
    with pytest.warns(DataWarning, match="mode collapse"):
        fit(restarts=0)
    assert sick.built == [3]


def test_watching_changes_nothing_and_is_logged_at_intervals(sick):
    sick.failure = 1.0
    watched, blind = fit(), fit(checks=0)
    assert [health.step for health in watched.history.health] == [50, 100, 150, 200]
    networks = {"discriminator", "generator", "classifier", "energy"}
    assert set(watched.history.health[0].slopes) == networks
    assert set(watched.history.health[-1].slopes) == {"encoder"}
    assert blind.history.health == []
    ours, theirs = watched.gan.state_dict(), blind.gan.state_dict()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_a_looker_sees_what_is_made_and_changes_nothing(sick):
    sick.failure, seen = 1.0, []
    config = Config.make(settings=SMALL)
    looked = TrainedEnsemble.fit(
        VALUES,
        SPEC,
        name="sick",
        config=config,
        seed=0,
        device="cpu",
        snapshot_callback=seen.append,
    )
    plain = fit()
    assert [each.step for each in seen] == [50, 100, 150, 200]
    assert [each.reconstructed is None for each in seen] == [True, True, False, False]
    assert all(each.generated.shape == each.real.shape == (32, 2) for each in seen)
    assert not np.array_equal(seen[0].generated, seen[1].generated)
    known = {tuple(row) for row in np.round(VALUES, 5).tolist()}
    assert {tuple(row) for row in np.round(seen[0].real, 5).tolist()} <= known
    ours, theirs = looked.gan.state_dict(), plain.gan.state_dict()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)
