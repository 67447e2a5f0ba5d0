"""The script that `lungdb copy` makes: a trained model with features of patients, and a dense network, as T-SQL text.

Its batches fill temporary tables, so they run on one connection; the last, dbo.TakeCopy, stores all of it or nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

from lungdb.copying.network import NETWORK_TABLES, network_rows
from lungdb.database import Connection, run
from lungdb.errors import LungdbError

ROWS_OF_VALUES = 1000  # SQL Server takes no more in one INSERT
_CHARACTERS_OF_BATCH = 500_000

_TABLES = {
    "#copy_model": """
    name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL, version INT NOT NULL, library NVARCHAR(32) NOT NULL,
    pooling NVARCHAR(32) COLLATE DATABASE_DEFAULT NOT NULL, model VARBINARY(MAX) NOT NULL,
    sha256 VARBINARY(32) NOT NULL, details NVARCHAR(MAX) NOT NULL, created_at DATETIME2(3) NOT NULL,
    network_name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL, network_library NVARCHAR(32) NOT NULL,
    network_sha256 VARBINARY(32) NOT NULL, network_details NVARCHAR(MAX) NOT NULL,
    layer NVARCHAR(256) COLLATE DATABASE_DEFAULT NOT NULL, preprocessing NVARCHAR(32) COLLATE DATABASE_DEFAULT NOT NULL,
    feature_set_width INT NOT NULL, width INT NOT NULL, trees INT NOT NULL, divisor FLOAT NOT NULL,
    steepness FLOAT NOT NULL, intercept FLOAT NOT NULL, prevalence FLOAT NULL, patients INT NOT NULL,
    max_difference FLOAT NOT NULL, checked_at DATETIME2(3) NOT NULL, rows_sha256 VARBINARY(32) NOT NULL,
    task VARCHAR(14) NOT NULL""",
    "#copy_nodes": """
    tree INT NOT NULL, node INT NOT NULL, feature_index INT NULL, threshold FLOAT NULL, missing VARCHAR(4) NULL,
    default_left BIT NULL, left_node INT NULL, right_node INT NULL, leaf_value FLOAT NULL""",
    "#copy_coefficients": """
    feature_index INT NOT NULL, mean FLOAT NOT NULL, scale FLOAT NOT NULL, coefficient FLOAT NOT NULL""",
    "#copy_calibration": """
    position INT NOT NULL, method VARCHAR(8) NOT NULL, x FLOAT NOT NULL, y FLOAT NOT NULL""",
    "#copy_scans": """
    patient_id NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL, idx INT NOT NULL,
    series_uid NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL, study_uid NVARCHAR(64) NOT NULL, study_date DATE NULL,
    manufacturer NVARCHAR(64) NULL, image_rows INT NOT NULL, image_cols INT NOT NULL, number_images INT NOT NULL,
    spacing_z FLOAT NULL, spacing_y FLOAT NULL, spacing_x FLOAT NULL, content_sha256 VARBINARY(32) NOT NULL,
    gantry_tilt FLOAT NULL, deidentification NVARCHAR(64) NULL, patient_orientation NVARCHAR(2) NULL,
    intake_rule TINYINT NOT NULL, monoenergetic_kev REAL NULL,
    acquisition_date DATE NULL, date_rule VARCHAR(8) NULL, study_order INT NULL, study_year TINYINT NULL,
    time_point FLOAT NULL, time_point_kind CHAR(16) NULL,
    convolution_kernel NVARCHAR(64) NULL, kvp REAL NULL, slice_thickness FLOAT NULL, has_contrast BIT NULL,
    patient_age TINYINT NULL, frame_of_reference_uid NVARCHAR(64) NULL, origin_x FLOAT NULL, origin_y FLOAT NULL,
    origin_z FLOAT NULL, row_x FLOAT NULL, row_y FLOAT NULL, row_z FLOAT NULL, column_x FLOAT NULL,
    column_y FLOAT NULL, column_z FLOAT NULL, step_x FLOAT NULL, step_y FLOAT NULL, step_z FLOAT NULL,
    features_sha256 VARBINARY(32) NOT NULL,
    vector NVARCHAR(MAX) NOT NULL, vector_sha256 VARBINARY(32) NOT NULL,
    raw FLOAT NOT NULL, probability FLOAT NULL""",
}

_WHAT = """
SELECT c.library, CASE WHEN f.network_id IS NULL THEN 1 ELSE 0 END AS is_combined
FROM dbo.classifiers AS c
INNER JOIN dbo.feature_sets AS f ON f.feature_set_id = c.feature_set_id
WHERE c.classifier_id = ?;
"""
_MODEL = """
SELECT c.name, c.version, c.library, c.pooling, c.model, c.sha256, c.details, c.created_at, n.name AS network_name,
    n.library AS network_library, n.sha256 AS network_sha256, n.details AS network_details, fs.layer, fs.preprocessing,
    fs.width AS feature_set_width, s.width, s.trees, s.divisor, s.steepness, s.intercept, s.prevalence, k.patients,
    k.max_difference, k.checked_at, s.rows_sha256, c.task
