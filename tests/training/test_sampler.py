import numpy as np
import pytest
import torch

from anomgan.config import Config
from anomgan.data.ensemble_scaler import EnsembleScaler
from anomgan.data.spec import Spec
from anomgan.gans import get_method
from anomgan.training.sampler import Sampler

SPEC = Spec.of([("a", "numeric", 1, "a"), ("b", "numeric", 1, "b")])


def build(spec, scalings, **settings):
    return get_method("gan")(EnsembleScaler(spec, scalings), Config.make(settings=settings))


def test_sampler_draws_each_members_own_rows_and_no_others():
    values = np.concatenate([np.full((50, 2), -1.0), np.full((50, 2), 1.0)])
    gan = build(SPEC, ["standard"] * 2, batch=8)
    gan.views.fit(values)
    rows = [torch.arange(50), torch.arange(50, 100)]
    sampler = Sampler(gan, torch.from_numpy(values), rows, torch.Generator().manual_seed(0))
    batch = sampler()
    assert batch.real.shape == (2, 8, 2)
    assert batch.real.dtype == torch.float32
    assert (batch.real[0] < 0).all()
    assert (batch.real[1] > 0).all()
    assert batch.latent.shape == (2, 8, sampler.gan.config.latent)


def test_batches_shrink_for_few_rows():
    gan = build(SPEC, ["standard"] * 2)
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
    for columns, expected in ((100, 128), (1000, 65), (5000, 32)):
        spec = Spec.of([(f"x{i}", "numeric", 1, f"x{i}") for i in range(columns)])
        gan = build(spec, ["standard"], members=1)
        values = torch.zeros(300, columns, dtype=torch.float64)
        sampler = Sampler(gan, values, [torch.arange(300)], torch.Generator())
        assert sampler.size == expected
