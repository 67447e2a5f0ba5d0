"""The T-SQL that stores scans and rejections, the same on both engines; one transaction a series."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from lungdb.database import Connection, run
from lungdb.database.transaction import transaction
from lungdb.dicom.identity import Identity
from lungdb.dicom.rejection import RejectedError
from lungdb.dicom.series_rule import Extent, SeriesRule, choose_series
from lungdb.dicom.source import Rejection
from lungdb.loading.studies import Settling, follows_newest, settle, stored_scans

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
_INSERT_PATIENT = "INSERT INTO dbo.patients (patient_id, idx, follows_newest) VALUES (?, ?, 1);"
_FIND_SCAN = (
    "SELECT scan_id, series_uid, patient_id, content_sha256, patient_orientation, intake_rule FROM dbo.scans "
    "WHERE series_uid = ?;"
)
# One that lungdb load-features or lungdb copy has brought has no slices here.
_HAS_PIXELS = (
    "SELECT CASE WHEN EXISTS (SELECT 1 FROM dbo.scan_images AS i INNER JOIN dbo.scans AS s ON s.scan_id = i.scan_id "
    "WHERE s.series_uid = ?) THEN 1 ELSE 0 END;"
)
_PIXELS_ARE_HERE = "UPDATE dbo.scans SET source_uri = NULL WHERE series_uid = ?;"
_WAS_PRIMARY = "SELECT is_primary, study_uid FROM dbo.scans WHERE series_uid = ?;"
_SET_PRIMARY = "UPDATE dbo.scans SET is_primary = 1 WHERE series_uid = ?;"
# Columns of dbo.scans that a version before this one did not fill, and that loading a scan again fills in.
_LATER_COLUMNS = (
    "acquisition_date", "date_rule", "study_year", "time_point_kind", "time_point", "convolution_kernel", "kvp",
    "slice_thickness", "has_contrast", "patient_age", "frame_of_reference_uid", "origin_x", "origin_y", "origin_z",
    "row_x", "row_y", "row_z", "column_x", "column_y", "column_z", "step_x", "step_y", "step_z",
)  # fmt: skip
_DATES = ("study_date", "acquisition_date", "date_rule")
_LATER = f"SELECT study_date, {', '.join(_LATER_COLUMNS)} FROM dbo.scans WHERE series_uid = ?;"
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
    scan_id, slice_index, position_z, instance_uid, rescale_slope, rescale_intercept, encoding, pixels, pixels_sha256
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?);
"""
# What is known of the scan and not made from its pixels is kept for the row that comes in its place.
_LABELS = "SELECT horizon_days, label, source FROM dbo.scan_labels WHERE scan_id = ?;"
_INSERT_LABEL = (
    "INSERT INTO dbo.scan_labels (scan_id, horizon_days, label, source) "
    "SELECT scan_id, ?, ?, ? FROM dbo.scans WHERE series_uid = ?;"
)
_DELETE_SCAN = (
    "DELETE FROM dbo.nodules WHERE scan_id = ?;",
    "DELETE FROM dbo.scan_labels WHERE scan_id = ?;",
    "DELETE FROM dbo.series_choices WHERE scan_id = ?;",
    "DELETE FROM dbo.pooled_features WHERE scan_id = ?;",
    "DELETE FROM dbo.features WHERE scan_id = ?;",
    "DELETE FROM dbo.predictions WHERE scan_id = ?;",
    "DELETE FROM dbo.scan_images WHERE scan_id = ?;",
    "DELETE FROM dbo.scans WHERE scan_id = ?;",
)
_INSERT_REJECTION = """
IF NOT EXISTS (SELECT 1 FROM dbo.rejected_files WITH (UPDLOCK, HOLDLOCK) WHERE path_hash = ? AND reason = ?)
    INSERT INTO dbo.rejected_files (reason, message, path_hash) VALUES (?, ?, ?);
"""

STAYS = "the primary scan of a patient of before stays"
"""Why a series of a study is not looked at, in the detail of a rejection."""

_SLICES_AT_ONCE = 32


