"""The nodes of a network as a table: what each gives, of which shape, with how many parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import onnx

from lungdb.networks.graphs.graph import Dimension, elements, infer_shapes, names_used, read_model

_BATCH = "N"
_UNREAD = "(none)"
_FREE = "free"


@dataclass(frozen=True)
class LayerRow:
    """A node of a graph.

    Attributes
    ----------
    name : str
        The first tensor that it gives.
    operator : str
        Of ONNX.
    output_shape : str or None
        Such as ``N × 64 × 112 × 112``; None where not even the number of dimensions is known.
    parameters : int
        Elements of the initialisers that it is the first to read.
    """

    name: str
    operator: str
    output_shape: str | None
    parameters: int


def list_layers(model: bytes, *size: int | None) -> list[LayerRow]:
    """List the nodes of an ONNX network, in the graph's order, with shapes for a size, or their own.

    Parameters of the rows together are those of all initialisers: what several nodes read counts with the first, and
    what none reads is a last row.
    """
    parsed = read_model(model)
    left = {tensor.name: elements(tensor.dims) for tensor in parsed.graph.initializer}
    shapes = infer_shapes(parsed, (_BATCH, *_sizes(parsed, size)) if size else None)
    rows = []
    for node in parsed.graph.node:
        read = sum(left.pop(name, 0) for name in sorted(names_used(node)))
        rows.append(LayerRow(node.output[0], node.op_type, _written(shapes.get(node.output[0])), read))
    if left:
        rows.append(LayerRow("", _UNREAD, None, sum(left.values())))
    return rows


def _sizes(model: onnx.ModelProto, size: Sequence[int | None]) -> tuple[int | str, ...]:
    """Give the input's dimensions behind the number of pictures, where the sides of a picture are of a size."""
    weights = {tensor.name for tensor in model.graph.initializer}
    picture = next(value for value in model.graph.input if value.name not in weights)
    own = [dimension.dim_value for dimension in picture.type.tensor_type.shape.dim][1:]
    return (*own[: len(own) - len(size)], *(side or _FREE for side in size))


def _written(shape: list[Dimension] | None) -> str | None:
    """Write dimensions; a free one is the number of pictures where it stands first, else it is not known."""
    if shape is None:
        return None
    sizes = [
        str(size) if isinstance(size, int) else _BATCH if place == 0 and size == _BATCH else "?"
        for place, size in enumerate(shape)
    ]
    return " × ".join(sizes)[:200]
