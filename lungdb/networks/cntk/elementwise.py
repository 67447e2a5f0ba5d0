"""Operations on each number by itself, with CNTK's care at the edges of their domains (TensorOps.h)."""

from __future__ import annotations

from functools import partial

from onnx import TensorProto

from lungdb.networks.cntk.emitting import Emitter, Rule, Value, broadcast
from lungdb.networks.cntk.functions import Function

_SMALLEST = 1.0998e-37  # exp(-85.1)


def _unary(operator: str, emitter: Emitter, function: Function, inputs: list[Value]) -> list[Value]:
    value = _expect(function, inputs, 1)[0]
    return [emitter.add(operator, [value], value.shape)]


def _binary(operator: str, emitter: Emitter, function: Function, inputs: list[Value]) -> list[Value]:
    values = _expect(function, inputs, 2)
    return [emitter.add(operator, emitter.align(values), broadcast(function, values))]


def _comparison(operator: str, emitter: Emitter, function: Function, inputs: list[Value]) -> list[Value]:
    """Compare, with 1 for true and 0 for false."""
    (truth,) = _binary(operator, emitter, function, inputs)
    return [emitter.add("Cast", [truth], truth.shape, to=TensorProto.FLOAT)]


def _not_equal(emitter: Emitter, function: Function, inputs: list[Value]) -> list[Value]:
    (equal,) = _comparison("Equal", emitter, function, inputs)
    return [emitter.add("Sub", [emitter.constant(1), equal], equal.shape)]


def _identity(emitter: Emitter, function: Function, inputs: list[Value]) -> list[Value]:
    """Pass on what dropout, NoOp and the like do not change when a network is run."""
    return _expect(function, inputs, 1)


def _logarithm(emitter: Emitter, function: Function, inputs: list[Value]) -> list[Value]:
    """Take the logarithm, which in CNTK is never below -85.1."""
    value = _expect(function, inputs, 1)[0]
    positive = emitter.add("Max", [value, emitter.constant(_SMALLEST)], value.shape)
    return [emitter.add("Log", [positive], value.shape)]


def _square_root(emitter: Emitter, function: Function, inputs: list[Value]) -> list[Value]:
    """Take the square root, which in CNTK is 0 for negative numbers."""
    value = _expect(function, inputs, 1)[0]
    return [emitter.add("Sqrt", [emitter.add("Relu", [value], value.shape)], value.shape)]


def _reciprocal(emitter: Emitter, function: Function, inputs: list[Value]) -> list[Value]:
    """Divide 1 by each number; CNTK gives 0 for 0."""
    value = _expect(function, inputs, 1)[0]
    zero = emitter.constant(0)
    none = emitter.add("Equal", [value, zero], value.shape)
    return [emitter.add("Where", [none, zero, emitter.add("Reciprocal", [value], value.shape)], value.shape)]


def _log_plus(emitter: Emitter, function: Function, inputs: list[Value]) -> list[Value]:
    """Compute log(exp(a) + exp(b)) as max + log(1 + exp(-|a - b|))."""
    values = _expect(function, inputs, 2)
    shape, aligned = broadcast(function, values), emitter.align(values)
    larger = emitter.add("Max", aligned, shape)
    distance = emitter.add("Abs", [emitter.add("Sub", aligned, shape)], shape)
    closeness = emitter.add("Exp", [emitter.add("Neg", [distance], shape)], shape)
    more = emitter.add("Log", [emitter.add("Add", [closeness, emitter.constant(1)], shape)], shape)
    return [emitter.add("Add", [larger, more], shape)]


def _power(emitter: Emitter, function: Function, inputs: list[Value]) -> list[Value]:
    """Raise to a power; CNTK gives 0 for every power of 0 but the zeroth."""
    values = _expect(function, inputs, 2)
    shape, (base, exponent) = broadcast(function, values), emitter.align(values)
    zero = emitter.constant(0)
    no_base = emitter.add("Equal", [base, zero], base.shape)
    negative = emitter.add("Less", [exponent, zero], exponent.shape)
    undefined = emitter.add("And", [no_base, negative], shape)
    return [emitter.add("Where", [undefined, zero, emitter.add("Pow", [base, exponent], shape)], shape)]


def _clip(emitter: Emitter, function: Function, inputs: list[Value]) -> list[Value]:
    values = _expect(function, inputs, 3)
    shape, (value, lowest, highest) = broadcast(function, values), emitter.align(values)
    return [emitter.add("Min", [emitter.add("Max", [value, lowest], shape), highest], shape)]


def _select(emitter: Emitter, function: Function, inputs: list[Value]) -> list[Value]:
    values = _expect(function, inputs, 3)
    shape, (condition, chosen, other) = broadcast(function, values), emitter.align(values)
    truth = emitter.add("Cast", [condition], condition.shape, to=TensorProto.BOOL)
    return [emitter.add("Where", [truth, chosen, other], shape)]


def _sign(emitter: Emitter, function: Function, inputs: list[Value]) -> list[Value]:
    """Give 1 above 0 and -1 elsewhere."""
    value = _expect(function, inputs, 1)[0]
    above = emitter.add("Greater", [value, emitter.constant(0)], value.shape)
    return [emitter.add("Where", [above, emitter.constant(1), emitter.constant(-1)], value.shape)]


def _filled(emitter: Emitter, function: Function, inputs: list[Value]) -> list[Value]:
    """Give one number in the shape of the input."""
    value = _expect(function, inputs, 1)[0]
    shape = emitter.add("Shape", [value], batched=False)
    number = emitter.constant(function.number("fillValue"))
    return [emitter.add("Expand", [number, shape], value.shape, batched=value.batched)]


def _expect(function: Function, inputs: list[Value], number: int) -> list[Value]:
    if len(inputs) != number:
        function.refuse(f"has {len(inputs)} inputs instead of {number}", "Save the model again with CNTK 2.")
    return inputs


_UNARY = {
    "Negate": "Neg",
    "Sigmoid": "Sigmoid",
    "StableSigmoid": "Sigmoid",
    "Tanh": "Tanh",
    "ReLU": "Relu",
    "ELU": "Elu",
    "Exp": "Exp",
    "Floor": "Floor",
    "Abs": "Abs",
    "Sin": "Sin",
    "Cos": "Cos",
    "Tan": "Tan",
    "Asin": "Asin",
    "Acos": "Acos",
    "Atan": "Atan",
    "Sinh": "Sinh",
    "Cosh": "Cosh",
    "Asinh": "Asinh",
    "Atanh": "Atanh",
}
_BINARY = {"Plus": "Add", "Minus": "Sub", "ElementTimes": "Mul"}
_COMPARISONS = {
    "Equal": "Equal",
    "Less": "Less",
    "LessEqual": "LessOrEqual",
    "Greater": "Greater",
    "GreaterEqual": "GreaterOrEqual",
}

RULES: dict[str, Rule] = {
    **{name: partial(_unary, operator) for name, operator in _UNARY.items()},
    **{name: partial(_binary, operator) for name, operator in _BINARY.items()},
    **{name: partial(_comparison, operator) for name, operator in _COMPARISONS.items()},
    **dict.fromkeys(["Dropout", "NoOp", "Pass", "StopGradient", "Cast"], _identity),
    "NotEqual": _not_equal,
    "Log": _logarithm,
    "Sqrt": _square_root,
    "Reciprocal": _reciprocal,
    "LogPlus": _log_plus,
    "Pow": _power,
    "Clip": _clip,
    "Select": _select,
    "StraightThrough": _sign,
    "ConstantOp": _filled,
}
