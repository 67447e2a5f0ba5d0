"""What the engine and the process of an external script say to each other: frames over two pipes.

A frame is a tag of one byte, the length of its content in eight, and the content. Rows travel in blocks, column by
column: the numbers as 64-bit values with a byte for each NULL, texts and bytes as their lengths and one run.
"""

from __future__ import annotations

import contextlib
import json
import struct
from array import array
from collections.abc import Iterator, Sequence
from typing import IO, Any

from lungdb.embedded.values.stored import Value
from lungdb.embedded.values.types import Family, SqlType

_HEAD = struct.Struct("<cQ")
_COUNT = struct.Struct("<Q")

CALL = b"C"
VALUE = b"V"
BLOCK = b"B"
COLUMN = b"c"
END = b"E"
MESSAGE = b"M"
RESULT = b"R"
ERROR = b"X"

# Whoever has another call for a process that stays asks; that nothing is left of the last one it says before each call.
ASK = b"?"
READY = b"!"

# To a parent, beside the wires of its calls: fork for the wire that comes with this, for one call or to stay; end the
# child that runs.
BEGIN = b"+"
STAY = b"*"
ABORT = b"-"

INTEGERS = "q"
FLOATS = "d"
TEXTS = "s"
BYTES = "b"

Column = Sequence[int | float | str | bytes | None]


def wire_kind(kind: SqlType) -> str:
    """Return how the values of a type travel: INTEGERS, FLOATS or TEXTS."""
    if kind.family in (Family.BIT, Family.INTEGER):
        return INTEGERS
    return FLOATS if kind.family == Family.FLOAT else TEXTS


class WireClosedError(Exception):
    """The other side is gone."""


class Wire:
    """Frames over a pair of binary streams."""

    def __init__(self, reader: IO[bytes], writer: IO[bytes]) -> None:
        self._reader = reader
        self._writer = writer

    def descriptors(self) -> list[int]:
        """Return the numbers of the open files that it reads and writes."""
        return [stream.fileno() for stream in (self._reader, self._writer) if not stream.closed]

    def close(self) -> None:
        """Close both streams, whatever becomes of what was written last."""
        for stream in (self._writer, self._reader):
            with contextlib.suppress(OSError):
                stream.close()

    def send(self, tag: bytes, *parts: bytes | memoryview | array[Any]) -> None:
        """Write one frame whose content is the parts one after another.

        Raises
        ------
        WireClosedError
        """
        views = [memoryview(part).cast("B") for part in parts]
        try:
            self._writer.write(_HEAD.pack(tag, sum(view.nbytes for view in views)))
            for view in views:
                self._writer.write(view)
        except (OSError, ValueError) as error:
            raise WireClosedError from error

    def flush(self) -> None:
        """Hand on what was written.

        Raises
        ------
        WireClosedError
        """
        try:
            self._writer.flush()
        except (OSError, ValueError) as error:
            raise WireClosedError from error

    def receive(self) -> tuple[bytes, bytes]:
        """Return the tag and the content of the next frame.

        Raises
        ------
        WireClosedError
        """
        tag, length = _HEAD.unpack(self._read(_HEAD.size))
        return tag, self._read(length)

    def expect(self, tag: bytes) -> bytes:
        """Return the content of the next frame, which has this tag."""
        found, content = self.receive()
        if found != tag:
            raise WireClosedError
        return content

    def _read(self, length: int) -> bytes:
        try:
            content = self._reader.read(length)
        except (OSError, ValueError) as error:
            raise WireClosedError from error
        if len(content) < length:
            raise WireClosedError
        return content

    def send_value(self, value: Value) -> None:
        """Write one value of a parameter."""
        if value is None:
            self.send(VALUE, b"n")
        elif isinstance(value, bytes):
            self.send(VALUE, b"b", value)
        elif isinstance(value, str):
            self.send(VALUE, b"s", value.encode(errors="surrogatepass"))
        else:
            self.send(VALUE, b"j", json.dumps(value).encode())

    def receive_value(self) -> Value:
        """Return one value of a parameter."""
        content = self.expect(VALUE)
        if content[:1] == b"n":
            return None
        if content[:1] == b"s":
            return content[1:].decode(errors="surrogatepass")
        value: Value = content[1:] if content[:1] == b"b" else json.loads(content[1:])
        return value

    def send_block(self, kinds: str, columns: Sequence[Column]) -> None:
        """Write a block of rows, given as columns of these kinds.

        Raises
        ------
        WireClosedError, UnicodeEncodeError
        """
        # All of it before the first frame: a text that is no Unicode must not leave half a block on the wire.
        encoded = [_encode(kind, column) for kind, column in zip(kinds, columns, strict=True)]
        self.send(BLOCK, _COUNT.pack(len(columns[0])))
        for parts in encoded:
            self.send(COLUMN, *parts)
        self.flush()

    def receive_blocks(self, kinds: str) -> Iterator[list[Column]]:
        """Yield blocks of rows as columns until the frame that ends them.

        Raises
        ------
        WireClosedError, ScriptFailedError
        """
        while True:
            tag, content = self.receive()
            if tag == END:
                return
            if tag == ERROR:
                raise ScriptFailedError(content.decode())
            if tag != BLOCK:
                raise WireClosedError
            (count,) = _COUNT.unpack(content)
            yield [decode(kind, self.expect(COLUMN), count) for kind in kinds]


class ScriptFailedError(Exception):
    """The script failed, or what it returned was refused; the text says why."""


def _encode(kind: str, column: Column) -> list[bytes | array[Any]]:
    if kind in (TEXTS, BYTES):
        contents = [value if value is None or isinstance(value, bytes) else str(value).encode() for value in column]
        lengths = array("q", [-1 if content is None else len(content) for content in contents])
        return [lengths, *(content for content in contents if content)]
    if None not in column:
        return [bytes(len(column)), array(kind, column)]
    nulls = bytes(value is None for value in column)
    return [nulls, array(kind, [0 if value is None else value for value in column])]


def decode(kind: str, content: bytes, count: int) -> Column:
    """Return the values of a column of a block."""
    view = memoryview(content)
    if kind in (TEXTS, BYTES):
        lengths = array("q")
        lengths.frombytes(view[: 8 * count])
        values: list[str | bytes | None] = []
        start = 8 * count
        for length in lengths:
            if length < 0:
                values.append(None)
            else:
                part = view[start : start + length]
                values.append(str(part, "utf-8") if kind == TEXTS else bytes(part))
                start += length
        return values
    numbers = array(kind)
    numbers.frombytes(view[count:])
    nulls = content[:count]
    if 1 not in nulls:
        return numbers.tolist()
    return [None if null else number for null, number in zip(nulls, numbers, strict=True)]
