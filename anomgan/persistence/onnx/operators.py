"""Torch's elementary operations in terms of ONNX's.

:func:`anomgan.persistence.onnx.tracing.trace` leaves few of them.  A converter takes the builder,
the operation's result as far as it is known before the graph runs (its type), and the arguments; it
returns the name of the result.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.fx.experimental.symbolic_shapes import is_concrete_int

from anomgan.persistence.onnx.builder import GraphBuilder, Operand, Scalar, Value

Size = int | Value
Converter = Callable[..., Any]
END = 2**63 - 1

CONVERTERS: dict[str, Converter] = {}
"""Name of an operation without its overload -> what converts it."""

UNARY = {
    "abs": "Abs", "neg": "Neg", "sign": "Sign", "exp": "Exp", "log": "Log", "sqrt": "Sqrt",
    "tanh": "Tanh", "sigmoid": "Sigmoid", "relu": "Relu", "reciprocal": "Reciprocal",
    "round": "Round", "logical_not": "Not", "cos": "Cos", "sin": "Sin",
}  # fmt: skip
BINARY = {
    "add": "Add",
    "sub": "Sub",
    "mul": "Mul",
    "div": "Div",
    "maximum": "Max",
    "minimum": "Min",
}
BINARY["pow"] = "Pow"
COMPARISONS = {
    "ge": "GreaterOrEqual", "gt": "Greater", "le": "LessOrEqual", "lt": "Less", "eq": "Equal",
}  # fmt: skip
LOGICAL = {"logical_and": "And", "bitwise_and": "And", "logical_or": "Or", "bitwise_or": "Or"}
REDUCTIONS = {"sum": "ReduceSum", "mean": "ReduceMean", "amin": "ReduceMin", "amax": "ReduceMax"}
IDENTITIES = "alias", "clone", "detach", "lift_fresh_copy"


def _converts(*names: str) -> Callable[[Converter], Converter]:
    """Register a converter."""

    def register(convert: Converter) -> Converter:
        CONVERTERS.update(dict.fromkeys(names, convert))
        return convert

    return register


# --- elementwise ----------------------------------------------------------------------------------


def _unary(name: str) -> Converter:
    return lambda b, out, x: b.node(name, b.tensor(x, out.dtype))


def _binary(name: str) -> Converter:
    def convert(b: GraphBuilder, out: Any, x: Operand, y: Operand) -> Any:
        return b.node(name, b.tensor(x, out.dtype), b.tensor(y, out.dtype))

    return convert


def _comparison(name: str) -> Converter:
    def convert(b: GraphBuilder, out: Any, x: Operand, y: Operand) -> Any:
        dtype = torch.result_type(_stand_in(x), _stand_in(y))
        return b.node(name, b.tensor(x, dtype), b.tensor(y, dtype))

    return convert


def _stand_in(operand: Operand) -> Tensor | Scalar:
    """A tensor of the operand's type and rank, by which torch decides to which type to promote."""
    if isinstance(operand, Value):
        return torch.empty([1] * operand.rank, dtype=operand.dtype)
    return operand


def _reduction(name: str) -> Converter:
    def convert(
        b: GraphBuilder, out: Any, x: Value, axes: Sequence[int] | None = None,
        keepdim: bool = False, dtype: torch.dtype | None = None,
    ) -> Any:  # fmt: skip
        axes = [each % x.rank for each in (axes or range(x.rank))]
        x_name, keep = b.tensor(x, out.dtype), int(keepdim)
        return b.node(name, x_name, b.constant(axes, torch.int64), keepdims=keep)

    return convert


CONVERTERS |= {name: _unary(other) for name, other in UNARY.items()}
CONVERTERS |= {name: _binary(other) for name, other in (BINARY | LOGICAL).items()}
CONVERTERS |= {name: _comparison(other) for name, other in COMPARISONS.items()}
CONVERTERS |= {name: _reduction(other) for name, other in REDUCTIONS.items()}
CONVERTERS |= {name: lambda b, out, x, **_: b.tensor(x, out.dtype) for name in IDENTITIES}


@_converts("_to_copy")
def _cast(b: GraphBuilder, out: Any, x: Value, **_: Any) -> str:
    return b.tensor(x, out.dtype)


@_converts("where")
def _where(b: GraphBuilder, out: Any, condition: Value, x: Operand, y: Operand) -> Any:
    test = b.tensor(condition, torch.bool)
    return b.node("Where", test, b.tensor(x, out.dtype), b.tensor(y, out.dtype))


