"""Rows of the procedures as documents of the API: percent become probabilities, and moments say that they are UTC."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

from lungdb_web.queries.models import Origin, Version
from lungdb_web.queries.nodules import Detector, Marked
from lungdb_web.queries.patients import Patient, PatientRow, SimilarPatient
from lungdb_web.queries.reasons import Reasons
from lungdb_web.queries.scores import Explanation, Score


def patient_row(row: PatientRow) -> dict[str, Any]:
    """Write a row of the worklist."""
    return {
        **asdict(row),
        "index": row.patient_index,
        "probability": _share(row.probability_percent),
        "predicted_at": _utc(row.predicted_at),
    }


def patient(found: Patient) -> dict[str, Any]:
    """Write a patient."""
    return {**asdict(found), "index": found.patient_index}


def scan(found: Patient) -> dict[str, Any]:
    """Write the facts of a patient's primary scan."""
    return {
        **asdict(found),
        "rows": found.image_rows,
        "columns": found.image_cols,
        "content_sha256": found.content_sha256.lower(),
    }


def similar_patient(row: SimilarPatient) -> dict[str, Any]:
    """Write a patient who is like another."""
    return {**asdict(row), "index": row.patient_index, "probability": _share(row.probability_percent)}


def prediction(score: Score) -> dict[str, Any]:
    """Write a score."""
    return {
        **asdict(score),
        "id": score.prediction_id,
        "probability": _share(score.probability_percent),
        "raw_probability": _share(score.raw_percent),
        "predicted_at": _utc(score.predicted_at),
    }


def explanation(found: Explanation) -> dict[str, Any]:
    """Write what a score means."""
    return {
        **asdict(found),
        "id": found.prediction_id,
        "probability": _share(found.probability_percent),
        "higher_than": _share(found.higher_than),
        "like_this_low": _share(found.like_this_low_percent),
        "like_this_high": _share(found.like_this_high_percent),
        "like_this_about": _share(found.like_this_about_percent),
    }


def reasons(found: Reasons) -> dict[str, Any]:
    """Write why a score is what it is."""
    return {
        **asdict(found),
        "id": found.prediction_id,
        "probability": _share(found.probability_percent),
        "raw_probability": _share(found.raw_percent),
        "explained_at": _utc(found.explained_at),
        "features": [{**asdict(one), "value": one.feature_value} for one in found.features],
        "maps": [{**asdict(one), "slice": one.slice_index} for one in found.maps],
    }


def detector(found: Detector) -> dict[str, Any]:
    """Write what a detector found."""
    return {
        **asdict(found),
        "found": [{**asdict(one), **asdict(one.spot), "id": one.nodule_id} for one in found.found],
    }


def marked_nodule(found: Marked) -> dict[str, Any]:
    """Write what readers marked."""
    hits = [{**asdict(hit), "id": hit.found_id, "rank": hit.found_rank} for hit in found.hits]
    return {**asdict(found), **asdict(found.spot), "id": found.nodule_id, "hits": hits}


def model(version: Version) -> dict[str, Any]:
    """Write a version of a model, with the figures that it has of its test patients."""
    figures = ("auc", "auc_low", "auc_high", "log_loss", "brier")
    return {
        **asdict(version),
        "id": version.classifier_id,
        "created_at": _utc(version.created_at),
        **{f"test_{figure}": version.test.get(figure) for figure in figures},
    }


def origin(found: Origin) -> dict[str, Any]:
    """Write where a version comes from."""
    return {**asdict(found), "started_at": _utc(found.started_at), "ended_at": _utc(found.ended_at)}


def _share(percent: float | None) -> float | None:
    return None if percent is None else percent / 100


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=timezone.utc)
