"""What the `networks` table holds of a network: ONNX in one form, and what is recorded beside its bytes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import onnx
from onnx import helper

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.imaging.preprocessing import CHANNELS, SIDE
from lungdb.networks.architectures.catalog import CATALOG, IMAGENET, LESS_114, Architecture
from lungdb.networks.graphs.anatomy import ancestors, penultimate, recognise, useful_layers
from lungdb.networks.graphs.cost import check_cost
from lungdb.networks.graphs.graph import (
    image_input,
    names_used,
    nodes_of,
    read_model,
    refusing,
    shape_of,
    single_input,
)
from lungdb.networks.graphs.layers import free_batch, free_reshapes, select_layer, tensor_called
from lungdb.networks.graphs.operators import SUPPORTED
from lungdb.networks.graphs.optimising import optimise
from lungdb.networks.graphs.trial import try_network
from lungdb.networks.wording import listed, printable

METADATA_KEY = "lungdb"
"""Key of an ONNX file's metadata_props under which it carries its own normalisation, as JSON."""

MAX_BYTES = 2**31 - 1
"""Of VARBINARY(MAX), and of a protobuf message."""

MAX_SIDE = 4096
"""Rows or columns of the pictures that a network may read: one picture of more takes 200 MB."""

Scale = Mapping[str, Sequence[float]]

_OLDEST_OPSET = 7  # the first that ONNX Runtime promises to run
_CNTK = "CNTK"  # what its exports to ONNX say made them
_OLDEST_IR = 4  # the first in which weights need not be inputs, and so are constants


def prepare_network(model: bytes, *, input_size: int | None = None, layer: str | None = None) -> bytes:
    """Bring an ONNX image network into the form that is stored, and try it.

    Parameters
    ----------
    model : bytes
        Any ONNX network with one input of one or more pictures: float32[N, 3, rows, cols] or float32[N, rows, cols, 3].
    input_size : int, optional
        Rows and columns of the pictures that it is tried with where they are free; by default 224.
    layer : str, optional
        The layer that features are taken from, where that is not under the classifying one; what only other outputs
        need is dropped.

    Returns
    -------
    bytes
        ONNX with one input float32[N, 3, rows, cols]: N free, rows and columns as they were, a Transpose put in where
        channels came last. ONNX Runtime's basic optimisations are applied, which give standard operators again; the
        useful layers keep their names, other tensors may go.

    Raises
    ------
    ProcedureError
        50116 when the bytes are no valid, self-contained ONNX model of supported operators, when ONNX Runtime is
        missing or cannot run it, or when it takes too much memory for one picture; 50104 when the input is not a
        picture, when its batch is not free, when its answer for a picture depends on others, or when it gives no vector
        a picture and no layer is named; 50115 when there is no such layer.
    """
    if len(model) > MAX_BYTES:
        raise ProcedureError(ErrorNumber.UNREADABLE, f"The network has {len(model)} bytes. Use one of less than 2 GB.")
    with refusing("read"):
        return _prepared(read_model(model), input_size or SIDE, layer)


def _prepared(parsed: onnx.ModelProto, side: int, layer: str | None) -> bytes:
    tidy(parsed)
    check_graph(parsed)
    _put_channels_first(parsed)
    size = _size(parsed, side)
    if layer is not None:
        _cut_at(parsed, tensor_called(parsed, layer, {}))
    check_cost(parsed, size)
    fixed = free_batch(parsed)
    for value in parsed.graph.output:
        sizes = value.type.tensor_type.shape.dim
        if sizes and fixed and sizes[0].dim_value == fixed:
            sizes[0].dim_param = "N"
    del parsed.graph.value_info[:]
    layers = useful_layers(parsed)
    kept = parsed.graph.output[0].name if layer is not None else layers["penultimate"]
    wanted = sorted({*layers.values(), kept})
    optimised = optimise(parsed, wanted)
    if fixed and free_reshapes(optimised.graph, fixed):  # to targets that were no plain constants before
        optimised = optimise(optimised, wanted)
    check_cost(optimised, size)
    trial = try_network(optimised, kept, size, is_named=layer is not None)
    if trial.is_changed:  # what is plain now lets more be folded
        made = {name for node in optimised.graph.node for name in node.output}
        optimised = optimise(optimised, [name for name in wanted if name in made])
    if layer is not None:
        sizes = ["N", *trial.shape]
        optimised.graph.output[0].CopyFrom(helper.make_tensor_value_info(kept, onnx.TensorProto.FLOAT, sizes))
    return bytes(optimised.SerializeToString())


def _size(model: onnx.ModelProto, side: int) -> tuple[int, int]:
    """Give the rows and columns to try a network with."""
    rows, cols = (size if isinstance(size, int) else side for size in (shape_of(image_input(model)) or [])[2:])
    if max(rows, cols) > MAX_SIDE:
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            f"The network would read pictures of {rows} × {cols}. Use one of at most {MAX_SIDE} × {MAX_SIDE}.",
        )
    return rows, cols


