"""A network as the user has it: a file that is found or fetched, told apart by content, and made ONNX."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lungdb.errors import LungdbError
from lungdb.loading.download import MAX_BYTES, cache_folder, download, forget, is_address
from lungdb.networks.wording import printable

FORMATS = {"onnx": "ONNX", "safetensors": "safetensors", "pytorch": "PyTorch", "cntk": "CNTK"}
"""What `networks.library` holds, and what people call it."""

_WHAT_IS_READ = "Give an ONNX file, a zip package of one, PyTorch weights (.safetensors, .pth, .pt) or a CNTK 2 .model."
_CHUNK = 1 << 20


@dataclass(frozen=True)
class NetworkFile:
    """A file's path, size in bytes and SHA-256 in hexadecimal."""

    path: Path
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """Of the file, without its folder."""
        return self.path.name


@dataclass(frozen=True)
class Converted:
    """A file's network as ONNX.

    Attributes
    ----------
    model : bytes
    format : str
        One of FORMATS.
    architecture : str or None
        The catalog's name for it, where the weights tell.
    told : dict
        What else the file says, by the names that `network_details` has for it.
    beside : dict of str to str
        The files beside it that were read, with their SHA-256 in hexadecimal.
    notes : tuple of str
        What was done, for people.
    """

    model: bytes
    format: str
    architecture: str | None = None
    told: Mapping[str, Any] = field(default_factory=dict)
    beside: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def find_file(source: str, folder: Path | None, sha256: str | None) -> NetworkFile:
    """Find a file, or fetch it from an https address, and hash it.

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
    size, found = _hash(path)
    if sha256 and sha256 != found:
        if fetched:
            forget(path)
        raise LungdbError(
            f"The SHA-256 of '{printable(path.name)}' is {found}, not {sha256}. "
            f"{'The download was removed. ' if fetched else ''}Fetch the file again from its publisher."
        )
    return NetworkFile(path, size, found)


def read_content(file: NetworkFile) -> bytes:
    """Read a file that was found; LungdbError when it changed since."""
    try:
        content = file.path.read_bytes()
    except OSError as error:
        raise _unreadable(file.path, error) from error
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise LungdbError(
            f"'{printable(file.name)}' changed while it was read. Run the command again when it is complete."
        )
    return content


def recognise(content: bytes) -> str | None:
    """Tell a file's format, one of FORMATS or `package`, by its content; None when it is none of them."""
    from lungdb.networks.cntk import is_cntk
    from lungdb.networks.packages import is_package
    from lungdb.networks.weights import is_weights

    if is_cntk(content[:64]):
        return "cntk"
    if is_package(content):
        return "package"
    return is_weights(content) or ("onnx" if _is_onnx(content) else None)


def convert(file: NetworkFile, content: bytes, output: str | None, input_size: int | None = None) -> Converted:
    """Make a file's network ONNX.

    Parameters
    ----------
    file : NetworkFile
        Weights that it keeps outside are looked for beside it.
    content : bytes
        Of the file.
    output : str or None
        Which output of a CNTK network is meant, where it has several.
    input_size : int, optional
        Rows and columns that a network is built for when the file holds weights only; by default 224.

    Raises
    ------
    LungdbError
        When the format is not known, or the file is not usable.
    """
    kind = recognise(content)
    if kind is None:
        raise LungdbError(f"'{printable(file.name)}' is no network that lungdb reads, or part of one. {_WHAT_IS_READ}")
    if output is not None and kind != "cntk":
        what = FORMATS.get(kind, "a package")
        raise LungdbError(f"--output is for CNTK networks, and '{printable(file.name)}' is {what}. Leave it out.")
    if kind == "cntk":
        from lungdb.networks.cntk import convert_cntk

        return Converted(convert_cntk(content, output), kind)
    if kind == "package":
        from lungdb.networks.packages import read_package

        package = read_package(content)
        return Converted(package.model, "onnx", told=package.told, notes=package.notes)
    if kind == "onnx":
        return _with_weights(file, content)
    from lungdb.imaging.preprocessing import SIDE
    from lungdb.networks.weights import build_network, read_weights

    model, architecture = build_network(read_weights(content), input_size or SIDE)
    return Converted(model, kind, architecture)


def read_mean(path: Path) -> bytes:
    """Read a mean file's bytes; LungdbError when it cannot be read or is too large."""
    from lungdb.networks.packages.means import MOST_BYTES

    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise LungdbError(
            f"The mean file '{printable(path.name)}' cannot be read ({error.strerror}). Check its path."
        ) from error
    if len(content) > MOST_BYTES:
        raise LungdbError(
            f"'{printable(path.name)}' has more than {MOST_BYTES:,} bytes. Give CNTK's mean file in OpenCV's XML."
        )
    return content


def _with_weights(file: NetworkFile, content: bytes) -> Converted:
    """Put the weights into ONNX that keeps them in files beside it."""
    import onnx

    from lungdb.networks.graphs.external import attach_weights, hash_beside, keeps_weights_outside, read_beside

    parsed = onnx.load_from_string(content)
    if not keeps_weights_outside(parsed):
        return Converted(content, "onnx")
    folder = file.path.parent
    names = attach_weights(parsed, read_beside(folder))
    beside = {name: hash_beside(folder, name) for name in names}
    return Converted(parsed.SerializeToString(), "onnx", beside=beside)


def _hash(path: Path) -> tuple[int, str]:
    digest = hashlib.sha256()
    size = 0
    try:
        if not path.is_file():
            raise LungdbError(f"The network '{printable(path)}' is no file, or not there. Check its path.")
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                size += len(chunk)
                if size > MAX_BYTES:
                    raise LungdbError(
                        f"'{printable(path.name)}' has more than {MAX_BYTES >> 30} GB. Use a smaller network."
                    )
                digest.update(chunk)
    except OSError as error:
        raise _unreadable(path, error) from error
    return size, digest.hexdigest()


def _unreadable(path: Path, error: OSError) -> LungdbError:
    return LungdbError(f"The network '{printable(path)}' cannot be read ({error.strerror}). Check its path.")


def _is_onnx(content: bytes) -> bool:
    import onnx

    try:
        return bool(onnx.load_from_string(content).graph.node)
    except Exception:  # protobuf's DecodeError, which onnx does not export
        return False