FROM dbo.classifiers AS c
INNER JOIN dbo.feature_sets AS fs ON fs.feature_set_id = c.feature_set_id
INNER JOIN dbo.networks AS n ON n.network_id = fs.network_id
INNER JOIN dbo.model_scoring AS s ON s.classifier_id = c.classifier_id
INNER JOIN dbo.model_checks AS k ON k.classifier_id = c.classifier_id
WHERE c.classifier_id = ?;
"""
_IS_COMBINED = """
SELECT COUNT(*) FROM dbo.classifiers AS c
INNER JOIN dbo.feature_parts AS p ON p.feature_set_id = c.feature_set_id WHERE c.classifier_id = ?;
"""
_ROWS_OF_MODEL = {
    "#copy_nodes": """
SELECT tree, node, feature_index, threshold, missing, default_left, left_node, right_node, leaf_value
FROM dbo.model_nodes WHERE classifier_id = ? ORDER BY tree, node;
""",
    "#copy_coefficients": """
SELECT feature_index, mean, scale, coefficient
FROM dbo.model_coefficients WHERE classifier_id = ? ORDER BY feature_index;
""",
    "#copy_calibration": """
SELECT position, method, x, y FROM dbo.model_calibration WHERE classifier_id = ? ORDER BY position;
""",
}
_SCANS = """
SELECT p.patient_id, p.idx, s.series_uid, s.study_uid, s.study_date, s.manufacturer, s.image_rows, s.image_cols,
    s.number_images, s.spacing_z, s.spacing_y, s.spacing_x, s.content_sha256, s.gantry_tilt, s.deidentification,
    s.patient_orientation, s.intake_rule, s.monoenergetic_kev,
    s.acquisition_date, s.date_rule, s.study_order, s.study_year, s.time_point, s.time_point_kind, s.convolution_kernel,
    s.kvp, s.slice_thickness, s.has_contrast, s.patient_age, s.frame_of_reference_uid, s.origin_x, s.origin_y,
    s.origin_z, s.row_x, s.row_y,
    s.row_z, s.column_x, s.column_y, s.column_z, s.step_x, s.step_y, s.step_z,
    f.sha256 AS features_sha256, v.vector, v.vector_sha256