@dataclass(frozen=True)
class EncodedScan:
    """A series as it is stored: ids replaced, slices compressed.

    Attributes
    ----------
    extent : Extent
        With the stored series_uid.
    columns : dict
        Column of dbo.scans -> value, but for patient_id, is_primary and what follows from the other scans of the
        patient.
    slices : list of tuple
        position_z, instance_uid, rescale_slope, rescale_intercept, encoding, pixels, pixels_sha256 of dbo.scan_images.
    clipped : int
        Pixels whose HU did not fit int16.
    settling : Settling
        How the choices of the patient are made.
    year_is_given : bool
        study_year is what somebody gave for this load, so that it may take the place of another one.
    """

    patient_id: str
    extent: Extent
    columns: dict[str, Any]
    slices: list[tuple[Any, ...]]
    clipped: int
    settling: Settling
    year_is_given: bool = False

    @property
    def study_uid(self) -> str:
        """Of dbo.scans."""
        return str(self.columns["study_uid"])

    @property
    def gantry_tilt(self) -> float:
        """Degrees; 0 where it is not known."""
        return float(self.columns["gantry_tilt"] or 0.0)


def lock_patient(connection: Connection, patient_id: str) -> int:
    """Take what a transaction locks first that changes a patient's scans; return the idx of a new patient."""
    next_idx = run(connection, _NEXT_IDX)[0].scalar()
    run(connection, _LOCK_WORKLIST, (patient_id,))
    return int(next_idx)


def check_wanted(
    connection: Connection,
    patient_id: str,
    study_uid: str,
    extent: Extent,
    others: Sequence[Extent],
    rule: SeriesRule,
    follow_newest: bool = False,
) -> None:
    """Refuse a series that is neither in the database nor the one of its study that the rule chooses.

    Parameters
    ----------
    others : sequence of Extent
        The series of the study that are, or count as being, in the database.
    follow_newest : bool
        The primary scan of a patient of before may be moved.

    Raises
    ------
    RejectedError
        With the reason not_primary, or similar_patient_id.
    """
    known = _has_patient(connection, patient_id)
    if extent.series_uid in {other.series_uid for other in others}:
        return
    if known and not follow_newest and not follows_newest(connection, patient_id):
        scans = stored_scans(connection, patient_id)
        if any(scan.is_primary and scan.study_uid == study_uid for scan in scans):
            raise RejectedError("not_primary", STAYS)
    if choose_series([*others, extent], rule) != extent:
        raise RejectedError("not_primary")


def outcome(connection: Connection, scan: EncodedScan, *, replace: bool) -> str:
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
        _has_patient(connection, scan.patient_id)
        return "loaded"
    _, series_uid, patient_id, content, orientation, _ = found[0]
    # The database compares without case: two series must not become one.
    if series_uid != scan.extent.series_uid:
        raise RejectedError("similar_series_uid")
    if patient_id != scan.patient_id:
        raise RejectedError("other_patient")
    same, has_pixels = scan.columns, bool(run(connection, _HAS_PIXELS, (series_uid,))[0].scalar())
    if bytes(content) == same["content_sha256"] and orientation in (None, same["patient_orientation"]):
        return "loaded" if scan.slices and not has_pixels else "unchanged"
    if not replace or (has_pixels and not scan.slices):
        raise RejectedError("changed_series")
    return "replaced"


def store_scan(connection: Connection, scan: EncodedScan, *, replace: bool) -> str:
    """Store a scan in one transaction.

    Parameters
    ----------
    replace : bool
        Take it though the database holds the series with other pixels, or lying another way; what was made from those
        is deleted. Of one with the same pixels take the study_year that is given, and the dates where there are years.

    Returns
    -------
    str
        ``loaded``, also where its row was there without the pixels; ``replaced``; or ``unchanged`` when the database
        holds it already.

    Raises
    ------
    RejectedError
        It is not taken; nothing has changed.
    """
    with transaction(connection):
        return put_scan(connection, scan, replace=replace)


def put_scan(connection: Connection, scan: EncodedScan, *, replace: bool) -> str:
    """Store a scan as `store_scan` does, inside the caller's transaction.

    One without slices is of lungdb load-features: then a scan with the same content is ``unchanged`` wherever its
    pixels lie, and one that has pixels here is never replaced.
    """
    next_idx = lock_patient(connection, scan.patient_id)
    done = outcome(connection, scan, replace=replace)
    if done == "unchanged":
        _record(connection, scan, replace=replace)
        return done
    was_primary, labels, changed = False, [], {scan.study_uid}
    if done == "loaded" and run(connection, _FIND_SCAN, (scan.extent.series_uid,))[0].rows:
        _add_pixels(connection, scan)
        return done
    if done == "replaced":
        was_primary, study_uid = run(connection, _WAS_PRIMARY, (scan.extent.series_uid,))[0].rows[0]
        labels = _delete_scan(connection, scan.extent.series_uid)
        changed.add(study_uid)
    if not _has_patient(connection, scan.patient_id):
        run(connection, _INSERT_PATIENT, (scan.patient_id, next_idx))
    _insert_scan(connection, scan)
    if labels:
        _run_many(connection, _INSERT_LABEL, [(*label, scan.extent.series_uid) for label in labels])
    if was_primary:
        run(connection, _SET_PRIMARY, (scan.extent.series_uid,))
    settle(connection, scan.patient_id, changed, scan.settling)
    return done


