"""Operations that move numbers about: reshape, transpose, splice, slice, pad, crop, gather."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from onnx import TensorProto

from lungdb.networks.cntk.emitting import Dim, Emitter, Rule, Value
from lungdb.networks.cntk.functions import FREE, INFERRED, UNKNOWN_SHAPE, Function

_END = 2**31 - 1
_LARGEST_MIRROR = 1 << 16
_CONSTANT, _REFLECT, _SYMMETRIC = 0, 1, 2


def _reshape(emitter: Emitter, function: Function, inputs: list[Value]) -> list[Value]:
    """Replace the axes from begin to end, in the file's order, by others."""
    value = _one(function, inputs)
    dims = value.shape[::-1]
    begin = (
        function.static_axis(function.axis("beginAxis"), value.rank, end=True)
        if "beginAxis" in function.attributes
        else 0
    )
    end = value.rank
    if "endAxis" in function.attributes:
        end = function.static_axis(function.axis("endAxis"), value.rank, end=True)
    if begin > end:
        function.refuse(f"replaces the axes {begin} to {end}", "Save the model again with CNTK 2.")
    old, new = dims[begin:end], list(function.dims("newShape"))
    shape = (*dims[:begin], *_inferred(function, old, new), *dims[end:])
    return [emitter.reshape(value, shape[::-1])]


