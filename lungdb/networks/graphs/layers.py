"""Choosing layers: the part of a network that computes them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

import onnx
from onnx import TensorProto, helper, numpy_helper

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.networks.graphs.anatomy import ancestors, penultimate, useful_layers
from lungdb.networks.graphs.apart import Apart, mark_apart, take_apart
from lungdb.networks.graphs.graph import (
    MANY,
    Dimension,
    describe,
    infer_shapes,
    item_shape,
    names_used,
    network_input,
    read_model,
    refusing,
)
from lungdb.networks.wording import listed, shortened

_FREE = 64
_MAPS = {4: "[N, channels, rows, cols]", 5: "[N, channels, depth, rows, cols]"}

FEATURES = "lungdb_features"
"""Name of the output of a graph cut at one layer; those of several have a number behind it."""


def select_layer(
    model: bytes,
    name: str,
    *,
    layers: Mapping[str, str] | None = None,
    size: Sequence[int | None] | None = None,
    average: bool = True,
) -> tuple[bytes, int]:
    """Cut a network down to what one layer needs; as `select_layers`, with the output `lungdb_features`."""
    selected, widths = _select(model, [name], [FEATURES], layers, size, average)
    return selected, widths[0]


def select_layers(
    model: bytes,
    names: Sequence[str],
    *,
    layers: Mapping[str, str] | None = None,
    size: Sequence[int | None] | None = None,
    average: bool = True,
) -> tuple[bytes, list[int]]:
    """Cut a network down to what some layers need, for any number of pictures at a time.

    Parameters
    ----------
    model : bytes
        An ONNX network with one input float32[N, channels, rows, cols], or float32[N, channels, depth, rows, cols]. A
        fixed N is made free.
    names : sequence of str
        Each the name of a layer in `layers`, a tensor of the graph, a node (its first output is meant), or one of the
        layers that `lungdb.networks.graphs.anatomy.useful_layers` finds, such as `penultimate`.
    layers : mapping of str to str, optional
        Tensors by name of the layer, from `networks.details`.
    size : (rows, cols) or (depth, rows, cols), optional
        What free sides of the input become; by default 224, or 64 of volumes. One that is None stays free.
    average : bool
        Whether what a convolution gives, [N, channels, rows, cols] or [N, channels, depth, rows, cols], is averaged
        over all but the channels.

    Returns
    -------
    model : bytes
        An ONNX network with the same input and the outputs `lungdb_features_0`, `lungdb_features_1`, …, in the order
        of `names`: float32[N, width], or float32[N, channels, rows, cols] of a convolution that is not averaged.
    widths : list of int
        Values per picture of each, or channels.

    Raises
    ------
    ProcedureError
        50115 when there is no such layer or its output is neither [N, width] nor [N, channels, rows, cols]; 50104
        when the input is not a picture or N cannot be made free; 50116 when the bytes are not ONNX.
    """
    return _select(model, names, _numbered(names), layers, size, average)


def cut_layers(
    model: bytes,
    names: Sequence[str],
    *,
    layers: Mapping[str, str] | None = None,
    size: Sequence[int | None] | None = None,
    average: bool = True,
) -> Apart:
    """Cut a network as `select_layers` does, without copying its weights, for `open_session`."""
    with refusing("cut at a layer"):
        apart = take_apart(model)
        cut = read_model(apart.graph)
        _cut(cut, names, _numbered(names), layers, size, average)
        return mark_apart(cut, apart.weights)


def keep_outputs(model: bytes, size: Sequence[int | None]) -> Apart:
    """Open a network with all its outputs as they are; free sides become those of size."""
    with refusing("opened"):
        apart = take_apart(model)
        whole = read_model(apart.graph)
        sides = network_input(whole).type.tensor_type.shape.dim[2:]
        for dimension, side in zip(sides, size, strict=True):
            if dimension.dim_value <= 0 and side is not None:
                dimension.dim_value = side
        return mark_apart(whole, apart.weights)


def _numbered(names: Sequence[str]) -> list[str]:
    return [f"{FEATURES}_{number}" for number in range(len(names))]


def _select(
    model: bytes,
    names: Sequence[str],
    outputs: Sequence[str],
    layers: Mapping[str, str] | None,
    size: Sequence[int | None] | None,
    average: bool,
) -> tuple[bytes, list[int]]:
    with refusing("cut at a layer"):
        parsed = read_model(model)
        widths = _cut(parsed, names, outputs, layers, size, average)
        return parsed.SerializeToString(), widths


def _cut(
    pruned: onnx.ModelProto,
    names: Sequence[str],
    outputs: Sequence[str],
    layers: Mapping[str, str] | None,
    size: Sequence[int | None] | None,
    average: bool,
) -> list[int]:
    """Cut a model in place; gives the widths."""
    picture = network_input(pruned)
    free_batch(pruned)
    tensors = [tensor_called(pruned, name, layers or {}) for name in names]
    graph = pruned.graph
    shape = item_shape(pruned, tried_size(size))
    _keep_only(graph, tensors, picture, shape, size)
    shapes = infer_shapes(pruned, (MANY, *shape))
    del graph.output[:]
    widths = []
    for name, tensor, output in zip(names, tensors, outputs, strict=True):
        made = _checked_shape(name, shapes.get(tensor), len(shape) + 1)
        widths.append(int(made[1]))
        if average and len(made) > 2:
            graph.node.append(helper.make_node("GlobalAveragePool", [tensor], [f"{output}_map"]))
            graph.node.append(helper.make_node("Flatten", [f"{output}_map"], [f"{output}_flat"], axis=1))
            tensor, made = f"{output}_flat", made[:2]
        graph.node.append(helper.make_node("Cast", [tensor], [output], to=TensorProto.FLOAT))
        graph.output.append(helper.make_tensor_value_info(output, TensorProto.FLOAT, ["N", *made[1:]]))
    return widths


def tried_size(size: Sequence[int | None] | None) -> list[int] | None:
    """Give the sides that shapes are worked out with: of those that stay free 64."""
    return None if size is None else [side or _FREE for side in size]


def _checked_shape(name: str, shape: list[Dimension] | None, rank: int) -> list[int]:
    if shape is None or len(shape) not in (2, rank) or not all(isinstance(size, int) for size in shape[1:]):
        given = describe(["N" if size == MANY else size for size in shape]) if shape else "an unknown shape"
        raise ProcedureError(
            ErrorNumber.UNKNOWN_LAYER,
            f"The layer {name!r} gives {given}, not [N, width] or {_MAPS[rank]}. Choose another layer.",
        )
    # Where inference cannot follow the number of pictures, the network was tried when it was loaded.
    if isinstance(shape[0], int) and shape[0] != MANY:
        raise ProcedureError(
            ErrorNumber.OTHER_SHAPE,
            f"The layer {name!r} gives {describe(shape)} for {MANY} pictures. Export the network with a free batch "
            "dimension.",
        )
    return [MANY, *(size for size in shape[1:] if isinstance(size, int))]


def free_batch(model: onnx.ModelProto) -> int | None:
    """Make a fixed number of pictures free, in place; gives what it was fixed to, None when it was free."""
    dimension = network_input(model).type.tensor_type.shape.dim[0]
    fixed = int(dimension.dim_value) or None
    if fixed:
        free_reshapes(model.graph, fixed)
    dimension.dim_param = "N"
    return fixed


def tensor_called(model: onnx.ModelProto, name: str, layers: Mapping[str, str]) -> str:
    """Find the tensor that a layer's name means, as `select_layers` does; ProcedureError 50115 when there is none."""
    nodes = model.graph.node
    tensors = [output for node in nodes for output in node.output if output]
    if layers.get(name) in tensors:
        return layers[name]
    if name == "penultimate":
        return penultimate(model)
    if name in tensors:
        return name
    for node in nodes:
        if name and node.name == name:
            return str(node.output[0])
    useful = dict(layers) or useful_layers(model)
    if useful.get(name) in tensors:
        return useful[name]
    known = [*useful, *tensors, *(node.name for node in nodes if node.name)]
    close = list(dict.fromkeys(difflib.get_close_matches(name, known, n=3)))
    near = " or ".join(shortened(each) for each in close)
    advice = f"Did you mean {near}?" if close else f"It has {listed([*useful, *tensors[-3:]])}."
    raise ProcedureError(ErrorNumber.UNKNOWN_LAYER, f"The network has no layer {name!r}. {advice}")