FROM dbo.classifiers AS c
INNER JOIN dbo.pooled_features AS v ON v.feature_set_id = c.feature_set_id AND v.pooling = c.pooling
INNER JOIN dbo.features AS f ON f.scan_id = v.scan_id AND f.feature_set_id = v.feature_set_id
INNER JOIN dbo.scans AS s ON s.scan_id = v.scan_id
INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id
WHERE c.classifier_id = ? AND s.is_primary = 1 ORDER BY p.idx;
"""
_SCORES = "EXECUTE dbo.ScorePatientsSql @ModelName = ?, @Version = ?, @Patients = ?;"


def copy_batches(
    source: Connection, model: str | None, version: int | None, patients: Sequence[int] | None, network: str | None
) -> Iterator[str]:
    """Make the batches of the script.

    Parameters
    ----------
    source : Connection
        The database to copy from.
    model : str or None
        Name of a classifier; None brings none, and no patients.
    version : int or None
        None is the one that the name serves.
    patients : sequence of int, or None
        Indices of the patients whose features come along; None for all that have features of the model.
    network : str or None
        Name of a dense network; None brings none.

    Raises
    ------
    SqlError
        The source has no such model.
    LungdbError
        Plain T-SQL cannot score the model, it reads combined features, a patient has no features that it reads, or
        the source has no such network.
    """
    parts: list[tuple[str, tuple[str, ...], list[tuple[Any, ...]]]] = []
    if model is not None:
        parts += _model_rows(source, model, version, patients)
    if network is not None:
        parts += network_rows(source, network)
    for table, columns in (_TABLES | NETWORK_TABLES).items():
        yield f"DROP TABLE IF EXISTS {table};\nCREATE TABLE {table} ({columns});\n"
    for table, names, rows in parts:
        yield from _inserts(table, names, rows)
    yield f"EXECUTE dbo.TakeCopy @Rows = {sum(len(rows) for _, _, rows in parts)};\n"


def _model_rows(
    source: Connection, model: str, version: int | None, patients: Sequence[int] | None
) -> list[tuple[str, tuple[str, ...], list[tuple[Any, ...]]]]:
    """Read what goes into `_TABLES`: for each its name, columns and rows."""
    (found,) = run(source, "EXECUTE dbo.CheckModelSql @ModelName = ?, @Version = ?;", (model, version))
    classifier_id, name, number = found.rows[0][:3]
    (what,) = run(source, _WHAT, (classifier_id,))
    library, is_combined = what.rows[0]
    if library == "ensemble" or is_combined:
        reason = "is an ensemble" if library == "ensemble" else "reads combined features"
        raise LungdbError(
            f"The model '{name}' version {number} {reason}, which a copy does not bring. Copy a model that reads the "
            "features of one network, such as a member of it."
        )
    if run(source, _IS_COMBINED, (classifier_id,))[0].scalar():
        raise LungdbError(
            f"The model {name} version {number} reads combined features, whose parts lungdb copy does not bring. "
            "Copy a model that reads the features of one network, or score this one where it was trained."
        )
    parts = []
    for table, query in {"#copy_model": _MODEL, **_ROWS_OF_MODEL}.items():
        (result,) = run(source, query, (classifier_id,))
        parts.append((table, result.columns, result.rows))
    (scans,) = run(source, _SCANS, (classifier_id,))
    chosen = _chosen(scans.rows, patients)
    parts.append(("#copy_scans", (*scans.columns, "raw", "probability"), _scored(source, name, number, chosen)))
    return parts


def _chosen(rows: list[tuple[Any, ...]], patients: Sequence[int] | None) -> list[tuple[Any, ...]]:
    if patients is None:
        return rows
    missing = sorted(set(patients) - {row[1] for row in rows})
    if missing:
        raise LungdbError(
            f"No features that the model reads are there for the patients with these indices: "
            f"{', '.join(map(str, missing[:20]))}. See dbo.patients, or call GenerateFeatures for them first."
        )
    return [row for row in rows if row[1] in set(patients)]


def _scored(source: Connection, name: str, version: int, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Add the scores that plain T-SQL gives the patients here, for the other side to compare with."""
    if not rows:
        return []
    results = run(source, _SCORES, (name, version, ",".join(str(row[1]) for row in rows)))
    scores = {idx: score for idx, *score in results[-1].rows}
    return [(*row, *scores[row[1]]) for row in rows]


def _inserts(table: str, names: Sequence[str], rows: list[tuple[Any, ...]]) -> Iterator[str]:
    lines: list[str] = []
    size = 0
    for row in rows:
        line = f"({', '.join(map(literal, row))})"
        if lines and (len(lines) == ROWS_OF_VALUES or size + len(line) > _CHARACTERS_OF_BATCH):
            yield _insert(table, names, lines)
            lines, size = [], 0
        lines.append(line)
        size += len(line)
    if lines:
        yield _insert(table, names, lines)


def _insert(table: str, names: Sequence[str], lines: list[str]) -> str:
    return f"INSERT INTO {table} ({', '.join(names)})\nVALUES\n" + ",\n".join(lines) + ";\n"


def literal(value: Any) -> str:
    """Write a value as T-SQL that reads back the same; a float as exact text, which its column converts."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"N'{value!r}'"
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"0x{bytes(value).hex()}"
    if isinstance(value, datetime):
        return f"N'{value.isoformat(timespec='milliseconds')}'"
    if isinstance(value, date):
        return f"N'{value.isoformat()}'"
    text = str(value)
    if re.search(r"[\x00-\x1f]|\$\(", text):
        # In a literal sqlcmd would take a line GO for a separator and $(x) for its own variable, and T-SQL joins lines
        # that a backslash ends.
        return f"CAST(0x{text.encode('utf-16-le').hex()} AS NVARCHAR(MAX))"
    return "N'" + text.replace("'", "''") + "'"
