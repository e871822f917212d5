import numpy as np
import pytest
import torch

from anomgan.data.ensemble_scaler import SCALINGS, EnsembleScaler
from anomgan.data.spec import Spec
from anomgan.gans.output_head import compute_residuals, mismatch_from, render

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


def test_rendering_gives_probabilities(scaler):
    raw = torch.randn(4, 7, SPEC.size, generator=torch.Generator().manual_seed(1)).double()
    plain = scaler.inverse(render(scaler, raw))
    assert torch.allclose(plain[..., 2:6].sum(-1), torch.ones(4, 7).double())
    assert torch.allclose(plain[..., 7:9].sum(-1), torch.ones(4, 7).double())
    assert torch.allclose(plain[..., 2:6], raw[..., 2:6].softmax(-1))
    assert torch.allclose(plain[..., 1], raw[..., 1].sigmoid())


def test_numeric_residuals_are_differences(scaler, rows):
    x, y = scaler(torch.from_numpy(rows[:20])), scaler(torch.from_numpy(rows[20:40]))
    assert torch.equal(compute_residuals(scaler, x, y)[..., :2], (x - y)[..., [0, 6]])


def test_categories_are_compared_as_probabilities(scaler, rows):
    x = scaler(torch.from_numpy(rows[:1]))
    raw = torch.zeros(4, 1, SPEC.size, dtype=torch.float64)
    held = int(rows[0, 2:6].argmax())
    raw[..., 2 + held] = np.log(3 * 9)  # softmax: 0.9 for what the row holds, 1/30 each elsewhere
    got = compute_residuals(scaler, x, render(scaler, raw))
    assert got[..., 3].square().flatten().tolist() == pytest.approx([-2 * np.log(0.9)] * 4)
    assert got[..., 4].square().flatten().tolist() == pytest.approx([-2 * np.log(0.5)] * 4)


def test_an_impossible_category_gives_a_large_but_finite_residual(scaler, rows):
    x = scaler(torch.from_numpy(rows[:1]))
    raw = torch.zeros(4, 1, SPEC.size, dtype=torch.float64)
    raw[..., 2:6] = 1e4 * (1 - torch.from_numpy(rows[0, 2:6]))
    got = compute_residuals(scaler, x, render(scaler, raw))[..., 3]
    assert torch.isfinite(got).all()
    assert (got > 5).all()


def test_gradients_through_residuals_are_finite(scaler, rows):
    x = scaler(torch.from_numpy(rows[:30]))
    raw = torch.randn(4, 30, SPEC.size, dtype=torch.float64).mul(40).requires_grad_()
    loss = compute_residuals(scaler, x, render(scaler, raw)).square().sum()
    (slope,) = torch.autograd.grad(loss, raw)
    assert torch.isfinite(slope).all()


def test_generated_pixels_stay_in_range_and_residuals_are_differences():
    scaler = EnsembleScaler(Spec.of([("p", "pixel", 12, "p")], (2, 2, 3)), ["minmax"]).fit(
        np.arange(24.0).reshape(2, 12)
    )
    raw = torch.tensor([[[-9.0, 0.0, 9.0] * 4]])
    rendered = render(scaler, raw)
    assert torch.equal(rendered, raw.tanh())
    assert torch.equal(compute_residuals(scaler, raw, rendered), raw - rendered)


@pytest.mark.parametrize("grid", [None, (1, 4, 4)])
def test_mismatch_is_the_squares_of_the_residuals_of_what_is_rendered(scaler, rows, grid):
    x = torch.from_numpy(rows[:50])
    if grid is not None:
        scaler = EnsembleScaler(
            Spec.of([("pixels", "pixel", 16, "pixels")], grid=grid), ["minmax"] * 2
        )
        x = torch.rand(50, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        scaler.fit(x.numpy())
    scaled = scaler(x)
    raw = 4 * torch.randn(scaled.shape, generator=torch.Generator().manual_seed(1)).double()
    raw.requires_grad_()
    short = mismatch_from(scaler, scaled)(raw)
    long = compute_residuals(scaler, scaled, render(scaler, raw)).square().sum(-1)
    assert torch.allclose(short, long, rtol=1e-9)
    slopes = [torch.autograd.grad(each.sum(), raw)[0] for each in (short, long)]
    assert torch.allclose(*slopes, rtol=1e-6, atol=1e-9)
