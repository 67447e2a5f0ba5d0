"""The functions and variables of a CNTK model, read out of its dictionaries and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar

from lungdb.errors import LungdbError
from lungdb.networks.cntk.operations import operation_name
from lungdb.networks.cntk.wire import Array, Axis, Shape, damaged

INPUT, PLACEHOLDER = 0, 4  # kinds of variables; 1 is output, 2 parameter, 3 constant

INFERRED = 2**64 - 1
UNKNOWN_SHAPE = 2**64 - 2
FREE = 2**64 - 3

ALL_STATIC_AXES = 2**31 - 2
_END_OF_AXES = 2**31 - 4
_SENTINELS = 2**31 - 5

_LARGEST = 1 << 26  # of a window, a stride, a padding or a dimension

_LARGEST_INTEGER = 1 << 31

_T = TypeVar("_T")


@dataclass(frozen=True, eq=False)
class Variable:
    """An input, a weight or a placeholder.

    Attributes
    ----------
    dims : tuple of int
        In the file's order, fastest first; codes for free and inferred ones.
    array : Array or None
        What a weight holds.
    """

    uid: str
    name: str
    kind: int
    dims: tuple[int, ...]
    array: Array | None = None


@dataclass(frozen=True, eq=False)
class Function:
    """A primitive operation or a Block around others.

    Attributes
    ----------
    operation : str
        CNTK's name of the primitive; for a Block the name that was given to the block.
    inputs : tuple of str
        Ids of variables or outputs.
    block_root : str or None
        Id of the inner root function of a Block.
    block_arguments : dict
        Id of an inner placeholder to id of what stands for it outside.
    """

    uid: str
    name: str
    operation: str
    inputs: tuple[str, ...]
    attributes: dict[str, Any] = field(default_factory=dict)
    block_root: str | None = None
    block_arguments: dict[str, str] = field(default_factory=dict)

    def refuse(self, problem: str, advice: str = "Use a network without it.") -> NoReturn:
        """Raise the error of a node that cannot be converted."""
        raise LungdbError(f"{self.described()} {problem}. {advice}")

    def described(self) -> str:
        """Start a sentence about this node."""
        return f"The CNTK model's operation {self.operation} (node {self.name[:200]!r}, id {self.uid[:200]})"

    def flag(self, name: str, default: bool = False) -> bool:
        """Read a Bool."""
        return self._get(name, bool, default)

    def integer(self, name: str, default: int | None = None) -> int:
        """Read an Int or SizeT."""
        value = self._get(name, int, default)
        if abs(value) > _LARGEST_INTEGER:
            raise damaged(f"{name} of {self.uid} is {value}")
        return value

    def number(self, name: str, default: float | None = None) -> float:
        """Read a Double or Float."""
        return self._get(name, float, default)

    def text(self, name: str) -> str:
        """Read a String."""
        return self._get(name, str, None)

    def axis(self, name: str) -> Axis:
        """Read an Axis."""
        return self._get(name, Axis, None)

    def axes(self) -> list[Axis]:
        """Read axisVec, or axis where that stands in its place; empty where there is neither."""
        if "axisVec" in self.attributes:
            return self.items("axisVec", Axis)
        return [self.axis("axis")] if "axis" in self.attributes else []

    def items(self, name: str, kind: type[_T]) -> list[_T]:
        """Read a Vector of one type; empty where it is missing."""
        values = self._get(name, list, [])
        if not all(type(value) is kind for value in values):
            raise damaged(f"{name} of {self.uid} is no list of {kind.__name__}")
        if any(isinstance(value, int) and abs(value) > _LARGEST_INTEGER for value in values):
            raise damaged(f"{name} of {self.uid} goes past {_LARGEST_INTEGER}")
        return values

    def dims(self, name: str) -> tuple[int, ...]:
        """Read an NDShape as sizes of windows, strides and the like; empty where it is missing."""
        dims = self._get(name, Shape, Shape(())).dims
        if any(dimension > _LARGEST and dimension < FREE for dimension in dims):
            raise damaged(f"{name} of {self.uid} is {dims}")
        return dims

    def static_axis(self, axis: Axis, rank: int, *, end: bool = False) -> int:
        """Turn a static axis into its index in the file's order, 0 to rank - 1, or to rank where an end is meant."""
        index = axis.index
        if index >= _SENTINELS:
            if not (end and index == _END_OF_AXES):
                self.refuse(f"works along the axis {axis.name!r}", "Only axes inside a picture are supported.")
            return rank
        index = index + rank if index < 0 else index
        if not 0 <= index < rank + end:
            raise damaged(f"axis {axis.index} of {self.uid} is outside its {rank} axes")
        return index

    def _get(self, name: str, kind: type[_T], default: _T | None) -> _T:
        value = self.attributes.get(name, default)
        if type(value) is not kind:
            raise damaged(f"{name} of {self.uid} is {'missing' if value is None else 'of another type'}")
        return value


