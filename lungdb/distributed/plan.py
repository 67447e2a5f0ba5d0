"""What a cohort costs: rates measured on this machine, and what follows from them for so many series."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lungdb.database import Connection, connect, install, run
from lungdb.database.site import set_setting
from lungdb.dicom.identity import Identity
from lungdb.dicom.limits import Limits
from lungdb.dicom.processes import start_workers
from lungdb.errors import LungdbError, SqlError
from lungdb.loading.networks import Wish, load_network
from lungdb.loading.scan_options import Options
from lungdb.loading.scans import load_folder

_SLICES = "SELECT COUNT(*), SUM(CAST(DATALENGTH(pixels) AS BIGINT)) FROM dbo.scan_images;"
_ARRAYS = "SELECT SUM(CAST(DATALENGTH(array) AS BIGINT)) FROM dbo.features;"
_VECTORS = """
SELECT SUM(CAST(DATALENGTH(vector) AS BIGINT)) / COUNT(DISTINCT scan_id),
    SUM(LEN(vector) - LEN(REPLACE(vector, N',', N'')) + 1) / COUNT(DISTINCT scan_id)
FROM dbo.pooled_features;
"""
_MAKE = "EXECUTE dbo.GenerateFeatures @ModelName = N'measured', @Layer = ?, @Pooling = ?, @Recompute = ?;"
_ONE_SCAN = """
INSERT INTO dbo.patients (patient_id, idx) VALUES (?, ?);
INSERT INTO dbo.scans
    (patient_id, is_primary, series_uid, study_uid, image_rows, image_cols, number_images, content_sha256)
