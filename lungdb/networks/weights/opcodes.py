"""A reader of the object descriptions in PyTorch's files that builds no object but plain data.

torch.save describes a state dict in Python's pickle language, whose ordinary reader imports and calls whatever a file
names. This one is a machine for the few operations that tables of tensors need: a name is only compared with a list,
nothing is imported, nothing is called, and memory stays in proportion to the bytes read. What is left of a name is a
`Tensor`, a `Storage`, plain data, or `OPAQUE`. Operations: Lib/pickletools.py of CPython.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lungdb.errors import LungdbError
from lungdb.networks.weights.limits import MOST_DIMENSIONS, damaged, is_size

ADVICE = 'Save the state dict alone in Python: torch.save(model.state_dict(), "weights.pth").'

STORAGES = {
    "torch.DoubleStorage": "F64",
    "torch.FloatStorage": "F32",
    "torch.HalfStorage": "F16",
    "torch.BFloat16Storage": "BF16",
    "torch.LongStorage": "I64",
    "torch.IntStorage": "I32",
    "torch.ShortStorage": "I16",
    "torch.CharStorage": "I8",
    "torch.ByteStorage": "U8",
    "torch.BoolStorage": "BOOL",
}
_TENSORS = {"torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2"}
_PARAMETERS = {
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_parameter_with_state",
    "torch.nn.parameter.Parameter",
}
_DICTIONARY = "collections.OrderedDict"
_SIZE = "torch.Size"
# What training scripts put beside a state dict: options, schedules, scores.
_OPAQUE = {
    "torch.device",
    "argparse.Namespace",
    "collections.Counter",
    "collections.defaultdict",
    "numpy.dtype",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar",
    "_codecs.encode",
}
_ALLOWED = {*STORAGES, *_TENSORS, *_PARAMETERS, _DICTIONARY, _SIZE, *_OPAQUE}

_LONGEST_NAME = 256
_MOST_OPERATIONS = 1_000_000  # a ResNet-152 takes 30 000


@dataclass(frozen=True)
class Name:
    """The name of a class or function that a file mentions."""

    text: str


@dataclass(frozen=True)
class Storage:
    """A flat array in the file: kind of number, key, elements, and the part (offset, elements) that is meant."""

    kind: str
    key: str
    elements: int
    part: tuple[int, int]


@dataclass(frozen=True)
class Tensor:
    """A view of a storage, offset and strides in elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class Opaque:
    """Something that is named in the file but not needed."""


OPAQUE = Opaque()