def read_variables(root: dict[str, Any]) -> dict[str, Variable]:
    """Read the variables, by id."""
    variables: dict[str, Variable] = {}
    for entry in _entries(root, "inputs"):
        uid = _field(entry, "uid", str)
        array = entry.get("value")
        variable = Variable(
            uid,
            _field(entry, "name", str, ""),
            _field(entry, "kind", int),
            _field(entry, "shape", Shape).dims,
            array if isinstance(array, Array) else None,
        )
        if uid in variables:
            raise damaged(f"two variables have the id {uid}")
        variables[uid] = variable
    return variables


def read_functions(root: dict[str, Any]) -> dict[str, Function]:
    """Read the functions, by id."""
    functions: dict[str, Function] = {}
    for entry in _entries(root, "primitive_functions"):
        function = _function(entry)
        if function.uid in functions:
            raise damaged(f"two functions have the id {function.uid}")
        functions[function.uid] = function
    return functions


def _function(entry: dict[str, Any]) -> Function:
    uid = _field(entry, "uid", str)
    name = _field(entry, "name", str, "")
    inputs = tuple(_texts(entry, "inputs", uid))
    attributes = _field(entry, "attributes", dict, {})
    if entry.get("type") == "UserDefinedFunction":
        operation = entry.get("op")
        return Function(uid, name, f"{operation if isinstance(operation, str) else ''} (user-defined)".strip(), inputs)
    operation = operation_name(_field(entry, "op", int))
    if operation != "Block":
        return Function(uid, name, operation, inputs, attributes)
    composite = _field(entry, "block_function_composite", dict)
    keys = _texts(entry, "block_function_composite_arguments_map_keys", uid)
    values = _texts(entry, "block_function_composite_arguments_map_values", uid)
    if len(keys) != len(values):
        raise damaged(f"block {uid} maps {len(keys)} arguments to {len(values)} values")
    return Function(
        uid,
        name,
        _field(entry, "block_function_op_name", str, "Block"),
        inputs,
        attributes,
        _field(composite, "root", str),
        dict(zip(keys, values, strict=True)),
    )


def _entries(root: dict[str, Any], name: str) -> Sequence[dict[str, Any]]:
    entries = _field(root, name, list)
    if not all(isinstance(entry, dict) for entry in entries):
        raise damaged(f"{name} holds something else than dictionaries")
    return entries


def _texts(entry: dict[str, Any], name: str, uid: str) -> list[str]:
    values = _field(entry, name, list, [])
    if not all(isinstance(value, str) for value in values):
        raise damaged(f"{name} of {uid} is no list of ids")
    return values


def _field(entry: dict[str, Any], name: str, kind: type[_T], default: _T | None = None) -> _T:
    value = entry.get(name, default)
    if type(value) is not kind:
        raise damaged(
            f"{name} of {entry.get('uid', 'the model')!s:.80} is {'missing' if value is None else 'unusable'}"
        )
    return value
