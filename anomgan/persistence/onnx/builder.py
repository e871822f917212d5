"""Build an ONNX graph: nodes, constants, and the conversions between torch's values and ONNX's."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from anomgan.utils.extras import import_extra

OPSET = 18
"""Version of ONNX's operators: the first whose ScatterElements takes a maximum."""

IR_VERSION = 8
"""Version of the file format that belongs to :data:`OPSET`; older runtimes read it, too."""

DTYPES = {
    torch.float64: "DOUBLE",
    torch.float32: "FLOAT",
    torch.int64: "INT64",
    torch.int32: "INT32",
    torch.bool: "BOOL",
}
"""Torch's types and ONNX's names of them."""


@dataclass(frozen=True)
class Value:
    """A value that the graph computes.

    Attributes:
        name: In the graph.
        dtype: Its type.
        rank: Number of its axes.
    """

    name: str
    dtype: torch.dtype
    rank: int


Scalar = bool | int | float
Operand = Value | Tensor | Scalar
"""What operators take: computed values, constants, and numbers."""


class GraphBuilder:
    """Collects the nodes and constants of a graph.

    Attributes:
        origin: What the next nodes are named after: the operation that they convert.
    """

    def __init__(self) -> None:
        """Start with nothing."""
        self.origin = ""
        self._onnx = import_extra("onnx", "onnx", "export")
        self._nodes: list[Any] = []
        self._constants: dict[str, Any] = {}

    def node(self, operator: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        """Append a node; the name of its output, or a list of names if there are several."""
        name = f"{self.origin}.{len(self._nodes)}"
        names = [f"{name}.{number}" for number in range(outputs)]
        node = self._onnx.helper.make_node(operator, list(inputs), names, name, **attributes)
        self._nodes.append(node)
        return names[0] if outputs == 1 else names

    def constant(self, value: Any, dtype: torch.dtype | None = None) -> str:
        """A constant tensor; equal ones are stored once."""
        tensor = torch.as_tensor(value, dtype=dtype).detach().cpu().contiguous()
        array = tensor.numpy()
        digest = hashlib.sha256(array.tobytes()).hexdigest()[:16]
        name = f"c_{DTYPES[tensor.dtype]}_{'x'.join(map(str, array.shape))}_{digest}"
        if name not in self._constants:
            self._constants[name] = self._onnx.numpy_helper.from_array(array, name)
        return name

    def tensor(self, operand: Operand, dtype: torch.dtype) -> str:
        """An operand as a tensor of that type."""
        if not isinstance(operand, Value):
            return self.constant(operand, dtype)
        return self.cast(operand.name, operand.dtype, dtype)

    def cast(self, name: str, dtype: torch.dtype, wanted: torch.dtype) -> str:
        """Convert a value to another type."""
        if dtype == wanted:
            return name
        to = getattr(self._onnx.TensorProto, DTYPES[wanted])
        return str(self.node("Cast", name, to=to))

    def shape(self, sizes: Sequence[int | Value]) -> str:
        """Sizes of axes as a vector; those that depend on the number of records are values."""
        if not any(isinstance(size, Value) for size in sizes):
            return self.constant(list(sizes), torch.int64)
        parts = [
            size.name if isinstance(size, Value) else self.constant([size], torch.int64)
            for size in sizes
        ]
        return str(self.node("Concat", *parts, axis=0)) if len(parts) > 1 else parts[0]

    def reshape(self, name: str, sizes: Sequence[int | Value]) -> str:
        """Reshape a value."""
        return str(self.node("Reshape", name, self.shape(sizes)))

    def slice(self, name: str, axis: int, start: int, stop: int | Value, step: int = 1) -> str:
        """A part of a value along an axis."""
        ends = [self.shape([each]) for each in (start, stop, axis, step)]
        return str(self.node("Slice", name, *ends))

    def serialize(
        self, record: str, width: int, outputs: dict[str, Value], metadata: dict[str, str]
    ) -> bytes:
        """The bytes of a model.

        Args:
            record: Name of the input, float64 ``(n, width)``.
            width: Entries of a record.
            outputs: Name -> value with n as its first axis.
            metadata: Notes in the file.
        """
        helper, kinds = self._onnx.helper, self._onnx.TensorProto
        for name, value in outputs.items():
            self._nodes.append(helper.make_node("Identity", [value.name], [name]))
        described = [
            helper.make_tensor_value_info(
                name, getattr(kinds, DTYPES[value.dtype]), ["n", *[None] * (value.rank - 1)]
            )
            for name, value in outputs.items()
        ]
        graph = helper.make_graph(
            self._nodes,
            "anomgan",
            [helper.make_tensor_value_info(record, kinds.DOUBLE, ["n", width])],
            described,
            list(self._constants.values()),
        )
        opsets = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, producer_name="anomgan")
        model.ir_version = IR_VERSION
        helper.set_model_props(model, metadata)
        return bytes(model.SerializeToString())
