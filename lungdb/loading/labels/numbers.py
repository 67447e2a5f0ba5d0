"""Numbers of patients that a model of the task regression learns: a column of a CSV file becomes dbo.numeric_labels."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from lungdb.database import Connection
from lungdb.errors import LungdbError
from lungdb.loading.labels.outcome import Report, source_name
from lungdb.loading.labels.patients import known_patients, store_by_patient
from lungdb.loading.tables import Header, LineError, read_lines, real_number

# SAS, which the trials are analysed with, writes . and .A to .Z; data frames leave the place empty or write NA or NaN.
_MISSING = re.compile(r"|\.[A-Za-z_]?|NA|N/A|NaN|NULL", re.IGNORECASE)


def is_missing(text: str) -> bool:
    """Tell whether a value is written as missing: empty, ``.``, ``.N``, ``NA`` and the like."""
    return _MISSING.fullmatch(text) is not None


def read_numbers(path: Path, header: Header, columns: tuple[str, str]) -> dict[str, float | None]:
    """Read a column of numbers.

    Parameters
    ----------
    columns : tuple of str
        The columns of the id and of the number.

    Returns
    -------
    dict of str to (float or None)
        Id -> number, None where it is missing, in the order of the file.

    Raises
    ------
    LungdbError
        The file cannot be read, or a line is wrong; errors name lines, never ids.
    """
    numbers: dict[str, float | None] = {}

    def add(key: str, values: dict[str, str]) -> None:
        text = values[columns[1]]
        number = None if is_missing(text) else real_number(text, header.separator)
        if number is None and not is_missing(text):
            raise LineError(f"has a {columns[1]} that is not a number")
        if numbers.setdefault(key, number) != number:
            raise LineError("contradicts an earlier line with its id")

    read_lines(path, "numbers", header, columns, add)
    return numbers


def store_numbers(connection: Connection, numbers: Mapping[str, float | None], name: str, key: str) -> Report:
    """Give the patients of the database their numbers, in one transaction; what is missing changes nothing.

    Parameters
    ----------
    numbers : mapping of str to (float or None)
        PatientID as in the DICOM files -> number.
    name : str
        Where they come from: the file's name and the column.
    key : str
        The site's id_key.

    Raises
    ------
    LungdbError
        None of the ids is a patient, none has a number, there are no patients, or `key` is not the key that they were
        loaded with.
    """
    known, unknown = known_patients(connection, numbers, key)
    kept = {patient: number for patient, number in known.items() if number is not None}
    if not kept:
        raise LungdbError("The column holds no number of a patient of the database. Name another one.")
    changes, _ = store_by_patient(connection, "numeric_labels", "value", kept, source_name(name))
    lines = [f"Numbers: {changes}."]
    if len(known) > len(kept):
        lines.append(f"{len(known) - len(kept)} patients have no number in the file and keep what they had.")
    return Report(lines, unknown)
