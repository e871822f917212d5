"""Traced functions compute the same as ONNX graphs, gradients among them."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch.nn import functional

from anomgan.persistence.onnx.conversion import RECORD, convert_graph
from anomgan.persistence.onnx.tracing import TRACED_ROWS, trace

torch.manual_seed(0)
WEIGHT = torch.randn(2, 3, 4, 4)
ODD = torch.tensor([1, 3, 4, 8])


def gradient(loss):
    """The function that gives the gradient of another one's sum."""

    def compute(x):
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            return torch.autograd.grad(loss(x).sum(), x)[0]

    return compute


def images(x, channels=1):
    return x.float().reshape(x.shape[0], channels, 3, -1)


def assign(x):
    y = x.clone()
    y[:, 2:5] = x[:, :3].exp()
    y[:, ODD] = x[:, ODD].abs().log1p()
    y[:, 0].mul_(2)
    return y


def softmax_by_block(x):
    index = torch.tensor([0, 0, 1, 1, 1, 2]).expand(x.shape[0], -1)
    top = x.new_full((x.shape[0], 3), -torch.inf).scatter_reduce(1, index, x[:, :6], "amax")
    e = (x[:, :6] - top.gather(1, index)).exp()
    return e / x.new_zeros(x.shape[0], 3).index_add(1, index[0], e).gather(1, index)


FUNCTIONS = {
    "elementary": lambda x: torch.asinh(x) + torch.expm1(x / 4).clamp(max=2.0) - x.sign().sqrt(),
    "types": lambda x: torch.where(x.float() > 0.5, x.float() * 2, 1).double() + (x >= 0),
    "assignment": assign,
    "reductions": lambda x: x.mean(0, keepdim=True) - x.amin(1, keepdim=True) + x.sum(),
    "neighbours": lambda x: x.topk(3, largest=False).values,
    "blocks": softmax_by_block,
    "gradient": gradient(lambda x: functional.leaky_relu(x[:, 1:] * x[:, :-1], 0.2).tanh()),
    "gradient of blocks": gradient(lambda x: softmax_by_block(x).square()),
    "convolution": lambda x: functional.conv2d(images(x), WEIGHT[:, :1, :3, :3], None, 2, 1),
    "gradient of a convolution": gradient(
        lambda x: functional.conv2d(images(x, 3), WEIGHT, None, 2, 2).square()
    ),
    "gradient of a transposed one": gradient(
        lambda x: functional.conv_transpose2d(images(x, 2), WEIGHT, None, 2, 1)[..., :5, :3].exp()
    ),
    "averages": lambda x: functional.adaptive_avg_pool2d(images(x), (2, 3)),
    "pooling": lambda x: functional.avg_pool2d(images(x), 2, ceil_mode=True),
    "bilinear": lambda x: functional.interpolate(images(x), (5, 7), mode="bilinear"),
    "nearest": lambda x: functional.interpolate(images(x), (7, 9)),
    "edges": lambda x: functional.pad(images(x), (1, 2, 1, 0), mode="replicate"),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_graph_computes_the_same_for_any_number_of_records(name):
    function, rng = FUNCTIONS[name], np.random.default_rng(0)
    example = torch.from_numpy(rng.normal(size=(TRACED_ROWS, 18))).abs()
    graph = convert_graph(trace(function, example), ("y",), {})
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    for rows in (1, 7):
        x = np.abs(rng.normal(size=(rows, 18)))
        (y,) = session.run(None, {RECORD: x})
        np.testing.assert_allclose(y, function(torch.from_numpy(x)), rtol=1e-5, atol=1e-6)


def test_whatever_weights_alone_decide_is_computed_once():
    weight = torch.randn(18, 2)
    traced = trace(lambda x: x @ (weight * 2).exp().double(), torch.zeros(TRACED_ROWS, 18).double())
    graph = onnx.load_from_string(convert_graph(traced, ("y",), {"note": "1"})).graph
    assert [node.op_type for node in graph.node][-2:] == ["MatMul", "Identity"]
    assert not {"Mul", "Exp", "Cast"} & {node.op_type for node in graph.node}


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        (lambda x: torch.linalg.inv(x[:, :4].reshape(-1, 2, 2)), "linalg_inv"),
        (lambda x: x.reshape(len(x), 2, 9), "as a plain int"),
    ],
)
def test_says_what_cant_be_converted(function, problem):
    example = torch.eye(18, dtype=torch.float64)[:17]
    with pytest.raises(NotImplementedError, match=problem):
        convert_graph(trace(function, example), ("y",), {})
