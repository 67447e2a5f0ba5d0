"""Sums, maxima and the like over axes, and what normalises or ranks along one."""

from __future__ import annotations

from functools import partial

from onnx import TensorProto

from lungdb.networks.cntk.emitting import Dim, Emitter, Rule, Value
from lungdb.networks.cntk.functions import ALL_STATIC_AXES, Function

_OPERATORS = {
    "Sum": "ReduceSum",
    "LogSum": "ReduceLogSumExp",
    "Mean": "ReduceMean",
    "Max": "ReduceMax",
    "Min": "ReduceMin",
    "Prod": "ReduceProd",
}
_POSITIONS = {"Argmax": "ArgMax", "Argmin": "ArgMin"}


def _reduce(emitter: Emitter, function: Function, inputs: list[Value]) -> list[Value]:
    value = _one(function, inputs)
    name = function.text("reductionOpName")
    axes = function.axes()
    whole = any(axis.index == ALL_STATIC_AXES for axis in axes)
    keep = function.flag("reductionKeepDimensions", not whole)
    if name not in _OPERATORS and name not in _POSITIONS:
        function.refuse(f"reduces by {name}")
    if not axes:
        function.refuse("reduces no axis", "Save the model again with CNTK 2.")
    places = {value.rank - 1 - function.static_axis(axis, value.rank) for axis in axes if not whole}
    places = set(range(value.rank)) if whole else places
    left: list[Dim] = [dim for place, dim in enumerate(value.shape) if place not in places]
    shape = [1 if place in places else dim for place, dim in enumerate(value.shape)] if keep else left
    if not places:
        return [value]
    if name in _POSITIONS:
        return [_position(emitter, function, value, _POSITIONS[name], places, shape)]
    onnx_axes = sorted(value.axis(place) for place in places)
    if name == "Sum":
        return [emitter.add("ReduceSum", [value, emitter.integers(onnx_axes)], shape, keepdims=int(keep))]
    return [emitter.add(_OPERATORS[name], [value], shape, axes=onnx_axes, keepdims=int(keep))]


def _position(
    emitter: Emitter, function: Function, value: Value, operator: str, places: set[int], shape: list[Dim]
) -> Value:
    """Find where the extremum is, along one axis or in the flat order of all."""
    if len(places) == value.rank:
        flat, place = _flat(emitter, value), 0
    elif len(places) == 1:
        flat, place = value, next(iter(places))
    else:
        function.refuse("finds a position along some of the axes")
    kept = [1 if axis == place else dim for axis, dim in enumerate(flat.shape)]
    found = emitter.add(operator, [flat], kept, axis=flat.axis(place), keepdims=1)
    return emitter.reshape(emitter.add("Cast", [found], kept, to=TensorProto.FLOAT), shape)


def _along_vector(operator: str, emitter: Emitter, function: Function, inputs: list[Value]) -> list[Value]:
    """Write Softmax, LogSoftmax or Hardmax over all axes of a picture, or along the one that is named."""
    value = _one(function, inputs)
    named = [axis for axis in function.axes() if axis.index != ALL_STATIC_AXES]
    if value.rank == 1 or len(named) == 1:
        place = value.rank - 1 - function.static_axis(named[0], value.rank) if named else 0
        return [emitter.add(operator, [value], value.shape, axis=value.axis(place))]
    if None in value.shape:
        function.refuse("works on all axes of a free size", "Save the model with a fixed input size.")
    flat = _flat(emitter, value)
    return [emitter.reshape(emitter.add(operator, [flat], flat.shape, axis=flat.axis(0)), value.shape)]


def _top(emitter: Emitter, function: Function, inputs: list[Value]) -> list[Value]:
    """Give the largest values along an axis and where they are."""
    value = _one(function, inputs)
    axes = function.axes()
    if len(axes) != 1:
        function.refuse(f"ranks along {len(axes)} axes", "Save the model again with CNTK 2.")
    place = value.rank - 1 - function.static_axis(axes[0], value.rank)
    number, dim = function.integer("numItems"), value.shape[place]
    if number < 1 or number > (dim or number):
        function.refuse(f"takes {number} of {dim}", "Save the model again with CNTK 2.")
    shape = [number if axis == place else dim for axis, dim in enumerate(value.shape)]
    count = emitter.integers([number])
    largest, places = emitter.add_many("TopK", [value, count], [shape, shape], axis=value.axis(place))
    return [largest, emitter.add("Cast", [places], shape, to=TensorProto.FLOAT)]


def _flat(emitter: Emitter, value: Value) -> Value:
    size: Dim = 1
    for dim in value.shape:
        size = None if dim is None or size is None else size * dim
    return emitter.reshape(value, (size,))


def _one(function: Function, inputs: list[Value]) -> Value:
    if len(inputs) != 1:
        function.refuse(f"has {len(inputs)} inputs instead of 1", "Save the model again with CNTK 2.")
    return inputs[0]


RULES: dict[str, Rule] = {
    "ReduceElements": _reduce,
    "Softmax": partial(_along_vector, "Softmax"),
    "LogSoftmax": partial(_along_vector, "LogSoftmax"),
    "Hardmax": partial(_along_vector, "Hardmax"),
    "TopK": _top,
}