class Machine:
    """Reads one description after another.

    Attributes
    ----------
    position : int
        Where the next byte is read.
    storages : dict of key to Storage
        All that were mentioned, each whole.
    """

    def __init__(self, content: bytes | memoryview, position: int = 0) -> None:
        self._content = memoryview(content)
        self.position = position
        self.storages: dict[str, Storage] = {}
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}

    def read(self) -> Any:
        """Read a value: plain data, dict, list, tuple, Tensor, Storage, Name or OPAQUE, however nested.

        Raises
        ------
        LungdbError
            When the bytes are no description, or one of more than tables of tensors.
        """
        self._stack, self._marks, self._memo = [], [], {}
        for _ in range(_MOST_OPERATIONS):
            code = self._take(1)[0]
            if code == _STOP:
                return self._pop()
            operation = _OPERATIONS.get(code)
            if operation is None:
                raise LungdbError(f"The weights file uses the operation {bytes([code])!r} of pickle. {ADVICE}")
            operation(self)
        raise LungdbError(f"The weights file describes more than tables of tensors. {ADVICE}")

    def _take(self, count: int) -> bytes:
        end = self.position + count
        if end > len(self._content):
            raise damaged("it ends within a description")
        taken = bytes(self._content[self.position : end])
        self.position = end
        return taken

    def _number(self, layout: str) -> Any:
        return struct.unpack(layout, self._take(struct.calcsize(layout)))[0]

    def _line(self) -> str:
        ahead = bytes(self._content[self.position : self.position + _LONGEST_NAME])
        line, newline, _ = ahead.partition(b"\n")
        if not newline:
            raise damaged("a name does not end")
        self.position += len(line) + 1
        return _text(line)

    def _pop(self) -> Any:
        if len(self._stack) <= (self._marks[-1] if self._marks else 0):
            raise damaged("a description takes more than it was given")
        return self._stack.pop()

    def _pop_to_mark(self) -> list[Any]:
        if not self._marks:
            raise damaged("a description lacks a beginning")
        mark = self._marks.pop()
        items = self._stack[mark:]
        del self._stack[mark:]
        return items

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _remember(self, key: int) -> None:
        value = self._pop()
        self._memo[key] = value
        self._push(value)

    def _recall(self, key: int) -> None:
        if key not in self._memo:
            raise damaged("a description refers to what it never said")
        self._push(self._memo[key])

    def _tuple(self, count: int) -> None:
        self._push(tuple(reversed([self._pop() for _ in range(count)])))

    def _name(self, module: Any, name: Any) -> None:
        if type(module) is not str or type(name) is not str:
            raise damaged("a name is not text")
        text = f"{module}.{name}"
        if text not in _ALLOWED:
            raise LungdbError(
                f"The weights file holds more than a state dict: {text[:_LONGEST_NAME]!r}, which is not read. {ADVICE}"
            )
        self._push(Name(text))

    def _name_from_stack(self) -> None:
        name = self._pop()
        self._name(self._pop(), name)

    def _append(self, items: list[Any]) -> None:
        target = self._pop()
        if type(target) is not list:
            raise damaged("items are added to something else than a list")
        target += items
        self._push(target)

    def _set(self, items: list[Any]) -> None:
        target = self._pop()
        if len(items) % 2 or not (type(target) is dict or target is OPAQUE):
            raise damaged("entries are added to something else than a table")
        if type(target) is dict:
            for key, value in zip(items[::2], items[1::2], strict=True):
                _enter(target, key, value)
        self._push(target)

    def _set_one(self) -> None:
        value = self._pop()
        key = self._pop()
        self._set([key, value])

    def _call(self) -> None:
        arguments = self._pop()
        called = self._pop()
        if type(called) is not Name or type(arguments) is not tuple:
            raise damaged("something is called that has no name")
        if called.text in _TENSORS:
            self._push(_tensor(arguments))
        elif called.text in _PARAMETERS:
            self._push(arguments[0] if arguments and type(arguments[0]) is Tensor else OPAQUE)
        elif called.text == _DICTIONARY:
            self._push(_dictionary(arguments))
        elif called.text == _SIZE:
            self._push(_size(arguments))
        else:
            self._push(OPAQUE)

    def _build(self) -> None:
        """Give an object its state; only the first parameters of PyTorch kept their tensor there."""
        state = self._pop()
        target = self._pop()
        holds_tensor = type(state) is tuple and state and type(state[0]) is Tensor
        self._push(state[0] if target is OPAQUE and holds_tensor else target)

    def _persistent(self) -> None:
        given = self._pop()
        if type(given) is not tuple or len(given) not in (5, 6) or type(given[0]) is not str or given[0] != "storage":
            raise LungdbError(f"The weights file holds a whole network, not its state dict. {ADVICE}")
        kind, key, _, elements = given[1:5]
        if type(kind) is not Name or kind.text not in STORAGES or type(key) is not str or not is_size(elements):
            raise damaged("a storage is not described as PyTorch does")
        part = (0, elements)
        if len(given) == 6 and given[5] is not None:
            part = _part(given[5], elements)
        whole = Storage(STORAGES[kind.text], key, elements, (0, elements))
        if self.storages.setdefault(key, whole) != whole:
            raise damaged(f"the storage {key[:40]!r} is described in two ways")
        self._push(Storage(whole.kind, key, elements, part))


def _part(view: Any, elements: int) -> tuple[int, int]:
    if type(view) is tuple and len(view) == 3:
        _, offset, size = view
        if is_size(offset) and is_size(size) and offset + size <= elements:
            return offset, size
    raise damaged("a part of a storage lies outside of it")


