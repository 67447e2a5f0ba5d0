"""`lungdb load-labels`: a CSV file of patients and whether they have cancer becomes labels."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TextIO

from lungdb.cli.site_identity import stored_identity
from lungdb.cli.support import add_database_argument, exit_status, open_database, transaction
from lungdb.config import load_settings
from lungdb.database import Connection, run
from lungdb.errors import LungdbError

_PATIENTS = "SELECT patient_id FROM dbo.patients;"
_LABELS = "SELECT patient_id, label FROM dbo.labels WITH (UPDLOCK, HOLDLOCK);"
_INSERT = "INSERT INTO dbo.labels (label, source, patient_id) VALUES (?, ?, ?);"
_UPDATE = "UPDATE dbo.labels SET label = ?, source = ? WHERE patient_id = ?;"
_SHOWN_ERRORS = 10


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
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return _parse(path.name, file)
    except OSError as error:
        raise LungdbError(f"The labels file '{path}' cannot be read ({error.strerror}). Check its path.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise LungdbError(
            f"'{path.name}' is not a CSV file in UTF-8. Save it as CSV with the header id,cancer."
        ) from error


def _parse(name: str, file: TextIO) -> dict[str, int]:
    reader = csv.reader(file, strict=True)
    header = [column.strip().lower() for column in next(reader, [])]
    if "id" not in header or "cancer" not in header:
        raise LungdbError(f"'{name}' has no header with the columns id and cancer. Write id,cancer as its first line.")
    labels: dict[str, int] = {}
    errors = []
    for row in reader:
        if not row:
            continue
        values = dict(zip(header, (value.strip() for value in row), strict=False))
        patient_id, label = values.get("id", ""), values.get("cancer", "")
        if len(row) != len(header):
            errors.append(f"line {reader.line_num} has {len(row)} values, not {len(header)}")
        elif not patient_id:
            errors.append(f"line {reader.line_num} has no id")
        elif label not in ("0", "1"):
            errors.append(f"line {reader.line_num} has a label that is not 0 or 1")
        elif patient_id in labels:
            errors.append(f"line {reader.line_num} repeats the id of an earlier line")
        else:
            labels[patient_id] = int(label)
    if errors:
        more = f" and {len(errors) - _SHOWN_ERRORS} more" if len(errors) > _SHOWN_ERRORS else ""
        raise LungdbError(
            f"'{name}': {'; '.join(errors[:_SHOWN_ERRORS])}{more}. Correct the file; no label has been changed."
        )
    if not labels:
        raise LungdbError(f"'{name}' holds no labels. Give a file with lines of the form id,cancer.")
    return labels


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
