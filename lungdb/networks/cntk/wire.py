"""Reading the protobuf of a CNTK v2 model into plain Python values, with bounds on everything that a file can claim.

The messages are NDShape, Axis, NDArrayView, Vector, Dictionary and DictionaryValue of CNTK.proto (proto3).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import LungdbError

MAX_FIELDS = 1_000_000  # a ResNet-152 has fewer than 100,000
MAX_DEPTH = 24  # real files nest eight dictionaries and vectors deep
MAX_RANK = 16
MAX_TEXT = 4096  # bytes

SPLIT_MAGIC = b"ktnc"

_VARINT, _BYTES = 0, 2
_FIXED_SIZES = {1: 8, 5: 4}
_SCALARS = {3, 4, 5, 6, 7}
_FLOATS = {6: "<f", 7: "<d"}
_ELEMENT_TYPES = {1: "<f4", 2: "<f8", 4: "<f4"}  # float, double, and float16, which is kept as float
_VALUE_FIELDS = {4: "<f4", 5: "<f8"}

Span = tuple[int, int]


@dataclass(frozen=True)
class Shape:
    """An NDShape: dimensions in the file's order, fastest first, special codes included."""

    dims: tuple[int, ...]


@dataclass(frozen=True)
class Axis:
    """An axis: the static index as stored, sentinels included, and the name of a dynamic one."""

    index: int
    name: str


@dataclass
class Array:
    """An NDArrayView.

    Attributes
    ----------
    dims : tuple of int
        Dimensions in the file's order.
    element_type : int
        CNTK's number of it: 1 float, 2 double, 4 float16, others hold no values here.
    values : float32 or float64 array, or None
        One dimension, in the file's order; a view of the file where it is stored in one piece. None for element types
        that are no floating-point numbers.
    """

    dims: tuple[int, ...]
    element_type: int
    values: NDArray[Any] | None = None


def read_dictionary(content: bytes) -> dict[str, Any]:
    """Read a v2 file, plain or split, into its root dictionary.

    Returns
    -------
    dict
        Of bool, int, float, str, Shape, Axis, Array, list and dict.

    Raises
    ------
    LungdbError
        When the bytes do not follow the format or go past a bound.
    """
    reader = _Reader(content)
    if content[:4] != SPLIT_MAGIC:
        root = reader.dictionary((0, len(content)), 0)
        reader.fill_from_tail(len(content))
        return root
    size = int.from_bytes(content[4:8], "little")
    if size > len(content) - 8:
        raise damaged(f"its metadata should take {size} bytes and {max(len(content) - 8, 0)} are there")
    root = reader.dictionary((8, 8 + size), 0)
    reader.fill_from_tail(8 + size)
    return root


def damaged(what: str) -> LungdbError:
    """Make the error for a file that does not follow the format."""
    return LungdbError(f"The CNTK model is damaged: {what}. Copy the file again, or save the model again with CNTK 2.")


