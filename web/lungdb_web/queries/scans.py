"""The slices of scans, each checked against its SHA-256, and the animations kept of them."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, LungdbError, SqlError
from lungdb.imaging.codecs import content_sha256, decode_slice
from lungdb_web.queries.calling import Call
from lungdb_web.queries.installed import NO_IMAGES
from lungdb_web.queries.patients import Patient, show_patient
from lungdb_web.scans.geometry import Geometry
from lungdb_web.scans.upright import STANDARD, is_across, upright

_CHUNK_BYTES = 8 * 2**20  # of pixels, decompressed, that are in memory at a time
_READ = "EXECUTE dbo.ReadSlices @PatientIndex = ?, @First = ?, @Last = ?;"
_log = logging.getLogger("lungdb_web")

Slice = NDArray[np.int16]


class DamagedScanError(LungdbError):
    """Slices that are not what was loaded are not shown."""

    def __init__(self, index: int) -> None:
        _log.error("The scan of patient %d does not match its SHA-256.", index)
        super().__init__(
            f"The stored scan of patient {index} is damaged, so it is not shown. "
            "Tell the administrator to load it again with --replace."
        )


class NoImagesError(LungdbError):
    """A scan of which features are here and no images, as `lungdb copy` brings them."""

    def __init__(self) -> None:
        super().__init__(NO_IMAGES)


@dataclass(frozen=True)
class Scan:
    """A patient's primary scan without its pixels.

    Attributes
    ----------
    index : int
        The patient's.
    orientation : str
        How its slices are stored; see `lungdb_web.scans.upright`.
    content_sha256 : str
        In hexadecimal digits.
    hashes : tuple of str
        The SHA-256 of each slice's pixels, in hexadecimal digits; the scan's is over them.
    """

    index: int
    geometry: Geometry
    orientation: str
    content_sha256: str
    hashes: tuple[str, ...]


def has_images(call: Call, index: int) -> bool:
    """Tell whether any slice of a patient's primary scan is stored.

    Raises
    ------
    SqlError
        50107: no patient with a scan has this index.
    """
    try:
        call("EXECUTE dbo.ReadSlices @PatientIndex = ?, @Last = 0, @WithPixels = 0;", index)
    except SqlError as error:
        if error.number != ErrorNumber.UNKNOWN_SLICES:
            raise
        return False
    return True


def find_scan(call: Call, index: int) -> Scan:
    """Find the primary scan of a patient.

    Raises
    ------
    SqlError
        50107: no patient with a scan has this index.
    NoImagesError
        None of its slices is stored.
    DamagedScanError
        Slices are missing, or their hashes do not make the scan's.
    """
    patient = show_patient(call, index)
    try:
        (found,) = call("EXECUTE dbo.ReadSlices @PatientIndex = ?, @WithPixels = 0;", index)
    except SqlError as error:
        raise (NoImagesError() if error.number == ErrorNumber.UNKNOWN_SLICES else error) from error
    hashes = tuple(row[3] for row in found.rows)
    is_whole = [row[0] for row in found.rows] == list(range(patient.slices))
    if not is_whole or content_sha256(bytes.fromhex(one) for one in hashes).hex().upper() != patient.content_sha256:
        raise DamagedScanError(index)
    geometry = _geometry(patient, [row[1] for row in found.rows])
    return Scan(index, geometry, patient.patient_orientation or STANDARD, patient.content_sha256, hashes)


def read_slices(call: Call, scan: Scan, wanted: Sequence[int] | None = None) -> Iterator[Slice]:
    """Read slices from the lowest up, a few at a time.

    Parameters
    ----------
    wanted : sequence of int, optional
        Indices of slices, rising; all by default.

    Yields
    ------
    int16[rows, cols]
        Hounsfield units, upright.

    Raises
    ------
    DamagedScanError
        A slice is not the one that `scan` tells of.
    """
    geometry = scan.geometry
    at_once = max(1, _CHUNK_BYTES // (2 * geometry.rows * geometry.cols))
    indices = range(geometry.slices) if wanted is None else wanted
    for _, group in groupby(indices, key=lambda index: index // at_once):
        chunk = list(group)
        (found,) = call(_READ, scan.index, chunk[0], chunk[-1])
        stored = {row[0]: row[2:] for row in found.rows}
        for index in chunk:
            pixels, sha256, encoding = stored.pop(index, (b"", "", None))
            if sha256 != scan.hashes[index]:
                raise DamagedScanError(scan.index)
            yield _decode(scan.index, pixels, sha256, encoding, (geometry.rows, geometry.cols), scan.orientation)


def read_slice(call: Call, index: int, number: int) -> tuple[Patient, Slice, str]:
    """Read one slice of a patient's primary scan.

    Returns
    -------
    Patient
    int16[rows, cols]
        Hounsfield units, upright.
    str
        The SHA-256 of its pixels.

    Raises
    ------
    SqlError
        50107: no patient with a scan has this index. 50210: the scan has no slice of this number.
    DamagedScanError
        The slice is not what was loaded.
    """
    patient = show_patient(call, index)
    (found,) = call(_READ, index, number, number)
    if not found.rows:
        raise DamagedScanError(index)
    _, _, pixels, sha256, encoding = found.rows[0]
    size = patient.image_rows, patient.image_cols
    return patient, _decode(index, pixels, sha256, encoding, size, patient.patient_orientation or STANDARD), sha256


def kept_animation(call: Call, index: int, image_format: str) -> tuple[bytes, str] | None:
    """Read the animation kept of a patient's scan as it is now, and its SHA-256; None where there is none."""
    (found,) = call("EXECUTE dbo.ReadAnimation @PatientIndex = ?, @Format = ?;", index, image_format)
    for _, animation, sha256, _ in found.rows:
        if hashlib.sha256(animation).hexdigest().upper() == sha256:
            return bytes(animation), sha256
        _log.error("The animation of patient %d does not match its SHA-256; it is made again.", index)
    return None


def keep_animation(call: Call, scan: Scan, image_format: str, animation: bytes) -> str:
    """Keep an animation in place of the one before; returns its SHA-256.

    Raises
    ------
    SqlError
        50211: the scan was replaced since it was read.
    """
    sha256 = hashlib.sha256(animation).hexdigest().upper()
    sql = (
        "EXECUTE dbo.StoreAnimation @PatientIndex = ?, @Format = ?, @Animation = ?, @Sha256 = ?, @ContentSha256 = ?, "
        "@Orientation = ?;"
    )
    call(sql, scan.index, image_format, animation, sha256, scan.content_sha256, scan.orientation)
    return sha256


def _geometry(patient: Patient, positions: Sequence[float | None]) -> Geometry:
    return Geometry(
        rows=patient.image_rows,
        cols=patient.image_cols,
        slices=patient.slices,
        spacing_y=patient.spacing_y,
        spacing_x=patient.spacing_x,
        spacing_z=patient.spacing_z,
        positions=tuple(positions),
        gantry_tilt=patient.gantry_tilt,
        placement=patient.placement,
    )


def _decode(
    index: int, pixels: bytes, sha256: str, encoding: str | None, size: tuple[int, int], orientation: str
) -> Slice:
    rows, cols = reversed(size) if is_across(orientation) else size
    try:
        stored = decode_slice(bytes(pixels), rows, cols, bytes.fromhex(sha256), encoding)
    except LungdbError as error:
        raise DamagedScanError(index) from error
    return upright(stored, orientation)