def tidy(model: onnx.ModelProto) -> None:
    """Leave weights out of the inputs, in place: until version 3 ONNX listed them there, as defaults."""
    weights = {tensor.name for tensor in model.graph.initializer}
    kept = [value for value in model.graph.input if value.name not in weights]
    if len(kept) < len(model.graph.input):
        copies = [onnx.ValueInfoProto.FromString(value.SerializeToString()) for value in kept]
        del model.graph.input[:]
        model.graph.input.extend(copies)
    model.ir_version = max(model.ir_version, _OLDEST_IR)


def _cut_at(model: onnx.ModelProto, tensor: str) -> None:
    """Make a tensor the network's only output, in place, and drop what it does not depend on."""
    graph = model.graph
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in ancestors(graph, [tensor])]
    used = set().union(*(names_used(node) for node in nodes))
    for position in reversed(range(len(graph.initializer))):
        if graph.initializer[position].name not in used:
            del graph.initializer[position]
    del graph.node[:]
    graph.node.extend(nodes)
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(tensor, onnx.TensorProto.FLOAT, None))


def check_graph(model: onnx.ModelProto, supported: frozenset[str] = SUPPORTED) -> None:
    """Refuse what is no valid ONNX of supported operators for inference: 50116."""
    if not all(isinstance(name, str) for name in _names(model.graph)):
        raise ProcedureError(
            ErrorNumber.UNREADABLE, "The network is not valid ONNX: a name in it is not UTF-8. Export it again."
        )
    versions = [entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    newest = onnx.defs.onnx_opset_version()
    if len(versions) != 1 or not _OLDEST_OPSET <= versions[0] <= newest:
        found = versions[0] if versions else "none"
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            f"The network's operator set is {found}; {_OLDEST_OPSET} to {newest} can be read. Export it again with one "
            "of these.",
        )
    if model.functions or model.training_info:
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            "The network defines functions or training steps of its own. Export it for inference only.",
        )
    foreign = sorted({node.op_type for node in nodes_of(model.graph)} - supported)
    if foreign:
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            f"The network uses the operators {listed(foreign)}, which image networks have no need of. Export it "
            "without them.",
        )
    if model.graph.sparse_initializer or any(_is_sparse(node) for node in nodes_of(model.graph)):
        raise ProcedureError(
            ErrorNumber.UNREADABLE, "The network keeps weights in sparse form. Export it with ordinary weights."
        )
    try:
        onnx.checker.check_model(model)
    except Exception as error:  # ValidationError, and protobuf's for what it cannot write
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            f"The network is not valid ONNX: {printable(error)[:300]} Export it again.",
        ) from None


def _is_sparse(node: onnx.NodeProto) -> bool:
    return any(entry.HasField("sparse_tensor") or entry.sparse_tensors for entry in node.attribute)


def _names(graph: onnx.GraphProto) -> Iterator[str | bytes]:
    """Yield the names in a graph; protobuf gives those that are not UTF-8 as bytes."""
    for node in nodes_of(graph):
        yield from (node.op_type, node.domain, node.name, *node.input, *node.output)
        yield from (attribute.name for attribute in node.attribute)
    for value in (*graph.input, *graph.output, *graph.initializer):
        yield value.name


