"""ONNX graphs: reading them with the refusals that keep them portable, and the shapes of their tensors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import onnx
from onnx import NodeProto, TensorProto, ValueInfoProto

from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.imaging.preprocessing import CHANNELS, SIDE
from lungdb.networks.wording import listed, printable, shortened

Dimension = int | str | None
"""A size, the name of a free one, or unknown."""

_STANDARD_DOMAINS = {"", "ai.onnx"}
MANY = 97
"""Pictures to infer shapes with: networks are exported for other numbers, so that no fixed one passes for free."""

_SMALL = 1024  # elements; what Reshape and the like read, never a weight of a layer
_MOST_FOLLOWED = 4096  # elements of a tensor whose values may be followed: each of them takes 100 bytes there
_MOST_RANK = 8  # dimensions written in a message
_WHOLE_NUMBERS = {TensorProto.INT32, TensorProto.INT64}


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
    if any(tensor.data_location == TensorProto.EXTERNAL for tensor in tensors_of(parsed.graph)):
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            "The network keeps weights outside its .onnx file. Save it as one file (onnx.save with "
            "save_as_external_data=False) and load that.",
        )
    foreign = sorted({str(node.domain) for node in nodes_of(parsed.graph)} - _STANDARD_DOMAINS)
    if foreign:
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            f"The network uses operators of the domain {listed(foreign)}. Export it with standard operators only.",
        )
    return parsed


def image_input(model: onnx.ModelProto) -> ValueInfoProto:
    """Find the input of a network of colour pictures, float32[N, 3, rows, cols]; ProcedureError 50104 otherwise."""
    picture = single_input(model)
    dimensions = shape_of(picture)
    is_float = picture.type.tensor_type.elem_type == TensorProto.FLOAT
    if not is_float or dimensions is None or len(dimensions) != 4 or _is_other(dimensions[1], CHANNELS):
        kind = _kind(picture.type.tensor_type.elem_type)
        raise ProcedureError(
            ErrorNumber.OTHER_SHAPE,
            f"The network's input is {kind}{describe(dimensions)}. Use a network that takes "
            f"float32[N, {CHANNELS}, rows, cols] or float32[N, rows, cols, {CHANNELS}].",
        )
    return picture


def network_input(model: onnx.ModelProto) -> ValueInfoProto:
    """Find the network's one input; ProcedureError 50104 when there is none that a kind of input takes.

    That is float32[N, 1 or 3, rows, cols] of pictures, or float32[N, channels, depth, rows, cols] of volumes.
    """
    found = single_input(model)
    dimensions = shape_of(found)
    is_float = found.type.tensor_type.elem_type == TensorProto.FLOAT
    ranks = NOUNS if is_float and dimensions is not None else {}
    if len(dimensions or ()) not in ranks or (len(dimensions or ()) == 4 and _is_no_picture(dimensions or [])):
        kind = _kind(found.type.tensor_type.elem_type)
        raise ProcedureError(
            ErrorNumber.OTHER_SHAPE,
            f"The network's input is {kind}{describe(dimensions)}. Use a network that takes float32[N, 3, rows, cols], "
            "float32[N, 1, rows, cols] or float32[N, channels, depth, rows, cols], or the same with the channels last.",
        )
    return found


NOUNS = {4: "picture", 5: "volume"}
"""What a network reads at once, by the dimensions of its input."""

SIDES = {4: (SIDE, SIDE), 5: (64, 64, 64)}
"""What free sides of an input are where nothing else is said, by its dimensions."""


def noun_of(model: onnx.ModelProto) -> str:
    """Say what a network reads at once: a picture or a volume."""
    return NOUNS[len(shape_of(network_input(model)) or ())]


def item_shape(model: onnx.ModelProto, size: Sequence[int] | None = None) -> tuple[int, ...]:
    """Give the dimensions of what a network reads at once.

    Fixed ones are as the network has them; free sides are those of `size`, or of SIDES, and free channels 3.
    """
    dimensions = (shape_of(network_input(model)) or [])[1:]
    sides = size or SIDES[len(dimensions) + 1]
    filled = (*[CHANNELS] * (len(dimensions) - len(sides)), *sides)
    return tuple(own if isinstance(own, int) else other for own, other in zip(dimensions, filled, strict=True))


def _is_no_picture(dimensions: Sequence[Dimension]) -> bool:
    return isinstance(dimensions[1], int) and dimensions[1] not in (1, CHANNELS)


def single_input(model: onnx.ModelProto) -> ValueInfoProto:
    """Find the network's one input; ProcedureError 50104 when it has none or several."""
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    if len(inputs) != 1:
        names = listed(value.name for value in inputs) or "none"
        raise ProcedureError(
            ErrorNumber.OTHER_SHAPE,
            f"The network has {len(inputs)} inputs ({names}). Use one with a single picture or volume as input.",
        )
    return inputs[0]


