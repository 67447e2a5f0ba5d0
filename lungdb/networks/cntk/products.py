"""Products of matrices and tensors: the dense layers."""

from __future__ import annotations

import math

from lungdb.networks.cntk.emitting import Dim, Emitter, Rule, Value
from lungdb.networks.cntk.functions import Function

_NO_REDUCTION = -1


def _times(emitter: Emitter, function: Function, inputs: list[Value]) -> list[Value]:
    """Multiply: row-major the left operand is [in, out], the right one [rest, in], the result [rest, out]."""
    left, right = _operands(function, inputs)
    return [_product(emitter, function, left, right)]


def _transpose_times(emitter: Emitter, function: Function, inputs: list[Value]) -> list[Value]:
    """Multiply with the left operand transposed, which has two axes at most."""
    left, right = _operands(function, inputs)
    if left.rank == 1:
        left = emitter.reshape(left, (*left.shape, 1))
    elif left.rank == 2:
        axes = [0, 2, 1] if left.batched else [1, 0]
        left = emitter.add("Transpose", [left], left.shape[::-1], perm=axes)
    else:
        function.refuse(f"transposes {left.shape}")
    return [_product(emitter, function, left, right)]


def _operands(function: Function, inputs: list[Value]) -> tuple[Value, Value]:
    if len(inputs) != 2:
        function.refuse(f"has {len(inputs)} inputs", "Save the model again with CNTK 2.")
    if function.integer("inferInputRankToMap", _NO_REDUCTION) < _NO_REDUCTION:
        function.refuse("sums over a sequence", "Use a network for single pictures.")
    return inputs[0], inputs[1]


def _product(emitter: Emitter, function: Function, left: Value, right: Value) -> Value:
    given = function.integer("outputRank", 1)
    summed = left.rank - given
    if given < 0 or not 0 <= summed <= right.rank:
        function.refuse(f"multiplies {left.shape} and {right.shape}", "Save the model again with CNTK 2.")
    out = left.shape[summed:]
    rest, read = right.shape[: right.rank - summed], right.shape[right.rank - summed :]
    size = _known(function, read)
    if size != _known(function, left.shape[:summed]):
        function.refuse(f"multiplies {left.shape} and {right.shape}", "Save the model again with CNTK 2.")
    columns = emitter.reshape(left, (size, _known(function, out)))
    if left.batched or not rest:
        # ONNX multiplies the last two axes; one picture's row has to be a matrix only beside a matrix of its own.
        rows: tuple[Dim, ...] = (_known(function, rest), size) if left.batched else (size,)
    else:
        rows = (*rest, size)
    matrix = emitter.reshape(right, rows)
    result = emitter.add("MatMul", [matrix, columns], (*rows[:-1], columns.shape[-1]))
    return emitter.reshape(result, (*rest, *out))


def _known(function: Function, dims: tuple[Dim, ...]) -> int:
    sizes = [dim for dim in dims if dim is not None]
    if len(sizes) < len(dims):
        function.refuse("multiplies axes of free size", "Save the model with a fixed input size.")
    return math.prod(sizes)


RULES: dict[str, Rule] = {"Times": _times, "TransposeTimes": _transpose_times}
