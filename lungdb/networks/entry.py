"""What the `networks` table holds of a network: ONNX in one form, and what is recorded beside its bytes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import onnx
from onnx import helper

from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.imaging.preprocessing import CHANNELS
from lungdb.networks.architectures.catalog import CATALOG, IMAGENET, LESS_114, Architecture
from lungdb.networks.detecting.reading import read_output
from lungdb.networks.detecting.stages import is_stage, read_stage
from lungdb.networks.graphs.anatomy import ancestors, penultimate, recognise, useful_layers
from lungdb.networks.graphs.checking import check_model
from lungdb.networks.graphs.cost import check_cost
from lungdb.networks.graphs.graph import (
    names_used,
    network_input,
    read_model,
    refusing,
    shape_of,
)
from lungdb.networks.graphs.layers import free_batch, free_reshapes, select_layer, tensor_called
from lungdb.networks.graphs.optimising import optimise
from lungdb.networks.graphs.trial import try_detector, try_network
from lungdb.networks.inputs.kinds import METADATA_KEY, Declared, kind_of, own_words

MAX_BYTES = 2**31 - 1
"""Of VARBINARY(MAX), and of a protobuf message."""

NODULES = "nodules"
"""Name of the layer that a detector's outputs are."""

NODULE_WIDTH = 6
"""Values of a candidate: x, y, z, diameter, volume, score."""

Scale = Mapping[str, Sequence[float]]

_CNTK = "CNTK"  # what its exports to ONNX say made them
_OLDEST_IR = 4  # the first in which weights need not be inputs, and so are constants


def prepare_network(
    model: bytes,
    *,
    input_size: int | None = None,
    layer: str | None = None,
    declared: Declared | None = None,
    detects: bool = False,
) -> bytes:
    """Bring an ONNX network into the form that is stored, and try it.

    Parameters
    ----------
    model : bytes
        Any ONNX network with one input of one or more pictures, float32[N, 1 or 3, rows, cols], or volumes,
        float32[N, channels, depth, rows, cols], or with the channels last.
    input_size : int, optional
        Rows and columns of the pictures that it is tried with where they are free; by default 224.
    layer : str, optional
        The layer that features are taken from, where that is not under the classifying one; with commas several. What
        only other outputs need is dropped.
    declared : mapping, optional
        What is said of the input, as `lungdb.networks.inputs.declaring.read_declared` gives it; what is not said may
        stand in the file.
    detects : bool
        Whether its outputs are those of a detector, which all stay as they are.

    Returns
    -------
    bytes
        ONNX with one input, channels first: N free, sides as they were, a Transpose put in where channels came last.
        ONNX Runtime's basic optimisations are applied, which give standard operators again; the useful layers keep
        their names, other tensors may go.

    Raises
    ------
    ProcedureError
        50116 when the bytes are no valid, self-contained ONNX model of supported operators, when ONNX Runtime is
        missing or cannot run it, or when it takes too much memory for one picture; 50104 when the input is of no kind
        that is known, when its batch is not free, when its answer for a picture depends on others, or when it gives no
        vector a picture and no layer is named; 50115 when there is no such layer; 50101 when what is needed of the
        input is neither in the file nor declared.
    """
    if len(model) > MAX_BYTES:
        raise ProcedureError(ErrorNumber.UNREADABLE, f"The network has {len(model)} bytes. Use one of less than 2 GB.")
    with refusing("read"):
        parsed = read_model(model)
        tidy(parsed)
        check_model(parsed)
        told = _told(parsed, declared, input_size)
        kind = kind_of(parsed, told)
        kind.arrange(parsed, told)
        return _prepared(parsed, kind.sides(parsed, told), (layer or "").split(",") if layer else [], detects)


def _told(model: onnx.ModelProto, declared: Declared | None, input_size: int | None) -> dict[str, Any]:
    """Put together what is declared of an input and what the file says of itself, of which sizes are its own."""
    own = own_words(model).get("input")
    keys = ("spacing", "window", "orientation", "multiple", *([] if declared and "size" in declared else ["size"]))
    found = {key: own[key] for key in keys if key in own} if isinstance(own, dict) else {}
    size = {"size": [input_size, input_size]} if input_size else {}
    return {**found, **size, **(declared or {})}