def _keep_only(
    graph: onnx.GraphProto,
    tensors: Sequence[str],
    picture: onnx.ValueInfoProto,
    shape: Sequence[int],
    size: Sequence[int | None] | None,
) -> None:
    """Drop in place what tensors do not depend on, and every note about shapes."""
    nodes = ancestors(graph, tensors)
    used = set().union(*(names_used(node) for node in nodes))
    for position in reversed(range(len(graph.initializer))):
        if graph.initializer[position].name not in used:
            del graph.initializer[position]
    sides = picture.type.tensor_type.shape.dim
    stays = [side is None for side in size or ()]
    for position, (dimension, side) in enumerate(zip(sides[1:], shape, strict=True), start=len(stays) - len(shape)):
        if dimension.dim_value <= 0 and not (position >= 0 and stays[position]):
            dimension.dim_value = side
    for field, kept in (("node", nodes), ("input", [picture]), ("value_info", [])):
        kept = [type(value).FromString(value.SerializeToString()) for value in kept]
        graph.ClearField(field)
        getattr(graph, field).extend(kept)


def free_reshapes(graph: onnx.GraphProto, batch: int) -> bool:
    """Let each Reshape to a constant [batch, …] work out its first dimension, or else copy its input's; tell if any."""
    found = False
    constants = {weight.name: weight for weight in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            constants[node.output[0]] = node.attribute[0].t
    for position, node in enumerate(graph.node):
        if node.op_type != "Reshape" or node.input[0] in constants or node.input[1] not in constants:
            continue
        shape = numpy_helper.to_array(constants[node.input[1]]).copy()
        if shape.size > 1 and shape[0] == batch:
            shape[0] = 0 if -1 in shape else -1
            kept = [attribute for attribute in node.attribute if attribute.name != "allowzero"]
            del node.attribute[:]
            node.attribute.extend(kept)
            name = f"lungdb_shape_{position}"
            while name in constants:
                name += "_"
            graph.initializer.append(numpy_helper.from_array(shape, name))
            node.input[1] = name
            found = True
    return found
