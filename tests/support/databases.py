"""Databases for tests: where they lie, what fills them without a scan or a network, and how to look into them."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lungdb.database import Connection, run
from lungdb.embedded.running.connection import Connection as EmbeddedConnection
from lungdb.errors import SqlError

NAME = "lung_cancer_database.db"
SLICES = 3
"""Of each scan that `fill` inserts."""


def target_of(file: Path) -> str:
    """Name the embedded engine's database in a file."""
    return f"sqlite:///{file.as_posix()}"


def copy_to(folder: Path, file: Path) -> Path:
    """Copy a closed database file into a folder."""
    return Path(shutil.copy(file, folder / file.name))


def vectors_and_labels(patients: int, width: int, signal: float, seed: int) -> tuple[list[str], list[int]]:
    """Draw vectors whose first feature is higher by `signal` where the label is 1, as JSON, and the labels."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(patients) % 3 == 0).astype(int)
    vectors = rng.normal(size=(patients, width)).astype(np.float32)
    vectors[:, 0] += signal * labels.astype(np.float32)
    return [json.dumps([float(str(value)) for value in vector]) for vector in vectors], [int(label) for label in labels]


def hash_vectors(connection: Connection) -> None:
    """Bring the SHA-256 of every vector in line with its text, after a change that is meant; not in an old schema."""
    run(
        connection,
        "IF COL_LENGTH(N'dbo.pooled_features', N'vector_sha256') IS NOT NULL EXECUTE (N'UPDATE dbo.pooled_features "
        "SET vector_sha256 = HASHBYTES(''SHA2_256'', CONVERT(VARBINARY(MAX), vector));');",
    )


def digest_models(connection: Connection) -> None:
    """Bring the digest of every model's rows in line with them, after a change that is meant."""
    for (classifier,) in rows(connection, "SELECT classifier_id FROM dbo.model_scoring;"):
        run(
            connection,
            "DECLARE @Sha256 VARBINARY(32); EXECUTE internal.DigestModelRows ?, @Sha256 OUTPUT; "
            "UPDATE dbo.model_scoring SET rows_sha256 = @Sha256 WHERE classifier_id = ?;",
            (classifier, classifier),
        )


def fill(connection: Connection, vectors: list[str], labels: list[int], width: int) -> None:
    """Insert a network, a feature set, and a patient with a scan of three slices and features for each vector."""
    network = b"not run here"
    run(
        connection,
        "INSERT INTO dbo.networks (name, version, library, model, sha256, details) "
        "VALUES (N'made up', 1, N'onnx', ?, ?, N'{}');"
        "INSERT INTO dbo.feature_sets (network_id, layer, preprocessing, width) VALUES (1, N'penultimate', "
        "N'lung', ?);",
        (network, hashlib.sha256(network).digest(), width),
    )
    run(connection, "BEGIN TRANSACTION;")
    for index, (vector, label) in enumerate(zip(vectors, labels, strict=True)):
        patient = f"patient {index:04}"
        slices = [f"{index}/{place}".encode() for place in range(SLICES)]
        array = f"array {index}".encode()
        run(
            connection,
            "DECLARE @Id INT;"
            "INSERT INTO dbo.patients (patient_id, idx) VALUES (?, ?);"
            "INSERT INTO dbo.labels (patient_id, label) VALUES (?, ?);"
            "INSERT INTO dbo.scans (patient_id, is_primary, series_uid, study_uid, image_rows, image_cols, "
            "number_images, content_sha256) VALUES (?, 1, ?, N'1.2', 1, 1, 3, ?);"
            "SET @Id = SCOPE_IDENTITY();"
            "INSERT INTO dbo.features (scan_id, feature_set_id, array_rows, array_cols, array, sha256) "
            "VALUES (@Id, 1, 1, 1, ?, ?);"
            "INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector) VALUES (@Id, 1, N'mean', ?);",
            (patient, index, patient, label, patient, f"1.2.{index}", hashlib.sha256(b"".join(slices)).digest(),
             array, hashlib.sha256(array).digest(), vector),
        )  # fmt: skip
        for place, pixels in enumerate(slices):
            run(
                connection,
                "INSERT INTO dbo.scan_images (scan_id, slice_index, instance_uid, rescale_slope, rescale_intercept, "
                "pixels, pixels_sha256) VALUES ((SELECT MAX(scan_id) FROM dbo.scans), ?, ?, 1, 0, ?, ?);",
                (place, f"1.2.{index}.{place}", pixels, hashlib.sha256(pixels).digest()),
            )
    run(connection, "COMMIT TRANSACTION;")
    hash_vectors(connection)


def rows(connection: Connection, sql: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Give the rows of the last result."""
    return run(connection, sql, parameters)[-1].rows


def said(connection: Connection, sql: str) -> str:
    """Give the messages of a call."""
    texts: list[str] = []
    run(connection, sql, on_message=lambda message: texts.append(message.text))
    return "\n".join(texts)


def contents(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """Give the rows of every table but the log of runs, to compare what is there before and after."""
    tables = rows(connection, "SELECT name FROM sys.tables WHERE name NOT IN (N'runs', N'run_steps') ORDER BY name;")
    return {name: sorted(rows(connection, f"SELECT * FROM dbo.[{name}];"), key=repr) for (name,) in tables}


def _stored(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """Give the rows of the same tables as SQLite has them, which takes a fraction of the time."""
    assert isinstance(connection, EmbeddedConnection)
    sqlite = connection.session.storage.connection
    tables = rows(connection, "SELECT name FROM sys.tables WHERE name NOT IN (N'runs', N'run_steps');")
    return {name: sqlite.execute(f'SELECT * FROM main."{name}"').fetchall() for (name,) in tables}


def refused(connection: Connection, call: str, number: int) -> str:
    """Run a call that must fail with this number and change nothing; give its message."""
    before = _stored(connection)
    with pytest.raises(SqlError) as caught:
        run(connection, call)
    run(connection, "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION;")
    assert caught.value.number == number, caught.value
    assert _stored(connection) == before
    return caught.value.message
