"""Labels of patients: a CSV file of who has cancer, or of classes, becomes dbo.labels."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from lungdb.database import Connection, run
from lungdb.database.retrying import committed, retried
from lungdb.errors import LungdbError
from lungdb.loading.labels.outcome import Changes, Report, by_class, source_name
from lungdb.loading.site_identity import stored_identity
from lungdb.loading.tables import Header, LineError, read_lines, whole_number

_PATIENTS = "SELECT patient_id FROM dbo.patients;"

Value = TypeVar("Value")


def read_labels(path: Path, header: Header, columns: tuple[str, str], classes: int) -> dict[str, int]:
    """Read a labels file, such as those of the Kaggle Data Science Bowl 2017: ``id,cancer``.

    Parameters
    ----------
    columns : tuple of str
        The columns of the id and of the label.
    classes : int
        Labels are 0 to one less than this.

    Returns
    -------
    dict of str to int
        Id -> label, in the order of the file.

    Raises
    ------
    LungdbError
        The file cannot be read, or a line is wrong; errors name lines, never ids.
    """
    labels: dict[str, int] = {}

    def add(key: str, values: dict[str, str]) -> None:
        label = read_label(values[columns[1]], classes)
        if labels.setdefault(key, label) != label:
            raise LineError("contradicts an earlier line with its id")

    read_lines(path, "labels", header, columns, add)
    return labels


def read_label(text: str, classes: int) -> int:
    """Read a label.

    Raises
    ------
    LineError
        It is none of the classes; of more than two it says how they are given.
    """
    label = whole_number(text)
    if label is None or label >= classes:
        if classes > 2:
            raise LineError(f"has a label that is not 0 to {classes - 1}")
        known = label is not None and label < 256
        raise LineError(f"has a label that is not 0 or 1{' (for more classes add --classes)' if known else ''}")
    return label


def store_labels(connection: Connection, labels: Mapping[str, int], name: str, key: str) -> Report:
    """Give the patients of the database their labels, in one transaction.

    Parameters
    ----------
    labels : mapping of str to int
        PatientID as in the DICOM files -> label.
    name : str
        Where they come from: the file's name.
    key : str
        The site's id_key.

    Raises
    ------
    LungdbError
        None of the ids is a patient, there are no patients, or `key` is not the key that they were loaded with.
    """
    known, unknown = known_patients(connection, labels, key)
    changes, now = store_by_patient(connection, "labels", "label", known, source_name(name))
    return Report([f"Labels: {changes}.", f"The labels of the database are {by_class([*now.values()])}."], unknown)


def known_patients(connection: Connection, values: Mapping[str, Value], key: str) -> tuple[dict[str, Value], list[str]]:
    """Return a file's values by the patients' ids as they are stored, and the ids that are no patients.

    Parameters
    ----------
    values : mapping
        PatientID as in the DICOM files -> value.
    key : str
        The site's id_key.

    Raises
    ------
    LungdbError
        None of the ids is a patient, there are no patients, or `key` is not the key that they were loaded with.
    """
    identity = stored_identity(connection, key)
    present = {row[0] for row in retried(lambda: run(connection, _PATIENTS)[0].rows, connection)}
    stored = {raw: identity.patient(raw) for raw in values}
    unknown = [raw for raw, patient in stored.items() if patient not in present]
    if len(unknown) == len(values):
        raise LungdbError(
            f"None of the {len(values)} ids is a patient of the database. Check that the ids are the PatientID of the "
            "DICOM files, and load the scans first."
        )
    return {stored[raw]: value for raw, value in values.items() if stored[raw] in present}, unknown


def store_by_patient(
    connection: Connection, table: str, column: str, values: Mapping[str, Value], source: str
) -> tuple[Changes, dict[str, Value]]:
    """Store a value of each patient in one transaction; one that is there already keeps its source.

    Parameters
    ----------
    table, column : str
        Where: dbo.labels and label, say.
    values : mapping
        patient_id as it is stored -> value.

    Returns
    -------
    Changes
        What became of them.
    dict
        All that the table holds now.
    """
    select = f"SELECT patient_id, {column} FROM dbo.{table} WITH (UPDLOCK, HOLDLOCK);"
    insert = f"INSERT INTO dbo.{table} ({column}, source, patient_id) VALUES (?, ?, ?);"
    update = f"UPDATE dbo.{table} SET {column} = ?, source = ? WHERE patient_id = ?;"

    def store() -> tuple[Changes, dict[str, Value]]:
        present = dict(run(connection, select)[0].rows)
        added = [(value, source, patient) for patient, value in values.items() if patient not in present]
        changed = [
            (value, source, patient)
            for patient, value in values.items()
            if patient in present and present[patient] != value
        ]
        with closing(connection.cursor()) as cursor:
            for statement, rows in ((insert, added), (update, changed)):
                if rows:
                    cursor.executemany(statement, rows)
        return Changes(len(added), len(changed), len(values) - len(added) - len(changed)), present | dict(values)

    return committed(connection, store)[0]
