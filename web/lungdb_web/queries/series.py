"""Series, their studies and their slices, found by the UIDs that DICOM knows them by."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, LungdbError, SqlError
from lungdb.imaging.codecs import content_sha256, decode_slice
from lungdb.imaging.dicom_values import derived_uid, digest_of, valid_uid
from lungdb_web.queries.calling import Call
from lungdb_web.queries.installed import NO_PERMISSION, NO_SERIES, NotInstalled
from lungdb_web.queries.scans import DamagedScanError, NoImagesError

_NO_PROCEDURE = 2812
Vector = tuple[float, float, float]
_VECTORS = ("origin", "row", "column", "step")


@dataclass(frozen=True)
class Series:
    """A series with its patient and study; lengths in millimetres, content_sha256 in hexadecimal.

    Attributes
    ----------
    study_uid, series_uid, frame_of_reference_uid : str
        As they are stored: `lungdb.imaging.dicom_values.valid_uid` makes the UIDs that others are told.
    study_day : date or None
        None where the day is not known.
    slices : int
        Of the scan, which are stored where has_pixels says so.
    origin, row, column, step : tuple of float or None
        Where it lies, as dbo.scans has it.
    study_series, study_slices : int
        What is stored of its study.
    """

    patient_index: int
    patient_id: str
    display_name: str | None
    sex: str | None
    patient_age: int | None
    scan_id: int
    study_uid: str
    series_uid: str
    study_day: date | None
    deidentification: str | None
    manufacturer: str | None
    image_rows: int
    image_cols: int
    slices: int
    content_sha256: str
    has_pixels: bool
    spacing_z: float | None
    spacing_y: float | None
    spacing_x: float | None
    slice_thickness: float | None
    gantry_tilt: float | None
    convolution_kernel: str | None
    kvp: float | None
    patient_orientation: str | None
    frame_of_reference_uid: str | None
    study_series: int
    study_slices: int
    origin: Vector | None
    row: Vector | None
    column: Vector | None
    step: Vector | None


@dataclass(frozen=True)
class Instance:
    """A slice without its pixels.

    Attributes
    ----------
    index : int
        From 0 at the lowest.
    uid : str
        Its own UID, whatever file it came from: a file of many frames has one, of which those of its slices are made.
    position : float or None
        In millimetres along the normal.
    sha256 : str
        Of its pixels, in hexadecimal.
    """

    index: int
    uid: str
    position: float | None
    sha256: str


@dataclass(frozen=True)
class Asked:
    """What series are asked for; None asks for nothing. `*` and `?` in texts stand for any characters and for one."""

    study_uid: str | None = None
    series_uid: str | None = None
    patient_index: int | None = None
    patient_id: str | None = None
    patient_name: str | None = None
    first_day: date | None = None
    last_day: date | None = None


def find_series(
    call: Call, asked: Asked, *, with_pixels: bool = False, by_study: bool = False, offset: int = 0, limit: int = 1000
) -> list[Series]:
    """Find series, the newest study first.

    Parameters
    ----------
    with_pixels : bool
        Leave out those of which no slices are stored.
    by_study : bool
        One of each study.

    Raises
    ------
    NotInstalled
        The database has no procedure for it that the page may call.
    """
    with _installed():
        (found,) = call(
            "EXECUTE dbo.FindSeries @StudyUid = ?, @StudyDigest = ?, @SeriesUid = ?, @SeriesDigest = ?, "
            "@PatientIndex = ?, @PatientId = ?, @PatientName = ?, @FirstDay = ?, @LastDay = ?, @WithPixels = ?, "
            "@ByStudy = ?, @Offset = ?, @Limit = ?;",
            asked.study_uid,
            digest_of(asked.study_uid or ""),
            asked.series_uid,
            digest_of(asked.series_uid or ""),
            asked.patient_index,
            asked.patient_id,
            asked.patient_name,
            asked.first_day,
            asked.last_day,
            int(with_pixels),
            int(by_study),
            offset,
            limit,
        )
    series = [_series(record) for record in found.records()]
    return [
        one
        for one in series
        if asked.study_uid in (None, valid_uid(one.study_uid)) and asked.series_uid in (None, valid_uid(one.series_uid))
    ]


def list_instances(call: Call, series: Series) -> list[Instance]:
    """List the slices of a series, the lowest first.

    Raises
    ------
    NoImagesError
        None of them is stored.
    DamagedScanError
        Some are missing, or their hashes do not make the scan's.
    """
    with _installed():
        (found,) = call("EXECUTE dbo.ListInstances @ScanId = ?;", series.scan_id)
    if not found.rows:
        raise NoImagesError()
    is_whole = [row[0] for row in found.rows] == list(range(series.slices))
    content = content_sha256(bytes.fromhex(row[3]) for row in found.rows).hex().upper()
    if not is_whole or content != series.content_sha256:
        raise DamagedScanError(series.patient_index)
    uids = [row[1] for row in found.rows]
    if len(set(uids)) < len(uids):
        uids = [derived_uid("slice", series.series_uid, index) for index in range(len(uids))]
    return [
        Instance(index, valid_uid(uid), position, sha256)
        for uid, (index, _, position, sha256) in zip(uids, found.rows, strict=True)
    ]


def read_pixels(call: Call, series: Series, instance: Instance) -> NDArray[np.int16]:
    """Read a slice as it is stored: int16[rows, cols], Hounsfield units.

    Raises
    ------
    NoImagesError
        It was deleted meanwhile.
    DamagedScanError
        It is not what was loaded.
    """
    sql = "EXECUTE dbo.ReadSlices @ScanId = ?, @First = ?, @Last = ?;"
    try:
        (found,) = call(sql, series.scan_id, instance.index, instance.index)
    except SqlError as error:
        is_gone = error.number in (ErrorNumber.UNKNOWN_SLICES, ErrorNumber.UNKNOWN_SCAN)
        raise (NoImagesError() if is_gone else error) from error
    for _, _, pixels, sha256, encoding in found.rows:
        if sha256 == instance.sha256:
            try:
                return decode_slice(
                    bytes(pixels), series.image_rows, series.image_cols, bytes.fromhex(sha256), encoding
                )
            except LungdbError as error:
                raise DamagedScanError(series.patient_index) from error
    raise DamagedScanError(series.patient_index)


@contextmanager
def _installed() -> Iterator[None]:
    try:
        yield
    except SqlError as error:
        if error.number not in (NO_PERMISSION, _NO_PROCEDURE):
            raise
        raise NotInstalled(NO_SERIES) from error


def _series(record: dict[str, Any]) -> Series:
    for name in _VECTORS:
        vector = tuple(record.pop(f"{name}_{axis}") for axis in "xyz")
        record[name] = None if None in vector else vector
    record["has_pixels"] = bool(record["has_pixels"])
    return Series(**{one.name: record[one.name] for one in fields(Series)})
