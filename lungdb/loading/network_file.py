"""A network as the user has it: an ONNX, safetensors, PyTorch or CNTK file, told apart by content, made ONNX."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from lungdb.errors import LungdbError
from lungdb.loading.download import MAX_BYTES, cache_folder, download, forget, is_address

FORMATS = {"onnx": "ONNX", "safetensors": "safetensors", "pytorch": "PyTorch", "cntk": "CNTK"}
"""What `networks.library` holds, and what people call it."""

_WHAT_IS_READ = "Give an ONNX file, PyTorch weights (.safetensors, .pth, .pt) or a CNTK 2 .model file."


@dataclass(frozen=True)
class NetworkFile:
    """A file's name, bytes and their SHA-256 in hexadecimal."""

    name: str
    content: bytes
    sha256: str


def read_file(source: str, folder: Path | None, sha256: str | None) -> NetworkFile:
    """Read a file, or fetch it from an https address.

    Parameters
    ----------
    source : str
        A path or an address.
    folder : Path or None
        Where a download is kept; None is the user's cache.
    sha256 : str or None
        Refuse a file of another hash, in lower-case hexadecimal; a download is then removed.

    Raises
    ------
    LungdbError
        It cannot be read or fetched, is too large, or has another hash.
    """
    fetched = is_address(source)
    path = download(source, folder or cache_folder(source)) if fetched else Path(source)
    content = _read(path)
    found = hashlib.sha256(content).hexdigest()
    if sha256 and sha256 != found:
        if fetched:
            forget(path)
        raise LungdbError(
            f"The SHA-256 of '{path.name}' is {found}, not {sha256}. "
            f"{'The download was removed. ' if fetched else ''}Fetch the file again from its publisher."
        )
    return NetworkFile(path.name, content, found)


def recognise(content: bytes) -> str | None:
    """Tell a file's format, one of FORMATS, by its content; None when it is none of them."""
    from lungdb.networks.cntk import is_cntk
    from lungdb.networks.weights import is_weights

    if is_cntk(content[:64]):
        return "cntk"
    return is_weights(content) or ("onnx" if _is_onnx(content) else None)


def convert(file: NetworkFile, output: str | None, input_size: int | None = None) -> tuple[bytes, str, str | None]:
    """Make a file's network ONNX.

    Parameters
    ----------
    output : str or None
        Which output of a CNTK network is meant, where it has several.
    input_size : int, optional
        Rows and columns that a network is built for when the file holds weights only; by default 224.

    Returns
    -------
    model : bytes
        ONNX.
    format : str
        One of FORMATS.
    architecture : str or None
        The catalog's name for it, where the weights tell.

    Raises
    ------
    LungdbError
        When the format is not known, or the file is not usable.
    """
    kind = recognise(file.content)
    if kind is None:
        raise LungdbError(f"'{file.name}' is no network that lungdb reads, or part of one. {_WHAT_IS_READ}")
    if output is not None and kind != "cntk":
        raise LungdbError(f"--output is for CNTK networks, and '{file.name}' is {FORMATS[kind]}. Leave it out.")
    if kind == "cntk":
        from lungdb.networks.cntk import convert_cntk

        return convert_cntk(file.content, output), kind, None
    if kind == "onnx":
        return file.content, kind, None
    from lungdb.imaging.preprocessing import SIDE
    from lungdb.networks.weights import build_network, read_weights

    model, architecture = build_network(read_weights(file.content), input_size or SIDE)
    return model, kind, architecture


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise LungdbError(f"'{path.name}' has more than {MAX_BYTES >> 30} GB. Use a smaller network.")
        return path.read_bytes()
    except OSError as error:
        raise LungdbError(f"The network '{path}' cannot be read ({error.strerror}). Check its path.") from error


def _is_onnx(content: bytes) -> bool:
    import onnx

    try:
        return bool(onnx.load_from_string(content).graph.node)
    except Exception:  # protobuf's DecodeError, which onnx does not export
        return False