@_converts("clamp")
def _clamp(
    b: GraphBuilder, out: Any, x: Value, min: Operand | None = None, max: Operand | None = None
) -> Any:
    name = b.tensor(x, out.dtype)
    name = name if min is None else b.node("Max", name, b.tensor(min, out.dtype))
    return name if max is None else b.node("Min", name, b.tensor(max, out.dtype))


@_converts("leaky_relu")
def _leaky_relu(b: GraphBuilder, out: Any, x: Value, slope: float = 0.01) -> Any:
    return b.node("LeakyRelu", x.name, alpha=slope)


# --- shapes ---------------------------------------------------------------------------------------


@_converts("view", "reshape", "_unsafe_view")
def _view(b: GraphBuilder, out: Any, x: Value, sizes: Sequence[Size]) -> str:
    return b.reshape(x.name, sizes)


@_converts("expand")
def _expand(b: GraphBuilder, out: Any, x: Operand, sizes: Sequence[Size], **_: Any) -> Any:
    # ONNX broadcasts an axis of length 1 with any other.
    sizes = [1 if isinstance(size, int) and size == -1 else size for size in sizes]
    return b.node("Expand", b.tensor(x, out.dtype), b.shape(sizes))


@_converts("permute")
def _permute(b: GraphBuilder, out: Any, x: Value, axes: Sequence[int]) -> Any:
    return b.node("Transpose", x.name, perm=[axis % x.rank for axis in axes])


@_converts("transpose")
def _transpose(b: GraphBuilder, out: Any, x: Value, first: int, second: int) -> Any:
    axes = list(range(x.rank))
    axes[first], axes[second] = axes[second], axes[first]
    return b.node("Transpose", x.name, perm=axes)


@_converts("unsqueeze")
def _unsqueeze(b: GraphBuilder, out: Any, x: Value, axis: int) -> Any:
    return b.node("Unsqueeze", x.name, b.constant([axis % (x.rank + 1)], torch.int64))


@_converts("squeeze")
def _squeeze(b: GraphBuilder, out: Any, x: Value, axes: Sequence[int] | int) -> Any:
    axes = [axes] if isinstance(axes, int) else axes
    return b.node("Squeeze", x.name, b.constant([axis % x.rank for axis in axes], torch.int64))


@_converts("select")
def _select(b: GraphBuilder, out: Any, x: Value, axis: int, place: int) -> Any:
    return b.node("Gather", x.name, b.constant(place, torch.int64), axis=axis % x.rank)


@_converts("slice")
def _slice(
    b: GraphBuilder, out: Any, x: Value, axis: int = 0, start: int | None = None,
    stop: Size | None = None, step: int = 1,
) -> str:  # fmt: skip
    return b.slice(x.name, axis % x.rank, start or 0, END if stop is None else stop, step)


@_converts("cat")
def _concatenate(b: GraphBuilder, out: Any, parts: Sequence[Operand], axis: int = 0) -> Any:
    names = [b.tensor(part, out.dtype) for part in parts if not _is_empty(part)]
    return b.node("Concat", *names, axis=axis % out.dim())


def _is_empty(operand: Operand) -> bool:
    """Whether a constant has no entry."""
    return isinstance(operand, Tensor) and not operand.numel()


@_converts("split_with_sizes", "split")
def _split(b: GraphBuilder, out: Any, x: Value, _: Any, axis: int = 0) -> list[str]:
    axis %= x.rank
    sizes = [int(part.shape[axis]) for part in out]
    stops = [sum(sizes[: number + 1]) for number in range(len(sizes))]
    return [
        b.slice(x.name, axis, stop - size, stop) for stop, size in zip(stops, sizes, strict=True)
    ]


@_converts("unbind")
def _unbind(b: GraphBuilder, out: Any, x: Value, axis: int = 0) -> list[Any]:
    return [_select(b, part, x, axis, place) for place, part in enumerate(out)]


@_converts("constant_pad_nd")
def _pad(b: GraphBuilder, out: Any, x: Value, widths: Sequence[int], value: Scalar = 0) -> Any:
    before, after = [0] * x.rank, [0] * x.rank
    for number, (low, high) in enumerate(zip(widths[::2], widths[1::2], strict=True)):
        before[-1 - number], after[-1 - number] = low, high
    widths_name = b.constant([*before, *after], torch.int64)
    return b.node("Pad", x.name, widths_name, b.constant(value, x.dtype))


