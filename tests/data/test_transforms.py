import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import yeojohnson

from anomgan.data import transforms as t

NUMBERS = torch.tensor([-1e30, -1e9, -50.0, -8.0, -1.3, 0.0, 1e-12, 0.7, 8.0, 9.0, 1e30]).double()


def test_soft_tail_changes_nothing_up_to_the_knee():
    near = NUMBERS[NUMBERS.abs() <= t.KNEE]
    assert torch.equal(t.soft_tail(near), near)


def test_soft_tail_keeps_order_and_stays_small_enough_for_float32():
    out = t.soft_tail(NUMBERS)
    assert (out.diff() > 0).all()
    assert out.abs().max() < 1e3


def test_soft_tail_has_no_step_and_no_kink_at_the_knee():
    x = torch.tensor([t.KNEE - 1e-7, t.KNEE + 1e-7], dtype=torch.float64, requires_grad=True)
    out = t.soft_tail(x)
    assert (out[1] - out[0]).item() == pytest.approx(2e-7, rel=1e-3)
    (slope,) = torch.autograd.grad(out.sum(), x)
    assert slope.tolist() == pytest.approx([1.0, 1.0], abs=1e-6)


@given(st.floats(-1e12, 1e12))
def test_soft_tail_can_be_undone(number):
    x = torch.tensor([number], dtype=torch.float64)
    back = t.soft_tail_inverse(t.soft_tail(x))
    assert back.item() == pytest.approx(number, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("power", [0.0, 0.4, 1.0, 1.7, 2.0])
def test_yeo_johnson_agrees_with_scipy_and_can_be_undone(power):
    x = np.linspace(-4, 6, 41)
    lam = torch.tensor(power, dtype=torch.float64)
    out = t.yeo_johnson(torch.from_numpy(x), lam)
    assert out.numpy() == pytest.approx(yeojohnson(x, power), abs=1e-12)
    assert t.yeo_johnson_inverse(out, lam).numpy() == pytest.approx(x, abs=1e-9)


@pytest.mark.parametrize("power", [0.0, 1.0, 2.0])
def test_gradients_are_finite_everywhere(power):
    x = NUMBERS[1:-1].clone().requires_grad_()
    (slope,) = torch.autograd.grad(t.yeo_johnson(x, torch.tensor(power).double()).sum(), x)
    assert torch.isfinite(slope).all()