class _Reader:
    """Reads the messages of one file and counts what it has read."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._fields = 0
        self._unfilled: list[Array] = []

    def dictionary(self, span: Span, depth: int) -> dict[str, Any]:
        """Read a Dictionary."""
        if depth > MAX_DEPTH:
            raise damaged(f"it nests more than {MAX_DEPTH} deep")
        entries: dict[str, Any] = {}
        for number, entry in self._fields_of(span):
            if number != 2:
                continue
            key, value = "", None
            for part, content in self._fields_of(_message(entry)):
                if part == 1:
                    key = self._text(content)
                elif part == 2:
                    value = self._value(_message(content), depth + 1)
            entries[key] = value
        return entries

    def fill_from_tail(self, position: int) -> None:
        """Give the arrays that were stored without values theirs, from the raw data behind the message."""
        for array in self._unfilled:
            kind = np.dtype(_ELEMENT_TYPES[array.element_type])
            count = _product(array.dims)
            if count * kind.itemsize > len(self._content) - position:
                raise damaged(f"an array should hold {count} numbers and fewer are there")
            array.values = np.frombuffer(self._content, kind, count, position)
            position += count * kind.itemsize

    def _value(self, span: Span, depth: int) -> Any:
        """Read a DictionaryValue; None when it holds nothing."""
        result: Any = None
        for number, content in self._fields_of(span):
            if number in _SCALARS:
                result = _scalar(number, content, self._content)
            elif number == 8:
                result = self._text(content)
            elif number == 9:
                result = Shape(self._dimensions(_message(content)))
            elif number == 10:
                result = self._axis(_message(content))
            elif number == 11:
                result = self._vector(_message(content), depth)
            elif number == 12:
                result = self.dictionary(_message(content), depth)
            elif number == 13:
                result = self._array(_message(content))
        return result

    def _vector(self, span: Span, depth: int) -> list[Any]:
        if depth > MAX_DEPTH:
            raise damaged(f"it nests more than {MAX_DEPTH} deep")
        return [self._value(_message(content), depth + 1) for number, content in self._fields_of(span) if number == 1]

    def _axis(self, span: Span) -> Axis:
        index, name = 0, ""
        for number, content in self._fields_of(span):
            if number == 1:
                index = _signed32(_integer(content))
            elif number == 2:
                name = self._text(content)
        return Axis(index, name)

    def _dimensions(self, span: Span) -> tuple[int, ...]:
        dims: list[int] = []
        for number, content in self._fields_of(span):
            if number == 1 and isinstance(content, int):
                dims.append(content)
            elif number == 1:
                position, end = _message(content)
                while position < end and len(dims) <= MAX_RANK:
                    dimension, position = self._varint(position, end)
                    dims.append(dimension)
        if len(dims) > MAX_RANK:
            raise damaged(f"a shape has more than {MAX_RANK} dimensions")
        return tuple(dims)

    def _array(self, span: Span) -> Array:
        array = Array((), 0)
        for number, content in self._fields_of(span):
            if number == 1:
                array.element_type = _integer(content)
            elif number == 2 and _integer(content) != 0:
                raise LungdbError(
                    "The CNTK model holds a sparse weight, which is not supported. Save it with dense weights."
                )
            elif number == 3:
                array.dims = self._dimensions(_message(content))
            elif number in _VALUE_FIELDS:
                array.values = self._numbers(_message(content), _VALUE_FIELDS[number])
        if array.element_type not in _ELEMENT_TYPES:
            array.values = None
        elif array.values is None or array.values.size != _product(array.dims):
            if array.values is not None and array.values.size:
                raise damaged(f"an array of shape {array.dims} holds {array.values.size} numbers")
            self._unfilled.append(array)
        return array

    def _numbers(self, span: Span, kind: str) -> NDArray[Any]:
        """Read FloatValues or DoubleValues: one packed chunk as a rule, several or single numbers where they come."""
        size = np.dtype(kind).itemsize
        parts = []
        for number, content in self._fields_of(span):
            if number == 1:
                first, last = _message(content)
                if (last - first) % size:
                    raise damaged("an array's values end within a number")
                if last > first:
                    parts.append(np.frombuffer(self._content, kind, (last - first) // size, first))
        return parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, kind), *parts])

    def _text(self, content: int | Span) -> str:
        first, last = _message(content)
        if last - first > MAX_TEXT:
            raise damaged(f"a name has more than {MAX_TEXT} bytes")
        return self._content[first:last].decode("utf-8", "replace")

    def _fields_of(self, span: Span) -> Iterator[tuple[int, int | Span]]:
        """Walk a message: field number, and the number of a varint or where the bytes of anything else are."""
        position, end = span
        while position < end:
            self._fields += 1
            if self._fields > MAX_FIELDS:
                raise damaged(f"it has more than {MAX_FIELDS} fields")
            tag, position = self._varint(position, end)
            wire_type = tag & 7
            if wire_type == _VARINT:
                number, position = self._varint(position, end)
                yield tag >> 3, number
                continue
            if wire_type == _BYTES:
                length, position = self._varint(position, end)
            elif wire_type in _FIXED_SIZES:
                length = _FIXED_SIZES[wire_type]
            else:
                raise damaged(f"byte {position} starts a field of unknown kind {wire_type}")
            if length > end - position:
                raise damaged(f"byte {position} announces {length} bytes and {end - position} are left")
            yield tag >> 3, (position, position + length)
            position += length

    def _varint(self, position: int, end: int) -> tuple[int, int]:
        value = shift = 0
        while position < end and shift < 70:
            byte = self._content[position]
            position += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & 0xFFFF_FFFF_FFFF_FFFF, position
            shift += 7
        raise damaged(f"byte {position} ends a number that goes on")


def _scalar(number: int, span: int | Span, content: bytes) -> bool | int | float:
    """Read a bool (3), int32 (4), uint64 (5), float (6) or double (7)."""
    if number in _FLOATS:
        kind = _FLOATS[number]
        first, last = _message(span)
        if last - first != struct.calcsize(kind):
            raise damaged(f"byte {first} should be a floating-point number")
        return float(struct.unpack(kind, content[first:last])[0])
    value = _integer(span)
    if number == 3:
        return bool(value)
    return _signed32(value) if number == 4 else value


def _integer(content: int | Span) -> int:
    if not isinstance(content, int):
        raise damaged(f"byte {content[0]} should be a number")
    return content


def _message(content: int | Span) -> Span:
    if isinstance(content, int):
        raise damaged(f"the number {content} is where text or a message should be")
    return content


def _signed32(value: int) -> int:
    low = value & 0xFFFF_FFFF
    return low - (1 << 32) if low >= 1 << 31 else low


def _product(dims: tuple[int, ...]) -> int:
    if 0 in dims:
        raise damaged(f"an array has the shape {dims}")
    return math.prod(dims)
