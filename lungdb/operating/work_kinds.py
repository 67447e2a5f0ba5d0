"""What a worker beside the server can make: features of scans, and of pictures.

Each kind has temporary tables of its own, under the same names, which the procedures fill and read, and the function
that the script of its procedure calls.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from lungdb.procedures import features_and_nodules, featurize_images, measured

# Made without parameters, because ODBC runs a batch with some as a procedure, at whose end its #temp tables go.
COMMON_TABLES = """
CREATE TABLE #job (
    work_id INT NOT NULL, procedure_name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL, run_id INT NULL,
    worker NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL, network_id INT NOT NULL,
    layer NVARCHAR(256) COLLATE DATABASE_DEFAULT NOT NULL, preprocessing NVARCHAR(32) COLLATE DATABASE_DEFAULT NULL,
    digest VARBINARY(32) NULL, pooling NVARCHAR(128) COLLATE DATABASE_DEFAULT NULL, recompute BIT NOT NULL,
    packages NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NULL, started DATETIME2(3) NOT NULL, total INT NOT NULL,
    done INT NOT NULL, slices INT NOT NULL);
CREATE TABLE #left (work_id INT NOT NULL PRIMARY KEY, left_at DATETIME2(3) NOT NULL);
CREATE TABLE #layers (layer INT NOT NULL PRIMARY KEY, name NVARCHAR(256) COLLATE DATABASE_DEFAULT NOT NULL);
CREATE TABLE #queue (
    item NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL PRIMARY KEY, position INT NOT NULL, grp INT NOT NULL,
    bytes BIGINT NOT NULL, state VARCHAR(10) COLLATE DATABASE_DEFAULT NOT NULL, attempts INT NOT NULL,
    error_number INT NULL, error NVARCHAR(2000) COLLATE DATABASE_DEFAULT NULL);
"""
DROP_TABLES = "DROP TABLE #todo; DROP TABLE #chunk; DROP TABLE #failed; DROP TABLE #result;"


@dataclass(frozen=True)
class Kind:
    """What a worker makes.

    Attributes
    ----------
    pictures : bool
        Whether dbo.TakeWork is to lease pictures instead of scans.
    tables : str
        What makes the temporary tables of this kind.
    columns : tuple of str
        Those of #result, in order.
    make : callable
        Takes the rows that dbo.ReadWork gives, the network, its SHA-256, the row that dbo.TakeWork gives and the batch
        size; gives the result, provider, notice, error number, message, CPU seconds and peak megabytes.
    """

    pictures: bool
    tables: str
    columns: tuple[str, ...]
    make: Callable[[pd.DataFrame, bytes, str, dict[str, Any], int], tuple[Any, ...]]

    @property
    def insert(self) -> str:
        """What puts a row into #result."""
        return f"INSERT INTO #result ({', '.join(self.columns)}) VALUES ({', '.join('?' * len(self.columns))});"


def _of_scans(
    slices: pd.DataFrame, network: bytes, sha256: str, job: dict[str, Any], batch_size: int
) -> tuple[Any, ...]:
    result, provider, notice, number, message, _, *usage = measured(
        features_and_nodules,
        slices,
        network,
        sha256,
        job["details"],
        job["layer"],
        job["preprocessing"],
        job["pooling"],
        batch_size,
        job["providers"],
        job["threads"],
        0,
        job["steps"],
        job["packages"],
    )
    return result, provider, notice, number, message, *usage


def _of_pictures(
    images: pd.DataFrame, network: bytes, sha256: str, job: dict[str, Any], batch_size: int
) -> tuple[Any, ...]:
    return measured(
        featurize_images,
        images,
        network,
        sha256,
        job["details"],
        job["layer"],
        batch_size,
        job["providers"],
        job["threads"],
    )


SCANS = Kind(
    pictures=False,
    tables="""
CREATE TABLE #todo (
    scan_id INT NOT NULL PRIMARY KEY, slices INT NOT NULL, bytes BIGINT NOT NULL, is_kept BIT NOT NULL,
    kept_bytes BIGINT NOT NULL);
CREATE TABLE #chunk (
    scan_id INT NOT NULL PRIMARY KEY, slices INT NOT NULL, is_kept BIT NOT NULL, content_sha256 VARBINARY(32) NOT NULL);
CREATE TABLE #failed (
    scan_id INT NOT NULL PRIMARY KEY, error NVARCHAR(2000) COLLATE DATABASE_DEFAULT NOT NULL, is_new BIT NOT NULL,
    is_gone BIT NOT NULL);
CREATE TABLE #result (
    scan_id INT NULL, layer INT NULL, error NVARCHAR(2000) COLLATE DATABASE_DEFAULT NULL, array_rows INT NULL,
    array_cols INT NULL, array VARCHAR(MAX) COLLATE DATABASE_DEFAULT NULL,
    sha256 VARCHAR(64) COLLATE DATABASE_DEFAULT NULL, pooled NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NULL,
    nodules NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NULL);
""",
    columns=("scan_id", "layer", "error", "array_rows", "array_cols", "array", "sha256", "pooled", "nodules"),
    make=_of_scans,
)
PICTURES = Kind(
    pictures=True,
    tables="""
CREATE TABLE #todo (name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL PRIMARY KEY, bytes BIGINT NOT NULL);
CREATE TABLE #chunk (
    place INT NOT NULL PRIMARY KEY, name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL, bytes BIGINT NOT NULL,
    sha256 VARBINARY(32) NOT NULL);
CREATE TABLE #failed (
    name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL PRIMARY KEY,
    error NVARCHAR(2000) COLLATE DATABASE_DEFAULT NOT NULL, is_new BIT NOT NULL);
CREATE TABLE #result (
    place INT NULL, layer INT NULL, error NVARCHAR(2000) COLLATE DATABASE_DEFAULT NULL, array_rows INT NULL,
    array_cols INT NULL, array VARCHAR(MAX) COLLATE DATABASE_DEFAULT NULL,
    sha256 VARCHAR(64) COLLATE DATABASE_DEFAULT NULL);
""",
    columns=("place", "layer", "error", "array_rows", "array_cols", "array", "sha256"),
    make=_of_pictures,
)