def _put_channels_first(model: onnx.ModelProto) -> None:
    """Put a Transpose behind an input [N, rows, cols, 3], in place."""
    picture = single_input(model)
    dimensions = shape_of(picture)
    if dimensions is None or len(dimensions) != 4 or dimensions[3] != CHANNELS or dimensions[1] == CHANNELS:
        return
    name = picture.name
    taken = {text for node in nodes_of(model.graph) for text in (*node.input, *node.output)}
    inner = f"{name}_channels_last"
    while inner in taken:
        inner += "_"
    for node in model.graph.node:
        for position, text in enumerate(node.input):
            if text == name:
                node.input[position] = inner
    nodes = [helper.make_node("Transpose", [name], [inner], perm=[0, 2, 3, 1]), *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    batch, rows, cols, channels = dimensions
    kind = picture.type.tensor_type.elem_type
    picture.CopyFrom(helper.make_tensor_value_info(name, kind, [batch, channels, rows, cols]))


def network_details(
    model: bytes,
    *,
    architecture: str | None = None,
    source_format: str = "onnx",
    source_sha256: str | None = None,
    input_size: int | None = None,
    channel_order: str | None = None,
    normalisation: Mapping[str, list[float]] | None = None,
    precision: str = "float32",
    layer: str | None = None,
) -> dict[str, Any]:
    """Describe an ONNX network for `networks.details`.

    Parameters
    ----------
    model : bytes
        As `prepare_network` gives it.
    architecture : str, optional
        Name in the catalog; by default recognised from the graph, and by where it comes from.
    source_format, source_sha256 : str, optional
        `onnx`, `pytorch`, `safetensors` or `cntk`, and the SHA-256 of the file as the user has it, in hexadecimal.
    input_size : int, optional
        What free rows and columns of the input become; by default the catalog's, or 224.
    channel_order : str, optional
        `rgb` or `bgr`; by default the catalog's, or `rgb`, or `bgr` of a network from CNTK, whose reader gives that.
    normalisation : dict, optional
        `mean` and `std`; by default what the file carries, the catalog's, or ImageNet's, or less 114 for CNTK.
    precision : str
        `float32`, `fp16` or `int8`.
    layer : str, optional
        Which layer is the penultimate one; by default what the classifying layer reads.

    Returns
    -------
    dict
        `architecture`, `source`, `input` (name, channels, height, width, channel_order), `normalisation` (on 0…1, by
        channel of the network), `layers` (tensor by name of the layer), `penultimate`, `width`, `precision`.

    Raises
    ------
    ProcedureError
        50116 when the bytes are not a self-contained standard ONNX model or its metadata is unusable, or it has
        another size than `input_size`, or one above MAX_SIDE; 50104 when it has no single input
        float32[N, 3, rows, cols]; 50115 when its penultimate layer gives no vector.
    """
    with refusing("described"):
        parsed = read_model(model)
        picture = image_input(parsed)
        last = penultimate(parsed) if layer is None else tensor_called(parsed, layer, {})
        width = select_layer(model, last, size=(input_size, input_size) if input_size else None)[1]
        is_cntk = source_format == "cntk" or parsed.producer_name == _CNTK
        known = _known(architecture, is_cntk=is_cntk) or _recognised(recognise(parsed, width), is_cntk=is_cntk)
        layers = {**useful_layers(parsed), "penultimate": last}
    side = input_size or (known.input_size if known else SIDE)
    height, breadth = (size if isinstance(size, int) else side for size in (shape_of(picture) or [])[2:])
    if input_size and (height, breadth) != (input_size, input_size):
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            f"The network reads pictures of {height} × {breadth}. Load it without another input size.",
        )
    if max(height, breadth) > MAX_SIDE:
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            f"The network would read pictures of {height} × {breadth}. Use one of at most {MAX_SIDE} × {MAX_SIDE}.",
        )
    otherwise = ("bgr", LESS_114) if is_cntk else ("rgb", IMAGENET)
    order, scale = (known.channel_order, known.normalisation) if known else otherwise
    return {
        "architecture": known.name if known else None,
        "source": {"format": source_format, "sha256": source_sha256},
        "input": {
            "name": picture.name,
            "channels": CHANNELS,
            "height": height,
            "width": breadth,
            "channel_order": channel_order or order,
        },
        "normalisation": check_normalisation(dict(normalisation)) if normalisation else _normalisation(parsed, scale),
        "layers": layers,
        "penultimate": last,
        "width": width,
        "precision": precision,
    }


def _recognised(name: str | None, *, is_cntk: bool) -> Architecture | None:
    """Find what a graph looks like in the catalog; what only CNTK has is taken from CNTK only."""
    return None if name and name.endswith("-cntk") and not is_cntk else _known(name, is_cntk=is_cntk)


def _known(name: str | None, *, is_cntk: bool) -> Architecture | None:
    """Find a network in the catalog: of those with the same layers, the form that CNTK's files have."""
    names = [f"{name}-cntk", name] if is_cntk else [name]
    found = [known for wanted in names for known in CATALOG if known.name == wanted]
    return found[0] if found else None


def check_normalisation(normalisation: Any) -> dict[str, list[float]]:
    """Check mean and std: three finite numbers each, std above 0; ProcedureError 50116 otherwise."""
    if isinstance(normalisation, dict):
        mean, std = (_three_numbers(normalisation.get(name)) for name in ("mean", "std"))
        if mean and std and min(std) > 0:
            return {"mean": mean, "std": std}
    raise ProcedureError(
        ErrorNumber.UNREADABLE,
        f"The network's normalisation {json.dumps(normalisation)[:200]} is not usable. Give mean and std as three "
        "finite numbers each, std above 0.",
    )


def _three_numbers(values: Any) -> list[float]:
    """Give the three finite numbers that a list holds, or nothing."""
    if not isinstance(values, list) or len(values) != CHANNELS:
        return []
    finite = all(type(value) in (int, float) and math.isfinite(value) for value in values)
    return values if finite else []


def _normalisation(model: onnx.ModelProto, otherwise: Scale) -> dict[str, list[float]]:
    for entry in model.metadata_props:
        if entry.key == METADATA_KEY:
            try:
                return check_normalisation(json.loads(entry.value)["normalisation"])
            except (ValueError, TypeError, KeyError):
                return check_normalisation(entry.value)
    return {name: list(values) for name, values in otherwise.items()}
