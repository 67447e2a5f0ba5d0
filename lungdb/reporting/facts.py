"""What the tables know of a trained model, read once; no patient's id is among it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lungdb.database import Connection, run
from lungdb.errors import ErrorNumber, LungdbError, SqlError
from lungdb.reporting.evaluations import Evaluation, Look, read_evaluations, read_looks
from lungdb.reporting.names import PARTS
from lungdb.reporting.points import Point
from lungdb.reporting.sources import Scans, Vectors, read_label_sources, read_scans, read_vectors

_FIND = "EXECUTE dbo.FindModel @ModelName = ?, @Version = ?;"
_MODEL = """
SELECT c.name, c.version, c.library, c.pooling, c.created_at, c.sha256, c.details, c.task,
    CASE WHEN HASHBYTES('SHA2_256', c.model) = c.sha256 THEN 1 ELSE 0 END AS is_intact,
    (SELECT COUNT(*) FROM dbo.predictions AS p WHERE p.classifier_id = c.classifier_id) AS predictions
FROM dbo.classifiers AS c WHERE c.classifier_id = ?;"""
_NETWORK = """
SELECT n.name, n.version, n.library, n.sha256, n.details, f.layer, f.preprocessing, f.width,
    CASE WHEN HASHBYTES('SHA2_256', n.model) = n.sha256 THEN 1 ELSE 0 END AS is_intact
FROM dbo.classifiers AS c
INNER JOIN dbo.feature_sets AS f ON f.feature_set_id = c.feature_set_id
INNER JOIN dbo.networks AS n ON n.network_id = f.network_id
WHERE c.classifier_id = ?;"""
_COMBINED = """
SELECT COALESCE(p.column_name, CONCAT(n.name, N' version ', n.version, N', layer ', f.layer, N', ', f.preprocessing,
    N', ', p.pooling)) AS name, COALESCE(p.source, LOWER(CONVERT(VARCHAR(64), n.sha256, 2))) AS origin, p.width
FROM dbo.classifiers AS c
INNER JOIN dbo.feature_parts AS p ON p.feature_set_id = c.feature_set_id
LEFT JOIN dbo.feature_sets AS f ON f.feature_set_id = p.part_feature_set_id
LEFT JOIN dbo.networks AS n ON n.network_id = f.network_id
WHERE c.classifier_id = ? ORDER BY p.position;"""
_CHAMPION = """
SELECT c.version, m.promoted_at, m.promoted_by, CAST(m.forced AS INT) AS forced, m.metric, m.value, m.previous_value
FROM dbo.champions AS h
INNER JOIN dbo.model_promotions AS m ON m.promotion_id = h.promotion_id
INNER JOIN dbo.classifiers AS c ON c.classifier_id = h.classifier_id
WHERE h.name = ?;"""
_RUN = """
SELECT TOP (1) experiment_id, seed, parameters, started_at, ended_at, run_by
FROM dbo.experiments WHERE classifier_id = ? ORDER BY experiment_id DESC;"""
_METRICS = "SELECT part, metric, value FROM dbo.experiment_metrics WHERE experiment_id = ?;"
_CURVES = """
SELECT part, curve, position, x, y, threshold
FROM dbo.experiment_curves WHERE experiment_id = ? ORDER BY part, curve, position;"""
_SCORES = "SELECT label, probability FROM dbo.test_scores WHERE experiment_id = ? ORDER BY probability;"
_NUMBERS = """
SELECT s.target, s.predicted
FROM dbo.experiment_scores AS s
INNER JOIN dbo.splits AS p ON p.patient_id = s.patient_id
WHERE s.experiment_id = ? AND s.part = 'test' AND p.part = 'test' AND s.target IS NOT NULL AND s.predicted IS NOT NULL
ORDER BY s.target, s.predicted;"""
_PARTS = """
SELECT part, COUNT(DISTINCT patient_id) AS patients,
    COUNT(DISTINCT CASE WHEN label = 1 THEN patient_id END) AS positives,
    COUNT(DISTINCT CASE WHEN label = 0 THEN patient_id END) AS negatives
FROM dbo.experiment_patients WHERE experiment_id = ? GROUP BY part;"""


@dataclass(frozen=True)
class Model:
    """A row of dbo.classifiers; is_intact says whether the stored bytes still have the SHA-256."""

    name: str
    version: int
    library: str
    pooling: str
    created_at: datetime
    sha256: str
    details: dict[str, Any]
    task: str
    is_intact: bool
    predictions: int


@dataclass(frozen=True)
class Network:
    """The network that the features come from, and the feature set."""

    name: str
    version: int
    library: str
    sha256: str
    details: dict[str, Any]
    layer: str
    preprocessing: str
    width: int
    is_intact: bool


@dataclass(frozen=True)
class CombinedPart:
    """A part of combined features: what it is, the network's SHA-256 or the view of a column, and how many values."""

    name: str
    origin: str
    width: int


@dataclass(frozen=True)
class Champion:
    """The version that the model's name stands for, and the figures that it was promoted by."""

    version: int
    promoted_at: datetime
    promoted_by: str
    forced: bool
    metric: str
    value: float | None
    previous_value: float | None


