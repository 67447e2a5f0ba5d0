"""What an export reads: the scans that are asked for, and the rows of the tables about them, a chunk at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from lungdb.database import Connection, run
from lungdb.errors import LungdbError, SqlError
from lungdb.exporting.columns import OF_MODEL, Table
from lungdb.exporting.tables import Row

AT_ONCE = 500
"""Scans or patients of a query: SQL Server takes 2,100 parameters in a statement."""
_DENIED = (229, 230, 262, 297, 300, 371)
"""SQL Server's numbers for a right that the login lacks."""
_SCANS = "SELECT scan_id, series_uid, patient_id, content_sha256 FROM dbo.scans;"
_MEMBERS = "SELECT scan_id, is_unchanged FROM dbo.dataset_scans WHERE name = ? AND is_newest = 1;"
_VERSIONS_OF_MODEL = (
    f"{OF_MODEL}SELECT COUNT(*) FROM dbo.model_versions "
    "WHERE name = @Model AND (@Version IS NULL OR version = @Version);"
)
_VERSIONS = (
    "DECLARE @Name NVARCHAR(128) = ?; SELECT name, version, members, chosen_by, created_at, created_by, kind "
    "FROM dbo.dataset_list "
    "WHERE @Name IS NULL OR (name = @Name AND is_newest = 1) ORDER BY name, version;"
)
_ALL_MEMBERS = "SELECT scan_id, is_unchanged FROM dbo.dataset_scans WHERE name = ? AND version = ?;"
_IDENTITY = "SELECT name, value FROM dbo.settings WHERE name IN (N'id_mode', N'id_key_check');"


@dataclass(frozen=True)
class KnownScan:
    """A scan that is exported.

    Attributes
    ----------
    series_uid, patient_id : str
        As the database has them.
    content_sha256 : bytes
    """

    scan_id: int
    series_uid: str
    patient_id: str
    content_sha256: bytes


@dataclass(frozen=True)
class Chosen:
    """What is exported.

    Attributes
    ----------
    scans : list of KnownScan
        By series_uid, so that two databases with the same content give the same files.
    dataset : str or None
        The data set that they are of.
    model, version
        Scores of this model and version alone; None is all.
    """

    scans: list[KnownScan]
    dataset: str | None = None
    model: str | None = None
    version: int | None = None


@contextmanager
def rights(what: str, role: str) -> Iterator[None]:
    """Say in a sentence what a login may not see, and which role sees it."""
    try:
        yield
    except SqlError as error:
        if error.number not in _DENIED:
            raise
        raise LungdbError(
            f"This login may not see {what}, so nothing was exported. Ask for the role lungdb_{role}; docs/rights.md "
            "says what it may."
        ) from error


def choose(connection: Connection, dataset: str | None, model: str | None, version: int | None) -> Chosen:
    """Find the scans of a data set, or all, and check that the model is there.

    Raises
    ------
    LungdbError
        There is no such data set or model, scans of it changed since, or there are no scans.
    """
    with rights("scans and patients", "trainer"):
        scans = [KnownScan(a, b, c, bytes(d)) for a, b, c, d in run(connection, _SCANS)[0].rows]
    if dataset is not None:
        members = _unchanged(connection, dataset, _MEMBERS, (dataset,))
        if not members:
            raise LungdbError(
                f"There is no data set of scans '{dataset}'. dbo.dataset_list lists those that there are."
            )
        scans = [scan for scan in scans if scan.scan_id in members]
    if not scans:
        raise LungdbError("The database holds no scans, so there is nothing to export. Run: lungdb load-scans")
    if model is not None and not run(connection, _VERSIONS_OF_MODEL, (model, version))[0].scalar():
        of = "" if version is None else f" with the version {version}"
        raise LungdbError(f"There is no model '{model}'{of}. dbo.model_versions lists those that there are.")
    return Chosen(sorted(scans, key=lambda scan: scan.series_uid), dataset, model, version)


def identity_of(connection: Connection) -> dict[str, str | None]:
    """Return how ids are stored: the mode, and the check of the key where they are hashed; None where not readable."""
    try:
        stored = dict(run(connection, _IDENTITY)[0].rows)
    except SqlError as error:
        if error.number not in _DENIED:
            raise
        stored = {}
    return {"mode": stored.get("id_mode"), "key_check": stored.get("id_key_check")}


def rows_of(connection: Connection, table: Table, chosen: Chosen) -> Iterator[list[Row]]:
    """Read the rows of a table about the scans or their patients, in the order of its key."""
    keys: list[Any]
    if table.by == "scan":
        keys = [scan.scan_id for scan in chosen.scans]
    else:
        keys = sorted({scan.patient_id for scan in chosen.scans})
    for part in parts(keys):
        sql = table.sql.replace("IN (?)", f"IN ({', '.join('?' * len(part))})")
        with rights(f"{table.part} of scans", "trainer"):
            rows = run(connection, sql, (*(model_of(chosen) if sql.startswith(OF_MODEL) else ()), *part))[0].rows
        yield sorted(rows, key=lambda row: [_sortable(row[place]) for place in table.key])


def datasets(connection: Connection, chosen: Chosen) -> tuple[list[Row], list[Row], list[str]]:
    """Read data sets of scans and their members.

    Returns
    -------
    list of tuple, list of tuple
        Rows of `columns.DATASETS` and `columns.MEMBERS`.
    list of str
        What is left out: data sets of other kinds.
    """
    known = {scan.scan_id: scan for scan in chosen.scans}
    versions: list[Row] = []
    members: list[Row] = []
    others = set()
    for *facts, kind in run(connection, _VERSIONS, (chosen.dataset,))[0].rows:
        name, version = str(facts[0]), facts[1]
        if kind != "scans":
            others.add(name)
            continue
        found = _unchanged(connection, name, _ALL_MEMBERS, (name, version))
        versions.append(tuple(facts))
        if not found <= known.keys():
            raise LungdbError(f"The data set '{name}' got other members while it was read. Export again.")
        scans = sorted((known[scan_id] for scan_id in found), key=lambda scan: scan.series_uid)
        members += [(name, version, scan.series_uid, scan.content_sha256) for scan in scans]
    return versions, members, sorted(others)


def model_of(chosen: Chosen) -> tuple[str | None, int | None]:
    """Return the values of `columns.OF_MODEL`."""
    return chosen.model, chosen.version


def parts(keys: Sequence[Any], size: int = AT_ONCE) -> Iterator[Sequence[Any]]:
    """Divide keys into parts that one query takes."""
    for start in range(0, len(keys), size):
        yield keys[start : start + size]


def _unchanged(connection: Connection, name: str, sql: str, parameters: Sequence[Any]) -> set[int]:
    rows = run(connection, sql, parameters)[0].rows
    gone = sum(1 for _, is_unchanged in rows if not is_unchanged)
    if gone:
        raise LungdbError(
            f"Of the data set '{name}' {gone} scans were replaced or removed since it was made. Make a new version "
            "with dbo.CreateDataset, and name another with --dataset, or delete the version."
        )
    return {int(scan_id) for scan_id, _ in rows}


def _sortable(value: Any) -> tuple[bool, Any]:
    return value is not None, value
