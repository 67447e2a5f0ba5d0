"""`lungdb load-patients`: a CSV file of names, sexes and birth years is added to patients that are there."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import closing
from datetime import date
from pathlib import Path

from lungdb.cli.support import add_database_argument, exit_status, open_database
from lungdb.config import load_settings
from lungdb.database import Connection, run
from lungdb.database.transaction import transaction
from lungdb.errors import LungdbError
from lungdb.loading.site_identity import stored_identity
from lungdb.loading.tables import LineError, read_table

COLUMNS = ("patient_id", "display_name", "sex", "birth_year")

_PATIENTS = "SELECT patient_id, display_name, sex, birth_year FROM dbo.patients WITH (UPDLOCK, HOLDLOCK);"
_UPDATE = "UPDATE dbo.patients SET display_name = ?, sex = ?, birth_year = ? WHERE patient_id = ?;"
_NAME_LENGTH = 128
_FIRST_YEAR = 1880

Person = tuple[str | None, str | None, int | None]
"""display_name, sex, birth_year."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 1 for an error, 130 when interrupted."""
    parser = argparse.ArgumentParser(prog="lungdb load-patients", description=__doc__)
    parser.add_argument(
        "file",
        type=Path,
        help="CSV file with the columns patient_id (PatientID as in the DICOM files), display_name, sex (F, M or O), "
        "birth_year; an empty value clears what is stored",
    )
    add_database_argument(parser)
    parser.add_argument("--show-ids", action="store_true", help="print the ids that the database does not hold")
    arguments = parser.parse_args(argv)
    return exit_status(lambda: _load(arguments))


def read_patients(path: Path) -> dict[str, Person]:
    """Read a file of names.

    Returns
    -------
    dict of str to (str or None, str or None, int or None)
        Patient id -> display name, sex, birth year, in the order of the file.

    Raises
    ------
    LungdbError
        The file cannot be read, or a line is wrong; errors name lines, never ids.
    """
    return read_table(path, "patients", COLUMNS, _person)


def _person(values: dict[str, str]) -> Person:
    name, sex, year = (values[column] for column in COLUMNS[1:])
    if len(name) > _NAME_LENGTH or not name.isprintable():
        raise LineError(f"has a display_name that is longer than {_NAME_LENGTH} characters or not printable")
    if sex.upper() not in ("", "F", "M", "O"):
        raise LineError("has a sex that is not F, M or O")
    if year and not (year.isascii() and year.isdigit() and _FIRST_YEAR <= int(year) <= date.today().year):
        raise LineError(f"has a birth_year that is not {_FIRST_YEAR} to this year")
    return name or None, sex.upper() or None, int(year) if year else None


def _load(arguments: argparse.Namespace) -> int:
    people = read_patients(arguments.file)
    with open_database(arguments.database) as connection:
        identity = stored_identity(connection, load_settings().id_key)
        changed, unknown = _store(connection, {identity.patient(raw): (raw, person) for raw, person in people.items()})
    print(f"Patients: {changed} changed, {len(people) - len(unknown) - changed} unchanged.")
    if unknown:
        print(f"{len(unknown)} ids are not in the database and were passed over; --show-ids lists them.")
    if arguments.show_ids:
        print("\n".join(unknown))
    return 0


def _store(connection: Connection, people: dict[str, tuple[str, Person]]) -> tuple[int, list[str]]:
    """Return how many patients were changed, and the raw ids that are no patients."""
    with transaction(connection):
        # Before patients change, as whoever stores scores does, so nobody waits crosswise.
        run(connection, "SELECT COUNT(*) FROM dbo.worklist WITH (UPDLOCK, HOLDLOCK);")
        present = {row[0]: tuple(row[1:]) for row in run(connection, _PATIENTS)[0].rows}
        unknown = [raw for patient, (raw, _) in people.items() if patient not in present]
        if len(unknown) == len(people):
            raise LungdbError(
                f"None of the {len(people)} ids is a patient of the database. Check that the ids are the PatientID of "
                "the DICOM files, and load the scans first."
            )
        rows = [
            (*person, patient)
            for patient, (_, person) in people.items()
            if patient in present and present[patient] != person
        ]
        if rows:
            with closing(connection.cursor()) as cursor:
                cursor.executemany(_UPDATE, rows)
            run(connection, "EXECUTE dbo.RefreshWorklist;")
    return len(rows), unknown