@_converts("slice_scatter")
def _replace_slice(
    b: GraphBuilder, out: Any, x: Operand, part: Operand, axis: int = 0,
    start: int | None = None, stop: Size | None = None, step: int = 1,
) -> Any:  # fmt: skip
    axis, size = axis % out.dim(), out.shape[axis]
    if not is_concrete_int(size) and (start or 0, step) == (0, 1):
        return b.tensor(part, out.dtype)  # of the records only all are assigned to
    if step != 1 or not is_concrete_int(size) or isinstance(stop, Value):
        raise NotImplementedError("assignment to every other place")
    first, last, _ = slice(start, stop).indices(int(size))
    whole = b.tensor(x, out.dtype)
    parts = [b.slice(whole, axis, 0, first)] if first else []
    parts += [b.tensor(part, out.dtype)]
    parts += [b.slice(whole, axis, last, END)] if last < size else []
    return b.node("Concat", *parts, axis=axis) if len(parts) > 1 else parts[0]


@_converts("select_scatter")
def _replace_place(
    b: GraphBuilder, out: Any, x: Operand, part: Operand, axis: int, place: int
) -> Any:
    axis %= out.dim()
    row = b.node("Unsqueeze", b.tensor(part, out.dtype), b.constant([axis], torch.int64))
    value = Value(row, out.dtype, out.dim())
    place %= out.shape[axis]
    return _replace_slice(b, out, x, value, axis, place, place + 1)


@_converts("sym_size")
def _size(b: GraphBuilder, out: Any, x: Value, axis: int) -> Any:
    axis %= x.rank
    return b.node("Shape", x.name, start=axis, end=axis + 1)


@_converts("sym_numel")
def _count(b: GraphBuilder, out: Any, x: Value) -> str:
    return b.reshape(b.node("Size", x.name), [1])


def size_arithmetic(b: GraphBuilder, function: Any, x: Size, y: Size) -> Any:
    """A size computed from others."""
    names = {
        operator.mul: "Mul",
        operator.add: "Add",
        operator.sub: "Sub",
        operator.floordiv: "Div",
    }
    if function not in names:
        raise NotImplementedError(f"sizes by {function.__name__}")
    return b.node(names[function], b.shape([x]), b.shape([y]))


# --- entries by their places ----------------------------------------------------------------------


def _only_index(places: Sequence[Operand | None]) -> tuple[int, Operand]:
    """The axis and the places of an index along a single axis."""
    given = [(axis, index) for axis, index in enumerate(places) if index is not None]
    if len(given) != 1:
        raise NotImplementedError("an index along several axes")
    return given[0]


@_converts("index", "_unsafe_index")
def _index(b: GraphBuilder, out: Any, x: Operand, places: Sequence[Operand | None]) -> Any:
    name, given = b.tensor(x, out.dtype), [index for index in places if index is not None]
    if len(given) == 2 and places[-2:] == given and isinstance(x, Value) and len(places) == x.rank:
        return _index_images(b, name, len(places) - 2, *given)
    axis, index = _only_index(places)
    return b.node("Gather", name, b.tensor(index, torch.int64), axis=axis)


def _index_images(b: GraphBuilder, x: str, axis: int, row: Operand, column: Operand) -> Any:
    """Pixels by their rows and columns: images are flattened, for an index along one axis."""
    width = b.node("Shape", x, start=axis + 1)
    first = b.node("Mul", b.tensor(row, torch.int64), width)
    place = b.node("Add", first, b.tensor(column, torch.int64))
    return b.node("Gather", b.reshape(x, [0] * axis + [-1]), place, axis=axis)


@_converts("index_select")
def _index_select(b: GraphBuilder, out: Any, x: Operand, axis: int, index: Operand) -> Any:
    axis %= out.dim()
    return b.node("Gather", b.tensor(x, out.dtype), b.tensor(index, torch.int64), axis=axis)


@_converts("gather")
def _gather(b: GraphBuilder, out: Any, x: Operand, axis: int, index: Operand) -> Any:
    axis %= out.dim()
    names = b.tensor(x, out.dtype), b.tensor(index, torch.int64)
    return b.node("GatherElements", *names, axis=axis)


