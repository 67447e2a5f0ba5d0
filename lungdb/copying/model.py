"""The part of a copy that is a trained model: its rows, what it reads and knows, and features of patients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lungdb.database import Connection, run
from lungdb.errors import ErrorNumber, LungdbError, SqlError

MODEL_TABLES = {
    "#copy_model": """
    name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL, version INT NOT NULL, library NVARCHAR(32) NOT NULL,
    pooling NVARCHAR(32) COLLATE DATABASE_DEFAULT NOT NULL, model VARBINARY(MAX) NOT NULL,
    sha256 VARBINARY(32) NOT NULL, details NVARCHAR(MAX) NOT NULL, task VARCHAR(14) NOT NULL,
    created_at DATETIME2(3) NOT NULL, combined NVARCHAR(256) COLLATE DATABASE_DEFAULT NULL,
    width INT NOT NULL, trees INT NOT NULL, divisor FLOAT NOT NULL,
    steepness FLOAT NOT NULL, intercept FLOAT NOT NULL, prevalence FLOAT NULL, patients INT NOT NULL,
    max_difference FLOAT NOT NULL, checked_at DATETIME2(3) NOT NULL, rows_sha256 VARBINARY(32) NOT NULL""",
    "#copy_parts": """
    position INT NOT NULL PRIMARY KEY, network_name NVARCHAR(128) COLLATE DATABASE_DEFAULT NULL,
    network_library NVARCHAR(32) NULL, network_sha256 VARBINARY(32) NULL, network_details NVARCHAR(MAX) NULL,
    layer NVARCHAR(256) COLLATE DATABASE_DEFAULT NULL, preprocessing NVARCHAR(32) COLLATE DATABASE_DEFAULT NULL,
    feature_set_width INT NULL, pooling NVARCHAR(32) COLLATE DATABASE_DEFAULT NULL,
    source NVARCHAR(257) COLLATE DATABASE_DEFAULT NULL, column_name NVARCHAR(128) COLLATE DATABASE_DEFAULT NULL,
    first_index INT NOT NULL, width INT NOT NULL, steps NVARCHAR(MAX) NULL,
    pooler_name NVARCHAR(128) COLLATE DATABASE_DEFAULT NULL, pooler_version INT NULL, pooler_sha256 VARBINARY(32) NULL,
    pooler_details NVARCHAR(MAX) NULL""",
    "#copy_members": """
    position INT NOT NULL PRIMARY KEY, name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL, version INT NOT NULL,
    sha256 VARBINARY(32) NOT NULL, first_index INT NOT NULL""",
    "#copy_scope": """
    item VARCHAR(16) NOT NULL, position INT NOT NULL, low FLOAT NULL, high FLOAT NULL,
    text NVARCHAR(64) COLLATE DATABASE_DEFAULT NULL, scans INT NOT NULL""",
    "#copy_scope_features": """
    feature_index INT NOT NULL PRIMARY KEY, mean FLOAT NOT NULL, sd FLOAT NOT NULL""",
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
    sex NCHAR(1) COLLATE DATABASE_DEFAULT NULL, features_sha256 VARBINARY(32) NULL,
    vector NVARCHAR(MAX) NOT NULL, vector_sha256 VARBINARY(32) NOT NULL,
    raw FLOAT NOT NULL, probability FLOAT NULL""",
    "#copy_vectors": """
    series_uid NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL, position INT NOT NULL, vector NVARCHAR(MAX) NOT NULL,
    vector_sha256 VARBINARY(32) NOT NULL, features_sha256 VARBINARY(32) NULL""",
}

