"""Weights that an ONNX file keeps in files beside it, as exporters do by default: put into the one value stored."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import onnx
from onnx import TensorProto

from lungdb.errors import LungdbError
from lungdb.networks.graphs.graph import elements, refusing, tensors_of
from lungdb.networks.wording import shortened

MOST_BYTES = 2**31 - 1
"""Of all weights together; protobuf and VARBINARY(MAX) hold no more."""

_FIELDS = {"location", "offset", "length", "checksum", "basepath"}
_MOST_FILES = 4096  # older exporters write one a weight
_MOST_DIGITS = 20
_CHUNK = 1 << 20

Read = Callable[[str, int, int | None], bytes]
"""Gives bytes of a file beside the network's: name, first byte, how many, or None for all that follow."""


def keeps_weights_outside(model: onnx.ModelProto) -> bool:
    """Tell whether a network reads weights from other files."""
    return any(tensor.data_location == TensorProto.EXTERNAL for tensor in tensors_of(model.graph))


def attach_weights(model: onnx.ModelProto, read: Read) -> list[str]:
    """Put weights from other files into a network, in place.

    Parameters
    ----------
    model : ModelProto
    read : Read
        Called with names only, never with paths.

    Returns
    -------
    list of str
        The names of the files, sorted.

    Raises
    ------
    LungdbError
        A name is a path, a place lies outside of its file, sizes contradict each other or are too large.
    """
    names: set[str] = set()
    total = 0
    with refusing("read"):
        for tensor in tensors_of(model.graph):
            if tensor.data_location != TensorProto.EXTERNAL:
                continue
            name, offset, length = _place(tensor)
            size = _size(tensor)
            total += size
            if total > MOST_BYTES:
                raise LungdbError(f"The network's weights take more than {MOST_BYTES:,} bytes. Use a smaller network.")
            if length is not None and length != size:
                raise _contradiction(tensor, f"it has {length:,} bytes there and its shape {size:,}")
            names.add(name)
            if len(names) > _MOST_FILES:
                raise LungdbError(
                    f"The network keeps its weights in more than {_MOST_FILES} files. Save it as one: onnx.save."
                )
            content = read(name, offset, length)
            if len(content) != size:
                raise _contradiction(tensor, f"'{shortened(name)}' has {len(content):,} bytes of its {size:,}")
            tensor.raw_data = content
            del tensor.external_data[:]
            tensor.data_location = TensorProto.DEFAULT
    return sorted(names)


def read_beside(folder: Path) -> Read:
    """Give what reads files of a folder: plain files, no links."""

    def read(name: str, offset: int, length: int | None) -> bytes:
        descriptor = _open(folder, name)
        with os.fdopen(descriptor, "rb") as file:
            size = os.fstat(descriptor).st_size
            wanted = size - offset if length is None else length
            if not 0 <= wanted <= min(MOST_BYTES, size - offset):
                raise LungdbError(
                    f"The network reads bytes {offset:,} to {offset + max(wanted, 0):,} of '{shortened(name)}', which "
                    f"has {size:,}. Copy both files again."
                )
            file.seek(offset)
            return file.read(wanted)

    return read


def hash_beside(folder: Path, name: str) -> str:
    """Give the SHA-256 of a file of a folder in hexadecimal."""
    digest = sha256()
    with os.fdopen(_open(folder, name), "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _open(folder: Path, name: str) -> int:
    path = folder / name
    try:
        if path.is_symlink():
            raise LungdbError(f"'{shortened(name)}' beside the network is a link. Put the file itself there.")
        # Not blocking: what replaced the file with a pipe would hold everything up.
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        descriptor = os.open(path, flags)
    except OSError as error:
        raise LungdbError(
            f"The network keeps weights in '{shortened(name)}', which cannot be read beside it ({error.strerror}). Put "
            "it into the same folder, or save the network as one file (onnx.save with save_as_external_data=False)."
        ) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise LungdbError(f"'{shortened(name)}' beside the network is no plain file. Put the weights' file there.")
    return descriptor


def _place(tensor: TensorProto) -> tuple[str, int, int | None]:
    """Give the file's name, the first byte and the number of bytes of a tensor."""
    entries = {str(entry.key): str(entry.value) for entry in tensor.external_data}
    name = entries.get("location", "")
    if not name or name in {".", ".."} or any(sign in name for sign in "/\\:\0") or not name.isprintable():
        raise LungdbError(
            f"The network keeps the weight '{shortened(tensor.name)}' in '{shortened(name)}', which is no name of a "
            "file in its own folder. Save the network with its weights beside it, or as one file."
        )
    unknown = sorted(entries.keys() - _FIELDS)
    if unknown:
        raise _contradiction(tensor, f"it has the entry '{shortened(unknown[0])}'")
    return name, _number(tensor, entries.get("offset")) or 0, _number(tensor, entries.get("length"))


def _number(tensor: TensorProto, text: str | None) -> int | None:
    if text is None or text == "":
        return None
    if not text.isascii() or not text.isdigit() or len(text) > _MOST_DIGITS:
        raise _contradiction(tensor, f"'{shortened(text)}' is no number of bytes")
    return int(text)


def _size(tensor: TensorProto) -> int:
    if any(size < 0 for size in tensor.dims):
        raise _contradiction(tensor, "its shape is impossible")
    bits = _BITS.get(tensor.data_type)
    if bits is None:
        raise _contradiction(tensor, f"it holds numbers of the kind {tensor.data_type}")
    return (elements(tensor.dims) * bits + 7) // 8


_BITS = {
    TensorProto.FLOAT: 32, TensorProto.DOUBLE: 64, TensorProto.FLOAT16: 16, TensorProto.BFLOAT16: 16,
    TensorProto.INT64: 64, TensorProto.INT32: 32, TensorProto.INT16: 16, TensorProto.INT8: 8,
    TensorProto.UINT64: 64, TensorProto.UINT32: 32, TensorProto.UINT16: 16, TensorProto.UINT8: 8,
    TensorProto.BOOL: 8,
}  # fmt: skip


def _contradiction(tensor: TensorProto, what: str) -> LungdbError:
    return LungdbError(
        f"The weight '{shortened(tensor.name)}', which lies outside of the network's file, is damaged: {what}. Export "
        "the network again."
    )