VALUES (?, 1, ?, N'1.2', 1, 1, ?, 0x00);
DECLARE @Id INT = SCOPE_IDENTITY();
INSERT INTO dbo.features (scan_id, feature_set_id, array_rows, array_cols, array, sha256, patient_id)
SELECT @Id, feature_set_id, ?, array_cols, ?, HASHBYTES('SHA2_256', CAST(? AS VARBINARY(MAX))), ?
FROM dbo.features WHERE scan_id = (SELECT MIN(scan_id) FROM dbo.features);
INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector, vector_sha256)
SELECT @Id, feature_set_id, pooling, vector, vector_sha256
FROM dbo.pooled_features WHERE scan_id = (SELECT MIN(scan_id) FROM dbo.pooled_features);
"""
_LOADED = 40


@dataclass(frozen=True)
class Rates:
    """What was measured, on one core of this machine.

    Attributes
    ----------
    slices : int
        Of phantoms, 512 × 512, that it was measured on.
    read, featurized : float
        Slices a second that are read and decoded; that a network makes features of.
    loaded : float
        Series a second whose features are inserted, on the embedded engine.
    dicom_bytes, stored_bytes, array_bytes : float
        Bytes of a slice: in its file, as dbo.scan_images stores it, and of the features' arrays of all layers.
    vector_bytes, vector_values : float
        Bytes of a series' pooled vectors in the database, and how many numbers they have.
    """

    slices: int
    read: float
    featurized: float
    loaded: float
    dicom_bytes: float
    stored_bytes: float
    array_bytes: float
    vector_bytes: float
    vector_values: float


@dataclass(frozen=True)
class Cohort:
    """So many series of so many slices, and the hours in which they are to be done, if that is said."""

    series: int
    slices: int
    deadline: float | None = None


@dataclass(frozen=True)
class Cost:
    """What follows for a cohort: hours of one core, executors of one core each, bytes, and seconds of one loader."""

    core_hours: float
    executors: int | None
    dicom_bytes: float
    parquet_bytes: float
    features_bytes: float
    slices_bytes: float
    load_seconds: float


def cost_of(rates: Rates, cohort: Cohort) -> Cost:
    """Extrapolate: every figure grows in proportion to slices or series, and executors share without loss."""
    slices = cohort.series * cohort.slices
    hours = slices * (1 / rates.read + 1 / rates.featurized) / 3600
    arrays = slices * rates.array_bytes
    return Cost(
        hours,
        None if cohort.deadline is None else max(1, math.ceil(hours / cohort.deadline)),
        slices * rates.dicom_bytes,
        arrays + cohort.series * rates.vector_values * 4,
        arrays + cohort.series * rates.vector_bytes,
        slices * rates.stored_bytes,
        cohort.series / rates.loaded,
    )


def lines_of(rates: Rates, cohort: Cohort) -> list[str]:
    """Say what was measured, what follows, and what nobody has measured."""
    cost = cost_of(rates, cohort)
    lines = [
        f"Measured now, on one core of this machine, with {rates.slices} slices of phantoms of 512 × 512:",
        f"  read and decoded       {rates.read:14.6g} slices/s",
        f"  features               {rates.featurized:14.6g} slices/s",
        f"  features inserted      {rates.loaded:14.6g} series/s, embedded engine, one connection",
        f"  DICOM                  {rates.dicom_bytes:14.6g} bytes/slice, not compressed",
        f"  slices in the database {rates.stored_bytes:14.6g} bytes/slice",
        f"  arrays of features     {rates.array_bytes:14.6g} bytes/slice",
        f"  vectors                {rates.vector_bytes:14.6g} bytes/series in the database, "
        f"{rates.vector_values:.6g} numbers",
        f"Extrapolated to {cohort.series:,} series of {cohort.slices:,} slices, in proportion:",
        f"  work                   {cost.core_hours:14.6g} core hours, reading and features",
    ]
    if cost.executors is not None:
        lines.append(f"  executors of one core  {cost.executors:14,} to be done in {cohort.deadline:g} hours")
    return [
        *lines,
        f"  DICOM                  {cost.dicom_bytes / 1e9:14.6g} GB",
        f"  Parquet of features    {cost.parquet_bytes / 1e9:14.6g} GB",
        f"  features in a database {cost.features_bytes / 1e9:14.6g} GB",
        f"  slices in a database   {cost.slices_bytes / 1e9:14.6g} GB more, where they are loaded too",
        f"  to load the features   {cost.load_seconds:14.6g} s",
        "Not measured: other machines, storage and networks that many executors share, the start of Spark, compressed "
        "DICOM, SQL Server. Executors are taken to share the work without loss.",
    ]


def measure(phantoms: Path, network: str, layer: str | None, pooling: str, slices: int, folder: Path) -> Rates:
    """Load phantoms, make their features and insert rows of features, with one core, in a database of its own.

    Parameters
    ----------
    phantoms : Path
        Folder of DICOM files.
    slices : int
        Of the series that are planned: how large a row of features is.
    folder : Path
        For the database.

    Raises
    ------
    LungdbError
        The network cannot be loaded, or has no such layer or pooling.
    """
    target = f"sqlite:///{(folder / 'plan.db').as_posix()}"
    with closing(connect(target)) as connection:
        install(connection)
        set_setting(connection, "threads", "1")
        load_network(target, Wish(source=network, name="measured"), lambda *_: None)
        read = _read(connection, phantoms)
        count, stored = run(connection, _SLICES)[0].rows[0]
        make = partial(_make_features, connection, layer, pooling)
        make(False)  # which starts a process and a session
        featurized = count / _seconds(lambda: make(True))
        arrays = run(connection, _ARRAYS)[0].scalar()
        vector_bytes, values = run(connection, _VECTORS)[0].rows[0]
        of_slice = arrays / count
        loaded = _LOADED / _seconds(lambda: _insert(connection, slices, of_slice))
    sizes = sum(file.stat().st_size for file in phantoms.rglob("*.dcm"))
    return Rates(count, count / read, featurized, loaded, sizes / count, stored / count, of_slice, vector_bytes, values)


def _read(connection: Connection, phantoms: Path) -> float:
    """Load the phantoms, and give the seconds of reading and decoding them alone."""
    options = Options(dry_run=True)
    identity = Identity("kept", "")
    with start_workers(1, Limits()) as workers:
        load_folder(connection, phantoms, identity, options, workers)  # starts the process
        found = _seconds(lambda: load_folder(connection, phantoms, identity, options, workers))
        load_folder(connection, phantoms, identity, Options(), workers)
    return found


def _make_features(connection: Connection, layer: str | None, pooling: str, again: bool) -> None:
    try:
        run(connection, _MAKE, (layer, pooling, int(again)))
    except SqlError as error:
        raise LungdbError(error.message) from None


def _insert(connection: Connection, slices: int, bytes_of_slice: float) -> None:
    """Insert series of the planned size as a load of features does, in one transaction."""
    array = bytes(max(4, round(slices * bytes_of_slice)))
    run(connection, "BEGIN TRANSACTION;")
    for place in range(_LOADED):
        name = f"planned {place}"
        values: tuple[Any, ...] = (name, 1000 + place, name, f"1.2.{place}", slices, slices, array, array, name)
        run(connection, _ONE_SCAN, values)
    run(connection, "COMMIT TRANSACTION;")


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
