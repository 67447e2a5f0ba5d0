"""ONNX graphs: reading them with the refusals that keep them portable, and the shapes of their tensors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import onnx
from onnx import NodeProto, TensorProto, ValueInfoProto

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.imaging.preprocessing import CHANNELS

Dimension = int | str | None
"""A size, the name of a free one, or unknown."""

_STANDARD_DOMAINS = {"", "ai.onnx"}
MANY = 97
"""Pictures to infer shapes with: networks are exported for other numbers, so that no fixed one passes for free."""

_SMALL = 1024  # elements; what Reshape and the like read, never a weight of a layer


def read_model(model: bytes) -> onnx.ModelProto:
    """Parse an ONNX file.

    Raises
    ------
    ProcedureError
        50116 when the bytes are no ONNX model, keep weights in other files, or use operators outside the ONNX
        standard: such a model cannot be stored in a table as one value and run anywhere.
    """
    try:
        parsed = onnx.load_from_string(model)
    except Exception:  # protobuf's DecodeError, which onnx does not export
        parsed = onnx.ModelProto()
    if not parsed.graph.node or not parsed.graph.output:
        raise ProcedureError(
            ErrorNumber.UNREADABLE, "The network's bytes are not an ONNX model. Load an .onnx file with load_network."
        )
    if any(tensor.data_location == TensorProto.EXTERNAL for tensor in _tensors(parsed.graph)):
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            "The network keeps weights outside its .onnx file. Save it as one file (onnx.save with "
            "save_as_external_data=False) and load that.",
        )
    foreign = sorted({node.domain for node in nodes_of(parsed.graph)} - _STANDARD_DOMAINS)
    if foreign:
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            f"The network uses operators of the domain {', '.join(foreign)}. Export it with standard operators only.",
        )
    return parsed


def image_input(model: onnx.ModelProto) -> ValueInfoProto:
    """Find the network's one input, float32[N, 3, rows, cols]; ProcedureError 50104 when there is no such one."""
    picture = single_input(model)
    dimensions = shape_of(picture)
    is_float = picture.type.tensor_type.elem_type == TensorProto.FLOAT
    if not is_float or dimensions is None or len(dimensions) != 4 or _is_other(dimensions[1], CHANNELS):
        kind = TensorProto.DataType.Name(picture.type.tensor_type.elem_type).lower()
        raise ProcedureError(
            ErrorNumber.OTHER_SHAPE,
            f"The network's input is {kind}{describe(dimensions)}. Use a network that takes "
            f"float32[N, {CHANNELS}, rows, cols] or float32[N, rows, cols, {CHANNELS}].",
        )
    return picture


def single_input(model: onnx.ModelProto) -> ValueInfoProto:
    """Find the network's one input; ProcedureError 50104 when it has none or several."""
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    if len(inputs) != 1:
        names = ", ".join(value.name for value in inputs) or "none"
        raise ProcedureError(
            ErrorNumber.OTHER_SHAPE,
            f"The network has {len(inputs)} inputs ({names}). Use one with a single picture as input.",
        )
    return inputs[0]


def _is_other(dimension: Dimension, size: int) -> bool:
    return isinstance(dimension, int) and dimension != size


def shape_of(value: ValueInfoProto) -> list[Dimension] | None:
    """Give a tensor's dimensions, free ones by name; None when even their number is unknown."""
    if not value.type.tensor_type.HasField("shape"):
        return None
    return [
        dimension.dim_value if dimension.dim_value > 0 else dimension.dim_param or None
        for dimension in value.type.tensor_type.shape.dim
    ]


def describe(dimensions: list[Dimension] | None) -> str:
    """Write dimensions for a message."""
    if dimensions is None:
        return " of unknown shape"
    return f"[{', '.join('?' if dimension is None else str(dimension) for dimension in dimensions)}]"


def infer_shapes(
    model: onnx.ModelProto, picture: Sequence[int | str] | None = None
) -> dict[str, list[Dimension] | None]:
    """Work out the dimensions of every tensor that a node makes, by the rules of the ONNX standard.

    Parameters
    ----------
    model : ModelProto
        Weights take part by shape only, so this costs milliseconds for networks of any size.
    picture : sequence of int or str, optional
        Dimensions to take for the network's first input instead of its own.
    """
    skeleton = _without_weights(model)
    if picture is not None:
        shape = skeleton.graph.input[0].type.tensor_type.shape
        del shape.dim[:]
        for size in picture:
            shape.dim.add(**{"dim_value" if isinstance(size, int) else "dim_param": size})
    for tensor in model.graph.initializer:
        if elements(tensor.dims) <= _SMALL:
            skeleton.graph.initializer.append(tensor)
        else:
            skeleton.graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    try:
        inferred = onnx.shape_inference.infer_shapes(skeleton, data_prop=True).graph
    except Exception as error:  # its errors share no base but this one
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            f"The shapes in the network do not fit together: {' '.join(str(error).split())[:300]}",
        ) from None
    return {value.name: shape_of(value) for value in (*inferred.value_info, *inferred.output)}


def elements(dimensions: Iterable[int]) -> int:
    """Multiply dimensions."""
    product = 1
    for dimension in dimensions:
        product *= dimension
    return product


def names_used(node: NodeProto) -> set[str]:
    """List the tensors that a node reads, those that its inner graphs take from outside among them."""
    names = set(node.input)
    for attribute in node.attribute:
        for inner in (attribute.g, *attribute.graphs):
            for inner_node in inner.node:
                names |= names_used(inner_node)
    return names


def _without_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    weights = {tensor.name for tensor in model.graph.initializer}
    graph = onnx.helper.make_graph(
        model.graph.node,
        "skeleton",
        [value for value in model.graph.input if value.name not in weights],
        model.graph.output,
    )
    return onnx.helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)


def nodes_of(graph: onnx.GraphProto) -> Iterable[NodeProto]:
    """Yield the nodes of a graph and of the graphs inside them."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from nodes_of(inner)


def _tensors(graph: onnx.GraphProto) -> Iterable[TensorProto]:
    yield from graph.initializer
    for node in nodes_of(graph):
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            yield from attribute.g.initializer