def _tensor(arguments: tuple[Any, ...]) -> Tensor:
    if len(arguments) >= 4:
        storage, offset, shape, strides = arguments[:4]
        if (
            type(storage) is Storage
            and is_size(offset)
            and all(type(sizes) is tuple and len(sizes) <= MOST_DIMENSIONS for sizes in (shape, strides))
            and all(map(is_size, shape + strides))
            and len(shape) == len(strides)
        ):
            return Tensor(storage, offset, shape, strides)
    raise damaged("a tensor is not described as PyTorch does")


def _size(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(arguments) == 1 and type(arguments[0]) in (list, tuple) and len(arguments[0]) <= MOST_DIMENSIONS:
        return tuple(arguments[0])
    raise damaged("a size is not described as PyTorch does")


def _dictionary(arguments: tuple[Any, ...]) -> dict[str | int, Any]:
    table: dict[str | int, Any] = {}
    pairs = arguments[0] if arguments else []  # Python 2 gives the entries at once
    if type(pairs) is not list:
        raise damaged("a table is not described as Python does")
    entries = pairs[:]
    pairs.clear()  # so that a file cannot have one long list copied again and again
    for pair in entries:
        if type(pair) not in (list, tuple) or len(pair) != 2:
            raise damaged("a table is not described as Python does")
        _enter(table, *pair)
    return table


def _enter(table: dict[str | int, Any], key: Any, value: Any) -> None:
    # Hashing a deeply nested tuple would overflow the stack.
    if type(key) not in (str, int):
        raise LungdbError(f"The weights file has a table with other keys than names. {ADVICE}")
    table[key] = value


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise damaged("a text is not UTF-8") from None


_STOP = ord(".")

_OPERATIONS: dict[int, Callable[[Machine], None]] = {
    0x80: lambda m: m._number("<B"),  # the language's version
    0x95: lambda m: m._number("<Q"),  # length of a frame, a hint for buffering
    ord("("): lambda m: m._marks.append(len(m._stack)),
    ord("N"): lambda m: m._push(None),
    0x88: lambda m: m._push(True),
    0x89: lambda m: m._push(False),
    ord("J"): lambda m: m._push(m._number("<i")),
    ord("K"): lambda m: m._push(m._number("<B")),
    ord("M"): lambda m: m._push(m._number("<H")),
    0x8A: lambda m: m._push(int.from_bytes(m._take(m._number("<B")), "little", signed=True)),
    ord("G"): lambda m: m._push(m._number(">d")),
    ord("X"): lambda m: m._push(_text(m._take(m._number("<I")))),
    0x8C: lambda m: m._push(_text(m._take(m._number("<B")))),
    ord("U"): lambda m: m._push(_text(m._take(m._number("<B")))),  # Python 2's strings
    ord("T"): lambda m: m._push(_text(m._take(m._number("<I")))),
    ord("C"): lambda m: m._push(m._take(m._number("<B"))),
    ord("B"): lambda m: m._push(m._take(m._number("<I"))),
    ord("}"): lambda m: m._push({}),
    ord("]"): lambda m: m._push([]),
    ord(")"): lambda m: m._push(()),
    ord("t"): lambda m: m._push(tuple(m._pop_to_mark())),
    0x85: lambda m: m._tuple(1),
    0x86: lambda m: m._tuple(2),
    0x87: lambda m: m._tuple(3),
    ord("a"): lambda m: m._append([m._pop()]),
    ord("e"): lambda m: m._append(m._pop_to_mark()),
    ord("s"): lambda m: m._set_one(),
    ord("u"): lambda m: m._set(m._pop_to_mark()),
    ord("q"): lambda m: m._remember(m._number("<B")),
    ord("r"): lambda m: m._remember(m._number("<I")),
    0x94: lambda m: m._remember(len(m._memo)),
    ord("h"): lambda m: m._recall(m._number("<B")),
    ord("j"): lambda m: m._recall(m._number("<I")),
    ord("c"): lambda m: m._name(m._line(), m._line()),
    0x93: lambda m: m._name_from_stack(),
    ord("R"): lambda m: m._call(),
    0x81: lambda m: m._call(),
    ord("b"): lambda m: m._build(),
    ord("Q"): lambda m: m._persistent(),
}
