"""Reports about patients: a CSV file of them becomes dbo.reports."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from lungdb.database import Connection, run
from lungdb.database.retrying import committed
from lungdb.errors import LungdbError
from lungdb.loading.labels.outcome import Changes, source_name
from lungdb.loading.labels.patients import known_patients
from lungdb.loading.labels.scan_labels import LOCK_SCANS
from lungdb.loading.site_identity import stored_identity
from lungdb.loading.tables import LineError, find_header, read_lines

_NEEDED = ("patient_id", "text")
_MAY_HAVE = ("series_uid", "kind")
_KIND_LENGTH = 40
_SCANS = "SELECT series_uid, scan_id, patient_id FROM dbo.scans;"
_REPORTS = "SELECT patient_id, text_sha256, scan_id, kind FROM dbo.reports WITH (UPDLOCK, HOLDLOCK);"
_INSERT = (
    "INSERT INTO dbo.reports (scan_id, kind, source, text, patient_id, text_sha256) "
    "VALUES (?, ?, ?, ?, ?, HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), CAST(? AS NVARCHAR(MAX)))));"
)
_UPDATE = "UPDATE dbo.reports SET scan_id = ?, kind = ? WHERE patient_id = ? AND text_sha256 = ?;"


@dataclass(frozen=True)
class Report:
    """A line of a file.

    Attributes
    ----------
    patient_id, series_uid : str
        As in the DICOM files; `series_uid` may be empty.
    kind : str
        What the report is; may be empty.
    text : str
        What it says.
    """

    patient_id: str
    series_uid: str
    kind: str
    text: str


def read_reports(path: Path) -> list[Report]:
    """Read a file with the columns patient_id and text, and maybe series_uid and kind; a patient may be there often.

    Raises
    ------
    LungdbError
        The file cannot be read, or a line is wrong; errors name lines, never ids or texts.
    """
    header = find_header(path, "reports", _NEEDED, lambda names: set(_NEEDED) <= set(names))
    if header is None:
        raise LungdbError(
            f"'{path.name}' has no header with the columns patient_id and text. Write them as first line."
        )
    found: dict[tuple[str, str], Report] = {}

    def add(patient_id: str, values: dict[str, str]) -> None:
        kind, text = values.get("kind", ""), values["text"]
        if not text:
            raise LineError("has no text")
        if "\0" in text:
            raise LineError("has a text with a character of number 0")
        if len(kind) > _KIND_LENGTH or not kind.isprintable():
            raise LineError(f"has a kind that is longer than {_KIND_LENGTH} characters or not printable")
        report = Report(patient_id, values.get("series_uid", ""), kind, text)
        if found.setdefault((patient_id, text), report) != report:
            raise LineError("contradicts an earlier line with its id and text")

    read_lines(path, "reports", header, [*_NEEDED, *(name for name in _MAY_HAVE if name in header.columns)], add)
    return list(found.values())


def store_reports(connection: Connection, reports: Sequence[Report], name: str, key: str) -> tuple[Changes, list[str]]:
    """Store reports of patients of the database, in one transaction; one that is there gets the file's scan and kind.

    Parameters
    ----------
    name : str
        Where they come from: the file's name.
    key : str
        The site's id_key.

    Returns
    -------
    Changes
        What became of the reports of known patients.
    list of str
        Ids that are no patients.

    Raises
    ------
    LungdbError
        None of the ids is a patient, there are no patients, `key` is not the key that they were loaded with, a series
        is not there or another patient's, or beside hashed ids a text has its patient's id in it.
    """
    identity = stored_identity(connection, key)
    known, unknown = known_patients(connection, {each.patient_id: 0 for each in reports}, key)
    of_known = [(identity.patient(each.patient_id), each) for each in reports]
    of_known = [(patient, each) for patient, each in of_known if patient in known]
    if identity.mode == "keyed":
        _check_texts([each for _, each in of_known])
    source = source_name(name)

    def store() -> Changes:
        run(connection, LOCK_SCANS)
        scans = {row[0]: (row[1], row[2]) for row in run(connection, _SCANS)[0].rows}
        present = {(row[0], bytes(row[1])): (row[2], row[3]) for row in run(connection, _REPORTS)[0].rows}
        added, changed, unchanged, lost = [], [], 0, 0
        for patient, each in of_known:
            scan_id = None
            if each.series_uid:
                scan_id, owner = scans.get(identity.uid(each.series_uid), (None, None))
                lost += owner != patient
            place = (patient, hashlib.sha256(each.text.encode("utf-16-le", "surrogatepass")).digest())
            wanted = (scan_id, each.kind or None)
            if place not in present:
                added.append((*wanted, source, each.text, patient, each.text))
            elif present[place] != wanted:
                changed.append((*wanted, *place))
            else:
                unchanged += 1
        if lost:
            raise LungdbError(
                f"The series_uid of {lost} reports is no scan of their patient in the database. Load the scans first, "
                "or leave the column empty; nothing has been changed."
            )
        with closing(connection.cursor()) as cursor:
            for statement, rows in ((_INSERT, added), (_UPDATE, changed)):
                if rows:
                    cursor.executemany(statement, rows)
        return Changes(len(added), len(changed), unchanged)

    return committed(connection, store)[0], unknown


def _check_texts(reports: Sequence[Report]) -> None:
    """Refuse texts that have the id of their patient, whom the database knows by a hash alone, as a word."""
    naming = sum(bool(re.search(rf"(?<!\w){re.escape(each.patient_id)}(?!\w)", each.text, re.I)) for each in reports)
    if naming:
        raise LungdbError(
            f"{naming} texts have the id of their patient in them, and the database keeps ids as hashes. De-identify "
            "the texts; nothing has been changed."
        )
