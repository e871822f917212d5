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
def views(rows):
    return EnsembleScaler(SPEC, list(SCALINGS)).fit(rows)


def test_each_member_gets_its_own_copy(views, rows):
    scaled = views(torch.from_numpy(rows))
    assert scaled.shape == (4, 400, SPEC.size)
    assert not torch.allclose(scaled[0], scaled[2])


def test_a_batch_for_each_member_is_scaled_by_its_own_view(views, rows):
    x = torch.from_numpy(rows)
    own = torch.stack([x[:10], x[10:20], x[20:30], x[30:40]])
    everything = views(x)
    for m, part in enumerate(views(own)):
        assert torch.equal(part, everything[m, 10 * m : 10 * (m + 1)])


def test_standard_view_has_mean_0_and_deviation_1(views, rows):
    age = views(torch.from_numpy(rows))[0, :, 6]
    assert age.mean().item() == pytest.approx(0, abs=1e-12)
    assert age.std(correction=0).item() == pytest.approx(1)


def test_views_can_be_undone_far_out_as_well(views, rows):
    far = rows[:5].copy()
    far[:, 0] *= [1, 10, 1e3, 1e5, 1e7]
    x = torch.from_numpy(far)
    back = views.inverse(views(x))
    assert torch.allclose(back, x.expand(4, -1, -1), rtol=1e-6, atol=1e-9)


def test_views_keep_order_in_every_numeric_entry(views, rows):
    ray = np.repeat(rows[:1], 50, axis=0)
    ray[:, 0] = np.geomspace(1e-3, 1e30, 50)
    assert (views(torch.from_numpy(ray))[:, :, 0].diff(dim=1) > 0).all()
    assert views(torch.from_numpy(ray)).abs().max() < 1e4


def test_a_level_never_seen_is_further_away_than_any_seen(views, rows):
    seen = views(torch.from_numpy(rows))[0][:, 2:6]
    unseen = rows[:1].copy()
    unseen[0, 2:6] = [0, 0, 0, 1]
    new = views(torch.from_numpy(unseen))[0, 0, 2:6]
    assert new.max() > 3 * seen.max()


def test_rendering_gives_probabilities(views):
    raw = torch.randn(4, 7, SPEC.size, generator=torch.Generator().manual_seed(1)).double()
    plain = views.inverse(views.render(raw))
    assert torch.allclose(plain[..., 2:6].sum(-1), torch.ones(4, 7).double())
    assert torch.allclose(plain[..., 7:9].sum(-1), torch.ones(4, 7).double())
    assert torch.allclose(plain[..., 2:6], raw[..., 2:6].softmax(-1))
    assert torch.allclose(plain[..., 1], raw[..., 1].sigmoid())


def test_numeric_residuals_are_differences(views, rows):
    x, y = views(torch.from_numpy(rows[:20])), views(torch.from_numpy(rows[20:40]))
    assert torch.equal(views.residuals(x, y)[..., :2], (x - y)[..., [0, 6]])


def test_categories_are_compared_as_probabilities(views, rows):
    x = views(torch.from_numpy(rows[:1]))
    raw = torch.zeros(4, 1, SPEC.size, dtype=torch.float64)
    held = int(rows[0, 2:6].argmax())
    raw[..., 2 + held] = np.log(3 * 9)  # softmax: 0.9 for what the row holds, 1/30 each elsewhere
    got = views.residuals(x, views.render(raw))
    assert got[..., 3].square().flatten().tolist() == pytest.approx([-2 * np.log(0.9)] * 4)
    assert got[..., 4].square().flatten().tolist() == pytest.approx([-2 * np.log(0.5)] * 4)


def test_an_impossible_category_gives_a_large_but_finite_residual(views, rows):
    x = views(torch.from_numpy(rows[:1]))
    raw = torch.zeros(4, 1, SPEC.size, dtype=torch.float64)
    raw[..., 2:6] = 1e4 * (1 - torch.from_numpy(rows[0, 2:6]))
    got = views.residuals(x, views.render(raw))[..., 3]
    assert torch.isfinite(got).all()
    assert (got > 5).all()


def test_gradients_through_residuals_are_finite(views, rows):
    x = views(torch.from_numpy(rows[:30]))
    raw = torch.randn(4, 30, SPEC.size, dtype=torch.float64).mul(40).requires_grad_()
    loss = views.residuals(x, views.render(raw)).square().sum()
    (slope,) = torch.autograd.grad(loss, raw)
    assert torch.isfinite(slope).all()


