"""The loading of features that were made outside of a database: a chunk of rows in one transaction each."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from lungdb.config import load_settings
from lungdb.database import Connection, run
from lungdb.database.bulk import insert_rows
from lungdb.database.retrying import committed, retried
from lungdb.dicom.identity import Identity
from lungdb.dicom.rejection import RejectedError
from lungdb.errors import LungdbError, escaped
from lungdb.loading.feature_description import Description
from lungdb.loading.feature_folder import FeatureFolder, FeatureRow, Times
from lungdb.loading.scan_columns import scan_of
from lungdb.loading.scan_store import EncodedScan, lock_patient, put_scan
from lungdb.loading.site_identity import settle_identity
from lungdb.loading.studies import Settling, read_rule

_IS_THERE = "SELECT COL_LENGTH(N'dbo.scans', N'source_uri') AS there;"
_NETWORKS = "SELECT network_id, name FROM dbo.networks WHERE sha256 = ? ORDER BY network_id DESC;"
_PREPROCESSING = "SELECT digest FROM dbo.preprocessings WHERE name = ?;"
_POOLINGS = "SELECT pooling, times, width FROM dbo.poolings WHERE pooling <> N'combined' AND network_id IS NULL;"
_WIDTHS = "SELECT layer, width FROM dbo.feature_sets WHERE network_id = ? AND preprocessing = ?;"
# A load that was killed has lost its lock.
_CLEAN = """
DELETE FROM dbo.staged_features
WHERE load_id IN (
    SELECT d.load_id FROM (SELECT DISTINCT load_id FROM dbo.staged_features) AS d
    WHERE APPLOCK_TEST('public', CONCAT(N'lungdb staged ', d.load_id), 'Exclusive', 'Session') = 1);
"""
# Again for every chunk, because a connection that was lost has lost the lock.
_EMPTY = """
DECLARE @Load CHAR(32) = ?, @Lock NVARCHAR(64);
SET @Lock = CONCAT(N'lungdb staged ', @Load);
IF APPLOCK_MODE('public', @Lock, 'Session') <> 'Exclusive'
    EXECUTE sp_getapplock @Resource = @Lock, @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 0;
DELETE FROM dbo.staged_features WHERE load_id = @Load;
"""
_END = """
DECLARE @Load CHAR(32) = ?, @Lock NVARCHAR(64);
SET @Lock = CONCAT(N'lungdb staged ', @Load);
DELETE FROM dbo.staged_features WHERE load_id = @Load;
IF APPLOCK_MODE('public', @Lock, 'Session') = 'Exclusive'
    EXECUTE sp_releaseapplock @Resource = @Lock, @LockOwner = 'Session';
