import numpy as np
import pytest
import torch
from scipy.stats import skew
from sklearn.preprocessing import PowerTransformer

from anomgan.data.ensemble_scaler import SCALINGS, EnsembleScaler
from anomgan.data.spec import Spec

SPEC = Spec.of(
    [
        ("income", "numeric", 1, "income"),
        ("member", "indicator", 1, "member"),
        ("colour", "category", 4, "colour"),  # three levels and one never seen
        ("age", "numeric", 1, "age"),
        ("shape", "category", 2, "shape"),
    ]
)


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    n = 400
    colour, shape = np.eye(4)[rng.integers(0, 3, n)], np.eye(2)[rng.integers(0, 2, n)]
    income = np.exp(rng.normal(size=(n, 1)) * 2)
    member = (rng.random((n, 1)) < 0.1).astype(float)
    return np.hstack([income, member, colour, rng.normal(40, 3, (n, 1)), shape])


@pytest.fixture(scope="module")
def scaler(rows):
    return EnsembleScaler(SPEC, list(SCALINGS)).fit(rows)


def test_each_member_gets_its_own_copy(scaler, rows):
    scaled = scaler(torch.from_numpy(rows))
    assert scaled.shape == (4, 400, SPEC.size)
    assert not torch.allclose(scaled[0], scaled[2])


def test_a_batch_for_each_member_is_scaled_by_its_own_scaling(scaler, rows):
    x = torch.from_numpy(rows)
    own = torch.stack([x[:10], x[10:20], x[20:30], x[30:40]])
    everything = scaler(x)
    for m, part in enumerate(scaler(own)):
        assert torch.equal(part, everything[m, 10 * m : 10 * (m + 1)])


def test_standard_scaling_has_mean_0_and_deviation_1(scaler, rows):
    age = scaler(torch.from_numpy(rows))[0, :, 6]
    assert age.mean().item() == pytest.approx(0, abs=1e-12)
    assert age.std(correction=0).item() == pytest.approx(1)


def test_scaling_can_be_undone_far_out_as_well(scaler, rows):
    far = rows[:5].copy()
    far[:, 0] *= [1, 10, 1e3, 1e5, 1e7]
    x = torch.from_numpy(far)
    back = scaler.inverse(scaler(x))
    assert torch.allclose(back, x.expand(4, -1, -1), rtol=1e-6, atol=1e-9)


def test_scaling_keeps_order_in_every_numeric_entry(scaler, rows):
    ray = np.repeat(rows[:1], 50, axis=0)
    ray[:, 0] = np.geomspace(1e-3, 1e30, 50)
    assert (scaler(torch.from_numpy(ray))[:, :, 0].diff(dim=1) > 0).all()
    assert scaler(torch.from_numpy(ray)).abs().max() < 1e4


def test_a_level_never_seen_is_further_away_than_any_seen(scaler, rows):
    seen = scaler(torch.from_numpy(rows))[0][:, 2:6]
    unseen = rows[:1].copy()
    unseen[0, 2:6] = [0, 0, 0, 1]
    new = scaler(torch.from_numpy(unseen))[0, 0, 2:6]
    assert new.max() > 3 * seen.max()


def test_state_round_trip(scaler, rows):
    fresh = EnsembleScaler(SPEC, list(SCALINGS))
    fresh.load_state_dict(scaler.state_dict())
    x = torch.from_numpy(rows)
    assert torch.equal(fresh(x), scaler(x))


def test_near_constant_entries_stay_finite():
    rows = np.zeros((50, 2))
    rows[0, 0] = 1e-200
    spec = Spec.of([("a", "numeric", 1, "a"), ("b", "numeric", 1, "b")])
    scaled = EnsembleScaler(spec, list(SCALINGS)).fit(rows)(
        torch.tensor([[1e30, -1e30], [0.0, 1.0]]).double()
    )
    assert torch.isfinite(scaled).all()


def test_the_power_scaling_makes_skewed_entries_symmetric():
    rng = np.random.default_rng(0)
    rows = np.exp(rng.normal(size=(3000, 2))) * [1, -1]
    spec = Spec.of([("a", "numeric", 1, "a"), ("b", "numeric", 1, "b")])
    scaler = EnsembleScaler(spec, ["power"]).fit(rows)
    scaled = scaler(torch.from_numpy(rows))[0].numpy()
    assert (np.abs(skew(scaled, axis=0)) < 0.3 * np.abs(skew(rows, axis=0))).all()


def test_powers_agree_with_scikit_learn():
    rows = np.random.default_rng(1).gamma(2.0, size=(2000, 3)) * [1, 5, 0.2]
    spec = Spec.of([(c, "numeric", 1, c) for c in "abc"])
    scaler = EnsembleScaler(spec, ["power"]).fit(rows)
    reference = PowerTransformer().fit(rows).lambdas_.clip(0, 2)
    assert scaler.power.numpy() == pytest.approx(reference, abs=0.05)


def picture_spec(conditions=0):
    told = [("c", "condition", conditions, "c")] if conditions else []
    return Spec.of([("p", "pixel", 12, "p"), *told], (2, 2, 3))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_pixels_fill_their_channels_range_in_any_number_type(dtype):
    values = np.zeros((5, 14), dtype)
    values[:, :6] = np.arange(30).reshape(5, 6) + 10  # 10 to 39
    values[:, 6:12] = 7  # a channel that never changes
    values[:, 12] = 1
    scaler = EnsembleScaler(picture_spec(2), ["minmax", "standard"]).fit(values)
    scaled = scaler(torch.from_numpy(values))
    assert scaled.dtype == torch.float64
    assert scaled[:, 0, 0].tolist() == [-1, -1]
    assert scaled[:, 4, 5].tolist() == [1, 1]
    assert (scaled[..., 6:12] == 0).all()
    assert scaled[..., 12:].tolist() == [[[1, 0]] * 5] * 2
    assert torch.allclose(scaler.inverse(scaled)[0], torch.from_numpy(values).double())