def test_state_round_trip(views, rows):
    fresh = EnsembleScaler(SPEC, list(SCALINGS))
    fresh.load_state_dict(views.state_dict())
    x = torch.from_numpy(rows)
    assert torch.equal(fresh(x), views(x))


def test_near_constant_entries_stay_finite():
    rows = np.zeros((50, 2))
    rows[0, 0] = 1e-200
    spec = Spec.of([("a", "numeric", 1, "a"), ("b", "numeric", 1, "b")])
    scaled = EnsembleScaler(spec, list(SCALINGS)).fit(rows)(
        torch.tensor([[1e30, -1e30], [0.0, 1.0]]).double()
    )
    assert torch.isfinite(scaled).all()


def test_the_power_view_makes_skewed_entries_symmetric():
    rng = np.random.default_rng(0)
    rows = np.exp(rng.normal(size=(3000, 2))) * [1, -1]
    spec = Spec.of([("a", "numeric", 1, "a"), ("b", "numeric", 1, "b")])
    views = EnsembleScaler(spec, ["power"]).fit(rows)
    scaled = views(torch.from_numpy(rows))[0].numpy()
    assert (np.abs(skew(scaled, axis=0)) < 0.3 * np.abs(skew(rows, axis=0))).all()


def test_powers_agree_with_scikit_learn():
    rows = np.random.default_rng(1).gamma(2.0, size=(2000, 3)) * [1, 5, 0.2]
    spec = Spec.of([(c, "numeric", 1, c) for c in "abc"])
    views = EnsembleScaler(spec, ["power"]).fit(rows)
    reference = PowerTransformer().fit(rows).lambdas_.clip(0, 2)
    assert views.power.numpy() == pytest.approx(reference, abs=0.05)


def picture_spec(conditions=0):
    told = [("c", "condition", conditions, "c")] if conditions else []
    return Spec.of([("p", "pixel", 12, "p"), *told], (2, 2, 3))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_pixels_fill_their_channels_range_in_any_number_type(dtype):
    values = np.zeros((5, 14), dtype)
    values[:, :6] = np.arange(30).reshape(5, 6) + 10  # 10 to 39
    values[:, 6:12] = 7  # a channel that never changes
    values[:, 12] = 1
    views = EnsembleScaler(picture_spec(2), ["minmax", "standard"]).fit(values)
    scaled = views(torch.from_numpy(values))
    assert scaled.dtype == torch.float64
    assert scaled[:, 0, 0].tolist() == [-1, -1]
    assert scaled[:, 4, 5].tolist() == [1, 1]
    assert (scaled[..., 6:12] == 0).all()
    assert scaled[..., 12:].tolist() == [[[1, 0]] * 5] * 2
    assert torch.allclose(views.inverse(scaled)[0], torch.from_numpy(values).double())


def test_generated_pixels_stay_in_range_and_residuals_are_differences():
    views = EnsembleScaler(picture_spec(), ["minmax"]).fit(np.arange(24.0).reshape(2, 12))
    raw = torch.tensor([[[-9.0, 0.0, 9.0] * 4]])
    made = views.render(raw)
    assert torch.equal(made, raw.tanh())
    assert torch.equal(views.residuals(raw, made), raw - made)


def test_a_pictures_patches_are_what_can_be_spoilt():
    spec = Spec.of([("p", "pixel", 2 * 64, "p")], (2, 8, 8))
    views = EnsembleScaler(spec, ["minmax"])
    column = views.column.reshape(2, 8, 8)
    assert torch.equal(column[0], column[1])
    assert column.unique().numel() == 16
    assert (column[0, :2, :2] == 0).all()
    assert column[0, 7, 7] == 15
    assert views.is_numeric.all()


@pytest.mark.parametrize("grid", [None, (1, 4, 4)])
def test_mismatch_is_the_squares_of_the_residuals_of_what_is_rendered(views, rows, grid):
    x = torch.from_numpy(rows[:50])
    if grid is not None:
        views = EnsembleScaler(
            Spec.of([("pixels", "pixel", 16, "pixels")], grid=grid), ["minmax"] * 2
        )
        x = torch.rand(50, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        views.fit(x.numpy())
    scaled = views(x)
    raw = 4 * torch.randn(scaled.shape, generator=torch.Generator().manual_seed(1)).double()
    raw.requires_grad_()
    short = views.mismatch(scaled, raw)
    long = views.residuals(scaled, views.render(raw)).square().sum(-1)
    assert torch.allclose(short, long, rtol=1e-9)
    slopes = [torch.autograd.grad(each.sum(), raw)[0] for each in (short, long)]
    assert torch.allclose(*slopes, rtol=1e-6, atol=1e-9)
