"""Labels of patients: a CSV file of who has cancer becomes dbo.labels."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from lungdb.database import Connection, run
from lungdb.database.transaction import transaction
from lungdb.errors import LungdbError
from lungdb.loading.site_identity import stored_identity
from lungdb.loading.tables import LineError, read_table, whole_number

_PATIENTS = "SELECT patient_id FROM dbo.patients;"
_LABELS = "SELECT patient_id, label FROM dbo.labels WITH (UPDLOCK, HOLDLOCK);"
_INSERT = "INSERT INTO dbo.labels (label, source, patient_id) VALUES (?, ?, ?);"
_UPDATE = "UPDATE dbo.labels SET label = ?, source = ? WHERE patient_id = ?;"


@dataclass(frozen=True)
class Report:
    """What became of a file of labels.

    Attributes
    ----------
    added, changed, unchanged : int
        Labels of patients whom the database holds.
    unknown : list of str
        Ids of the file that are no patients.
    """

    added: int
    changed: int
    unchanged: int
    unknown: list[str]


def read_labels(path: Path) -> dict[str, int]:
    """Read a labels file in the form of the Kaggle Data Science Bowl 2017: ``id,cancer``; other columns are ignored.

    Returns
    -------
    dict of str to int
        Patient id -> 0 or 1, in the order of the file.

    Raises
    ------
    LungdbError
        The file cannot be read, or a line is wrong; errors name lines, never ids.
    """
    return read_table(path, "labels", ("id", "cancer"), _label)


def store_labels(connection: Connection, labels: dict[str, int], source: str, key: str) -> Report:
    """Give the patients of the database their labels, in one transaction.

    Parameters
    ----------
    labels : dict of str to int
        PatientID as in the DICOM files -> 0 or 1.
    source : str
        Where they come from, such as the file's name.
    key : str
        The site's id_key.

    Raises
    ------
    LungdbError
        None of the ids is a patient, there are no patients, or `key` is not the key that they were loaded with.
    """
    identity = stored_identity(connection, key)
    known = {row[0] for row in run(connection, _PATIENTS)[0].rows}
    unknown = [raw for raw in labels if identity.patient(raw) not in known]
    if len(unknown) == len(labels):
        raise LungdbError(
            f"None of the {len(labels)} ids is a patient of the database. Check that the ids are the PatientID of "
            "the DICOM files, and load the scans first."
        )
    stored = {identity.patient(raw): label for raw, label in labels.items()}
    kept = {patient: label for patient, label in stored.items() if patient in known}
    with transaction(connection):
        present = {patient: int(label) for patient, label in run(connection, _LABELS)[0].rows}
        added = [(label, source[:200], patient) for patient, label in kept.items() if patient not in present]
        changed = [
            (label, source[:200], patient)
            for patient, label in kept.items()
            if patient in present and present[patient] != label
        ]
        with closing(connection.cursor()) as cursor:
            for statement, rows in ((_INSERT, added), (_UPDATE, changed)):
                if rows:
                    cursor.executemany(statement, rows)
    return Report(len(added), len(changed), len(kept) - len(added) - len(changed), unknown)


def _label(values: dict[str, str]) -> int:
    label = whole_number(values["cancer"])
    if label not in (0, 1):
        raise LineError("has a label that is not 0 or 1")
    return label
