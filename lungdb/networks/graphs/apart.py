"""Networks whose large weights stay where they are: a small graph, and views of the bytes in which the weights lie.

Of an ONNX file of 100 MB everything but a hundred kilobytes are weights. A parser copies them, and so does whoever
writes a changed graph; here neither touches them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto

from lungdb.networks.graphs.graph import elements

_SMALLEST = 4096  # bytes; what Reshape and the like read stays in the graph, where it can be looked at
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_GRAPH, _INITIALIZER = 7, 5  # fields of ModelProto and of GraphProto
_DIMS, _KIND, _NAME, _RAW, _COMMENT = 1, 2, 8, 9, 12  # fields of TensorProto
_DTYPES = {
    TensorProto.FLOAT: "<f4", TensorProto.FLOAT16: "<f2", TensorProto.DOUBLE: "<f8", TensorProto.INT8: "i1",
    TensorProto.UINT8: "u1", TensorProto.INT32: "<i4", TensorProto.INT64: "<i8",
}  # fmt: skip
_PLACE = "lungdb"  # instead of a file's name; whoever opens the graph without the weights is told that it is missing


class _OddError(Exception):
    """Something that a parser may accept and this reader leaves to it."""


@dataclass(frozen=True)
class Apart:
    """A network in two parts.

    Attributes
    ----------
    graph : bytes
        ONNX, in which the large weights have a name, a type and a shape.
    weights : dict of str to ndarray
        These by name, views of the bytes that the network came as.
    """

    graph: bytes
    weights: dict[str, NDArray[Any]]


@dataclass(frozen=True)
class _Field:
    """A field of a message: where it begins, and where its value, or for a varint what it is."""

    number: int
    kind: int
    start: int
    value: int
    end: int


def take_apart(model: bytes) -> Apart:
    """Take the large weights out of an ONNX file; what is written in an odd way stays in the graph, as does damage."""
    weights: dict[str, NDArray[Any]] = {}
    try:
        fields = list(_fields(model, 0, len(model)))
        if sum(field.number == _GRAPH for field in fields) != 1:
            raise _OddError
        parts: list[bytes | memoryview] = []
        for field in fields:
            whole = memoryview(model)[field.start : field.end]
            parts += _part(_GRAPH, _graph(model, field, weights)) if field.number == _GRAPH else [whole]
    except _OddError:
        return Apart(model, {})
    return Apart(b"".join(parts), weights)


def mark_apart(model: onnx.ModelProto, weights: dict[str, NDArray[Any]]) -> Apart:
    """Write a graph whose large weights lie elsewhere, which it says as the ONNX standard has it; changes the model."""
    used = {}
    for tensor in model.graph.initializer:
        if tensor.name in weights:
            used[tensor.name] = weights[tensor.name]
            tensor.data_location = TensorProto.EXTERNAL
            tensor.external_data.add(key="location", value=_PLACE)
    return Apart(model.SerializeToString(), used)


def _graph(model: bytes, field: _Field, weights: dict[str, NDArray[Any]]) -> bytes:
    parts: list[bytes | memoryview] = []
    if field.kind != _BYTES:
        raise _OddError
    for inner in _fields(model, field.value, field.end):
        header = _header(model, inner, weights) if (inner.number, inner.kind) == (_INITIALIZER, _BYTES) else None
        parts += [memoryview(model)[inner.start : inner.end]] if header is None else _part(_INITIALIZER, header)
    return b"".join(parts)


def _header(model: bytes, tensor: _Field, weights: dict[str, NDArray[Any]]) -> bytes | None:
    """Note a large weight and give its message without the values; None for one that stays."""
    if tensor.end - tensor.value < _SMALLEST:
        return None
    found: dict[int, _Field] = {}
    dims: list[int] = []
    for field in _fields(model, tensor.value, tensor.end):
        if field.number == _DIMS and field.kind == _VARINT:
            dims.append(field.value)
        elif field.number == _DIMS:
            dims += _packed(model, field.value, field.end)
        elif field.number in found or field.number not in (_KIND, _NAME, _RAW, _COMMENT):
            return None
        else:
            found[field.number] = field
    raw, name, kind = (found.get(number) for number in (_RAW, _NAME, _KIND))
    if raw is None or name is None or kind is None or kind.value not in _DTYPES or raw.end - raw.value < _SMALLEST:
        return None
    dtype = np.dtype(_DTYPES[kind.value])
    key = model[name.value : name.end].decode(errors="replace")
    if key in weights or elements(dims) * dtype.itemsize != raw.end - raw.value:
        return None
    weights[key] = np.frombuffer(model, dtype, elements(dims), raw.value).reshape(dims)
    return model[tensor.value : raw.start] + model[raw.end : tensor.end]


def _fields(content: bytes, position: int, end: int) -> Iterator[_Field]:
    while position < end:
        start = position
        tag, position = _varint(content, position, end)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, position = _varint(content, position, end)
        elif kind == _BYTES:
            size, value = _varint(content, position, end)
            position = value + size
        elif kind in (_FIXED64, _FIXED32):
            value = position
            position += 8 if kind == _FIXED64 else 4
        else:
            raise _OddError
        if position > end:
            raise _OddError
        yield _Field(number, kind, start, value, position)


def _packed(content: bytes, position: int, end: int) -> list[int]:
    values = []
    while position < end:
        value, position = _varint(content, position, end)
        values.append(value)
    return values


def _varint(content: bytes, position: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while position < end and shift < 64:
        byte = content[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
        shift += 7
    raise _OddError


def _part(number: int, message: bytes) -> list[bytes | memoryview]:
    """Write a message as a field."""
    size, prefix = len(message), bytearray([number << 3 | _BYTES])
    while size > 127:
        prefix.append(size & 127 | 128)
        size >>= 7
    prefix.append(size)
    return [bytes(prefix), message]