@_converts("index_put")
def _index_put(
    b: GraphBuilder, out: Any, x: Operand, places: Sequence[Operand | None], values: Operand,
    accumulate: bool = False,
) -> Any:  # fmt: skip
    axis, index = _only_index(places)
    column = b.reshape(b.tensor(index, torch.int64), [-1, *[1] * (out.dim() - 1 - axis)])
    whole, parts = b.tensor(x, out.dtype), b.tensor(values, out.dtype)
    # All axes but the one of the index are as long as those of x.
    count = b.node("Shape", b.tensor(index, torch.int64))
    sizes = [b.node("Shape", whole, start=0, end=axis)] if axis else []
    sizes += [count]
    sizes += [b.node("Shape", whole, start=axis + 1)] if axis + 1 < out.dim() else []
    shape = b.node("Concat", *sizes, axis=0) if len(sizes) > 1 else sizes[0]
    names = whole, b.node("Expand", column, shape), b.node("Expand", parts, shape)
    reduction = "add" if accumulate else "none"
    return b.node("ScatterElements", *names, axis=axis, reduction=reduction)


@_converts("scatter_reduce")
def _scatter_reduce(
    b: GraphBuilder, out: Any, x: Operand, axis: int, index: Operand, values: Operand,
    reduction: str, include_self: bool = True,
) -> Any:  # fmt: skip
    if not include_self:
        raise NotImplementedError("a reduction without what was there")
    names = b.tensor(x, out.dtype), b.tensor(index, torch.int64), b.tensor(values, out.dtype)
    kinds = {"amax": "max", "amin": "min", "sum": "add"}
    kind = kinds[reduction]
    return b.node("ScatterElements", *names, axis=axis % out.dim(), reduction=kind)


@_converts("scatter_add")
def _scatter_add(
    b: GraphBuilder, out: Any, x: Operand, axis: int, index: Operand, values: Operand
) -> Any:
    return _scatter_reduce(b, out, x, axis, index, values, "sum")


@_converts("topk")
def _top_k(
    b: GraphBuilder, out: Any, x: Value, count: int, axis: int = -1, largest: bool = True,
    sorted: bool = True,
) -> Any:  # fmt: skip
    count_name = b.constant([count], torch.int64)
    order = {"axis": axis % x.rank, "largest": int(largest), "sorted": int(sorted)}
    return b.node("TopK", x.name, count_name, outputs=2, **order)


# --- new tensors ----------------------------------------------------------------------------------


@_converts("full")
def _full(b: GraphBuilder, out: Any, sizes: Sequence[Size], value: Scalar, **_: Any) -> Any:
    return b.node("Expand", b.constant(value, out.dtype), b.shape(sizes))


@_converts("copy")
def _copy(b: GraphBuilder, out: Any, x: Operand, values: Operand, *_: Any) -> Any:
    return b.node("Expand", b.tensor(values, out.dtype), b.node("Shape", b.tensor(x, out.dtype)))


@_converts("full_like")
def _full_like(b: GraphBuilder, out: Any, x: Value, value: Scalar, **_: Any) -> Any:
    return b.node("Expand", b.constant(value, out.dtype), b.node("Shape", x.name))


# --- products -------------------------------------------------------------------------------------


@_converts("bmm", "mm")
def _matmul(b: GraphBuilder, out: Any, x: Operand, y: Operand) -> Any:
    return b.node("MatMul", b.tensor(x, out.dtype), b.tensor(y, out.dtype))


@_converts("convolution")
def _convolution(
    b: GraphBuilder, out: Any, x: Operand, weight: Operand, bias: Operand | None,
    stride: list[int], padding: list[int], dilation: list[int], transposed: bool,
    output_padding: list[int], groups: int,
) -> Any:  # fmt: skip
    names = [b.tensor(each, out.dtype) for each in (x, weight, bias) if each is not None]
    sizes: dict[str, Any] = {"strides": stride, "pads": padding * 2, "dilations": dilation}
    if transposed:
        sizes["output_padding"] = output_padding
    kind = "ConvTranspose" if transposed else "Conv"
    return b.node(kind, *names, group=groups, **sizes)


@_converts("avg_pool2d")
def _average_pool(
    b: GraphBuilder, out: Any, x: Value, kernel: list[int], stride: list[int] | None = None,
    padding: Sequence[int] = (0, 0), ceil_mode: bool = False, count_include_pad: bool = True,
    divisor: int | None = None,
) -> Any:  # fmt: skip
    if divisor is not None:
        raise NotImplementedError("an average with a divisor")
    return b.node(
        "AveragePool", x.name, kernel_shape=kernel, strides=stride or kernel,
        pads=[*padding, *padding], ceil_mode=int(ceil_mode),
        count_include_pad=int(count_include_pad),
    )  # fmt: skip