# What the model was trained on comes along in its details: the set's name, version and digest, and no member. What a
# network was trained on stays behind whole: it names scans.
_MODEL = """
SELECT c.name, c.version, c.library, c.pooling, c.model, c.sha256,
    CASE WHEN d.name IS NULL THEN c.details ELSE JSON_MODIFY(c.details, N'$.trained_on_dataset', JSON_QUERY(CONCAT(
        N'{"name": "', STRING_ESCAPE(d.name, 'json'), N'", "version": ', v.version, N', "members": ', v.members,
        N', "sha256": "', LOWER(CONVERT(VARCHAR(64), v.members_sha256, 2)), N'"}'))) END AS details,
    c.task, c.created_at,
    CASE WHEN fs.network_id IS NULL THEN fs.layer END AS combined, s.width, s.trees, s.divisor, s.steepness,
    s.intercept, s.prevalence, k.patients, k.max_difference, k.checked_at, s.rows_sha256
FROM dbo.classifiers AS c
INNER JOIN dbo.feature_sets AS fs ON fs.feature_set_id = c.feature_set_id
INNER JOIN dbo.model_scoring AS s ON s.classifier_id = c.classifier_id
INNER JOIN dbo.model_checks AS k ON k.classifier_id = c.classifier_id
LEFT JOIN dbo.experiments AS e ON e.experiment_id = (
    SELECT MAX(x.experiment_id) FROM dbo.experiments AS x WHERE x.classifier_id = c.classifier_id)
LEFT JOIN dbo.dataset_versions AS v ON v.dataset_version_id = e.dataset_version_id
LEFT JOIN dbo.datasets AS d ON d.dataset_id = v.dataset_id
WHERE c.classifier_id = ?;
"""
_ROWS_OF_MODEL = {
    "#copy_parts": """
SELECT q.position, n.name AS network_name, n.library AS network_library, n.sha256 AS network_sha256,
    JSON_MODIFY(n.details, N'$.trained_on', NULL) AS network_details, f.layer, f.preprocessing,
    f.width AS feature_set_width, q.pooling, q.source, q.column_name, q.first_index, q.width, r.steps,
    g.name AS pooler_name, g.version AS pooler_version, g.sha256 AS pooler_sha256,
    JSON_MODIFY(g.details, N'$.trained_on', NULL) AS pooler_details
FROM (
    SELECT 0 AS position, c.feature_set_id, c.pooling, NULL AS source, NULL AS column_name, 0 AS first_index, s.width
    FROM dbo.classifiers AS c
    INNER JOIN dbo.model_scoring AS s ON s.classifier_id = c.classifier_id
    INNER JOIN dbo.feature_sets AS o ON o.feature_set_id = c.feature_set_id AND o.network_id IS NOT NULL
    WHERE c.classifier_id = ?
    UNION ALL
    SELECT p.position, p.part_feature_set_id, p.pooling, p.source, p.column_name, p.first_index, p.width
    FROM dbo.classifiers AS c
    INNER JOIN dbo.feature_parts AS p ON p.feature_set_id = c.feature_set_id
    WHERE c.classifier_id = ?) AS q
LEFT JOIN dbo.feature_sets AS f ON f.feature_set_id = q.feature_set_id
LEFT JOIN dbo.networks AS n ON n.network_id = f.network_id
LEFT JOIN dbo.preprocessings AS r ON r.name = f.preprocessing AND f.network_id IS NOT NULL
LEFT JOIN dbo.poolings AS k ON k.pooling = q.pooling
LEFT JOIN dbo.networks AS g ON g.network_id = k.network_id
ORDER BY q.position;
""",
    "#copy_members": """
SELECT m.position, c.name, c.version, c.sha256, m.first_index
FROM dbo.ensemble_members AS m
INNER JOIN dbo.classifiers AS c ON c.classifier_id = m.member_classifier_id
WHERE m.classifier_id = ? ORDER BY m.position;
""",
    "#copy_scope": """
SELECT item, position, low, high, text, scans FROM dbo.model_scope WHERE classifier_id = ? ORDER BY item, position;
""",
    "#copy_scope_features": """
SELECT feature_index, mean, sd FROM dbo.model_scope_features WHERE classifier_id = ? ORDER BY feature_index;
""",
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
    s.kvp, s.slice_thickness, s.has_contrast, CASE WHEN ? = 1 THEN k.age END AS patient_age, s.frame_of_reference_uid,
    s.origin_x, s.origin_y, s.origin_z, s.row_x, s.row_y, s.row_z, s.column_x, s.column_y, s.column_z, s.step_x,
    s.step_y, s.step_z, CASE WHEN ? = 1 THEN p.sex END AS sex, f.sha256 AS features_sha256, v.vector, v.vector_sha256
FROM dbo.classifiers AS c
INNER JOIN dbo.pooled_features AS v ON v.feature_set_id = c.feature_set_id AND v.pooling = c.pooling
LEFT JOIN dbo.features AS f ON f.scan_id = v.scan_id AND f.feature_set_id = v.feature_set_id
INNER JOIN dbo.scans AS s ON s.scan_id = v.scan_id
INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id
INNER JOIN dbo.scan_columns AS k ON k.scan_id = s.scan_id
WHERE c.classifier_id = ? AND s.is_primary = 1 AND (f.scan_id IS NOT NULL OR v.pooling = N'combined') ORDER BY p.idx;
"""
_VECTORS = """
SELECT s.series_uid, q.position, v.vector, v.vector_sha256, f.sha256 AS features_sha256, p.idx
FROM dbo.classifiers AS c
INNER JOIN dbo.feature_parts AS q ON q.feature_set_id = c.feature_set_id
INNER JOIN dbo.pooled_features AS v ON v.feature_set_id = q.part_feature_set_id AND v.pooling = q.pooling
LEFT JOIN dbo.features AS f ON f.scan_id = v.scan_id AND f.feature_set_id = v.feature_set_id
INNER JOIN dbo.scans AS s ON s.scan_id = v.scan_id
INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id
WHERE c.classifier_id = ? AND s.is_primary = 1 ORDER BY p.idx, q.position;
"""
_PROPERTIES = "[dbo].[scan_columns]"  # as dbo.feature_parts has it
_FILL = "EXECUTE dbo.ScorePatientsSql @ModelName = ?, @Version = ?, @Patients = ?, @SkipMissing = 1;"
_SCORES = "EXECUTE dbo.ScorePatientsSql @ModelName = ?, @Version = ?, @Patients = ?;"


def model_rows(
    source: Connection, model: str, version: int | None, patients: Sequence[int] | None
) -> list[tuple[str, tuple[str, ...], list[tuple[Any, ...]]]]:
    """Read what goes into `MODEL_TABLES`: for each its name, columns and rows.

    Raises
    ------
    SqlError
        The source has no such model, or plain T-SQL cannot score it.
    LungdbError
        A patient has no features that it reads.
    """
    (found,) = run(source, "EXECUTE dbo.CheckModelSql @ModelName = ?, @Version = ?;", (model, version))
    classifier_id, name, number = found.rows[0][:3]
    parts = []
    for table, query in {"#copy_model": _MODEL, **_ROWS_OF_MODEL}.items():
        (result,) = run(source, query, (classifier_id,) * query.count("?"))
        parts.append((table, result.columns, result.rows))
    is_combined = parts[0][2][0][9] is not None
    columns = {str(row[10]).casefold() for row in parts[1][2] if str(row[9]).casefold() == _PROPERTIES}
    if patients == []:
        return parts
    if is_combined:
        # Combined vectors are made when they are read; what is sent is then of one moment.
        _fill(source, name, number, patients)
    # Age and sex come along only where the model reads them, as age too that the year of birth tells.
    (scans,) = run(source, _SCANS, ("age" in columns, "sex" in columns, classifier_id))
    chosen = _chosen(scans.rows, patients)
    parts.append(("#copy_scans", (*scans.columns, "raw", "probability"), _scored(source, name, number, chosen)))
    (vectors,) = run(source, _VECTORS, (classifier_id,))
    wanted = {row[1] for row in chosen}
    parts.append(("#copy_vectors", vectors.columns[:-1], [row[:-1] for row in vectors.rows if row[-1] in wanted]))
    return parts


def _fill(source: Connection, name: str, version: int, patients: Sequence[int] | None) -> None:
    try:
        run(source, _FILL, (name, version, None if patients is None else ",".join(map(str, patients))))
    except SqlError as error:
        # Where everybody is asked for and nobody has features, the model goes alone.
        if patients is not None or error.number not in (ErrorNumber.UNKNOWN_PATIENT, ErrorNumber.FEATURES_MISSING):
            raise


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
