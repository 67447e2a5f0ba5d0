"""Names, sexes and birth years of patients: a CSV file of them is added to patients that are there."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from lungdb.database import Connection, run
from lungdb.database.retrying import committed
from lungdb.errors import LungdbError
from lungdb.loading.site_identity import stored_identity
from lungdb.loading.tables import LineError, read_table, whole_number

_COLUMNS = ("patient_id", "display_name", "sex", "birth_year")
_IDS = "SELECT patient_id FROM dbo.patients ORDER BY idx;"
# Before patients change, as whoever stores scores does, so nobody waits crosswise.
_LOCK_WORKLIST = "SELECT COUNT(*) FROM dbo.worklist WITH (UPDLOCK, HOLDLOCK);"
_PATIENTS = "SELECT patient_id, display_name, sex, birth_year FROM dbo.patients WITH (UPDLOCK, HOLDLOCK);"
_UPDATE = "UPDATE dbo.patients SET display_name = ?, sex = ?, birth_year = ? WHERE patient_id = ?;"
_NAME_LENGTH = 128
_FIRST_YEAR = 1880

Person = tuple[str | None, str | None, int | None]
"""display_name, sex, birth_year."""


@dataclass(frozen=True)
class Report:
    """What became of a file of people.

    Attributes
    ----------
    changed, unchanged : int
        Patients whom the database holds.
    hidden : int
        Birth years that were left out, because they tell an age of which a database with keyed ids holds none.
    unknown : list of str
        Ids of the file that are no patients.
    """

    changed: int
    unchanged: int
    unknown: list[str]
    hidden: int = 0


def read_people(path: Path) -> dict[str, Person]:
    """Read a file with the columns patient_id, display_name, sex, birth_year; an empty value clears what is stored.

    Returns
    -------
    dict of str to (str or None, str or None, int or None)
        Patient id -> display name, sex, birth year, in the order of the file.

    Raises
    ------
    LungdbError
        The file cannot be read, or a line is wrong; errors name lines, never ids.
    """
    return read_table(path, "patients", _COLUMNS, _person)


def write_people(path: Path, people: Mapping[str, Person]) -> None:
    """Write a file that `read_people` reads back the same."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        writer.writerows((patient, *person) for patient, person in people.items())


def list_ids(connection: Connection) -> list[str]:
    """List the ids of all patients as they are stored, in the order of their indices."""
    return [patient for (patient,) in run(connection, _IDS)[0].rows]


def store_people(connection: Connection, people: Mapping[str, Person], key: str) -> Report:
    """Give the patients of the database their names, sexes and birth years, in one transaction.

    Parameters
    ----------
    people : mapping of str to tuple
        PatientID as in the DICOM files -> display name, sex, birth year.
    key : str
        The site's id_key.

    Raises
    ------
    LungdbError
        None of the ids is a patient, there are no patients, or `key` is not the key that they were loaded with.
    """
    identity = stored_identity(connection, key)
    today = date.today()
    told = {raw: (*person[:2], identity.birth_year(person[2], today)) for raw, person in people.items()}
    hidden = sum(told[raw] != person for raw, person in people.items())
    by_patient = {identity.patient(raw): (raw, person) for raw, person in told.items()}

    def store() -> Report:
        run(connection, _LOCK_WORKLIST)
        present = {row[0]: tuple(row[1:]) for row in run(connection, _PATIENTS)[0].rows}
        unknown = [raw for patient, (raw, _) in by_patient.items() if patient not in present]
        if len(unknown) == len(by_patient):
            raise LungdbError(
                f"None of the {len(by_patient)} ids is a patient of the database. Check that the ids are the PatientID "
                "of the DICOM files, and load the scans first."
            )
        rows = [
            (*person, patient)
            for patient, (_, person) in by_patient.items()
            if patient in present and present[patient] != person
        ]
        if rows:
            with closing(connection.cursor()) as cursor:
                cursor.executemany(_UPDATE, rows)
            run(connection, "EXECUTE dbo.RefreshWorklist;")
        return Report(len(rows), len(people) - len(unknown) - len(rows), unknown, hidden)

    return committed(connection, store)[0]


def _person(values: dict[str, str]) -> Person:
    name, sex, year = (values[column] for column in _COLUMNS[1:])
    if len(name) > _NAME_LENGTH or not name.isprintable():
        raise LineError(f"has a display_name that is longer than {_NAME_LENGTH} characters or not printable")
    if sex.upper() not in ("", "F", "M", "O"):
        raise LineError("has a sex that is not F, M or O")
    born = whole_number(year)
    if year and (born is None or not _FIRST_YEAR <= born <= date.today().year):
        raise LineError(f"has a birth_year that is not {_FIRST_YEAR} to this year")
    return name or None, sex.upper() or None, born
