"""The T-SQL that stores scans and rejections, the same on both engines; one transaction a series."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from lungdb.database import Connection, run
from lungdb.database.transaction import transaction
from lungdb.dicom.identity import Identity
from lungdb.dicom.primary import Extent, choose_primary
from lungdb.dicom.rejection import RejectedError
from lungdb.dicom.series import Series
from lungdb.dicom.source import Rejection
from lungdb.dicom.tasks import EncodedSlice
from lungdb.imaging.codecs import content_sha256

INTAKE_RULE = 2
"""How slices became Hounsfield units, of dbo.scans: 1 took stored value 0 for padding, and any unit for the HU."""

# Taken first in every transaction, this lock lets one loader write at a time, so idx has no gaps and nothing deadlocks.
_NEXT_IDX = "SELECT COALESCE(MAX(idx), -1) + 1 AS idx FROM dbo.patients WITH (UPDLOCK, HOLDLOCK);"
# Then the worklist before the rest, as the procedures that store scores and features do, so nobody waits crosswise.
_LOCK_WORKLIST = (
    "SELECT COUNT(*) FROM dbo.worklist WITH (UPDLOCK, HOLDLOCK) "
    "WHERE scan_id IN (SELECT scan_id FROM dbo.scans WHERE patient_id = ?);"
)
_FIND_PATIENT = "SELECT patient_id FROM dbo.patients WHERE patient_id = ?;"
_INSERT_PATIENT = "INSERT INTO dbo.patients (patient_id, idx) VALUES (?, ?);"
_FIND_SCAN = (
    "SELECT scan_id, series_uid, patient_id, content_sha256, patient_orientation, intake_rule FROM dbo.scans "
    "WHERE series_uid = ?;"
)
_EXTENTS = "SELECT series_uid, spacing_z, number_images, monoenergetic_kev FROM dbo.scans WHERE patient_id = ?;"
_NONE_PRIMARY = "UPDATE dbo.scans SET is_primary = 0 WHERE patient_id = ? AND is_primary = 1;"
_SET_PRIMARY = "UPDATE dbo.scans SET is_primary = 1 WHERE series_uid = ?;"
_INSERT_SCAN = """
INSERT INTO dbo.scans (
    patient_id, is_primary, series_uid, study_uid, study_date, manufacturer, deidentification, image_rows, image_cols,
    number_images, spacing_z, spacing_y, spacing_x, gantry_tilt, patient_orientation, content_sha256, intake_rule,
    monoenergetic_kev
)
OUTPUT inserted.scan_id
VALUES (?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);
"""
# Of a scan that was loaded before this was recorded. What was drawn of it may have stood the wrong way round.
_RECORD_ORIENTATION = """
DECLARE @Orientation NVARCHAR(2) = ?, @Series NVARCHAR(64) = ?;
DELETE FROM dbo.animations
WHERE scan_id IN (SELECT scan_id FROM dbo.scans WHERE series_uid = @Series AND patient_orientation IS NULL);
UPDATE dbo.scans SET patient_orientation = @Orientation WHERE series_uid = @Series AND patient_orientation IS NULL;
"""
# Of a scan that an earlier rule took in with the same pixels.
_RECORD_RULE = "UPDATE dbo.scans SET intake_rule = ?, monoenergetic_kev = ? WHERE series_uid = ?;"
_INSERT_SLICE = """
INSERT INTO dbo.scan_images (
    scan_id, slice_index, position_z, instance_uid, rescale_slope, rescale_intercept, pixels, pixels_sha256
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?);
"""
_DELETE_SCAN = (
    "DELETE FROM dbo.pooled_features WHERE scan_id = ?;",
    "DELETE FROM dbo.features WHERE scan_id = ?;",
    "DELETE FROM dbo.predictions WHERE scan_id = ?;",
    "DELETE FROM dbo.scan_images WHERE scan_id = ?;",
    "DELETE FROM dbo.scans WHERE scan_id = ?;",
)
_REFRESH_WORKLIST = """
DECLARE @Scans NVARCHAR(MAX) = (
    SELECT STRING_AGG(CAST(scan_id AS NVARCHAR(MAX)), N',') FROM dbo.scans WHERE patient_id = ?);
EXECUTE dbo.RefreshWorklist @Scans;
"""
_INSERT_REJECTION = """
IF NOT EXISTS (SELECT 1 FROM dbo.rejected_files WITH (UPDLOCK, HOLDLOCK) WHERE path_hash = ? AND reason = ?)
    INSERT INTO dbo.rejected_files (reason, message, path_hash) VALUES (?, ?, ?);
