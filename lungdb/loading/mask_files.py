"""Masks of voxels in files, as segmenters give them: NIfTI-1 (.nii, .nii.gz) and MetaImage (.mha, .mhd)."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import LungdbError
from lungdb.imaging.volumes.geometry import Geometry
from lungdb.imaging.volumes.moving import geometry
from lungdb.imaging.volumes.registry import check_voxels

ENDINGS = (".nii.gz", ".nii", ".mha", ".mhd")
"""Of the files that are read."""

_NIFTI_HEADER = 348
_NIFTI_TYPES = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8",
}  # fmt: skip
_META_TYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4", "MET_UINT": "u4",
    "MET_LONG_LONG": "i8", "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4", "MET_DOUBLE": "f8",
}  # fmt: skip
_META_HEADER = 1 << 16  # bytes within which a header ends
_TO_LPS = np.array([-1.0, -1.0, 1.0])


@dataclass(frozen=True)
class MaskFile:
    """What a file holds.

    Attributes
    ----------
    values : array[slices, rows, cols]
        As stored: the last axis is the one that changes fastest in the file.
    geometry : Geometry
        Where its voxels lie, in DICOM's patient coordinates.
    """

    values: NDArray[Any]
    geometry: Geometry


def stem_of(path: Path) -> str:
    """Give a file's name without its ending, one of `ENDINGS`."""
    ending = next(each for each in ENDINGS if path.name.lower().endswith(each))
    return path.name[: -len(ending)]


def read_mask_file(path: Path) -> MaskFile:
    """Read a file.

    Raises
    ------
    LungdbError
        It cannot be read, is damaged or of another form, does not say where it lies, or has more voxels than a scan may
        have. Messages do not name it.
    """
    try:
        read = _read_meta if path.name.lower().endswith((".mha", ".mhd")) else _read_nifti
        return read(path)
    except (OSError, EOFError, zlib.error) as error:
        raise LungdbError(f"It cannot be read ({type(error).__name__}). Copy or write it again.") from None


def _read_nifti(path: Path) -> MaskFile:
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    with opened(path, "rb") as file:
        header = file.read(_NIFTI_HEADER)
        order = next((each for each in "<>" if header[:4] == struct.pack(f"{each}i", _NIFTI_HEADER)), "")
        if len(header) < _NIFTI_HEADER or not order or header[344:348] != b"n+1\0":
            raise LungdbError("It is no NIfTI-1 in one file. Save it as NIfTI-1, .nii or .nii.gz.")
        dimensions = struct.unpack_from(f"{order}8h", header, 40)
        (code,) = struct.unpack_from(f"{order}h", header, 70)
        offset, slope, intercept = struct.unpack_from(f"{order}3f", header, 108)
        if dimensions[0] < 3 or min(dimensions[1:4]) < 1 or any(side > 1 for side in dimensions[4 : dimensions[0] + 1]):
            raise LungdbError(f"It has the dimensions {dimensions[1:]}, and a mask has three. Save one volume.")
        if code not in _NIFTI_TYPES or not _NIFTI_HEADER <= offset < 1 << 20:
            raise LungdbError(f"Its voxels are of type {code} at byte {offset:g}. Save whole numbers.")
        place = _nifti_geometry(header, order)
        file.read(int(offset) - _NIFTI_HEADER)
        shape = (dimensions[3], dimensions[2], dimensions[1])
        check_voxels(shape, "The mask")
        kind = np.dtype(f"{order}{_NIFTI_TYPES[code]}")
        values = _array(file.read(math.prod(shape) * kind.itemsize), shape, kind)
    if slope and math.isfinite(slope) and math.isfinite(intercept) and (slope, intercept) != (1, 0):
        values = values * np.float64(slope) + intercept
    return MaskFile(values, place)


