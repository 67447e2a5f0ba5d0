"""Tables of an export back into a database: labels, data sets and scores, each all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lungdb.database import Connection, run
from lungdb.database.retrying import committed, retried
from lungdb.errors import LungdbError
from lungdb.exporting import columns
from lungdb.exporting.reading import identity_of
from lungdb.exporting.tables import Row, read_table

_LOCK_SCANS = "SELECT COALESCE(MAX(idx), -1) FROM dbo.patients WITH (UPDLOCK, HOLDLOCK);"
_SCANS = "SELECT series_uid, scan_id, content_sha256 FROM dbo.scans;"
_PATIENTS = "SELECT patient_id, patient_id FROM dbo.patients;"
_VERSIONS = (
    "SELECT v.version, m.scan_id FROM dbo.dataset_list AS v INNER JOIN dbo.dataset_scans AS m ON m.name = v.name "
    "AND m.version = v.version WHERE v.name = ?;"
)
_MEMBERS_TABLE = "DROP TABLE IF EXISTS #taken_members; CREATE TABLE #taken_members (scan_id INT NOT NULL PRIMARY KEY);"
_CREATE = "EXECUTE dbo.CreateDataset @Name = ?, @Query = N'SELECT scan_id FROM #taken_members';"
_SCORES_TABLE = """
DROP TABLE IF EXISTS #taken_scores;
CREATE TABLE #taken_scores (
    place INT NOT NULL PRIMARY KEY, series_uid NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL,
    model_name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL, model_version INT NOT NULL,
    model_sha256 VARBINARY(32) NOT NULL, predicted_at DATETIME2(3) NOT NULL, probability FLOAT NULL,
    raw_probability FLOAT NULL, prevalence FLOAT NULL, predicted FLOAT NULL,
    scope VARCHAR(7) COLLATE DATABASE_DEFAULT NULL, scope_reason NVARCHAR(400) COLLATE DATABASE_DEFAULT NULL,
    predicted_by NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL, vector_sha256 VARBINARY(32) NULL);
