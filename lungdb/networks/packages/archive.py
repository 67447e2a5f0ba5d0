"""Reading the ONNX files of a zip archive that may be hostile: nothing is unpacked to disk."""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from pathlib import PurePosixPath

from lungdb.errors import LungdbError
from lungdb.networks.wording import listed, shortened

MOST_ENTRIES = 2000
MOST_NETWORKS = 16
MOST_UNPACKED = 2**31 - 1

_ZIP = b"PK\x03\x04"
_ENTRY_OF_ZIP = b"PK\x01\x02"
_ENCRYPTED = 1
_MOST_RATIO = 100  # weights shrink by a tenth, and deflate by 1,032 at most
_FREE_OF_RATIO = 1 << 24  # bytes that may come of anything
_LONGEST_NAME = 500
_ARCHIVES = {".zip", ".nupkg", ".tar", ".gz", ".tgz", ".7z", ".jar", ".whl"}
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


def is_package(content: bytes) -> bool:
    """Tell a zip archive with an ONNX file or another archive in it; PyTorch's, which are zips too, have neither."""
    if content[:4] != _ZIP or content.count(_ENTRY_OF_ZIP) > MOST_ENTRIES:
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [PurePosixPath(name) for name in archive.namelist()]
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, EOFError, OverflowError):
        return False
    if any(path.name == "data.pkl" for path in names):
        return False
    return any(path.suffix.lower() in {".onnx", *_ARCHIVES} for path in names)


def read_networks(content: bytes) -> dict[str, bytes]:
    """Read the ONNX files of an archive, and what else lies in their folders, which may be their weights.

    Returns
    -------
    dict of str to bytes
        Content by path in the archive; those that end in `.onnx`, and files beside them that end in `.data`,
        `.weights`, `.bin` or have no ending.

    Raises
    ------
    LungdbError
        The archive is damaged, encrypted or has no ONNX file; an entry has a path that leaves the archive, is a link,
        is there twice, is packed in a rare way, or unpacks to far more than it takes.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            chosen = _choose(archive.infolist(), len(content))
            return {entry.filename: _unpack(archive, entry) for entry in chosen}
    except (
        zipfile.BadZipFile,
        zlib.error,
        NotImplementedError,
        RuntimeError,
        OSError,
        EOFError,
        ValueError,
        OverflowError,
    ) as error:  # what zipfile raises on bytes that are no zip, or of a kind that it does not read
        raise LungdbError(f"The package is damaged: {shortened(error, 200)} Fetch it again.") from None  # fmt: skip


def _choose(entries: list[zipfile.ZipInfo], size: int) -> list[zipfile.ZipInfo]:
    if len(entries) > MOST_ENTRIES:
        raise LungdbError(f"The package has more than {MOST_ENTRIES} files. Unpack it and load its .onnx file.")
    for entry in entries:
        _check_name(entry.filename)
    networks = [entry for entry in entries if _is_network(PurePosixPath(entry.filename))]
    if not networks:
        inner = [entry.filename for entry in entries if PurePosixPath(entry.filename).suffix.lower() in _ARCHIVES]
        what = f"only other archives ({listed(inner)})" if inner else "no ONNX file"
        raise LungdbError(f"The package holds {what}. Unpack it and load the network's file in it.")
    if len(networks) > MOST_NETWORKS:
        raise LungdbError(f"The package holds {len(networks)} networks. Unpack it and load the one you want.")
    folders = {PurePosixPath(entry.filename).parent for entry in networks}
    beside = [entry for entry in entries if _may_hold_weights(entry, folders)]
    chosen = [*networks, *beside]
    for entry in chosen:
        _check_entry(entry)
    names = [entry.filename for entry in chosen]
    if len(set(names)) < len(names):
        raise LungdbError("The package has a file twice under one name. Fetch it again from its publisher.")
    if sum(entry.compress_size for entry in chosen) > size:
        raise LungdbError("The package is damaged: its files overlap. Fetch it again from its publisher.")
    if sum(entry.file_size for entry in chosen) > MOST_UNPACKED:
        raise LungdbError(f"The package unpacks to more than {MOST_UNPACKED:,} bytes. Use a smaller network.")
    return chosen


def _is_network(path: PurePosixPath) -> bool:
    return path.suffix.lower() == ".onnx" and not path.name.startswith(("._", "."))


def _may_hold_weights(entry: zipfile.ZipInfo, folders: set[PurePosixPath]) -> bool:
    path = PurePosixPath(entry.filename)
    is_beside = not entry.is_dir() and path.parent in folders
    return is_beside and path.suffix.lower() in {".data", ".weights", ".bin", ".onnx_data", ""}


def _check_name(name: str) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    if len(name) > _LONGEST_NAME or path.is_absolute() or ".." in path.parts or ":" in name or "\0" in name:
        raise LungdbError(
            f"The package has a file '{shortened(name)}', whose path leaves the package. Fetch it from its publisher."
        )


def _check_entry(entry: zipfile.ZipInfo) -> None:
    name = shortened(entry.filename)
    if entry.flag_bits & _ENCRYPTED:
        raise LungdbError(f"'{name}' in the package is encrypted. Unpack it with its password and load the file in it.")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise LungdbError(f"'{name}' in the package is a link. Put the file itself there.")
    if entry.compress_type not in _METHODS:
        raise LungdbError(f"'{name}' in the package is packed in a rare way. Unpack it and load the file in it.")
    if entry.file_size > max(_FREE_OF_RATIO, _MOST_RATIO * entry.compress_size):
        raise LungdbError(
            f"'{name}' in the package would unpack from {entry.compress_size:,} bytes to {entry.file_size:,}, which no "
            "network does. Fetch it again from its publisher."
        )


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    with archive.open(entry) as file:
        content = file.read(entry.file_size + 1)
    if len(content) != entry.file_size:
        raise LungdbError(f"The package is damaged: '{shortened(entry.filename)}' is incomplete. Fetch it again.")
    return content