"""
_LEAVE_OUT = "DELETE FROM dbo.staged_features WHERE load_id = ? AND series_uid = ?;"
_STORE = (
    "EXECUTE dbo.StoreStagedFeatures @LoadId = ?, @NetworkId = ?, @Preprocessing = ?, @Digest = ?, @Rows = ?, "
    "@Replace = ?;"
)
_INSERT = """
INSERT INTO dbo.staged_features (
    load_id, place, series_uid, content_sha256, layer, array_rows, array_cols, array, sha256, pooled
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);
"""


@dataclass
class Report:
    """What became of a folder of features.

    Attributes
    ----------
    scans : Counter
        How many scans were loaded, replaced, unchanged.
    rows : Counter
        How many rows, a scan and layer each, were stored, replaced, unchanged, refused.
    refused : list of str
        Where rows lie that were refused because the database holds other features of the scan.
    rejected : Counter
        Reason of `lungdb.dicom.rejection` -> scans that were not taken.
    failed : Counter
        Why the job could not make features -> series.
    """

    scans: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)
    rejected: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class _Target:
    """What the rows of a load have in common in the database."""

    load_id: str
    network_id: int
    folder: Description
    settling: Settling
    replace: bool


def load_features(
    connection: Connection,
    folder: FeatureFolder,
    *,
    replace: bool = False,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> Report:
    """Load a folder of features; each chunk of rows is one transaction, so a load that was ended is begun again.

    Parameters
    ----------
    replace : bool
        Replace features that differ, and scans without pixels here that have another content.
    on_progress : callable, optional
        Called with what is counted, how many rows are done and how many there are.

    Raises
    ------
    LungdbError
        The folder does not fit the database, or a row is wrong; chunks before it are stored.
    """
    if retried(lambda: run(connection, _IS_THERE)[0].scalar(), connection) is None:
        raise LungdbError("The database is of an earlier version, which loads no features. Run: lungdb install")
    description, report = folder.description, Report()
    rule = retried(lambda: read_rule(connection, None), connection)
    network_id, times = retried(lambda: _find(connection, description), connection)
    _settle_identity(connection, description)
    target = _Target(uuid.uuid4().hex, network_id, description, Settling(rule), replace)
    retried(lambda: run(connection, _CLEAN), connection)
    done = 0
    try:
        for chunk in folder.chunks(times):
            _load_chunk(connection, target, chunk, report)
            done += len(chunk)
            if on_progress is not None:
                on_progress("rows of features", done, folder.rows)
    except BaseException:
        with suppress(LungdbError):  # the error that led here is the one to report
            run(connection, _END, (target.load_id,))
        raise
    retried(lambda: run(connection, _END, (target.load_id,)), connection)
    return report


def _find(connection: Connection, folder: Description) -> tuple[int, Times]:
    """Return the network's number, and of each pooling how many numbers it makes of a feature, or of all.

    Raises
    ------
    LungdbError
        The database has no such network, preprocessing or pooling, or features of another width.
    """
    networks = run(connection, _NETWORKS, (folder.network_sha256,))[0].rows
    if not networks:
        raise LungdbError(
            f"The database has no network with the SHA-256 {folder.network_sha256.hex()}, which made these features "
            f"as '{escaped(folder.network_name)}'. Load it first with lungdb load-network."
        )
    network_id = next((number for number, name in networks if name == folder.network_name), networks[0][0])
    digests = [row[0] for row in run(connection, _PREPROCESSING, (folder.preprocessing,))[0].rows]
    if not digests:
        raise LungdbError(
            f"The database has no preprocessing '{escaped(folder.preprocessing)}', which these features were made "
            "with. Store it first with EXECUTE dbo.StorePreprocessing."
        )
    if folder.digest is not None and bytes(digests[0]) != folder.digest:
        raise LungdbError(
            f"The preprocessing '{escaped(folder.preprocessing)}' has other steps in the database than these features "
            "were made with. Make them again with its steps, or store those under another name."
        )
    times = {name: (int(number), width) for name, number, width in run(connection, _POOLINGS)[0].rows}
    unknown = [name for name in folder.poolings if name not in times]
    if unknown:
        raise LungdbError(
            f"The database does not know the pooling '{escaped(unknown[0])}'. Supported are "
            f"{', '.join(sorted(times))}; EXECUTE dbo.RegisterExtensions adds those of packages."
        )
    widths = dict(run(connection, _WIDTHS, (network_id, folder.preprocessing))[0].rows)
    for name, width in folder.layers.values():
        if widths.get(name, width) != width:
            raise LungdbError(
                f"The layer '{escaped(name)}' has {widths[name]} features in the database, and {width} in the folder. "
                "Make the features again with the network that is stored."
            )
    return int(network_id), times


def _settle_identity(connection: Connection, folder: Description) -> None:
    identity = Identity(folder.id_mode, load_settings().id_key)
    if folder.id_mode == "keyed" and identity.key_check != folder.key_check:
        raise LungdbError(
            "The features were made with another id_key than is set here, so that patients would not be recognised. "
            "Set the one that they were made with in config.py or LUNGDB_ID_KEY."
        )
    try:
        settle_identity(connection, identity)
    except LungdbError as error:
        if "--keep-ids" not in str(error):
            raise
        raise LungdbError(
            f"The patient ids of these features are {folder.id_mode}, and those of the database are not. Make the "
            "features with the identity of the database, or use another database."
        ) from error


def _load_chunk(connection: Connection, target: _Target, chunk: Sequence[FeatureRow], report: Report) -> None:
    report.failed.update(row.error for row in chunk if row.error)
    rows = _distinct([row for row in chunk if not row.error], report)
    if not rows:
        return
    scans: dict[str, EncodedScan] = {}
    for row in rows:
        scan = scan_of(row, target.folder.source, target.settling)
        if scans.setdefault(row.series_uid, scan) != scan:
            raise LungdbError(
                f"{row.where} says something else of its scan than an earlier row of it. Make the features again."
            )
    staged = [
        (target.load_id, place, row.series_uid, row.content_sha256, row.layer_name, row.array_rows, row.array_cols,
         row.array, row.sha256, row.pooled)
        for place, row in enumerate(rows)
    ]  # fmt: skip
    retried(partial(_stage, connection, target.load_id, staged), connection)
    outcomes, rejected, stored = committed(connection, partial(_store, connection, target, scans, rows))[0]
    report.scans.update(outcomes.values())
    report.rejected.update(rejected.values())
    report.rows.update(stored.values())
    report.refused += [rows[place].where for place, outcome in stored.items() if outcome == "refused"]


def _distinct(rows: Sequence[FeatureRow], report: Report) -> list[FeatureRow]:
    """Leave out what a job that was done again wrote twice.

    Raises
    ------
    LungdbError
        The two differ.
    """
    found: dict[tuple[str, str], FeatureRow] = {}
    for row in rows:
        first = found.setdefault((row.series_uid, row.layer_name), row)
        if first is row:
            continue
        if (first.sha256, first.pooled, first.content_sha256) != (row.sha256, row.pooled, row.content_sha256):
            raise LungdbError(
                f"{row.where} differs from an earlier row of its series and layer. Make the features again."
            )
        report.rows["unchanged"] += 1
    return list(found.values())


def _stage(connection: Connection, load_id: str, rows: Sequence[tuple[Any, ...]]) -> None:
    run(connection, _EMPTY, (load_id,))
    insert_rows(connection, _INSERT, rows)


def _store(
    connection: Connection, target: _Target, scans: Mapping[str, EncodedScan], rows: Sequence[FeatureRow]
) -> tuple[dict[str, str], dict[str, str], dict[int, str]]:
    """Store the scans of a chunk and their features; return what became of each, and of each place among the rows."""
    # All locks first, and always in this order, so that nobody waits crosswise.
    for patient_id in sorted({scan.patient_id for scan in scans.values()}):
        lock_patient(connection, patient_id)
    outcomes: dict[str, str] = {}
    rejected: dict[str, str] = {}
    for series_uid, scan in scans.items():
        try:
            outcomes[series_uid] = put_scan(connection, scan, replace=target.replace)
        except RejectedError as error:
            rejected[series_uid] = error.reason
            run(connection, _LEAVE_OUT, (target.load_id, series_uid))
    left = sum(row.series_uid in outcomes for row in rows)
    values = (
        target.load_id,
        target.network_id,
        target.folder.preprocessing,
        target.folder.digest,
        left,
        target.replace,
    )
    stored = {int(place): str(outcome) for place, outcome in run(connection, _STORE, values)[-1].rows}
    return outcomes, rejected, stored
