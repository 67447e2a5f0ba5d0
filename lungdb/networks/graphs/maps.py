"""Which layers are the average of a map, so that what each place of it adds to them is exact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from onnx import AttributeProto, ModelProto, NodeProto, numpy_helper

from lungdb.networks.graphs.apart import take_apart
from lungdb.networks.graphs.graph import MANY, Dimension, infer_shapes, item_shape, read_model, refusing
from lungdb.networks.graphs.layers import free_batch, tensor_called, tried_size

_SAME_VALUES = {"Flatten", "Reshape", "Squeeze", "Unsqueeze", "Identity", "Dropout", "Cast"}
_PLACES = {2, 3}  # the dimensions of [N, channels, rows, cols] that are places

Shape = list[Dimension] | None


def averaged_map(model: bytes, name: str, *, layers: Mapping[str, str], size: Sequence[int | None]) -> str | None:
    """Name the tensor [N, channels, rows, cols] whose mean over rows and columns is what a layer gives.

    A layer that gives such a tensor itself is one, because what is stored of it is its mean; any other is one when
    nothing but a change of shape lies between it and a GlobalAveragePool, a ReduceMean over rows and columns, or an
    AveragePool of the whole map.

    Parameters
    ----------
    model, name, layers, size
        As for `lungdb.networks.graphs.layers.select_layers`.

    Returns
    -------
    str or None
        None when the layer is no such average, or the network does not show that it is.

    Raises
    ------
    ProcedureError
        50115 when there is no such layer; 50116 when the network cannot be read.
    """
    with refusing("looked through"):
        parsed = read_model(take_apart(model).graph)
        free_batch(parsed)
        shapes = infer_shapes(parsed, (MANY, *item_shape(parsed, tried_size(size))))
        return _map_behind(parsed, tensor_called(parsed, name, layers), shapes)


def _map_behind(model: ModelProto, tensor: str, shapes: Mapping[str, Shape]) -> str | None:
    makers = {output: node for node in model.graph.node for output in node.output}
    while True:
        shape = shapes.get(tensor)
        if _is_map(shape):
            return tensor
        node = makers.get(tensor)
        if node is None or not node.input:
            return None
        before = shapes.get(node.input[0])
        if _averages(model, node, before, makers):
            return str(node.input[0])
        if node.op_type not in _SAME_VALUES or not _is_vector(before) or not _is_vector(shape):
            return None
        tensor = str(node.input[0])


def _is_map(shape: Shape) -> bool:
    return shape is not None and len(shape) == 4 and shape[2:] != [1, 1]


def _is_vector(shape: Shape) -> bool:
    """Tell whether a picture has one value a channel, so that a change of shape keeps their order."""
    return shape is not None and len(shape) >= 2 and all(size == 1 for size in shape[2:])


def _averages(model: ModelProto, node: NodeProto, before: Shape, makers: Mapping[str, NodeProto]) -> bool:
    """Tell whether a node averages all rows and columns of a map, and nothing else."""
    if before is None or len(before) != 4:
        return False
    attributes = {attribute.name: attribute for attribute in node.attribute}
    if node.op_type == "GlobalAveragePool":
        return True
    if node.op_type == "ReduceMean":
        axes = _axes(model, node, attributes, makers)
        return axes is not None and {axis % 4 for axis in axes} == _PLACES
    if node.op_type == "AveragePool":
        kernel = attributes.get("kernel_shape")
        pads = attributes.get("pads")
        return kernel is not None and list(kernel.ints) == before[2:] and not (pads and any(pads.ints))
    return False


def _axes(
    model: ModelProto, node: NodeProto, attributes: Mapping[str, AttributeProto], makers: Mapping[str, NodeProto]
) -> list[int] | None:
    """Read the axes of a ReduceMean, an attribute before operator set 18 and an input since."""
    if "axes" in attributes:
        return list(attributes["axes"].ints)
    if len(node.input) < 2:
        return None
    for weight in model.graph.initializer:
        if weight.name == node.input[1]:
            return [int(axis) for axis in numpy_helper.to_array(weight).reshape(-1)]
    maker = makers.get(node.input[1])
    if maker is not None and maker.op_type == "Constant" and maker.attribute[0].name == "value":
        return [int(axis) for axis in numpy_helper.to_array(maker.attribute[0].t).reshape(-1)]
    return None
