"""Choosing a layer: which tensors a network has, which is penultimate, and the part of the graph that computes one."""

from __future__ import annotations

import difflib

import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from lungdb.errors import ProcedureError
from lungdb.imaging.preprocessing import CHANNELS, SIDE
from lungdb.networks.graph import (
    OTHER_SHAPE,
    Dimension,
    describe,
    image_input,
    infer_shapes,
    names_used,
    read_model,
    shape_of,
)

UNKNOWN_LAYER = 50115

FEATURES = "lungdb_features"
"""Name of the only output of a pruned graph."""

_CLASSIFIERS = {"Gemm", "MatMul"}


def penultimate(model: onnx.ModelProto) -> str:
    """Name the tensor that the network's last Gemm or MatMul reads: the features under the classifying layer.

    A network without either has no classifying layer, so its own first output is what is asked for.
    """
    output = str(model.graph.output[0].name)
    weights = {tensor.name for tensor in model.graph.initializer}
    for node in reversed(_ancestors(model.graph, output)):
        if node.op_type in _CLASSIFIERS:
            return next((str(name) for name in node.input if name not in weights), output)
    return output


def select_layer(model: bytes, name: str) -> tuple[bytes, int]:
    """Cut a network down to what one layer needs, for any number of pictures at a time.

    Parameters
    ----------
    model : bytes
        An ONNX network with one input float32[N, 3, rows, cols]. A fixed N is made free; free rows and columns
        become 224.
    name : str
        A tensor of the graph, the name of a node (its first output is meant), or `penultimate`.

    Returns
    -------
    model : bytes
        An ONNX network with the same input and the single output `lungdb_features`, float32[N, width]. What a
        convolution gives, [N, channels, rows, cols], is averaged over rows and columns.
    width : int
        Values per picture.

    Raises
    ------
    ProcedureError
        50115 when there is no such layer or its output is neither [N, width] nor [N, channels, rows, cols]; 50104
        when the input is not a picture or N cannot be made free; 50116 when the bytes are not ONNX.
    """
    pruned = read_model(model)
    tensor = _tensor_called(pruned, name)
    graph = pruned.graph
    picture = image_input(pruned)
    fixed = _sizes(picture)[0]
    _keep_only(graph, tensor, picture)
    if fixed is not None:
        _free_reshapes(graph, fixed)
    batch = 1 + (fixed or 1)
    shape = _shape_for(pruned, tensor, batch)
    if shape is None or len(shape) not in (2, 4) or not isinstance(shape[1], int):
        raise ProcedureError(
            UNKNOWN_LAYER,
            f"The layer {name!r} gives {describe(shape)}, not [N, width] or [N, channels, rows, cols]. "
            "Choose another layer.",
        )
    if shape[0] != batch:
        raise ProcedureError(
            OTHER_SHAPE,
            f"The layer {name!r} gives {describe(shape)} for {batch} pictures. Export the network with a free batch "
            "dimension.",
        )
    if len(shape) == 4:
        graph.node.append(helper.make_node("GlobalAveragePool", [tensor], [f"{FEATURES}_map"]))
        graph.node.append(helper.make_node("Flatten", [f"{FEATURES}_map"], [FEATURES], axis=1))
    else:
        graph.node.append(helper.make_node("Identity", [tensor], [FEATURES]))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(FEATURES, TensorProto.FLOAT, ["N", shape[1]]))
    graph.input[0].type.tensor_type.shape.dim[0].dim_param = "N"
    return pruned.SerializeToString(), shape[1]


def _tensor_called(model: onnx.ModelProto, name: str) -> str:
    if name == "penultimate":
        return penultimate(model)
    nodes = model.graph.node
    tensors = [output for node in nodes for output in node.output if output]
    if name in tensors:
        return name
    for node in nodes:
        if name and node.name == name:
            return str(node.output[0])
    known = [*tensors, *(node.name for node in nodes if node.name)]
    close = difflib.get_close_matches(name, known, n=3)
    advice = f"Did you mean {' or '.join(close)}?" if close else f"Its last layers are {', '.join(tensors[-3:])}."
    raise ProcedureError(UNKNOWN_LAYER, f"The network has no layer {name!r}. {advice}")


def _ancestors(graph: onnx.GraphProto, tensor: str) -> list[NodeProto]:
    """List the nodes that a tensor depends on, in the graph's order, which ONNX requires to be topological."""
    needed = {tensor}
    nodes = []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            needed |= names_used(node)
            nodes.append(node)
    return nodes[::-1]


def _sizes(picture: onnx.ValueInfoProto) -> list[int | None]:
    return [size if isinstance(size, int) else None for size in shape_of(picture) or []]


def _keep_only(graph: onnx.GraphProto, tensor: str, picture: onnx.ValueInfoProto) -> None:
    """Drop in place what a tensor does not depend on, and every note about shapes."""
    nodes = _ancestors(graph, tensor)
    used = set().union(*(names_used(node) for node in nodes))
    for position in reversed(range(len(graph.initializer))):
        if graph.initializer[position].name not in used:
            del graph.initializer[position]
    sides = picture.type.tensor_type.shape.dim
    for dimension, size in zip(sides[1:], (CHANNELS, SIDE, SIDE), strict=True):
        if dimension.dim_value <= 0:
            dimension.dim_value = size
    for field, kept in (("node", nodes), ("input", [picture]), ("value_info", [])):
        kept = [type(value).FromString(value.SerializeToString()) for value in kept]
        graph.ClearField(field)
        getattr(graph, field).extend(kept)


def _free_reshapes(graph: onnx.GraphProto, batch: int) -> None:
    """Let each Reshape to a constant [batch, …] copy its input's first dimension instead."""
    constants = {weight.name: weight for weight in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            constants[node.output[0]] = node.attribute[0].t
    for position, node in enumerate(graph.node):
        if node.op_type != "Reshape" or node.input[0] in constants or node.input[1] not in constants:
            continue
        shape = numpy_helper.to_array(constants[node.input[1]]).copy()
        if shape.size > 1 and shape[0] == batch:
            shape[0] = 0
            name = f"lungdb_shape_{position}"
            graph.initializer.append(numpy_helper.from_array(shape, name))
            node.input[1] = name


def _shape_for(model: onnx.ModelProto, tensor: str, batch: int) -> list[Dimension] | None:
    """Work out the dimensions of a tensor for a number of pictures."""
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = batch
    return infer_shapes(model).get(tensor)
