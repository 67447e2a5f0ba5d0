"""Reading what torch.save writes (.pth, .pt) without PyTorch, and without running what a file says.

Why not `torch.load(weights_only=True)`: it would take a dependency of more than 200 MB to read names and numbers, and
that mode, meant to be safe, has let files run code: CVE-2025-32434 (GHSA-53q9-r3pm-6pq6, PyTorch to 2.5.1) and
CVE-2026-24747 (before 2.10.0). `opcodes` imports and calls nothing.

Two forms are read. Since 1.6 a file is a zip with `NAME/data.pkl`, which describes the tensors, and `NAME/data/KEY` for
each storage. Before, and with `_use_new_zipfile_serialization=False`, it is a row of descriptions (a magic number, the
form's version, the machine, the tensors, the storages' keys), then each storage as its number of elements and raw data.
Both are in torch/serialization.py: `_save`, `_legacy_save`.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import LungdbError
from lungdb.networks.architectures.building import COUNTER
from lungdb.networks.weights.checkpoints import state_dict
from lungdb.networks.weights.limits import Allowance, damaged
from lungdb.networks.weights.numbers import BYTES_PER_ELEMENT, raw_numbers, to_float32
from lungdb.networks.weights.opcodes import ADVICE, Machine, Storage, Tensor

Raw = bytes | memoryview

_MAGIC = 0x1950A86A20F9469CFC6C
_FORM = 1001
_ZIP, _PICKLE = b"PK\x03\x04", b"\x80"
_ENTRY_OF_ZIP = b"PK\x01\x02"
_MOST_ENTRIES = 20_000
_MOST_DESCRIPTION = 16 << 20


def is_pytorch(content: bytes) -> bool:
    """Tell by the first bytes, also of forms that `read_pytorch` refuses."""
    return content[:4] == _ZIP or content[:1] == _PICKLE or _is_tar(content)


def read_pytorch(content: bytes) -> dict[str, NDArray[np.float32]]:
    """Read a state dict.

    Returns
    -------
    dict of name to float32 array
        Contiguous, converted from float64, float16 or bfloat16; counters of batch normalisation are left out.

    Raises
    ------
    LungdbError
        When the file is damaged, or holds something else than one state dict, alone or under a name in a checkpoint.
    """
    if content[:4] == _ZIP:
        return _read_zip(content)
    if _is_tar(content):
        raise LungdbError(f"The weights file is a tar of PyTorch 0.1, which is not read. Load it there. {ADVICE}")
    return _read_legacy(content)


def _is_tar(content: bytes) -> bool:
    return content[257:262] == b"ustar"


def _read_zip(content: bytes) -> dict[str, NDArray[np.float32]]:
    if content.count(_ENTRY_OF_ZIP) > _MOST_ENTRIES:
        raise damaged("its zip has too many entries")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            folder = _check_archive(archive, len(content))
            description = Machine(archive.read(f"{folder}/data.pkl")).read()
            return _arrays(
                state_dict(description), len(content), lambda storage: archive.read(f"{folder}/data/{storage.key}")
            )
    # What zipfile raises on bytes that are no zip, or of a kind that it does not read.
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        RuntimeError,
        OSError,
        EOFError,
        ValueError,
        OverflowError,
        KeyError,
    ):
        raise damaged("its zip is incomplete") from None


def _check_archive(archive: zipfile.ZipFile, size: int) -> str:
    """Give the folder that a zip keeps everything in."""
    entries = archive.infolist()
    folders = [entry.filename.removesuffix("/data.pkl") for entry in entries if entry.filename.endswith("/data.pkl")]
    if len(folders) != 1:
        raise LungdbError(f"The zip holds no weights of PyTorch. {ADVICE}")
    names = {entry.filename for entry in entries}
    if f"{folders[0]}/constants.pkl" in names or any(name.startswith(f"{folders[0]}/code/") for name in names):
        raise LungdbError(
            "The weights file is a TorchScript program. Save its state dict alone in Python: "
            'torch.save(torch.jit.load(FILE).state_dict(), "weights.pth").'
        )
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise LungdbError("The weights file was compressed after PyTorch wrote it. Use the file as PyTorch wrote it.")
    if sum(entry.file_size for entry in entries) > size:
        raise damaged("the parts of its zip overlap")
    if archive.getinfo(f"{folders[0]}/data.pkl").file_size > _MOST_DESCRIPTION:
        raise LungdbError(f"The weights file describes more than tables of tensors. {ADVICE}")
    order = f"{folders[0]}/byteorder"
    if order in names and archive.read(order) != b"little":
        raise LungdbError("The weights file is big-endian. Save it on a little-endian machine.")
    return folders[0]


def _read_legacy(content: bytes) -> dict[str, NDArray[np.float32]]:
    machine = Machine(memoryview(content)[:_MOST_DESCRIPTION])
    magic = machine.read()
    if type(magic) is not int or magic != _MAGIC:
        raise LungdbError(f"The weights file is a pickle of something else than a state dict. {ADVICE}")
    form, system = machine.read(), machine.read()
    if type(form) is not int or form != _FORM:
        raise damaged("its form is unknown")
    if type(system) is not dict or system.get("little_endian") is not True:
        raise LungdbError("The weights file is big-endian. Save it on a little-endian machine.")
    weights = state_dict(machine.read())
    raws = _legacy_storages(machine, content)
    return _arrays(weights, len(content), lambda storage: raws[storage.key])


def _legacy_storages(machine: Machine, content: bytes) -> dict[str, memoryview]:
    """Find the bytes of every storage behind the descriptions."""
    keys = machine.read()
    if type(keys) is not list or not all(type(key) is str for key in keys) or set(keys) != machine.storages.keys():
        raise damaged("its list of storages is not that of its tensors")
    view, position, raws = memoryview(content), machine.position, {}
    for key in keys:
        storage = machine.storages[key]
        begin = position + 8
        position = begin + storage.elements * BYTES_PER_ELEMENT[storage.kind]
        if int.from_bytes(view[begin - 8 : begin], "little") != storage.elements or position > len(content):
            raise damaged(f"the storage {key[:40]!r} is incomplete")
        raws[key] = view[begin:position]
    return raws


def _arrays(
    weights: dict[str, Tensor], file_size: int, raw: Callable[[Storage], Raw]
) -> dict[str, NDArray[np.float32]]:
    """Read the tensors' numbers."""
    allowance = Allowance(file_size)
    shared: dict[str, Raw] = {}
    arrays = {}
    for name, tensor in weights.items():
        if name.endswith(COUNTER):
            continue
        allowance.take(name, tensor.shape)
        _check_view(name, tensor)
        storage = tensor.storage
        if storage.key not in shared:
            shared[storage.key] = raw(storage)
            if len(shared[storage.key]) != storage.elements * BYTES_PER_ELEMENT[storage.kind]:
                raise damaged(f"the storage of {name!r} is incomplete")
        arrays[name] = _array(name, tensor, shared[storage.key])
    return arrays


def _check_view(name: str, tensor: Tensor) -> None:
    last = tensor.offset + sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.strides, strict=True))
    if last >= tensor.storage.part[1]:
        raise damaged(f"{name!r} lies outside of its storage")


def _array(name: str, tensor: Tensor, raw: Raw) -> NDArray[np.float32]:
    """Take a checked view of a storage."""
    first, size = tensor.storage.part
    width = BYTES_PER_ELEMENT[tensor.storage.kind]
    flat = raw_numbers(memoryview(raw)[first * width : (first + size) * width], tensor.storage.kind, name)
    # Only what the view shows is converted: many small views of one large storage stay cheap.
    view = np.lib.stride_tricks.as_strided(
        flat[tensor.offset :], tensor.shape, [stride * width for stride in tensor.strides], writeable=False
    )
    return to_float32(view, tensor.storage.kind)
