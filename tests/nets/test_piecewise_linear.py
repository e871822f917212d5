import pytest
import torch

from anomgan.nets.piecewise_linear import PiecewiseLinearEncoding


def build(entries: int = 2) -> PiecewiseLinearEncoding:
    return PiecewiseLinearEncoding(2, torch.ones(entries, dtype=torch.bool))


def test_segments_run_from_minus_one_to_one_between_quantiles():
    encoding = build()
    encoding.fit(torch.linspace(0, 20, 2001)[None, :, None].expand(2, -1, 2))
    assert encoding.edges[0, 0].numpy() == pytest.approx(range(21), abs=0.02)
    record, segments = encoding(torch.full((2, 1, 2), 3.5)).split([2, 40], -1)
    assert record.tolist() == [[[3.5, 3.5]]] * 2
    expected = [1.0] * 3 + [0.0] + [-1.0] * 16
    assert segments[0, 0, :20].numpy() == pytest.approx(expected, abs=0.05)


def test_equal_quantiles_become_steps():
    encoding = build()
    x = torch.zeros(2, 100, 2)
    encoding.fit(x)
    assert (encoding.edges.diff(dim=-1) > 0).all()
    assert torch.isfinite(encoding(x)).all()


def test_many_columns_have_few_segments_and_conditions_stand_last():
    encoding = build(entries=700)
    assert encoding.edges.shape == (2, 700, 2)
    x = torch.zeros(2, 3, 703)
    x[..., 700:] = 7
    encoded = encoding(x)
    assert encoded.shape == (2, 3, encoding.size + 3) == (2, 3, 1403)
    assert (encoded[..., 1400:] == 7).all()


def test_rows_without_numbers_stay_as_they_are():
    encoding = PiecewiseLinearEncoding(2, torch.zeros(3, dtype=torch.bool))
    x = torch.randn(2, 5, 3)
    encoding.fit(x)
    assert torch.equal(encoding(x), x)
