"""Prepared slices as a database keeps them: a channel of a picture before the network's own normalisation."""

from __future__ import annotations

import hashlib
import platform

import cv2
import numpy as np

from lungdb.errors import LungdbError
from lungdb.imaging.preprocessing import Pipeline, Plane, Size


def preparation_digest(name: str, chosen: Pipeline, size: Size) -> str:
    """Name a way of preparing in hexadecimal: what has the same digest is the same bit for bit.

    The version of OpenCV and the kind of processor are part of it, because they may round otherwise.
    """
    rows, cols = size
    text = f"{name}/{chosen.version}/{chosen.dtype}/{rows}x{cols}/opencv {cv2.__version__}/{platform.machine()}"
    if chosen.steps:
        text += f"/{chosen.steps}/numpy {np.__version__}"
    return hashlib.sha256(text.encode()).hexdigest().upper()


def prepared_bytes(chosen: Pipeline, size: Size) -> int:
    """Tell how many bytes `encode_plane` gives."""
    return int(np.dtype(chosen.dtype).itemsize) * size[0] * size[1]


def encode_plane(plane: Plane, chosen: Pipeline) -> tuple[bytes, bytes]:
    """Give a prepared slice as its little-endian C-order bytes in the pipeline's own type, and their SHA-256."""
    blob = plane.astype(chosen.dtype).tobytes()
    return blob, hashlib.sha256(blob).digest()


def decode_plane(blob: bytes, size: Size, sha256: bytes, chosen: Pipeline) -> Plane:
    """Read back what `encode_plane` wrote, read-only; LungdbError when it is damaged or of another size."""
    if len(blob) != prepared_bytes(chosen, size) or hashlib.sha256(blob).digest() != sha256:
        raise LungdbError("The prepared picture and the stored SHA-256 or size do not match.")
    plane: Plane = np.frombuffer(blob, dtype=chosen.dtype).reshape(size)
    return plane