"""

_SLICES_AT_ONCE = 32


@dataclass(frozen=True)
class EncodedScan:
    """A series as it is stored: ids replaced, slices compressed.

    Attributes
    ----------
    extent : Extent
        With the stored series_uid.
    columns : tuple
        study_uid, study_date, manufacturer, deidentification, image_rows, image_cols of dbo.scans.
    spacing : tuple of float
        spacing_y, spacing_x of dbo.scans.
    slices : list of tuple
        position_z, instance_uid, rescale_slope, rescale_intercept, pixels, pixels_sha256 of dbo.scan_images.
    content_sha256 : bytes
        Over the slices' hashes.
    clipped : int
        Pixels whose HU did not fit int16.
    gantry_tilt : float or None
        Degrees.
    patient_orientation : str
        Of dbo.scans.
    """

    patient_id: str
    extent: Extent
    columns: tuple[Any, ...]
    spacing: tuple[float, ...]
    slices: list[tuple[Any, ...]]
    content_sha256: bytes
    clipped: int
    gantry_tilt: float | None
    patient_orientation: str


def stored_extent(series: Series, identity: Identity) -> Extent:
    """Return a series' extent with the UID that the database knows it by."""
    extent = series.extent
    return replace(extent, series_uid=identity.uid(extent.series_uid))


def make_scan(series: Series, encoded: Sequence[EncodedSlice], identity: Identity) -> EncodedScan:
    """Put a series together with its encoded slices, which are in the order of its headers."""
    slices = [
        (position, identity.uid(header.instance_uid), header.slope, header.intercept, part.pixels, part.sha256)
        for position, header, part in zip(series.positions, series.headers, encoded, strict=True)
    ]
    first = series.first
    return EncodedScan(
        patient_id=identity.patient(first.patient_id),
        extent=stored_extent(series, identity),
        columns=(
            identity.uid(first.study_uid),
            identity.date(first.study_date),
            identity.manufacturer(first.manufacturer),
            identity.method_codes,
            first.rows,
            first.columns,
        ),
        spacing=first.pixel_spacing,
        slices=slices,
        content_sha256=content_sha256(row[-1] for row in slices),
        clipped=sum(part.clipped for part in encoded),
        gantry_tilt=series.gantry_tilt,
        patient_orientation=first.patient_orientation,
    )


def check_wanted(connection: Connection, patient_id: str, extent: Extent, taken: Sequence[Extent] = ()) -> None:
    """Refuse a series that is neither in the database nor the patient's primary one.

    Parameters
    ----------
    taken : sequence of Extent
        Series of the patient that count as being in the database.

    Raises
    ------
    RejectedError
        With the reason not_primary, or similar_patient_id.
    """
    others = [*_extents(connection, patient_id), *taken] if _has_patient(connection, patient_id) else [*taken]
    if extent.series_uid not in {other.series_uid for other in others} and choose_primary([*others, extent]) != extent:
        raise RejectedError("not_primary")


def outcome(connection: Connection, scan: EncodedScan, *, all_series: bool, replace: bool) -> str:
    """Tell what `store_scan` would do, without changing anything.

    Returns
    -------
    str
        ``loaded``, ``replaced``, or ``unchanged`` when the database holds it already.

    Raises
    ------
    RejectedError
        It is not to be taken.
    """
    found = run(connection, _FIND_SCAN, (scan.extent.series_uid,))[0].rows
    if not found:
        if not all_series:
            check_wanted(connection, scan.patient_id, scan.extent)
        _has_patient(connection, scan.patient_id)
        return "loaded"
    _, series_uid, patient_id, content, orientation, _ = found[0]
    # The database compares without case: two series must not become one.
    if series_uid != scan.extent.series_uid:
        raise RejectedError("similar_series_uid")
    if patient_id != scan.patient_id:
        raise RejectedError("other_patient")
    if bytes(content) == scan.content_sha256 and orientation in (None, scan.patient_orientation):
        return "unchanged"
    if not replace:
        raise RejectedError("changed_series")
    return "replaced"