def _inferred(function: Function, old: Sequence[Dim], new: Sequence[int]) -> list[Dim]:
    """Work out the new axes, one of which may follow from the rest."""
    if UNKNOWN_SHAPE in new or new.count(INFERRED) > 1:
        function.refuse("has a new shape that is not known", "Save the model with a fixed input size.")
    free_new, free_old = new.count(FREE), list(old).count(None)
    known_old = math.prod(dim for dim in old if dim is not None)
    known_new = math.prod(dim for dim in new if dim < FREE)
    if INFERRED not in new and free_new == free_old and known_old == known_new:
        return [None if dim == FREE else dim for dim in new]
    if free_old == 0 and free_new + new.count(INFERRED) == 1 and known_new and known_old % known_new == 0:
        return [known_old // known_new if dim >= FREE else dim for dim in new]
    if free_old and free_new + new.count(INFERRED) == 1:
        return [None if dim >= FREE else dim for dim in new]
    function.refuse(f"reshapes {tuple(old)} to {tuple(new)}", "Save the model with a fixed input size.")


def _transpose(emitter: Emitter, function: Function, inputs: list[Value]) -> list[Value]:
    value = _one(function, inputs)
    rank = value.rank
    if "axisVec" in function.attributes:
        order = [function.static_axis(axis, rank) for axis in function.axes()]
    else:
        order = list(range(rank))
        first, second = (function.static_axis(function.axis(name), rank) for name in ("axis1", "axis2"))
        order[first], order[second] = order[second], order[first]
    if sorted(order) != list(range(rank)):
        function.refuse(f"orders {rank} axes as {order}", "Save the model again with CNTK 2.")
    rows = [rank - 1 - axis for axis in order[::-1]]
    perm = [0, *(axis + 1 for axis in rows)] if value.batched else rows
    return [emitter.add("Transpose", [value], [value.shape[axis] for axis in rows], perm=perm)]


def _squeeze(emitter: Emitter, function: Function, inputs: list[Value]) -> list[Value]:
    value = _one(function, inputs)
    axes = {value.rank - 1 - function.static_axis(axis, value.rank) for axis in function.axes()}
    gone = axes or {place for place, dim in enumerate(value.shape) if dim == 1}
    if any(value.shape[place] != 1 for place in gone):
        function.refuse(f"drops axes of {value.shape} that are not 1", "Save the model again with CNTK 2.")
    return [emitter.reshape(value, [dim for place, dim in enumerate(value.shape) if place not in gone])]


def _splice(emitter: Emitter, function: Function, inputs: list[Value]) -> list[Value]:
    """Join along an axis, which may be a new one; the other axes broadcast."""
    if not inputs:
        function.refuse("has no inputs", "Save the model again with CNTK 2.")
    rank = max(value.rank for value in inputs)
    index = function.static_axis(function.axis("axis"), rank, end=True)
    rank = max(rank, index + 1)
    place = rank - 1 - index
    full = [emitter.reshape(value, (1,) * (rank - value.rank) + value.shape) for value in inputs]
    shape: list[Dim] = []
    for axis in range(rank):
        dims = [value.shape[axis] for value in full]
        sizes = {dim for dim in dims if dim is not None and dim != 1}
        if axis == place:
            shape.append(None if None in dims else sum(dim for dim in dims if dim is not None))
        elif len(sizes) > 1:
            function.refuse(
                f"joins the shapes {[value.shape for value in inputs[:4]]}", "Save the model again with CNTK 2."
            )
        else:
            shape.append(next(iter(sizes), None if None in dims else 1))
    batch = next((value for value in full if value.batched), None)
    joined = [_spread(emitter, function, value, shape, place, batch) for value in full]
    return [emitter.add("Concat", joined, shape, axis=place + (batch is not None))]


def _spread(
    emitter: Emitter, function: Function, value: Value, shape: Sequence[Dim], place: int, batch: Value | None
) -> Value:
    """Repeat a part of a splice along the axes and the batch that it lacks."""
    wanted = [dim if axis != place else value.shape[place] for axis, dim in enumerate(shape)]
    grown = [new != old for new, old in zip(wanted, value.shape, strict=True)]
    if not any(grown) and (value.batched or batch is None):
        return value
    if any(dim is None and old is not None for dim, old in zip(wanted, value.shape, strict=True)):
        function.refuse("repeats an input along an axis of free size", "Save the model with a fixed input size.")
    sizes: Value | str = emitter.integers([dim or 1 for dim in wanted])
    if batch is not None:
        sizes = emitter.add("Concat", [emitter.batch_size_of(batch), sizes], batched=False, axis=0)
    return emitter.add("Expand", [value, sizes], wanted, batched=batch is not None)


def _slice(emitter: Emitter, function: Function, inputs: list[Value]) -> list[Value]:
    """Cut ranges out of axes; negative places count from the end, and an end of 0 is the end."""
    value = _one(function, inputs)
    axes = [function.static_axis(axis, value.rank) for axis in function.axes()]
    begins, ends = (_bounds(function, name, len(axes)) for name in ("beginIndex", "endIndex"))
    steps = _bounds(function, "sliceStrides", len(axes), 1)
    shape = list(value.shape)
    if len(set(axes)) != len(axes) or not axes or any(step < 1 for step in steps):
        function.refuse(
            f"slices {len(axes)} axes with the steps {steps}", "Forward slices of distinct axes are supported."
        )
    ends = [end or _END for end in ends]
    places = [value.rank - 1 - axis for axis in axes]
    for place, begin, end, step in zip(places, begins, ends, steps, strict=True):
        dim = shape[place]
        shape[place] = None if dim is None else len(range(*slice(begin, end, step).indices(dim)))
        if shape[place] == 0:
            function.refuse(f"keeps nothing of {value.shape}", "Save the model again with CNTK 2.")
    ranges = (begins, ends, [value.axis(place) for place in places], steps)
    return [emitter.add("Slice", [value, *map(emitter.integers, ranges)], shape)]


def _bounds(function: Function, name: str, number: int, default: int | None = None) -> list[int]:
    if f"{name}Vec" in function.attributes:
        values = function.items(f"{name}Vec", int)
    else:
        values = [function.integer(name, default)] * number
    if len(values) != number:
        function.refuse(f"has {len(values)} entries of {name} for {number} axes", "Save the model again with CNTK 2.")
    return values


def _pad(emitter: Emitter, function: Function, inputs: list[Value]) -> list[Value]:
    value = _one(function, inputs)
    before, after = (function.items(name, int)[::-1] for name in ("paddingHead", "paddingFoot"))
    mode = function.integer("paddingMode", _CONSTANT)
    if len(before) != value.rank or len(after) != value.rank or mode not in (_CONSTANT, _REFLECT, _SYMMETRIC):
        function.refuse(f"pads {value.rank} axes by {before} and {after}", "Save the model again with CNTK 2.")
    if any(not 0 <= amount < 1 << 26 for amount in (*before, *after)):
        function.refuse(f"pads by {before} and {after}", "Save the model again with CNTK 2.")
    if mode != _CONSTANT:
        return [_mirror(emitter, function, value, list(zip(before, after, strict=True)), mode)]
    shape = [None if dim is None else dim + sum(more) for dim, *more in zip(value.shape, before, after, strict=True)]
    front = [0] if value.batched else []
    amounts = emitter.integers([*front, *before, *front, *after])
    fill = emitter.constant(function.number("paddingConstantValue", 0.0))
    return [emitter.add("Pad", [value, amounts, fill], shape, mode="constant")]


def _mirror(emitter: Emitter, function: Function, value: Value, amounts: list[tuple[int, int]], mode: int) -> Value:
    for place, (before, after) in enumerate(amounts):
        if before == after == 0:
            continue
        dim = value.shape[place]
        if dim is None or dim > _LARGEST_MIRROR or max(before, after) > dim - (mode == _REFLECT):
            function.refuse(f"mirrors {before} and {after} places of {dim}", "Save the model with a fixed input size.")
        sources = np.pad(np.arange(dim), (before, after), "reflect" if mode == _REFLECT else "symmetric")
        shape = [*value.shape[:place], sources.size, *value.shape[place + 1 :]]
        value = emitter.add("Gather", [value, emitter.integers(sources.tolist())], shape, axis=value.axis(place))
    return value


def _crop(emitter: Emitter, function: Function, inputs: list[Value]) -> list[Value]:
    """Cut rows and columns to the size of a second picture, from an offset (column, row)."""
    offset = function.items("offset", int)
    if len(inputs) != 2 or len(offset) != 2 or min(value.rank for value in inputs) < 2:
        function.refuse("does not crop a picture at a given place")
    value, like = inputs
    begins = offset[::-1]
    sizes = [*like.shape[-2:]]
    ends = []
    for begin, size, dim in zip(begins, sizes, value.shape[-2:], strict=True):
        if size is None or dim is None or not 0 <= begin <= dim - size:
            function.refuse(
                f"crops {value.shape} to {like.shape} at {begins}", "Save the model with a fixed input size."
            )
        ends.append(begin + size)
    axes = [value.axis(value.rank - 2), value.axis(value.rank - 1)]
    return [emitter.add("Slice", [value, *map(emitter.integers, (begins, ends, axes))], [*value.shape[:-2], *sizes])]


def _gather(emitter: Emitter, function: Function, inputs: list[Value]) -> list[Value]:
    """Pick entries of weights along their first row-major axis."""
    if len(inputs) != 2 or inputs[1].batched or inputs[1].rank == 0:
        function.refuse("does not pick entries of weights")
    indices, reference = inputs
    whole = emitter.add("Cast", [indices], indices.shape, to=TensorProto.INT64)
    shape = [*indices.shape, *reference.shape[1:]]
    return [emitter.add("Gather", [reference, whole], shape, batched=indices.batched, axis=0)]


def _one(function: Function, inputs: list[Value]) -> Value:
    if len(inputs) != 1:
        function.refuse(f"has {len(inputs)} inputs instead of 1", "Save the model again with CNTK 2.")
    return inputs[0]


RULES: dict[str, Rule] = {
    "Reshape": _reshape,
    "TransposeAxes": _transpose,
    "Squeeze": _squeeze,
    "Splice": _splice,
    "Slice": _slice,
    "Pad": _pad,
    "Crop": _crop,
    "Gather": _gather,
}
