"""Convert traced operations to an ONNX model."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Node
from torch.fx.node import map_arg
from torch.utils._pytree import tree_leaves

from anomgan.persistence.onnx.builder import GraphBuilder, Value
from anomgan.persistence.onnx.operators import CONVERTERS, size_arithmetic

RECORD = "record"
"""Name of the input."""


@torch.no_grad()
def convert_graph(traced: GraphModule, names: tuple[str, ...], metadata: dict[str, str]) -> bytes:
    """The bytes of an ONNX model of traced operations.

    Whatever depends on weights alone is computed here, once.

    Args:
        traced: What :func:`anomgan.persistence.onnx.tracing.trace` returned, for a function of
            records ``(n, D)`` float64.
        names: What its results are called.
        metadata: Notes in the file.

    Raises:
        NotImplementedError: If there is no converter for an operation.
    """
    builder, known = GraphBuilder(), dict[Node, Any]()
    results: list[Any] = []
    width = 0
    for node in traced.graph.nodes:
        if node.op == "placeholder":
            known[node] = Value(RECORD, torch.float64, 2)
            width = int(node.meta["val"].shape[1])
        elif node.op == "get_attr":
            known[node] = getattr(traced, str(node.target))
        elif node.op == "output":
            results = tree_leaves(map_arg(node.args[0], known.__getitem__))
        else:
            known[node] = _convert_node(builder, node, known)
    return builder.serialize(RECORD, width, dict(zip(names, results, strict=True)), metadata)


def _convert_node(builder: GraphBuilder, node: Node, known: Mapping[Node, Any]) -> Any:
    """The result of one operation: a computed value or, if all arguments are known, a constant."""
    args: Any = map_arg(node.args, known.__getitem__)
    kwargs: Any = map_arg(node.kwargs, known.__getitem__)
    target: Any = node.target
    if target is operator.getitem:
        return args[0][args[1]]
    if not any(isinstance(leaf, Value) for leaf in tree_leaves((args, kwargs))):
        return target(*args, **kwargs)
    out, builder.origin = node.meta["val"], node.name
    if not isinstance(target, torch._ops.OpOverload):
        return Value(size_arithmetic(builder, target, *args), torch.int64, 1)
    name = target.overloadpacket.__name__.removesuffix("_copy")
    convert = CONVERTERS.get(name) or CONVERTERS.get(target.overloadpacket.__name__)
    if convert is None:
        raise NotImplementedError(f"the operation {target}")
    made = convert(builder, out, *args, **kwargs)
    if isinstance(made, list):
        return [Value(n, o.dtype, o.dim()) for n, o in zip(made, out, strict=True)]
    if isinstance(out, Tensor):
        return Value(made, out.dtype, out.dim())
    return Value(made, torch.int64, 1)  # a size
