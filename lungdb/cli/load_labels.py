"""`lungdb load-labels`: a CSV file of patients and whether they have cancer becomes labels."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from lungdb.cli.support import add_database_argument, exit_status, open_database
from lungdb.config import load_settings
from lungdb.database import Connection, run
from lungdb.database.transaction import transaction
from lungdb.errors import LungdbError
from lungdb.loading.site_identity import stored_identity
from lungdb.loading.tables import LineError, read_table

_PATIENTS = "SELECT patient_id FROM dbo.patients;"
_LABELS = "SELECT patient_id, label FROM dbo.labels WITH (UPDLOCK, HOLDLOCK);"
_INSERT = "INSERT INTO dbo.labels (label, source, patient_id) VALUES (?, ?, ?);"
_UPDATE = "UPDATE dbo.labels SET label = ?, source = ? WHERE patient_id = ?;"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 1 for an error, 130 when interrupted."""
    parser = argparse.ArgumentParser(prog="lungdb load-labels", description=__doc__)
    parser.add_argument(
        "file", type=Path, help="CSV file with the columns id (PatientID as in the DICOM files) and cancer (0 or 1)"
    )
    add_database_argument(parser)
    parser.add_argument("--show-ids", action="store_true", help="print the ids that the database does not hold")
    arguments = parser.parse_args(argv)
    return exit_status(lambda: _load(arguments))


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


def _label(values: dict[str, str]) -> int:
    if values["cancer"] not in ("0", "1"):
        raise LineError("has a label that is not 0 or 1")
    return int(values["cancer"])


def _load(arguments: argparse.Namespace) -> int:
    labels = read_labels(arguments.file)
    with open_database(arguments.database) as connection:
        identity = stored_identity(connection, load_settings().id_key)
        known = {row[0] for row in run(connection, _PATIENTS)[0].rows}
        unknown = [raw for raw in labels if identity.patient(raw) not in known]
        if len(unknown) == len(labels):
            raise LungdbError(
                f"None of the {len(labels)} ids is a patient of the database. Check that the ids are the PatientID of "
                "the DICOM files, and load the scans first."
            )
        stored = {identity.patient(raw): label for raw, label in labels.items()}
        inserted, changed, same = _store(
            connection, {patient: stored[patient] for patient in stored if patient in known}, arguments.file.name
        )
    print(f"Labels: {inserted} added, {changed} changed, {same} unchanged.")
    if unknown:
        print(f"{len(unknown)} ids are not in the database and were passed over; --show-ids lists them.")
    if arguments.show_ids:
        print("\n".join(unknown))
    return 0


def _store(connection: Connection, labels: dict[str, int], source: str) -> tuple[int, int, int]:
    with transaction(connection):
        present = {patient: int(label) for patient, label in run(connection, _LABELS)[0].rows}
        added = [(label, source[:200], patient) for patient, label in labels.items() if patient not in present]
        changed = [
            (label, source[:200], patient)
            for patient, label in labels.items()
            if patient in present and present[patient] != label
        ]
        with closing(connection.cursor()) as cursor:
            for statement, rows in ((_INSERT, added), (_UPDATE, changed)):
                if rows:
                    cursor.executemany(statement, rows)
    return len(added), len(changed), len(labels) - len(added) - len(changed)