def _prepared(parsed: onnx.ModelProto, size: tuple[int, ...], named: list[str], detects: bool) -> bytes:
    if named:
        _cut_at(parsed, [tensor_called(parsed, name, {}) for name in named])
    check_cost(parsed, size)
    fixed = network_input(parsed).type.tensor_type.shape.dim[0].dim_value if detects else free_batch(parsed)
    for value in [] if detects else parsed.graph.output:
        sizes = value.type.tensor_type.shape.dim
        if sizes and fixed and sizes[0].dim_value == fixed:
            sizes[0].dim_param = "N"
    del parsed.graph.value_info[:]
    layers = useful_layers(parsed)
    kept = [value.name for value in parsed.graph.output] if named or detects else [layers["penultimate"]]
    wanted = sorted({*layers.values(), *kept})
    optimised = optimise(parsed, wanted)
    if fixed and not detects and free_reshapes(optimised.graph, fixed):  # to targets no constants before
        optimised = optimise(optimised, wanted)
    check_cost(optimised, size)
    if detects:
        try_detector(optimised, size)
        return bytes(optimised.SerializeToString())
    for place, tensor in enumerate(kept):
        trial = try_network(optimised, tensor, size, is_named=bool(named))
        if trial.is_changed:  # what is plain now lets more be folded
            made = {name for node in optimised.graph.node for name in node.output}
            optimised = optimise(optimised, [name for name in wanted if name in made])
        if named:
            sizes = ["N", *trial.shape[:1], *_free_as(optimised, trial.shape[1:])]
            optimised.graph.output[place].CopyFrom(helper.make_tensor_value_info(tensor, onnx.TensorProto.FLOAT, sizes))
    return bytes(optimised.SerializeToString())


def _free_as(model: onnx.ModelProto, sides: Sequence[int]) -> list[int | None]:
    """Give the sides of what a layer gives, None where those of the input are free."""
    own = (shape_of(network_input(model)) or [])[2:]
    are_free = len(own) == len(sides) and not all(isinstance(side, int) for side in own)
    return [None] * len(sides) if are_free else list(sides)


def tidy(model: onnx.ModelProto) -> None:
    """Leave weights out of the inputs, in place: until version 3 ONNX listed them there, as defaults."""
    weights = {tensor.name for tensor in model.graph.initializer}
    kept = [value for value in model.graph.input if value.name not in weights]
    if len(kept) < len(model.graph.input):
        copies = [onnx.ValueInfoProto.FromString(value.SerializeToString()) for value in kept]
        del model.graph.input[:]
        model.graph.input.extend(copies)
    model.ir_version = max(model.ir_version, _OLDEST_IR)


def _cut_at(model: onnx.ModelProto, tensors: Sequence[str]) -> None:
    """Make tensors the network's only outputs, in place, and drop what they do not depend on."""
    graph = model.graph
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in ancestors(graph, tensors)]
    used = set().union(*(names_used(node) for node in nodes))
    for position in reversed(range(len(graph.initializer))):
        if graph.initializer[position].name not in used:
            del graph.initializer[position]
    del graph.node[:]
    graph.node.extend(nodes)
    del graph.output[:]
    graph.output.extend(helper.make_tensor_value_info(tensor, onnx.TensorProto.FLOAT, None) for tensor in tensors)


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
    declared: Declared | None = None,
    output: Mapping[str, Any] | None = None,
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
        Which layer is the penultimate one; by default what the classifying layer reads. Of several with commas the
        first.
    declared : mapping, optional
        As for `prepare_network`.
    output : mapping, optional
        What the outputs of a detector are, with its form under `form`.

    Returns
    -------
    dict
        `architecture`, `source`, `input` (of pictures name, channels, height, width, channel_order; of volumes what
        `lungdb.imaging.volumes.declared.VolumeInput` has), `normalisation` (on 0…1, by channel of the network),
        `layers` (tensor by name of the layer), `penultimate`, `width`, `precision`, and of a detector `output`.

    Raises
    ------
    ProcedureError
        50116 when the bytes are not a self-contained standard ONNX model or its metadata is unusable, or it has
        another size than `input_size`, or one above MAX_SIDE; 50104 when it has no single input of a known kind; 50115
        when its penultimate layer gives no vector; 50101 when what is needed of the input is not said.
    """
    with refusing("described"):
        parsed = read_model(model)
        told = _told(parsed, declared, input_size)
        kind = kind_of(parsed, told)
        size = kind.sides(parsed, told)
        last, width, layers = (_detected if output and not is_stage(output) else _featured)(model, parsed, layer, size)
        is_cntk = source_format == "cntk" or parsed.producer_name == _CNTK
        known = _known(architecture, is_cntk=is_cntk) or _recognised(recognise(parsed, width), is_cntk=is_cntk)
        if known and "size" not in told and len(size) == 2:
            own = (shape_of(network_input(parsed)) or [])[2:]
            told["size"] = [side if isinstance(side, int) else known.input_size for side in own]
        what = kind.details(parsed, told)
    otherwise: tuple[str, Scale] = ("bgr", LESS_114) if is_cntk else ("rgb", IMAGENET)
    order, scale = (known.channel_order, known.normalisation) if known else otherwise
    if "dimensions" in what:
        scale = {"mean": [0.0] * what["channels"], "std": [1.0] * what["channels"]}
    elif what["channels"] == CHANNELS:
        what["channel_order"] = channel_order or order
    return {
        "architecture": known.name if known else None,
        "source": {"format": source_format, "sha256": source_sha256},
        "input": {"name": network_input(parsed).name, **what},
        "normalisation": _normalisation(parsed, normalisation, scale, what["channels"]),
        "layers": layers,
        "penultimate": last,
        "width": width,
        "precision": precision,
        **({"output": _checked_output(parsed, output, what.get("dimensions", 2))} if output else {}),
    }


def _featured(
    model: bytes, parsed: onnx.ModelProto, layer: str | None, size: Sequence[int]
) -> tuple[str, int, dict[str, str]]:
    """Give the layer that features are taken from, its width, and the layers by name, several outputs among them."""
    first = layer.split(",")[0] if layer else None
    last = penultimate(parsed) if first is None else tensor_called(parsed, first, {})
    outputs = [str(value.name) for value in parsed.graph.output]
    more = {name: name for name in outputs} if len(outputs) > 1 else {}
    width = select_layer(model, last, size=size)[1]
    return last, width, {**more, **useful_layers(parsed), "penultimate": last}


def _detected(
    model: bytes, parsed: onnx.ModelProto, layer: str | None, size: Sequence[int]
) -> tuple[str, int, dict[str, str]]:
    """Give what stands for a detector's outputs: one layer, whose features are its candidates."""
    if layer is not None:
        raise ProcedureError(
            ErrorNumber.ARGUMENT,
            "--layer and --detects say two things. Give one of them.",
        )
    first = str(parsed.graph.output[0].name)
    return first, NODULE_WIDTH, {NODULES: first}