def _nifti_geometry(header: bytes, order: str) -> Geometry:
    """Give where the voxels lie: by the sform, else by the qform, as nibabel does; x and y have DICOM's sign turned."""
    by_quaternion, by_matrix = struct.unpack_from(f"{order}2h", header, 252)
    if by_matrix > 0:
        matrix = np.array(struct.unpack_from(f"{order}12f", header, 280), np.float64).reshape(3, 4)
        columns, origin = matrix[:, :3], matrix[:, 3]
    elif by_quaternion > 0:
        b, c, d, *shift = struct.unpack_from(f"{order}6f", header, 256)
        a = math.sqrt(max(0.0, 1 - b * b - c * c - d * d))
        turn = np.array(
            [
                [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
                [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
                [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
            ]
        )
        flipped, x, y, z = struct.unpack_from(f"{order}4f", header, 76)
        columns, origin = turn * np.array([x, y, z * (-1 if flipped < 0 else 1)]), np.array(shift)
    else:
        raise LungdbError("It does not say where it lies: neither sform nor qform is set. Save it with one.")
    return _placed(origin * _TO_LPS, (columns * _TO_LPS[:, None]).T[::-1])


def _read_meta(path: Path) -> MaskFile:
    with path.open("rb") as file:
        said, body = _meta_header(file.read(_META_HEADER))
        shape, kind, place = _meta_facts(said)
        check_voxels(shape, "The mask")
        size = math.prod(shape) * kind.itemsize
        named = said["elementdatafile"]
        if named == "LOCAL":
            file.seek(body)
            data = _meta_data(file.read(), said, size)
        elif Path(named).name != named or named == "LIST" or "%" in named:
            raise LungdbError("Its ElementDataFile is no file beside it. Save it as .mha, in one file.")
        else:
            with path.with_name(named).open("rb") as other:
                data = _meta_data(other.read(), said, size)
    return MaskFile(_array(data, shape, kind), place)


def _meta_header(start: bytes) -> tuple[dict[str, str], int]:
    """Give what the header says, by names in small letters, and where it ends."""
    said: dict[str, str] = {}
    body = 0
    for line in start.split(b"\n"):
        body += len(line) + 1
        name, equals, value = line.decode("latin-1").partition("=")
        if not equals:
            break
        said[name.strip().lower()] = value.strip()
        if "elementdatafile" in said:
            return said, body
    raise LungdbError("It is no MetaImage: its header does not end with ElementDataFile. Save it as .mha.")


def _meta_facts(said: Mapping[str, str]) -> tuple[tuple[int, int, int], np.dtype[Any], Geometry]:
    def numbers(names: tuple[str, ...], count: int) -> list[float]:
        found = next((said[name] for name in names if name in said), None)
        values = [float(part) for part in (found or "").split()]
        if len(values) != count:
            raise ValueError(names[0])
        return values

    big = any(said.get(name, "False").lower() == "true" for name in ("elementbyteordermsb", "binarydatabyteordermsb"))
    try:
        if (
            int(said["ndims"]) != 3
            or said.get("elementnumberofchannels", "1") != "1"
            or said.get("headersize", "0") != "0"
        ):
            raise ValueError("NDims")
        x, y, z = (int(side) for side in numbers(("dimsize",), 3))
        kind = np.dtype(_META_TYPES[said["elementtype"].upper()]).newbyteorder(">" if big else "<")
        origin = np.array(numbers(("offset", "position", "origin"), 3))
        turned = np.array(numbers(("transformmatrix", "rotation", "orientation"), 9)).reshape(3, 3)
        spacing = np.array(numbers(("elementspacing", "elementsize"), 3))
    except (KeyError, ValueError) as error:
        raise LungdbError(
            f"Its header has no usable {error.args[0]}. Save it as MetaImage of three dimensions and one channel."
        ) from None
    if min(x, y, z) < 1:
        raise LungdbError(f"It has {x} × {y} × {z} voxels. Save it again.")
    return (z, y, x), kind, _placed(origin, (turned * spacing[:, None])[::-1])


def _meta_data(content: bytes, said: Mapping[str, str], size: int) -> bytes:
    if said.get("compresseddata", "False").lower() == "true":
        return zlib.decompressobj(47).decompress(content, size + 1)[:size]
    return content[:size]


def _array(data: bytes, shape: tuple[int, int, int], kind: np.dtype[Any]) -> NDArray[Any]:
    if len(data) != math.prod(shape) * kind.itemsize:
        raise LungdbError("It ends before its last voxel. Copy or write it again.")
    return np.frombuffer(data, kind).reshape(shape)


def _placed(origin: NDArray[np.float64], steps: NDArray[np.float64]) -> Geometry:
    if not (np.isfinite(origin).all() and np.isfinite(steps).all() and abs(np.linalg.det(steps)) > 1e-9):
        raise LungdbError("It does not say where it lies: its axes or its origin are no finite numbers. Save it again.")
    return geometry(origin, steps)