@dataclass(frozen=True)
class Run:
    """A row of dbo.experiments."""

    experiment_id: int
    seed: int
    parameters: dict[str, Any]
    started_at: datetime
    ended_at: datetime
    run_by: str


@dataclass(frozen=True)
class Part:
    """Patients of a part, and how many of them are labelled 1 and 0."""

    patients: int
    positives: int
    negatives: int


@dataclass(frozen=True)
class Facts:
    """Everything that a report says.

    Attributes
    ----------
    network : Network or None
        None where the features are combined of others, which `combined` lists.
    run : Run or None
        None of a model that was not trained here, which evaluations alone say something of.
    metrics : dict
        (part, metric) to value, None where it is not defined; a pair that is absent was not recorded.
    curves : dict
        (part, curve) to its points, in order.
    scores : list of (label, probability)
        Of the test patients; empty of a regression.
    numbers : list of (target, predicted)
        Of the test patients; empty but of a regression.
    parts : dict
        Part to its patients, in the order train, validation, test.
    evaluations : list of Evaluation
        What EvaluateModel has measured on data sets, the newest first.
    looks : list of Look
        At figures of the test patients after the training.
    """

    model: Model
    network: Network | None
    combined: list[CombinedPart]
    champion: Champion | None
    run: Run | None
    metrics: dict[tuple[str, str], float | None]
    curves: dict[tuple[str, str], list[Point]]
    scores: list[tuple[int, float]]
    numbers: list[tuple[float, float]]
    parts: dict[str, Part]
    scans: Scans
    vectors: dict[str, Vectors]
    label_sources: list[tuple[str, int]]
    evaluations: list[Evaluation]
    looks: list[Look]

    @property
    def regresses(self) -> bool:
        """Whether the model predicts a number."""
        return self.model.task == "regression"

    @property
    def is_calibrated(self) -> bool:
        """Whether the model's probabilities are calibrated."""
        return isinstance(self.model.details.get("calibration"), dict)


def read_facts(connection: Connection, name: str, version: int | None) -> Facts:
    """Read what is known of a version of a model, or, without one, of the version that its name serves.

    Raises
    ------
    LungdbError
        There is no such model, or neither a training run nor an evaluation of it is recorded.
    """
    classifier = find_classifier(connection, name, version)
    (model,) = _rows(connection, _MODEL, classifier)
    networks = _rows(connection, _NETWORK, classifier)
    champions = _rows(connection, _CHAMPION, model["name"])
    runs = _rows(connection, _RUN, classifier)
    evaluations = read_evaluations(connection, classifier)
    if not runs and not evaluations:
        raise LungdbError(
            f"Neither a training run nor an evaluation of {model['name']} version {model['version']} is recorded. "
            "Train it with TrainLungCancerModel, or measure it with EvaluateModel."
        )
    experiment = int(runs[0]["experiment_id"]) if runs else 0  # no run has that number
    curves: dict[tuple[str, str], list[Point]] = {}
    for row in _rows(connection, _CURVES, experiment):
        curves.setdefault((row.pop("part"), row.pop("curve")), []).append(Point(**row))
    parts = {row.pop("part"): Part(**row) for row in _rows(connection, _PARTS, experiment)}
    return Facts(
        model=Model(**_typed(model)),
        network=Network(**_typed(networks[0])) if networks else None,
        combined=[CombinedPart(**row) for row in _rows(connection, _COMBINED, classifier)],
        champion=Champion(**champions[0] | {"forced": bool(champions[0]["forced"])}) if champions else None,
        run=Run(**runs[0] | {"parameters": _json(runs[0]["parameters"])}) if runs else None,
        metrics={(row["part"], row["metric"]): row["value"] for row in _rows(connection, _METRICS, experiment)},
        curves=curves,
        scores=[(int(row["label"]), float(row["probability"])) for row in _rows(connection, _SCORES, experiment)],
        numbers=[(float(row["target"]), float(row["predicted"])) for row in _rows(connection, _NUMBERS, experiment)],
        parts={part: parts[part] for part in PARTS if part in parts},
        scans=read_scans(connection, experiment),
        vectors=read_vectors(connection, experiment),
        label_sources=read_label_sources(connection, experiment),
        evaluations=evaluations,
        looks=read_looks(connection, classifier),
    )


def find_classifier(connection: Connection, name: str, version: int | None) -> int:
    """Give the number of a version, or, without one, of what the name stands for; LungdbError when it is not there."""
    try:
        return int(run(connection, _FIND, (name, version))[-1].records()[0]["classifier_id"])
    except SqlError as error:
        if error.number == ErrorNumber.UNKNOWN_MODEL:
            raise LungdbError(error.message) from None
        raise


def _rows(connection: Connection, sql: str, parameter: int | str) -> list[dict[str, Any]]:
    return run(connection, sql, (parameter,))[0].records()


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    return row | {
        "details": _json(row["details"]),
        "sha256": row["sha256"].hex(),
        "is_intact": bool(row["is_intact"]),
    }


def _json(text: str) -> dict[str, Any]:
    """Read an object of a table; anything else that a column of JSON may hold says nothing here."""
    value = json.loads(text)
    return value if isinstance(value, dict) else {}
