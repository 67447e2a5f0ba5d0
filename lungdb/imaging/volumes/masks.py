"""Masks of voxels as bytes: a bit each, gzip."""

from __future__ import annotations

import gzip
import hashlib
import zlib

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import LungdbError
from lungdb.imaging.volumes.geometry import Geometry
from lungdb.imaging.volumes.registry import Shape, check_voxels

_TIE = 1e-6  # voxels: what lies between two belongs to the one behind, whatever rounding made of it


def encode_mask(mask: NDArray[np.bool_]) -> tuple[bytes, bytes]:
    """Give bool[slices, rows, cols] as gzip of a bit a voxel, and the SHA-256 of the bytes before compression."""
    bits = np.packbits(mask.ravel()).tobytes()
    return gzip.compress(bits, 6, mtime=0), hashlib.sha256(bits).digest()


def onto(mask: NDArray[np.bool_], there: Geometry, here: Geometry, shape: Shape) -> NDArray[np.bool_]:
    """Bring a mask of a prepared volume onto the voxels of its scan: each has what the nearest one of the mask has.

    Parameters
    ----------
    mask : bool[z, y, x]
    there, here : Geometry
        Of the mask, and of the scan; axes lie along each other, in any order and direction.
    shape : (slices, rows, cols)
        Of the scan.

    Returns
    -------
    bool[slices, rows, cols]
        False where the mask does not reach: more than half of its voxel beyond the last one.
    """
    first = there.to_voxels(np.asarray([here.origin]))[0]
    moves = there.to_voxels(np.asarray(here.origin) + np.asarray(here.steps)) - first
    axes = np.argmax(np.abs(moves), axis=1)
    places, inside = [], []
    for side, axis, move in zip(shape, axes, moves, strict=True):
        voxels = first[axis] + np.arange(side) * move[axis]
        last = mask.shape[axis] - 1
        inside.append((voxels > -0.5 - _TIE) & (voxels < last + 0.5 + _TIE))
        places.append(np.clip(np.floor(voxels + 0.5 + _TIE), 0, last).astype(np.intp))
    brought: NDArray[np.bool_] = mask.transpose(axes)[np.ix_(*places)]
    slices, rows, cols = inside
    brought &= slices[:, None, None] & rows[:, None] & cols
    return brought


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