def _kind(element: int) -> str:
    known = element in TensorProto.DataType.values()
    return TensorProto.DataType.Name(element).lower() if known else f"of the unknown kind {element} "


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
    sizes = ["?" if dimension is None else shortened(dimension, 40) for dimension in dimensions[:_MOST_RANK]]
    return f"[{', '.join([*sizes, *(['…'] if len(dimensions) > _MOST_RANK else [])])}]"


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
    inferred = _infer(model, picture)
    return {value.name: shape_of(value) for value in (*inferred.value_info, *inferred.output)}


def infer_bytes(model: onnx.ModelProto, picture: Sequence[int]) -> dict[str, int]:
    """Work out how many bytes the tensors that nodes make take for pictures of a shape, those that can be told."""
    inferred = _infer(model, picture)
    found = {}
    for value in (*inferred.value_info, *inferred.output):
        shape = shape_of(value)
        if shape is not None and all(isinstance(size, int) for size in shape):
            found[value.name] = elements(size for size in shape if isinstance(size, int)) * _item_size(value)
    return found


def _item_size(value: ValueInfoProto) -> int:
    try:
        return int(onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type).itemsize)
    except (KeyError, TypeError, ValueError):  # an unknown kind, which the check of the whole network refuses
        return 1


def _infer(model: onnx.ModelProto, picture: Sequence[int | str] | None) -> onnx.GraphProto:
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
        inferred = onnx.shape_inference.infer_shapes(skeleton, data_prop=False).graph
        # Following values too, a file of a kilobyte with a vector of a billion numbers would take 100 GB.
        if not any(_is_long(value) for value in inferred.value_info):
            inferred = onnx.shape_inference.infer_shapes(skeleton, data_prop=True).graph
    except Exception as error:  # its errors share no base but this one
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            f"The shapes in the network do not fit together: {printable(error)[:300]} Export it again.",
        ) from None
    return inferred


def _is_long(value: ValueInfoProto) -> bool:
    """Tell whether a tensor is a vector or whole numbers, whose values are followed, and has too many of them."""
    shape = shape_of(value) or []
    if len(shape) > 1 and value.type.tensor_type.elem_type not in _WHOLE_NUMBERS:
        return False
    return elements(size for size in shape if isinstance(size, int)) > _MOST_FOLLOWED


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


def tensors_of(graph: onnx.GraphProto) -> Iterator[TensorProto]:
    """Yield the weights and constants of a graph and of the graphs inside it, sparse ones in their parts."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)
            for inner in (attribute.g, *attribute.graphs):
                yield from tensors_of(inner)


@contextmanager
def refusing(what: str) -> Iterator[None]:
    """Make whatever onnx, protobuf or NumPy raise on a network a refusal, 50116; memory that runs out stays that."""
    try:
        yield
    except (LungdbError, MemoryError):
        raise
    except Exception as error:  # what damaged networks raise there has no base but this one
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            f"The network cannot be {what} ({type(error).__name__}: {printable(error)[:300]}). Export it again.",
        ) from None
