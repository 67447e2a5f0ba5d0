"""Trying a network on one, two and three pictures: whether its batch is free, and each picture's answer its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.networks.graphs.graph import MANY, Dimension, describe, infer_shapes, item_shape, network_input, noun_of
from lungdb.networks.running.processors import allowed_processors
from lungdb.networks.running.providers import CPU, lacks_memory, short, start_session
from lungdb.networks.wording import MOST_NAMES, printable, shortened

Floats = NDArray[np.float32]

_BATCHES = ((0,), (1, 0), (0, 2, 1))
"""Which of three pictures are run together: each meets others before it and behind it."""

_TOLERANCE = 1e-3  # of a picture's largest value; other sizes of batch take other kernels, which round otherwise
_THREADS = 4


@dataclass(frozen=True)
class Trial:
    """What came out: the dimensions of the features behind the number of pictures, and whether the graph changed."""

    shape: tuple[int, ...]
    is_changed: bool


def try_network(model: onnx.ModelProto, tensor: str, size: Sequence[int], *, is_named: bool) -> Trial:
    """Run a network on one, two and three pictures, or volumes, and make plain what static inference cannot follow.

    Where that does not see that the batch is free, each Reshape whose target is computed gets the one that was
    computed, with the pictures' number left to work out, and free sides become the ones tried.

    Parameters
    ----------
    model : ModelProto
        With one input, pictures or volumes with their channels first; changed in place.
    tensor : str
        What its features are.
    size : sequence of int
        Sides of what to try it with, where the network leaves them free.
    is_named : bool
        The user named the layer, so the network's own outputs may be anything.

    Returns
    -------
    Trial

    Raises
    ------
    ProcedureError
        50104 when the network is written for one number of pictures, when what it gives for one depends on those
        beside it, or when it does not give one vector a picture; 50116 when ONNX Runtime cannot run it.
    """
    shape = _inferred(model, tensor, size)
    if shape and isinstance(shape[0], int) and shape[0] != MANY:
        _refuse_fixed_batch()
    is_known = shape is not None and all(isinstance(dimension, int) for dimension in shape)
    reshaped = [] if is_known else _computed_reshapes(model.graph)
    outputs = [] if is_named else [str(value.name) for value in model.graph.output]
    found = _run(model, tensor, reshaped, size, outputs)
    _compare([value for value, _ in found])
    values = tuple(found[0][0].shape[1:])
    if is_known:
        return Trial(values, is_changed=False)
    sides = network_input(model).type.tensor_type.shape.dim[2:]
    for dimension, side in zip(sides, item_shape(model, size)[-len(sides) :], strict=True):
        dimension.dim_value = side
    for name in reshaped:
        _settle_target(model.graph, name, np.array([shapes[name] for _, shapes in found]))
    _drop_unread(model.graph)
    shape = _inferred(model, tensor, size)
    if shape is None or tuple(shape[1:]) != values:
        _write_shape(model.graph, tensor, values)
    return Trial(values, is_changed=True)


def try_detector(model: onnx.ModelProto, size: Sequence[int]) -> None:
    """Run a detector, which gets one tile at a time, on one; ProcedureError as of `try_network`."""
    batch = network_input(model).type.tensor_type.shape.dim[0].dim_value
    if batch not in (0, 1):
        raise ProcedureError(
            ErrorNumber.OTHER_SHAPE,
            f"The detector is written for {batch} {noun_of(model)}s at a time. Export it for one, or with a free batch "
            "dimension.",
        )
    session, _ = start_session(model.SerializeToString(), [CPU], min(_THREADS, allowed_processors()))
    try:
        session.run(None, {network_input(model).name: _samples(item_shape(model, size))[:1]})
    except Exception as error:  # its exceptions share no base but this one
        _refuse_failure(error, 1, noun_of(model))


def _inferred(model: onnx.ModelProto, tensor: str, size: Sequence[int]) -> list[Dimension] | None:
    try:
        return infer_shapes(model, (MANY, *item_shape(model, size))).get(tensor)
    except ProcedureError:  # what does not fit together for another number of pictures shows when it runs
        return None


def _computed_reshapes(graph: onnx.GraphProto) -> list[str]:
    """Name what each Reshape to a computed target gives."""
    weights = {tensor.name for tensor in graph.initializer}
    return [str(node.output[0]) for node in graph.node if node.op_type == "Reshape" and node.input[1] not in weights]


def _run(
    model: onnx.ModelProto, tensor: str, reshaped: Sequence[str], size: Sequence[int], outputs: Sequence[str]
) -> list[tuple[NDArray[Any], dict[str, NDArray[np.int64]]]]:
    """Give a tensor, and the shapes of those that are reshaped by their names, for each of the batches."""
    whole = onnx.ModelProto()
    whole.CopyFrom(model)
    shapes = {name: f"{name}_observed_shape" for name in reshaped}
    for name, shape in shapes.items():
        whole.graph.node.append(onnx.helper.make_node("Shape", [name], [shape]))
    given = {value.name for value in whole.graph.output}
    extra = [name for name in (tensor, *shapes.values()) if name not in given]
    whole.graph.output.extend(onnx.ValueInfoProto(name=name) for name in extra)
    session, _ = start_session(whole.SerializeToString(), [CPU], min(_THREADS, allowed_processors()))
    del whole
    pictures = _samples(item_shape(model, size))
    wanted = list(dict.fromkeys([tensor, *outputs, *shapes.values()]))
    name, noun = network_input(model).name, noun_of(model)
    found = []
    for chosen in _BATCHES:
        batch = pictures[list(chosen)]
        try:
            values = session.run(wanted, {name: batch})
        except Exception as error:  # its exceptions share no base but this one
            _refuse_failure(error, len(batch), noun)
        made = dict(zip(wanted, values, strict=True))
        if len(batch) == 1:
            _check_vectors({output: made[output] for output in outputs}, noun)
        if np.shape(made[tensor])[:1] != (len(batch),):
            _refuse_fixed_batch()
        found.append((np.asarray(made[tensor]), {name: made[shape] for name, shape in shapes.items()}))
    return found


def _samples(shape: Sequence[int]) -> Floats:
    """Make three pictures that differ in everything: two normalised as pictures usually are, one of 0…255."""
    chance = np.random.default_rng(20)
    noise = chance.standard_normal((len(_BATCHES), *shape), dtype=np.float32)
    contrast = np.array([1, 0.2, 60], np.float32).reshape(-1, *[1] * len(shape))
    brightness = np.array([0, 1.5, 128], np.float32).reshape(contrast.shape)
    return np.asarray(noise * contrast + brightness, dtype=np.float32)


def _check_vectors(outputs: Mapping[str, NDArray[Any]], noun: str) -> None:
    shapes = {name: tuple(np.shape(value)) for name, value in outputs.items()}
    if all(_is_vector(shape) for shape in shapes.values()):
        return
    written = [f"'{shortened(name)}' {describe(['N', *shape[1:]])}" for name, shape in shapes.items()][:MOST_NAMES]
    raise ProcedureError(
        ErrorNumber.OTHER_SHAPE,
        f"The network gives {', '.join(written)} for a {noun}, not one vector, as detectors and networks that draw "
        "outlines do. Name the layer that its features are to be taken from with --layer, or say with --detects what "
        "a detector gives.",
    )


def _is_vector(shape: Sequence[int]) -> bool:
    return len(shape) >= 1 and shape[0] == 1 and all(side == 1 for side in shape[2:])


def _compare(found: Sequence[NDArray[Any]]) -> None:
    """Refuse answers of one picture that differ with the pictures beside it."""
    if len({each.shape[1:] for each in found}) > 1:
        _refuse_fixed_batch()
    first: dict[int, NDArray[np.float64]] = {}
    for chosen, answers in zip(_BATCHES, found, strict=True):
        for picture, answer in zip(chosen, np.asarray(answers, np.float64), strict=True):
            alone = first.setdefault(picture, answer)
            largest = float(np.abs(alone[np.isfinite(alone)]).max(initial=0))
            if not np.allclose(alone, answer, rtol=0, atol=_TOLERANCE * largest, equal_nan=True):
                raise ProcedureError(
                    ErrorNumber.OTHER_SHAPE,
                    "What the network gives for a picture depends on the pictures that are run beside it. Export it "
                    "for inference, where each picture stands alone.",
                )


def _settle_target(graph: onnx.GraphProto, name: str, shapes: NDArray[np.int64]) -> None:
    """Give a Reshape the shape that was observed for its target, where only the number of pictures changes in it."""
    counts = np.array([len(chosen) for chosen in _BATCHES])
    changing = np.flatnonzero((shapes != shapes[0]).any(axis=0))
    if len(changing) > 1 or 0 in shapes:
        return
    target = shapes[0].copy()
    for position in changing:
        if (shapes[:, position] != shapes[0, position] * counts).any():
            return
        target[position] = -1
    graph.initializer.append(numpy_helper.from_array(target, f"{name}_settled"))
    node = next(node for node in graph.node if name in node.output)
    node.input[1] = f"{name}_settled"


def _drop_unread(graph: onnx.GraphProto) -> None:
    """Drop the nodes that nothing reads any more."""
    while True:
        read = {name for node in graph.node for name in node.input} | {value.name for value in graph.output}
        kept = [node for node in graph.node if not read.isdisjoint(node.output)]
        if len(kept) == len(graph.node):
            return
        copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in kept]
        del graph.node[:]
        graph.node.extend(copies)


def _write_shape(graph: onnx.GraphProto, tensor: str, values: Sequence[int]) -> None:
    """Put a Reshape behind a tensor that says how many values a picture has; readers keep its name."""
    inner = f"{tensor}_unshaped"
    position = next(index for index, node in enumerate(graph.node) if tensor in node.output)
    maker = graph.node[position]
    maker.output[list(maker.output).index(tensor)] = inner
    graph.initializer.append(numpy_helper.from_array(np.array([-1, *values], np.int64), f"{tensor}_shape"))
    graph.node.insert(position + 1, onnx.helper.make_node("Reshape", [inner, f"{tensor}_shape"], [tensor]))


def _refuse_failure(error: Exception, pictures: int, noun: str) -> NoReturn:
    if lacks_memory(error):
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            f"The memory that trying a network may take does not hold it and {pictures} of its {noun}s: "
            f"{printable(short(error))} Use smaller {noun}s or a smaller network.",
        ) from None
    if pictures > 1:
        _refuse_fixed_batch()
    raise ProcedureError(
        ErrorNumber.UNREADABLE,
        f"ONNX Runtime cannot run the network on a {noun}: {printable(short(error))} Check it with onnx.checker.",
    ) from None


def _refuse_fixed_batch() -> NoReturn:
    raise ProcedureError(
        ErrorNumber.OTHER_SHAPE,
        "The network is written for one number of pictures throughout. Export it with a free batch dimension.",
    )