"""
_INSERT_SCORE = f"INSERT INTO #taken_scores VALUES ({', '.join('?' * 14)});"
_LABELS: Mapping[str, tuple[str, str, str]] = {
    "labels": ("patient_id", "label", _PATIENTS),
    "numeric_labels": ("patient_id", "value", _PATIENTS),
    "scan_labels": ("scan_id, horizon_days", "label", _SCANS),
}
"""Table -> its key, its value, and the query of what its key is found by."""


@dataclass(frozen=True)
class Taken:
    """What became of the rows of a table: added, there already, and of scans or patients that are not here."""

    added: int
    there: int
    unknown: int

    def __str__(self) -> str:
        """Say it."""
        passed = f", {self.unknown} of scans or patients that are not here" if self.unknown else ""
        return f"{self.added} added, {self.there} there already{passed}"


def check_identity(connection: Connection, manifest: Mapping[str, Any]) -> None:
    """Take over how ids are stored where the database holds nobody yet, and refuse another way.

    Raises
    ------
    LungdbError
        The ids of the export cannot be those of the database: another mode, or hashed with another key.
    """
    identity = manifest.get("identity") or {}
    here = identity_of(connection)
    if identity.get("mode") is None or here == identity:
        return
    if here["mode"] is None and not run(connection, "SELECT COUNT(*) FROM dbo.patients;")[0].scalar():
        sql = "EXECUTE dbo.StoreIdentity @Mode = ?, @KeyCheck = ?;"
        run(connection, sql, (identity["mode"], identity["key_check"]))
        return
    raise LungdbError(
        "The ids of this export are stored otherwise than those of the database: kept as they are in one and hashed in "
        "the other, or hashed with another key. Scans and patients cannot be told by them. Use another database."
    )


def take_labels(connection: Connection, folder: Path, name: str) -> Taken | None:
    """Take one of the tables of labels in one transaction; None where it was not exported.

    Raises
    ------
    LungdbError
        A label is here with another value; nothing is changed then.
    """
    table = next(each for each in columns.TABLES if each.name == name)
    rows = [row for chunk in read_table(folder, name, table.columns) for row in chunk]
    if not rows and not any(folder.glob(f"{name}.*")):
        return None
    key, value, find = _LABELS[name]
    width = len(key.split(","))

    def store() -> Taken:
        run(connection, _LOCK_SCANS)
        known = {row[0]: row[1] for row in run(connection, find)[0].rows}
        wanted = {(known[row[0]], *row[1:width]): row[width:] for row in rows if row[0] in known}
        present = {
            tuple(row[:-1]): row[-1] for row in run(connection, f"SELECT {key}, {value} FROM dbo.{name};")[0].rows
        }
        others = sum(1 for each, (given, _) in wanted.items() if each in present and present[each] != given)
        if others:
            raise LungdbError(
                f"{others} rows of {name} are here with another value than in the export. Nothing of it is taken. "
                "Load the right ones with lungdb load-labels first."
            )
        new = [(*each, *given) for each, given in wanted.items() if each not in present]
        marks = ", ".join("?" * (width + 2))
        _insert(connection, f"INSERT INTO dbo.{name} ({key}, {value}, source) VALUES ({marks});", new)
        return Taken(len(new), len(wanted) - len(new), len(rows) - len(wanted))

    return committed(connection, store)[0]


def take_datasets(connection: Connection, folder: Path, say: Callable[[str], None]) -> Taken | None:
    """Take data sets of scans, each version by CreateDataset, oldest first; None where they were not exported.

    Raises
    ------
    LungdbError
        Members are not here or have other slices, or the name is that of another data set; versions before it stay.
    """
    if not any(folder.glob("dataset_members.*")):
        return None
    versions: dict[tuple[str, int], list[Row]] = {}
    for chunk in read_table(folder, "dataset_members", columns.MEMBERS):
        for row in chunk:
            versions.setdefault((row[0], row[1]), []).append(row)
    scans = {uid: (scan_id, bytes(sha256).hex()) for uid, scan_id, sha256 in run(connection, _SCANS)[0].rows}
    added = there = 0
    for (name, _), members in sorted(versions.items()):
        wanted = _members(name, members, scans)
        found: dict[int, set[int]] = {}
        for version, scan_id in run(connection, _VERSIONS, (name,))[0].rows:
            found.setdefault(version, set()).add(scan_id)
        if wanted in found.values():
            there += 1
            continue
        exported = [_members(name, each, scans) for (other, _), each in versions.items() if other == name]
        if found and not any(each in exported for each in found.values()):
            raise LungdbError(f"The data set '{name}' is here with other members. Delete it, or leave datasets out.")
        run(connection, _MEMBERS_TABLE)
        _insert(connection, "INSERT INTO #taken_members (scan_id) VALUES (?);", [(each,) for each in sorted(wanted)])
        run(connection, _CREATE, (name,), lambda message: say(message.text))
        added += 1
    return Taken(added, there, 0)


def take_scores(connection: Connection, folder: Path) -> Taken | None:
    """Take scores by TakeScores, all or none; None where they were not exported.

    Raises
    ------
    SqlError
        Their model is not here, or other scores of the same time are.
    """
    if not any(folder.glob("scores.*")):
        return None
    table = next(each for each in columns.TABLES if each.name == "scores")
    places = [place for place, each in enumerate(table.columns) if each.name != "patient_id"]
    hashes = {place for place, each in enumerate(table.columns) if each.kind == "hash"}

    def take() -> Taken:
        run(connection, _SCORES_TABLE)
        count = 0
        for chunk in read_table(folder, "scores", table.columns):
            rows = [
                (count + number, *[_blob(row[place]) if place in hashes else row[place] for place in places])
                for number, row in enumerate(chunk)
            ]
            _insert(connection, _INSERT_SCORE, rows)
            count += len(rows)
        return Taken(*run(connection, "EXECUTE dbo.TakeScores @Rows = ?;", (count,))[-1].rows[0])

    return retried(take, connection)


def _members(name: str, rows: Iterable[Row], scans: Mapping[str, tuple[int, str]]) -> set[int]:
    members, missing, other = set(), 0, 0
    for row in rows:
        scan_id, sha256 = scans.get(row[2], (0, ""))
        members.add(scan_id)
        missing += not scan_id
        other += bool(scan_id) and sha256 != row[3]
    if missing or other:
        raise LungdbError(
            f"Of the data set '{name}' {missing} scans are not here and {other} have other slices. Load them first, or "
            "import an export with their volumes."
        )
    return members


def _insert(connection: Connection, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        with closing(connection.cursor()) as cursor:
            cursor.executemany(sql, rows)


def _blob(value: str | None) -> bytes | None:
    return None if value is None else bytes.fromhex(value)