def _checked_output(model: onnx.ModelProto, declared: Mapping[str, Any], dimensions: int) -> dict[str, Any]:
    """Check what is declared of a detector's outputs against their names, or of a later stage's."""
    if dimensions != 3:
        raise ProcedureError(
            ErrorNumber.OTHER_SHAPE,
            "The network reads pictures, and detectors and stages of volumes alone are run. Leave --detects and "
            "--stage out, or load one that takes float32[N, channels, depth, rows, cols].",
        )
    if is_stage(declared):
        try:
            return read_stage(declared)
        except LungdbError as error:
            raise ProcedureError(ErrorNumber.ARGUMENT, str(error)) from None
    try:
        read_output(declared, [str(value.name) for value in model.graph.output])
    except LungdbError as error:
        raise ProcedureError(ErrorNumber.ARGUMENT, f"{error} Say so with --detects.") from None
    return dict(declared)


def _recognised(name: str | None, *, is_cntk: bool) -> Architecture | None:
    """Find what a graph looks like in the catalog; what only CNTK has is taken from CNTK only."""
    return None if name and name.endswith("-cntk") and not is_cntk else _known(name, is_cntk=is_cntk)


def _known(name: str | None, *, is_cntk: bool) -> Architecture | None:
    """Find a network in the catalog: of those with the same layers, the form that CNTK's files have."""
    names = [f"{name}-cntk", name] if is_cntk else [name]
    found = [known for wanted in names for known in CATALOG if known.name == wanted]
    return found[0] if found else None


def check_normalisation(normalisation: Any, channels: int = CHANNELS) -> dict[str, list[float]]:
    """Check mean and std: as many finite numbers as channels each, std above 0; ProcedureError 50116 otherwise."""
    if isinstance(normalisation, dict):
        mean, std = (_numbers(normalisation.get(name), channels) for name in ("mean", "std"))
        if mean and std and min(std) > 0:
            return {"mean": mean, "std": std}
    count = {1: "one finite number each", 3: "three finite numbers each"}.get(
        channels, f"{channels} finite numbers each"
    )
    raise ProcedureError(
        ErrorNumber.UNREADABLE,
        f"The network's normalisation {json.dumps(normalisation)[:200]} is not usable. Give mean and std as {count}, "
        "std above 0.",
    )


def _numbers(values: Any, count: int) -> list[float]:
    """Give the finite numbers that a list holds, or nothing."""
    if not isinstance(values, list) or len(values) != count:
        return []
    finite = all(type(value) in (int, float) and math.isfinite(value) for value in values)
    return values if finite else []


def _normalisation(
    model: onnx.ModelProto, given: Mapping[str, list[float]] | None, otherwise: Scale, channels: int
) -> dict[str, list[float]]:
    if given:
        return check_normalisation(dict(given), channels)
    for entry in model.metadata_props:
        if entry.key == METADATA_KEY:
            try:
                return check_normalisation(json.loads(entry.value)["normalisation"], channels)
            except (ValueError, TypeError, KeyError):
                return check_normalisation(entry.value)
    if len(otherwise["mean"]) != channels:
        raise ProcedureError(
            ErrorNumber.ARGUMENT,
            f"The network reads {channels} channel of a picture, and its file does not say how values are normalised. "
            "Write --mean and --std, such as --mean 0 --std 1 for values of 0…1 as they are.",
        )
    return {name: list(values) for name, values in otherwise.items()}
