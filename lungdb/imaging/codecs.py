"""The formats of arrays inside database columns: slices, feature arrays, feature vectors.

A hash is always the SHA-256 of the plain little-endian C-order values, so it does not depend on the compressor.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from lungdb.errors import LungdbError

_GZIP = 31  # zlib's window bits for the gzip container; its header then has mtime 0
_LEVEL = 2  # on CT slices isal's 3 takes 1.7 times as long and saves nothing


def from_hex(value: str | bytes) -> bytes:
    """Read a blob of a data frame: hexadecimal text, as T-SQL sends it, or bytes, as the embedded engine hands them on.

    Raises
    ------
    TypeError, ValueError
        It is neither.
    """
    return value if isinstance(value, bytes) else bytes.fromhex(value)


def encode_slice(hu: NDArray[np.int16]) -> tuple[bytes, bytes]:
    """Compress one slice for `scan_images.pixels`.

    Parameters
    ----------
    hu : int16[rows, cols]
        Hounsfield units.

    Returns
    -------
    blob : bytes
        The little-endian C-order pixels as gzip with mtime 0; T-SQL's DECOMPRESS reads it.
    sha256 : bytes
        32 bytes, over the pixels before compression.
    """
    if hu.dtype != np.int16 or hu.ndim != 2:
        raise LungdbError(f"A slice is int16[rows, cols], not {hu.dtype}{list(hu.shape)}. Convert it first.")
    pixels = np.ascontiguousarray(hu, dtype="<i2").tobytes()
    return isal_zlib.compress(pixels, _LEVEL, _GZIP), hashlib.sha256(pixels).digest()


def decode_slice(blob: bytes, rows: int, cols: int, sha256: bytes) -> NDArray[np.int16]:
    """Read back what `encode_slice` (or any gzip, as one member) wrote.

    Returns
    -------
    int16[rows, cols]
        Read-only.

    Raises
    ------
    LungdbError
        When the bytes are damaged, hold another number of pixels, or do not match `sha256`. At most one byte
        more than rows × cols × 2 is ever decompressed.
    """
    size = rows * cols * 2
    reader = isal_zlib.decompressobj(_GZIP)
    try:
        pixels = reader.decompress(blob, size + 1)
    except isal_zlib.IsalError as error:  # type: ignore[misc]  # its stub declares an instance
        raise LungdbError(f"The pixels are not readable gzip ({error}). Load the scan again.") from None
    if len(pixels) != size or not reader.eof or reader.unused_data:
        raise LungdbError(f"The pixels do not hold {rows} × {cols} values of 16 bit. Load the scan again.")
    _check(pixels, sha256, "pixels")
    return np.frombuffer(pixels, dtype="<i2").reshape(rows, cols)


def content_sha256(slice_hashes: Iterable[bytes]) -> bytes:
    """Hash a scan: SHA-256 over its slices' hashes in slice order."""
    return hashlib.sha256(b"".join(slice_hashes)).digest()


def encode_array(array: NDArray[np.float32]) -> tuple[bytes, bytes]:
    """Give float32[rows, cols] as its little-endian C-order bytes, and their SHA-256."""
    if array.dtype != np.float32 or array.ndim != 2:
        raise LungdbError(
            f"A feature array is float32[rows, cols], not {array.dtype}{list(array.shape)}. Convert it first."
        )
    blob = np.ascontiguousarray(array, dtype="<f4").tobytes()
    return blob, hashlib.sha256(blob).digest()


def decode_array(blob: bytes, rows: int, cols: int, sha256: bytes) -> NDArray[np.float32]:
    """Read back what `encode_array` wrote, as float32[rows, cols], read-only; LungdbError when it is damaged."""
    if len(blob) != rows * cols * 4:
        raise LungdbError(
            f"The feature array has {len(blob)} bytes where {rows} × {cols} values need {rows * cols * 4}. "
            "Generate the features again."
        )
    _check(blob, sha256, "feature array")
    return np.frombuffer(blob, dtype="<f4").reshape(rows, cols)


def encode_vector(vector: NDArray[np.float32]) -> str:
    """Write float32[n] as a JSON array, each number the shortest text that reads back to the same float32.

    Raises
    ------
    LungdbError
        When a value is not finite, which JSON cannot hold.
    """
    if vector.dtype != np.float32 or vector.ndim != 1:
        raise LungdbError(f"A feature vector is float32[n], not {vector.dtype}{list(vector.shape)}. Convert it first.")
    if not np.isfinite(vector).all():
        raise LungdbError("A feature vector holds NaN or infinity. Check the network that made it.")
    return f"[{','.join(vector.astype(str).tolist())}]"


def decode_vector(text: str, *, may_miss: bool = False) -> NDArray[np.float32]:
    """Read a JSON array of finite numbers as float32[n]; LungdbError for anything else.

    With `may_miss` a null is NaN, a value that is missing.
    """
    try:
        values = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        values = None
    kinds = (int, float, type(None)) if may_miss else (int, float)
    if not isinstance(values, list) or not all(type(value) in kinds for value in values):
        raise LungdbError("A feature vector is not a JSON array of numbers. Generate the features again.")
    try:
        with np.errstate(over="ignore"):
            vector = np.array(values, dtype=np.float64).astype(np.float32)
    except OverflowError:
        vector = np.full(len(values), np.inf, dtype=np.float32)
    is_there = np.array([value is not None for value in values], dtype=bool)
    if not np.isfinite(vector[is_there]).all():
        raise LungdbError("A feature vector holds a number that float32 cannot. Generate the features again.")
    return vector


def _check(data: bytes, sha256: bytes, what: str) -> None:
    if hashlib.sha256(data).digest() != sha256:
        raise LungdbError(f"The {what} and the stored SHA-256 do not match. Make the row again from its source.")
