"""Labels of scans within a horizon, dbo.scan_labels: from a file with a line a scan, or from a trial's participants."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import closing

from lungdb.database import Connection, run
from lungdb.database.retrying import committed
from lungdb.errors import LungdbError
from lungdb.loading.labels.nlst import REASONS, Person, find_label
from lungdb.loading.labels.outcome import Changes, Report, by_class, in_words, source_name
from lungdb.loading.labels.patients import known_patients
from lungdb.loading.site_identity import stored_identity

# Taken first, as loaders of scans do, so that no scan goes while it gets a label.
LOCK_SCANS = "SELECT COALESCE(MAX(idx), -1) FROM dbo.patients WITH (UPDLOCK, HOLDLOCK);"
_SCANS = "SELECT scan_id, series_uid, study_uid FROM dbo.scans ORDER BY scan_id;"
_STUDY_YEARS = "SELECT scan_id, patient_id, study_year FROM dbo.scans ORDER BY scan_id;"
_LABELS = "SELECT scan_id, label, source FROM dbo.scan_labels WITH (UPDLOCK, HOLDLOCK) WHERE horizon_days = ?;"
_INSERT = "INSERT INTO dbo.scan_labels (label, source, scan_id, horizon_days) VALUES (?, ?, ?, ?);"
_UPDATE = "UPDATE dbo.scan_labels SET label = ?, source = ? WHERE scan_id = ? AND horizon_days = ?;"
_DELETE = "DELETE FROM dbo.scan_labels WHERE scan_id = ? AND horizon_days = ?;"


def store_scan_labels(
    connection: Connection, labels: Mapping[str, int], horizon_days: int, name: str, key: str, *, of_studies: bool
) -> Report:
    """Give scans their labels, in one transaction.

    Parameters
    ----------
    labels : mapping of str to int
        SeriesInstanceUID or StudyInstanceUID as in the DICOM files -> label.
    name : str
        Where they come from: the file's name.
    key : str
        The site's id_key.
    of_studies : bool
        UIDs are those of studies, all scans of which have the label.

    Raises
    ------
    LungdbError
        None of the UIDs is a scan, there are no patients, or `key` is not the key that they were loaded with.
    """
    identity = stored_identity(connection, key)

    def store() -> Report:
        run(connection, LOCK_SCANS)
        scans: dict[str, list[int]] = {}
        for scan_id, series_uid, study_uid in run(connection, _SCANS)[0].rows:
            scans.setdefault(study_uid if of_studies else series_uid, []).append(scan_id)
        found = {raw: scans.get(identity.uid(raw), []) for raw in labels}
        unknown = [raw for raw, ids in found.items() if not ids]
        if len(unknown) == len(labels):
            raise no_scan_known(len(labels), "study" if of_studies else "series")
        source = source_name(name)
        wanted = {scan_id: (labels[raw], source) for raw, ids in found.items() for scan_id in ids}
        changes = _replace(connection, wanted, wanted.keys(), horizon_days)
        return Report([_changed(horizon_days, changes, wanted)], unknown)

    return committed(connection, store)[0]


def store_persons(
    connection: Connection, persons: Mapping[str, Person], horizon_days: int, name: str, key: str
) -> Report:
    """Give the scans of a trial's participants the labels that follow for a horizon, in one transaction.

    Labels of that horizon which these scans had before and which do not follow any more are removed.

    Parameters
    ----------
    persons : mapping of str to Person
        PatientID as in the DICOM files -> what is known.
    name : str
        Where it comes from: the file's name.
    key : str
        The site's id_key.

    Raises
    ------
    LungdbError
        No scan gets a label, none of the participants is a patient, there are no patients, or `key` is not the key that
        they were loaded with.
    """
    known, unknown = known_patients(connection, persons, key)

    def store() -> Report:
        run(connection, LOCK_SCANS)
        rows = run(connection, _STUDY_YEARS)[0].rows
        findings = {
            scan_id: find_label(known[patient], year, horizon_days)
            for scan_id, patient, year in rows
            if patient in known
        }
        wanted = {
            scan_id: (found.label, source_name(name, found.why))
            for scan_id, found in findings.items()
            if found.label is not None
        }
        reasons = Counter(found.why for found in findings.values() if found.label is None)
        without = in_words({f"scans {reason}": reasons[reason] for reason in REASONS})
        if not wanted:
            raise LungdbError(
                f"No scan gets a label within {horizon_days} days: {without}. Nothing has been changed. Give another "
                "horizon, or load what is missing."
            )
        changes = _replace(connection, wanted, findings.keys(), horizon_days)
        told = Counter(found.why for found in findings.values() if found.label is not None)
        lines = [_changed(horizon_days, changes, wanted), f"They follow from {in_words(told)}."]
        if without:
            lines.append(f"Without a label: {without}.")
        if others := len(rows) - len(findings):
            lines.append(f"{others} scans are of patients whom the file does not name; their labels are as they were.")
        return Report(lines, unknown)

    return committed(connection, store)[0]


def no_scan_known(count: int, what: str = "series") -> LungdbError:
    """Return the refusal of a file of which no UID is that of a scan.

    Parameters
    ----------
    what : str
        Whose UIDs they are: ``series`` or ``study``.
    """
    return LungdbError(
        f"None of the {count} UIDs is one of a {what} of the database. Check that they are the "
        f"{what.capitalize()}InstanceUID of the DICOM files, and load the scans first, with --all-series where the "
        "series is not the one that is chosen."
    )


def _changed(horizon_days: int, changes: Changes, wanted: Mapping[int, tuple[int, str]]) -> str:
    return f"Labels within {horizon_days} days: {changes}; {by_class([label for label, _ in wanted.values()])}."


def _replace(
    connection: Connection, wanted: Mapping[int, tuple[int, str]], scans: Collection[int], horizon_days: int
) -> Changes:
    """Make the labels of some scans at a horizon what is wanted; of other scans they stay."""
    present = {
        scan_id: (label, source)
        for scan_id, label, source in run(connection, _LABELS, (horizon_days,))[0].rows
        if scan_id in scans
    }
    added = [(*row, scan_id, horizon_days) for scan_id, row in wanted.items() if scan_id not in present]
    changed = [
        (*row, scan_id, horizon_days)
        for scan_id, row in wanted.items()
        if scan_id in present and present[scan_id] != row
    ]
    removed = [(scan_id, horizon_days) for scan_id in present if scan_id not in wanted]
    with closing(connection.cursor()) as cursor:
        statements: tuple[tuple[str, list[tuple[object, ...]]], ...] = (
            (_DELETE, [*removed]),
            (_INSERT, [*added]),
            (_UPDATE, [*changed]),
        )
        for statement, rows in statements:
            if rows:
                cursor.executemany(statement, rows)
    return Changes(len(added), len(changed), len(wanted) - len(added) - len(changed), len(removed))
