"""Collecting the nodes and weights of the ONNX graph that a CNTK model becomes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from onnx import GraphProto, NodeProto, TensorProto, helper

from lungdb.errors import LungdbError
from lungdb.networks.cntk.functions import Function
from lungdb.networks.cntk.wire import MAX_RANK

MAX_ELEMENTS = 1 << 26  # of what one node gives for one picture; VGG's largest has 3.2 million
MAX_NODES = 50_000  # a ResNet-152 becomes 600

Dim = int | None
"""A size, or None where it is free until the network runs."""


@dataclass(frozen=True)
class Value:
    """A tensor of the graph.

    Attributes
    ----------
    name : str
        Its name in ONNX.
    shape : tuple of Dim
        Row-major (CNTK's reversed), without the batch.
    batched : bool
        Whether the batch stands in front of `shape`.
    constant : array or None
        What a weight holds, of the shape `shape`.
    """

    name: str
    shape: tuple[Dim, ...]
    batched: bool = True
    constant: NDArray[np.float32] | None = None

    @property
    def rank(self) -> int:
        """How many axes a single picture's tensor has."""
        return len(self.shape)

    def axis(self, index: int) -> int:
        """Give the ONNX axis of a row-major axis."""
        return index + self.batched


class NamePool:
    """The tensor names that are taken."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._numbers: dict[str, int] = {}

    def __contains__(self, name: str) -> bool:
        """Tell whether a name is taken."""
        return name in self._taken

    def take(self, names: Iterable[str]) -> None:
        """Reserve names as they are."""
        self._taken.update(names)

    def unique(self, name: str) -> str:
        """Reserve a name that nothing has yet: `name`, or with a number."""
        candidate = name
        while candidate in self._taken:
            self._numbers[name] = self._numbers.get(name, 1) + 1
            candidate = f"{name}_{self._numbers[name]}"
        self._taken.add(candidate)
        return candidate


Rule = Callable[["Emitter", Function, list[Value]], list[Value]]
"""Writes the nodes for a function with the given inputs and returns its outputs."""


class Emitter:
    """The nodes so far, and the graph that holds the weights.

    Parameters
    ----------
    graph : GraphProto
        Where the weights go at once, so that large ones are copied no more than needed.
    pool : NamePool
        Names that are taken already, reserved for `rename`.
    room : int
        Bytes that the weights may take.
    """

    def __init__(self, graph: GraphProto, pool: NamePool, room: int) -> None:
        self.nodes: list[NodeProto] = []
        self._graph = graph
        self._pool = pool
        self._room = room
        self._unread: dict[str, NDArray[np.float32]] = {}
        self._reshaped: dict[tuple[str, tuple[Dim, ...]], Value] = {}
        self._integers: dict[tuple[int, ...], str] = {}
        self._function = ""
        self._start = 0

    def write(self, rule: Rule, function: Function, inputs: list[Value]) -> list[Value]:
        """Write a function's nodes and check the size of what it gives."""
        self._function, self._start = function.uid, len(self.nodes)
        outputs = rule(self, function, inputs)
        for output in outputs:
            if math.prod(dim for dim in output.shape if dim is not None) > MAX_ELEMENTS:
                function.refuse(f"gives {output.shape} for a picture", f"At most {MAX_ELEMENTS} numbers are supported.")
            if output.rank > MAX_RANK:
                function.refuse(f"gives {output.rank} axes", f"At most {MAX_RANK} are supported.")
        return outputs

    def add(
        self,
        operator: str,
        inputs: Sequence[Value | str],
        shape: Sequence[Dim] = (),
        *,
        batched: bool | None = None,
        **attributes: object,
    ) -> Value:
        """Add a node with one output, batched if one of its inputs is."""
        return self.add_many(operator, inputs, [shape], batched=batched, **attributes)[0]

    def add_many(
        self,
        operator: str,
        inputs: Sequence[Value | str],
        shapes: Sequence[Sequence[Dim]],
        *,
        batched: bool | None = None,
        **attributes: object,
    ) -> list[Value]:
        """Add a node with an output for each of `shapes`."""
        if batched is None:
            batched = any(isinstance(value, Value) and value.batched for value in inputs)
        names = [self._pool.unique(f"{self._function}/{operator}") for _ in shapes]
        if len(self.nodes) >= MAX_NODES:
            raise LungdbError(f"The CNTK model becomes more than {MAX_NODES} ONNX nodes. Use a smaller network.")
        self.nodes.append(helper.make_node(operator, [self._read(value) for value in inputs], names, **attributes))
        return [Value(name, tuple(shape), batched) for name, shape in zip(names, shapes, strict=True)]

    def rename(self, value: Value, name: str, node: str) -> Value:
        """Name an output of the function that was written last, and its node; a copy of what came from elsewhere."""
        written = self.nodes[self._start :]
        maker = next((entry for entry in written if value.name in entry.output), None)
        if maker is None:
            value = self.add("Identity", [value], value.shape)
            return self.rename(value, name, node)
        maker.name = node or maker.name
        for entry in written:
            for names in (entry.output, entry.input):
                for place, known in enumerate(names):
                    if known == value.name:
                        names[place] = name
        return replace(value, name=name)

    def alias(self, value: Value, name: str) -> None:
        """Give a tensor a second name."""
        self.nodes.append(helper.make_node("Identity", [self._read(value)], [name]))

    def constant(self, array: ArrayLike, name: str = "") -> Value:
        """Make a constant, stored as float32 when a node reads it."""
        with np.errstate(over="ignore"):
            numbers = np.asarray(array).astype("<f4", copy=False)
        name = self._pool.unique(name or f"{self._function}/constant")
        self._unread[name] = numbers
        return Value(name, numbers.shape, batched=False, constant=numbers)

    def integers(self, values: Sequence[int]) -> str:
        """Store an int64 vector, one for all nodes that need the same."""
        key = tuple(values)
        if key not in self._integers:
            name = self._integers[key] = self._pool.unique("sizes")
            self._store(np.array(key, "<i8"), name)
        return self._integers[key]

    def reshape(self, value: Value, shape: Sequence[Dim]) -> Value:
        """Give a tensor other axes; of the free ones all but one have to stay as they are."""
        if tuple(shape) == value.shape:
            return value
        if value.constant is not None:
            key = value.name, tuple(shape)
            if key not in self._reshaped:
                self._reshaped[key] = self.constant(value.constant.reshape([dim or 1 for dim in shape]), value.name)
            return self._reshaped[key]
        sizes: list[int] = []
        for place, dim in enumerate(shape):
            kept = dim is None and value.shape[: place + 1] == tuple(shape[: place + 1])
            sizes.append(0 if kept else -1 if dim is None else dim)
        if sizes.count(-1) <= 1:
            front = [0] if value.batched else []
            return self.add("Reshape", [value, self.integers(front + sizes)], shape)
        if [dim for dim in shape if dim != 1] != [dim for dim in value.shape if dim != 1]:
            raise LungdbError(
                f"The CNTK model reshapes {value.shape} to {tuple(shape)} with several free sizes. Save the model with "
                "a fixed input size."
            )
        axes = [value.axis(place) for place, dim in enumerate(value.shape) if dim == 1]
        bare = self.add("Squeeze", [value, self.integers(axes)], [dim for dim in shape if dim != 1]) if axes else value
        axes = [value.axis(place) for place, dim in enumerate(shape) if dim == 1]
        return self.add("Unsqueeze", [bare, self.integers(axes)], shape) if axes else bare

    def align(self, values: Sequence[Value]) -> list[Value]:
        """Insert axes of size 1 behind the batch, so that ONNX broadcasts tensors of several ranks as CNTK does."""
        rank = max(value.rank for value in values)
        return [self._with_rank(value, rank) if value.batched else value for value in values]

    def batch_size_of(self, value: Value) -> Value:
        """Compute the number of pictures in a batch, as an int64 vector of one."""
        return self.add("Shape", [value], start=0, end=1, batched=False)

    def _with_rank(self, value: Value, rank: int) -> Value:
        missing = rank - value.rank
        if missing == 0:
            return value
        return self.add("Unsqueeze", [value, self.integers(range(1, missing + 1))], (1,) * missing + value.shape)

    def _read(self, value: Value | str) -> str:
        if isinstance(value, str):
            return value
        if value.name in self._unread:
            self._store(self._unread.pop(value.name), value.name)
        return value.name

    def _store(self, array: NDArray[Any], name: str) -> None:
        self._room -= array.nbytes
        if self._room < 0:
            raise LungdbError(
                "The CNTK model's weights take more room in ONNX than is supported, 2 GB or twice the file. Save a "
                "smaller model."
            )
        tensor = self._graph.initializer.add()
        tensor.name, tensor.raw_data = name, array.tobytes()
        tensor.data_type = TensorProto.FLOAT if array.dtype == np.float32 else TensorProto.INT64
        tensor.dims.extend(array.shape)


def broadcast(function: Function, values: Sequence[Value]) -> tuple[Dim, ...]:
    """Work out the shape of an elementwise operation: CNTK's rule is numpy's on row-major shapes."""
    rank = max(value.rank for value in values)
    shape: list[Dim] = []
    for dims in zip(*((1,) * (rank - value.rank) + value.shape for value in values), strict=True):
        sizes = {dim for dim in dims if dim is not None and dim != 1}
        if len(sizes) > 1:
            function.refuse(
                f"combines the shapes {' and '.join(str(value.shape) for value in values)}", "Save the model again."
            )
        shape.append(next(iter(sizes), None if None in dims else 1))
    return tuple(shape)
