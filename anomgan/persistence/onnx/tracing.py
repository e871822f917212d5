"""Trace a score: from encoded records to the list of tensor operations that compute it.

Inversion takes gradients.  `torch.export` can't trace them, but below autograd they are plain
operations like all others, and there `make_fx` records them; a fixed number of steps is unrolled.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch._decomp import core_aten_decompositions
from torch.func import functionalize
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.experimental.symbolic_shapes import is_concrete_int

from anomgan.score_weights import parse_score
from anomgan.scoring.components import DISTANCE_OFFSET
from anomgan.scoring.features import RecordFeatures
from anomgan.scoring.fitted_ensemble import FittedEnsemble
from anomgan.scoring.scorer import SCORE_DECIMALS, Scorer

TRACED_ROWS = 29
"""Records that are traced: a number that no other dimension is likely to have."""

_ATEN = torch.ops.aten


def trace_score(ensemble: FittedEnsemble) -> GraphModule:
    """The operations from encoded records, ``(n, D)`` float64, to their scores, ``(n,)`` float64.

    Args:
        ensemble: On the CPU.
    """
    records = torch.zeros(TRACED_ROWS, ensemble.gan.views.encoded.size, dtype=torch.float64)
    # What components prepare when they are first called must not be prepared while tracing.
    ensemble.score(records[:1].expand(ensemble.gan.views.encoded.tiles, -1).numpy())
    return trace(lambda values: score_records(ensemble, values), records)


def trace(function: Callable[[Tensor], Tensor], example: Tensor) -> GraphModule:
    """The operations of a function of n records, gradients among them; n stays a symbol.

    Args:
        function: Of one tensor, whose first axis is the records.
        example: Such a tensor.

    Raises:
        NotImplementedError: If an operation can't be traced for any number of records.
    """

    def compute(records: Tensor) -> Tensor:
        """The function, of records whose other axes are no symbols."""
        return function(records.reshape(records.shape[0], *example.shape[1:]))

    traced = make_fx(compute, tracing_mode="symbolic", _allow_non_fake_inputs=True)(example)
    # Again without changes in place, and in terms of few elementary operations.
    plain = make_fx(
        functionalize(traced, remove="mutations_and_views"),
        decomposition_table={**core_aten_decompositions(), **DECOMPOSITIONS},
        tracing_mode="symbolic",
        _allow_non_fake_inputs=True,
    )(example)
    plain.graph.eliminate_dead_code()
    if is_concrete_int(next(iter(plain.graph.nodes)).meta["val"].shape[0]):
        raise NotImplementedError("an operation that takes the number of records as a plain int")
    return plain


def score_records(ensemble: FittedEnsemble, values: Tensor) -> Tensor:
    """What :meth:`FittedEnsemble.score` gives, tiles one by one, ``(n, D) -> (n,)``."""
    score = _score(ensemble.scorer, values)
    if ensemble.pooled is None:
        return score
    spec = ensemble.gan.views.encoded
    known = [
        values[:, span.slice].abs().amax(1, keepdim=True)
        for span in spec.spans
        if span.kind == "condition"
    ]
    has_conditions = torch.cat(known, 1).amin(1) > 0
    at = spec.record_size
    blank = torch.cat([values[:, :at], torch.zeros_like(values[:, at:])], 1)
    return torch.where(has_conditions, score, _score(ensemble.pooled, blank))


def _score(scorer: Scorer, values: Tensor) -> Tensor:
    """What :meth:`Scorer.score` gives, in torch."""
    records = RecordFeatures(scorer.gan, scorer.gan.views(values).float())
    total = torch.zeros_like(values[:, 0])
    weights = parse_score(scorer.name)
    sum_of_weights = sum(weights.get(component.name, 0.0) for component in scorer.components)
    for number, component in enumerate(scorer.components):
        if weight := weights.get(component.name, 0.0):
            logs = (component(records).double() + DISTANCE_OFFSET).log()
            centre, spread = (
                float(each[number]) for each in (scorer.scaler.centre, scorer.scaler.spread)
            )
            total = total + weight / sum_of_weights * ((logs - centre) / spread).mean(0)
    intercept, slope = scorer.line
    unit = 10.0**SCORE_DECIMALS
    return (unit * (intercept + slope * total)).round() / unit


def _log1p(x: Tensor) -> Tensor:
    return (1 + x).log()


def _expm1(x: Tensor) -> Tensor:
    return x.exp() - 1


def _asinh(x: Tensor) -> Tensor:
    size = x.abs()
    return x.sign() * (size + (size * size + 1).sqrt()).log()


def _slice_backward(
    gradient: Tensor, sizes: list[int], dim: int, start: int, end: int, step: int
) -> Tensor:
    if step != 1:
        raise NotImplementedError("the gradient of a slice with steps")
    size, dim = sizes[dim], dim % len(sizes)
    start, end = (min(size, at + size if at < 0 else at) for at in (start, end))
    padding = [0, 0] * (len(sizes) - 1 - dim) + [start, size - end]
    return torch.nn.functional.pad(gradient, padding)


def _convolution_backward(
    gradient: Tensor,
    x: Tensor,
    weight: Tensor,
    bias_sizes: list[int] | None,
    stride: list[int],
    padding: list[int],
    dilation: list[int],
    transposed: bool,
    output_padding: list[int],
    groups: int,
    output_mask: list[bool],
) -> tuple[Tensor | None, None, None]:
    """The gradient of a convolution's input; its weights are constants."""
    if output_mask[1] or output_mask[2] or max(dilation) > 1:
        raise NotImplementedError("the gradient of a convolution's weights")
    if not output_mask[0]:
        return None, None, None
    if transposed:
        result = torch.conv2d(gradient, weight, None, stride, padding, dilation, groups)
        return result, None, None
    sides = zip(x.shape[2:], gradient.shape[2:], weight.shape[2:], stride, padding, strict=True)
    missing = [side - ((out - 1) * step - 2 * pad + k) for side, out, k, step, pad in sides]
    result = torch.conv_transpose2d(
        gradient, weight, None, stride, padding, [int(each) for each in missing], groups, dilation
    )
    return result, None, None


def _adaptive_average(x: Tensor, size: list[int]) -> Tensor:
    """Averages over parts of images of nearly equal size, ``(n, C, H, W) -> (n, C, *size)``."""
    down, across = (
        _average_weights(int(side), parts).to(x.dtype)
        for side, parts in zip(x.shape[2:], size, strict=True)
    )
    return ((x @ across).mT @ down).mT


def _average_weights(side: int, parts: int) -> Tensor:
    """Averages over parts of an axis, which may share an entry, ``(side, parts)``."""
    weights = torch.zeros(side, parts, dtype=torch.float64)
    for part in range(parts):
        first, last = part * side // parts, -(-(part + 1) * side // parts)
        weights[first:last, part] = 1 / (last - first)
    return weights


DECOMPOSITIONS: dict[torch._ops.OpOverload, Callable[..., object]] = {
    _ATEN.log1p.default: _log1p,
    _ATEN.expm1.default: _expm1,
    _ATEN.asinh.default: _asinh,
    _ATEN.rsqrt.default: lambda x: 1 / x.sqrt(),
    _ATEN._adaptive_avg_pool2d.default: _adaptive_average,
    _ATEN.slice_backward.default: _slice_backward,
    _ATEN.convolution_backward.default: _convolution_backward,
}
"""Operations that ONNX doesn't have, or onnxruntime not for float64, by others."""
