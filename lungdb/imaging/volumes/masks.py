"""Masks of voxels as bytes: a bit each, gzip."""

from __future__ import annotations

import gzip
import hashlib
import zlib

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import LungdbError
from lungdb.imaging.volumes.registry import Shape, check_voxels


def encode_mask(mask: NDArray[np.bool_]) -> tuple[bytes, bytes]:
    """Give bool[slices, rows, cols] as gzip of a bit a voxel, and the SHA-256 of the bytes before compression."""
    bits = np.packbits(mask.ravel()).tobytes()
    return gzip.compress(bits, 6, mtime=0), hashlib.sha256(bits).digest()


def decode_mask(blob: bytes, shape: Shape, sha256: bytes) -> NDArray[np.bool_]:
    """Read back what `encode_mask` wrote; LungdbError when it is damaged or of another shape."""
    check_voxels(shape, "A mask")
    voxels = int(np.prod(shape))
    try:
        # No more is unpacked than belongs to the shape, whatever the bytes say.
        bits = zlib.decompressobj(31).decompress(blob, -(-voxels // 8) + 1)
    except zlib.error:
        bits = b""
    if len(bits) != -(-voxels // 8) or hashlib.sha256(bits).digest() != sha256:
        raise LungdbError(
            f"The mask of {' × '.join(map(str, shape))} voxels and the stored SHA-256 do not match. Make it again."
        )
    mask: NDArray[np.bool_] = np.unpackbits(np.frombuffer(bits, np.uint8), count=voxels).reshape(shape).astype(bool)
    return mask