def store_scan(connection: Connection, scan: EncodedScan, *, all_series: bool, replace: bool) -> str:
    """Store a scan in one transaction.

    Parameters
    ----------
    all_series : bool
        Take it though it is not the patient's primary one.
    replace : bool
        Take it though the database holds the series with other pixels, or lying another way; what was made from those
        is deleted.

    Returns
    -------
    str
        ``loaded``, ``replaced``, or ``unchanged`` when the database holds it already.

    Raises
    ------
    RejectedError
        It is not taken; nothing has changed.
    """
    with transaction(connection):
        next_idx = run(connection, _NEXT_IDX)[0].scalar()
        run(connection, _LOCK_WORKLIST, (scan.patient_id,))
        done = outcome(connection, scan, all_series=all_series, replace=replace)
        if done == "unchanged":
            _record(connection, scan)
            return done
        if done == "replaced":
            _delete_scan(connection, scan.extent.series_uid)
        if not _has_patient(connection, scan.patient_id):
            run(connection, _INSERT_PATIENT, (scan.patient_id, next_idx))
        _insert_scan(connection, scan)
        _settle_primary(connection, scan.patient_id)
    return done


def remove_scan(connection: Connection, series_uid: str) -> bool:
    """Remove a scan that an earlier rule took in, and what was made from it; tell whether there was one.

    Parameters
    ----------
    series_uid : str
        As the database knows it.
    """
    with transaction(connection):
        run(connection, _NEXT_IDX)
        found = run(connection, _FIND_SCAN, (series_uid,))[0].rows
        if not found or found[0][1] != series_uid or found[0][5] >= INTAKE_RULE:
            return False
        patient_id = found[0][2]
        run(connection, _LOCK_WORKLIST, (patient_id,))
        _delete_scan(connection, series_uid)
        _settle_primary(connection, patient_id)
    return True


def store_rejections(connection: Connection, rejections: Sequence[Rejection], identity: Identity) -> None:
    """Store rejections in one transaction; one that is there already is left as it is."""
    rows = []
    for rejection in rejections:
        path_hash = identity.path(rejection.source.path, rejection.source.member)
        rows.append((path_hash, rejection.reason, rejection.reason, rejection.message, path_hash))
    if rows:
        with transaction(connection):
            _run_many(connection, _INSERT_REJECTION, rows)


def _extents(connection: Connection, patient_id: str) -> list[Extent]:
    return [Extent(*row) for row in run(connection, _EXTENTS, (patient_id,))[0].rows]


def _settle_primary(connection: Connection, patient_id: str) -> None:
    extents = _extents(connection, patient_id)
    if extents:
        run(connection, _NONE_PRIMARY, (patient_id,))
        run(connection, _SET_PRIMARY, (choose_primary(extents).series_uid,))
        run(connection, _REFRESH_WORKLIST, (patient_id,))


def _record(connection: Connection, scan: EncodedScan) -> None:
    """Note of a scan with the same pixels what earlier versions did not know."""
    series_uid = scan.extent.series_uid
    run(connection, _RECORD_ORIENTATION, (scan.patient_orientation, series_uid))
    if run(connection, _FIND_SCAN, (series_uid,))[0].rows[0][5] < INTAKE_RULE:
        run(connection, _RECORD_RULE, (INTAKE_RULE, scan.extent.monoenergetic_kev, series_uid))
        _settle_primary(connection, scan.patient_id)


def _delete_scan(connection: Connection, series_uid: str) -> None:
    scan_id = run(connection, _FIND_SCAN, (series_uid,))[0].rows[0][0]
    for statement in _DELETE_SCAN:
        run(connection, statement, (scan_id,))


def _has_patient(connection: Connection, patient_id: str) -> bool:
    found = run(connection, _FIND_PATIENT, (patient_id,))[0].rows
    # The database compares without case: two patients must not become one.
    if found and found[0][0] != patient_id:
        raise RejectedError("similar_patient_id")
    return bool(found)


def _insert_scan(connection: Connection, scan: EncodedScan) -> None:
    extent = scan.extent
    geometry = (extent.number_images, extent.spacing_z, *scan.spacing, scan.gantry_tilt, scan.patient_orientation)
    rule = (INTAKE_RULE, extent.monoenergetic_kev)
    values = (scan.patient_id, extent.series_uid, *scan.columns, *geometry, scan.content_sha256, *rule)
    scan_id = run(connection, _INSERT_SCAN, values)[0].scalar()
    # A few at a time, because the engine may copy what it is given.
    for start in range(0, len(scan.slices), _SLICES_AT_ONCE):
        rows = scan.slices[start : start + _SLICES_AT_ONCE]
        _run_many(connection, _INSERT_SLICE, [(scan_id, start + index, *row) for index, row in enumerate(rows)])


def _run_many(connection: Connection, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
    with closing(connection.cursor()) as cursor:
        cursor.executemany(sql, rows)
