"""The tables that an export writes: their columns, and where what the schema page says of a column stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "int", "float", "time", "hash", "floats", "vectors", "bytes"]


@dataclass(frozen=True)
class Column:
    """A column of an exported table.

    Attributes
    ----------
    name : str
    kind : str
        text; int (64 bit); float (64 bit); time (UTC, to the millisecond); hash (hexadecimal). The others are those
        of `FEATURES`, which has a writer of its own.
    of : str
        ``table.column`` whose comment in the database says what it means.
    unit : str
        Empty where it has none.
    means : str
        What it means where no column of a table does.
    """

    name: str
    kind: Kind
    of: str = ""
    unit: str = ""
    means: str = ""


@dataclass(frozen=True)
class Table:
    """An exported table.

    Attributes
    ----------
    name : str
        Of the file.
    part : str
        What it is asked for with.
    by : str
        scan or patient: what the rows are read by.
    sql : str
        Gives the rows of those that stand in the place of IN (?); the columns in order.
    key : tuple of int
        Places of the columns that the rows are sorted by.
    """

    name: str
    part: str
    by: Literal["scan", "patient"]
    columns: tuple[Column, ...]
    sql: str
    key: tuple[int, ...]


_PATIENT = Column("patient_id", "text", "scans.patient_id")
_SERIES = Column("series_uid", "text", "scans.series_uid")
_SCORE = (
    _SERIES,
    Column("model_name", "text", "classifiers.name"),
    Column("model_version", "int", "classifiers.version"),
    Column("model_sha256", "hash", "classifiers.sha256"),
    Column("predicted_at", "time", "predictions.predicted_at"),
)
_OF_SCORE = "s.series_uid, c.name, c.version, c.sha256, r.predicted_at"
_SCORED = (
    "dbo.predictions AS r INNER JOIN dbo.scans AS s ON s.scan_id = r.scan_id "
    "INNER JOIN dbo.classifiers AS c ON c.classifier_id = r.classifier_id"
)
OF_MODEL = "DECLARE @Model NVARCHAR(128) = ?, @Version INT = ?; "
"""Stands before a query that reads of a model alone, or of all where both are NULL."""
_MODEL = "(@Model IS NULL OR c.name = @Model) AND (@Version IS NULL OR c.version = @Version)"

_MARGIN = "of the margin"

TABLES = (
    Table(
        "labels",
        "labels",
        "patient",
        (_PATIENT, Column("label", "int", "labels.label"), Column("source", "text", "labels.source")),
        "SELECT patient_id, label, source FROM dbo.labels WHERE patient_id IN (?);",
        (0,),
    ),
    Table(
        "numeric_labels",
        "labels",
        "patient",
        (_PATIENT, Column("value", "float", "numeric_labels.value"), Column("source", "text", "numeric_labels.source")),
        "SELECT patient_id, value, source FROM dbo.numeric_labels WHERE patient_id IN (?);",
        (0,),
    ),
    Table(
        "scan_labels",
        "labels",
        "scan",
        (
            _SERIES,
            Column("horizon_days", "int", "scan_labels.horizon_days", "days"),
            Column("label", "int", "scan_labels.label"),
            Column("source", "text", "scan_labels.source"),
        ),
        "SELECT s.series_uid, l.horizon_days, l.label, l.source FROM dbo.scan_labels AS l "
        "INNER JOIN dbo.scans AS s ON s.scan_id = l.scan_id WHERE l.scan_id IN (?);",
        (0, 1),
    ),
    Table(
        "scores",
        "scores",
        "scan",
        (
            *_SCORE,
            _PATIENT,
            Column("probability", "float", "predictions.probability"),
            Column("raw_probability", "float", "predictions.raw_probability"),
            Column("prevalence", "float", "predictions.prevalence"),
            Column("predicted", "float", "predictions.predicted", "that of the labels"),
            Column("scope", "text", "predictions.scope"),
            Column("scope_reason", "text", "predictions.scope_reason"),
            Column("predicted_by", "text", "predictions.predicted_by"),
            Column("vector_sha256", "hash", "predictions.vector_sha256"),
        ),
        f"{OF_MODEL}SELECT {_OF_SCORE}, s.patient_id, r.probability, r.raw_probability, r.prevalence, r.predicted, "
        f"r.scope, r.scope_reason, r.predicted_by, r.vector_sha256 FROM {_SCORED} "
        f"WHERE r.scan_id IN (?) AND {_MODEL};",
        (0, 1, 2, 4),
    ),
    Table(
        "contributions",
        "contributions",
        "scan",
        (
            *_SCORE,
            Column("member", "int", "score_contributions.member"),
            Column("feature", "int", "score_contributions.feature"),
            Column("feature_name", "text", means="network, layer and preprocessing, pooling and number of the feature"),
            Column("feature_value", "float", "score_contributions.feature_value", "that of the feature"),
            Column("contribution", "float", "score_contributions.contribution", _MARGIN),
            Column("standard_error", "float", "score_contributions.standard_error", _MARGIN),
        ),
        f"{OF_MODEL}SELECT {_OF_SCORE}, e.member, e.feature, e.name, e.feature_value, e.contribution, e.standard_error "
        f"FROM {_SCORED} INNER JOIN dbo.explained_features AS e ON e.prediction_id = r.prediction_id "
        f"WHERE r.scan_id IN (?) AND {_MODEL};",
        (0, 1, 2, 4, 5, 6),
    ),
    Table(
        "contributions_of_slices",
        "contributions",
        "scan",
        (
            *_SCORE,
            Column("triple", "int", "score_slices.triple"),
            Column("first_slice", "int", "score_slices.first_slice"),
            Column("last_slice", "int", means="last of the triple's slices, from 0"),
            Column("share", "float", means="exact share of a linear model's margin over mean features", unit=_MARGIN),
            Column("shapley", "float", means="estimate of what the triple adds, over permutations", unit=_MARGIN),
            Column("standard_error", "float", "score_slices.standard_error", _MARGIN),
            Column(
                "change_without",
                "float",
                means="how the margin changes when the triple is left out, below 0 where it raised the score",
                unit=_MARGIN,
            ),
        ),
        f"{OF_MODEL}SELECT {_OF_SCORE}, e.triple, e.first_slice, e.last_slice, e.share, e.shapley, e.standard_error, "
        f"e.change_without FROM {_SCORED} INNER JOIN dbo.explained_slices AS e ON e.prediction_id = r.prediction_id "
        f"WHERE r.scan_id IN (?) AND {_MODEL};",
        (0, 1, 2, 4, 5),
    ),
)  # fmt: skip
"""Those that are read by scan or patient; `DATASETS`, `MEMBERS` and `VECTORS` have readers of their own."""

DATASETS = (
    Column("name", "text", "datasets.name"),
    Column("version", "int", "dataset_versions.version"),
    Column("members", "int", "dataset_versions.members"),
    Column("chosen_by", "text", "dataset_versions.chosen_by"),
    Column("created_at", "time", "dataset_versions.created_at"),
    Column("created_by", "text", "dataset_versions.created_by"),
)
MEMBERS = (
    Column("name", "text", "datasets.name"),
    Column("version", "int", "dataset_versions.version"),
    _SERIES,
    Column("content_sha256", "hash", "dataset_members.content_sha256"),
)
VECTORS = (
    _SERIES,
    Column("network", "text", "networks.name"),
    Column("layer", "text", "feature_sets.layer"),
    Column("preprocessing", "text", "feature_sets.preprocessing"),
    Column("pooling", "text", "pooled_features.pooling"),
    Column("vector", "text", "pooled_features.vector"),
    Column("vector_sha256", "hash", "pooled_features.vector_sha256"),
)
FEATURES = (
    _SERIES,
    _PATIENT,
    Column("study_uid", "text", "scans.study_uid"),
    Column("layer", "int", means="number of the layer in lungdb.json, from 1"),
    Column("layer_name", "text", "feature_sets.layer"),
    Column("array_rows", "int", "features.array_rows"),
    Column("array_cols", "int", "features.array_cols"),
    Column("array", "floats", "features.array"),
    Column("sha256", "bytes", "features.sha256"),
    Column("pooled", "vectors", means="what poolings make of the array, by their names"),
    Column("content_sha256", "bytes", "scans.content_sha256"),
    Column("scan", "text", means="JSON: what else dbo.scans has of the scan, and its slices without their pixels"),
    Column("error", "text", means="why there are no features; empty where there are"),
)
PARTS = ("datasets", "labels", "features", "scores", "contributions")
"""What `--what` takes."""
