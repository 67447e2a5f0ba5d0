"""LIDC-IDRI's table of diagnoses, saved as CSV: benign becomes the label 0, primary lung cancer 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from lungdb.database import Connection
from lungdb.errors import LungdbError
from lungdb.loading.labels.numbers import is_missing
from lungdb.loading.labels.outcome import Report, in_words
from lungdb.loading.labels.patients import store_labels
from lungdb.loading.tables import Header, LineError, read_lines, whole_number

UNKNOWN, BENIGN, PRIMARY, METASTATIC = range(4)
"""The codes of the column *Diagnosis at the Patient Level*."""


def read_diagnoses(path: Path, header: Header, columns: tuple[str, str]) -> dict[str, int]:
    """Read the diagnoses of patients; those of nodules are left alone.

    Parameters
    ----------
    columns : tuple of str
        The columns of the id and of the diagnosis at the patient level.

    Returns
    -------
    dict of str to int
        Id -> `UNKNOWN`, `BENIGN`, `PRIMARY` or `METASTATIC`, in the order of the file.

    Raises
    ------
    LungdbError
        The file cannot be read, or a line is wrong; errors name lines, never ids.
    """
    diagnoses: dict[str, int] = {}

    def add(key: str, values: dict[str, str]) -> None:
        text = values[columns[1]]
        code = UNKNOWN if is_missing(text) else whole_number(text)
        if code is None or code > METASTATIC:
            raise LineError("has a diagnosis at the patient level that is not 0 to 3")
        if diagnoses.setdefault(key, code) != code:
            raise LineError("contradicts an earlier line with its id")

    read_lines(path, "diagnoses", header, columns, add)
    return diagnoses


def store_diagnoses(
    connection: Connection, diagnoses: Mapping[str, int], metastatic: int | None, name: str, key: str
) -> Report:
    """Give patients the labels that follow from their diagnoses, in one transaction.

    Parameters
    ----------
    diagnoses : mapping of str to int
        PatientID as in the DICOM files -> code.
    metastatic : int or None
        Label of a metastasis, which is a cancer in the lung but no lung cancer; None for no label.
    name : str
        Where they come from: the file's name.
    key : str
        The site's id_key.

    Raises
    ------
    LungdbError
        No diagnosis gives a label, none of those that do is of a patient of the database, or `key` is not the key that
        the patients were loaded with.
    """
    label_of = {BENIGN: 0, PRIMARY: 1} | ({} if metastatic is None else {METASTATIC: metastatic})
    labels = {raw: label_of[code] for raw, code in diagnoses.items() if code in label_of}
    without = [code for code in diagnoses.values() if code not in label_of]
    left = in_words(
        {
            "patients of unknown diagnosis": without.count(UNKNOWN),
            "patients with a metastasis (see --metastatic)": without.count(METASTATIC),
        }
    )
    if not labels:
        raise LungdbError(f"No diagnosis of '{name}' gives a label: {left}. Nothing has been changed.")
    report = store_labels(connection, labels, name, key)
    lines = [f"No label follows for {left}. They keep the label that they had, if any."] if left else []
    return replace(report, lines=[*report.lines, *lines])