def remove_scan(connection: Connection, series_uid: str, rule: SeriesRule) -> bool:
    """Remove a scan that an earlier intake rule took in, and what was made from it; tell whether there was one.

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
        study_uid = run(connection, _WAS_PRIMARY, (series_uid,))[0].rows[0][1]
        _delete_scan(connection, series_uid)
        settle(connection, patient_id, {study_uid}, Settling(rule))
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


def _record(connection: Connection, scan: EncodedScan, *, replace: bool) -> None:
    """Note of a scan with the same pixels what earlier versions did not know, and what is to replace something."""
    series_uid = scan.extent.series_uid
    run(connection, _RECORD_ORIENTATION, (scan.columns["patient_orientation"], series_uid))
    is_older = run(connection, _FIND_SCAN, (series_uid,))[0].rows[0][5] < INTAKE_RULE
    if is_older:
        run(connection, _RECORD_RULE, (INTAKE_RULE, scan.extent.monoenergetic_kev, series_uid))
    (found,) = run(connection, _LATER, (series_uid,))[0].records()
    are_years = found["date_rule"] == "year"
    # A date beside a year would claim that both are whole.
    later = {
        name: scan.columns[name]
        for name in _LATER_COLUMNS
        if found[name] is None and scan.columns[name] is not None and not (are_years and name in _DATES)
    }
    if are_years and replace and scan.columns["date_rule"]:
        later |= {name: scan.columns[name] for name in _DATES}
    year = scan.columns["study_year"]
    if replace and scan.year_is_given and year not in (None, found["study_year"]):
        later["study_year"] = year
    if later:
        names = ", ".join(f"{name} = ?" for name in later)
        run(connection, f"UPDATE dbo.scans SET {names} WHERE series_uid = ?;", (*later.values(), series_uid))
    if later or is_older:
        settle(connection, scan.patient_id, {scan.study_uid}, scan.settling)


def _delete_scan(connection: Connection, series_uid: str) -> list[tuple[Any, ...]]:
    """Delete a scan and what belongs to it; return its labels."""
    scan_id = run(connection, _FIND_SCAN, (series_uid,))[0].rows[0][0]
    labels = run(connection, _LABELS, (scan_id,))[0].rows
    for statement in _DELETE_SCAN:
        run(connection, statement, (scan_id,))
    return labels


def _has_patient(connection: Connection, patient_id: str) -> bool:
    found = run(connection, _FIND_PATIENT, (patient_id,))[0].rows
    # The database compares without case: two patients must not become one.
    if found and found[0][0] != patient_id:
        raise RejectedError("similar_patient_id")
    return bool(found)


def _insert_scan(connection: Connection, scan: EncodedScan) -> None:
    places = ", ".join("?" * len(scan.columns))
    insert = (
        f"INSERT INTO dbo.scans (patient_id, is_primary, {', '.join(scan.columns)}) OUTPUT inserted.scan_id "
        f"VALUES (?, 0, {places});"
    )
    _insert_slices(connection, scan, run(connection, insert, (scan.patient_id, *scan.columns.values()))[0].scalar())


def _add_pixels(connection: Connection, scan: EncodedScan) -> None:
    """Bring the slices of a scan whose row was there without them; what was made of it stays, as it is the same."""
    series_uid = scan.extent.series_uid
    _insert_slices(connection, scan, run(connection, _FIND_SCAN, (series_uid,))[0].rows[0][0])
    run(connection, _PIXELS_ARE_HERE, (series_uid,))
    _record(connection, scan, replace=False)


def _insert_slices(connection: Connection, scan: EncodedScan, scan_id: int) -> None:
    # A few at a time, because the engine may copy what it is given.
    for start in range(0, len(scan.slices), _SLICES_AT_ONCE):
        rows = scan.slices[start : start + _SLICES_AT_ONCE]
        _run_many(connection, _INSERT_SLICE, [(scan_id, start + index, *row) for index, row in enumerate(rows)])


def _run_many(connection: Connection, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
    with closing(connection.cursor()) as cursor:
        cursor.executemany(sql, rows)
