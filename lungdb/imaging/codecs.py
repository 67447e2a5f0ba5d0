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
_LEVEL = 1  # on shuffled CT slices isal's 3 takes 2.8 times as long and saves nothing

PLAIN = None
"""The encoding of slices that earlier versions stored, NULL in `scan_images.encoding`: int16 little-endian."""

SHUFFLED = "shuffled"
"""The encoding that slices are stored in: the low bytes of all pixels, then their high bytes.

Neighbours' high bytes are nearly all the same, which deflate finds sooner where they stand side by side.
"""


def from_hex(value: str | bytes) -> bytes:
    """Read a blob of a data frame: hexadecimal text, as T-SQL sends it, or bytes, as the embedded engine hands them on.

    Raises
    ------
    TypeError, ValueError
        It is neither.
    """
    return value if isinstance(value, bytes) else bytes.fromhex(value)


def encode_slice(hu: NDArray[np.int16], encoding: str | None = PLAIN) -> tuple[bytes, bytes]:
    """Compress one slice for `scan_images.pixels`.

    Parameters
    ----------
    hu : int16[rows, cols]
        Hounsfield units.
    encoding : str or None
        `PLAIN` or `SHUFFLED`, of `scan_images.encoding`.

    Returns
    -------
    blob : bytes
        The pixels, in C order and in this encoding, as gzip with mtime 0; T-SQL's DECOMPRESS reads it.
    sha256 : bytes
        32 bytes, over the plain little-endian pixels, whatever the encoding.
    """
    if hu.dtype != np.int16 or hu.ndim != 2:
        raise LungdbError(f"A slice is int16[rows, cols], not {hu.dtype}{list(hu.shape)}. Convert it first.")
    pixels = np.ascontiguousarray(hu, dtype="<i2")
    sha256 = hashlib.sha256(pixels.data).digest()
    stored = _shuffle(pixels) if _is_shuffled(encoding) else pixels
    return isal_zlib.compress(stored, _LEVEL, _GZIP), sha256


def decode_slice(blob: bytes, rows: int, cols: int, sha256: bytes, encoding: str | None = PLAIN) -> NDArray[np.int16]:
    """Read back what `encode_slice` (or any gzip, as one member) wrote.

    Parameters
    ----------
    encoding : str or None
        Of `scan_images.encoding`; an empty text is `PLAIN`, too, because not every runtime tells it from NULL.

    Returns
    -------
    int16[rows, cols]
        Read-only.

    Raises
    ------
    LungdbError
        When the bytes are damaged, hold another number of pixels, or do not match `sha256`, or the encoding is not
        known. At most one byte more than rows × cols × 2 is ever decompressed.
    """
    size = rows * cols * 2
    is_shuffled = _is_shuffled(encoding)
    reader = isal_zlib.decompressobj(_GZIP)
    try:
        stored = reader.decompress(blob, size + 1)
    except isal_zlib.IsalError as error:  # type: ignore[misc]  # its stub declares an instance
        raise LungdbError(f"The pixels are not readable gzip ({error}). Load the scan again.") from None
    if len(stored) != size or not reader.eof or reader.unused_data:
        raise LungdbError(f"The pixels do not hold {rows} × {cols} values of 16 bit. Load the scan again.")
    pixels = _unshuffle(stored) if is_shuffled else np.frombuffer(stored, dtype="<i2")
    _check(pixels.data, sha256, "pixels")
    return pixels.reshape(rows, cols)


def _is_shuffled(encoding: str | None) -> bool:
    if encoding not in (PLAIN, "", SHUFFLED):
        raise LungdbError(f"The encoding of pixels '{encoding}' is not known. Use a version of lungdb that knows it.")
    return encoding == SHUFFLED


def _shuffle(pixels: NDArray[np.int16]) -> NDArray[np.uint8]:
    values = pixels.reshape(-1).view("<u2")
    halves = np.empty((2, values.size), np.uint8)
    halves[0] = values.astype(np.uint8)  # which keeps the low byte
    np.right_shift(values, 8, out=halves[1], casting="unsafe")
    return halves


def _unshuffle(stored: bytes) -> NDArray[np.int16]:
    low, high = np.frombuffer(stored, np.uint8).reshape(2, -1)
    values = high.astype("<u2")
    values <<= 8
    values |= low
    pixels = values.view("<i2")
    pixels.flags.writeable = False
    return pixels


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
    return decode_numbers(text, may_miss=may_miss).astype(np.float32)


def decode_numbers(text: str, *, may_miss: bool = False) -> NDArray[np.float64]:
    """Read what `decode_vector` reads as float64[n], as the text has the numbers."""
    try:
        values = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        values = None
    kinds = (int, float, type(None)) if may_miss else (int, float)
    if not isinstance(values, list) or not all(type(value) in kinds for value in values):
        raise LungdbError("A feature vector is not a JSON array of numbers. Generate the features again.")
    try:
        numbers: NDArray[np.float64] = np.array(values, dtype=np.float64)
    except OverflowError:
        numbers = np.full(len(values), np.inf)
    is_there = np.array([value is not None for value in values], dtype=bool)
    with np.errstate(over="ignore"):
        fits = np.isfinite(numbers[is_there].astype(np.float32))
    if not fits.all():
        raise LungdbError("A feature vector holds a number that float32 cannot. Generate the features again.")
    return numbers


def _check(data: bytes | memoryview, sha256: bytes, what: str) -> None:
    if hashlib.sha256(data).digest() != sha256:
        raise LungdbError(f"The {what} and the stored SHA-256 do not match. Make the row again from its source.")
