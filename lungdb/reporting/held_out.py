"""Scores of the held-out patients by the newest model, and how well they tell who has cancer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lungdb.database import Connection, run
from lungdb.learning.metrics import auc, bootstrap_interval

_PATIENTS = """
SELECT p.idx, l.label
FROM dbo.patients AS p
INNER JOIN dbo.labels AS l ON l.patient_id = p.patient_id
INNER JOIN dbo.splits AS s ON s.patient_id = p.patient_id
WHERE s.part = 'test'
ORDER BY p.idx;
"""
_SEED = "SELECT TOP (1) seed FROM dbo.experiments ORDER BY experiment_id DESC;"


@dataclass(frozen=True)
class Score:
    """A held-out patient: index, probability in percent, and label."""

    index: int
    percent: float
    label: int


def score_test_patients(connection: Connection) -> list[Score]:
    """Score each labelled test patient with PredictLungCancer, in the order of their indices."""
    scores = []
    for index, label in run(connection, _PATIENTS)[0].rows:
        percent = run(connection, "EXECUTE dbo.PredictLungCancer @PatientIndex = ?;", (index,))[0].scalar()
        scores.append(Score(index, float(percent), int(label)))
    run(connection, "EXECUTE dbo.RecordLook @LookedWith = N'lungdb demo';")
    return scores


def newest_seed(connection: Connection) -> int:
    """Return the seed of the newest training run, of which there must be one."""
    return int(run(connection, _SEED)[0].scalar())


def auc_sentence(scores: Sequence[Score], seed: int) -> str:
    """Say the AUC with its 95 % bootstrap interval, drawn with a seed, or why there is none."""
    labels = np.array([score.label for score in scores], dtype=np.int64)
    percents = np.array([score.percent for score in scores], dtype=np.float64)
    interval = bootstrap_interval(labels, percents, auc, seed=seed)
    if interval is None:
        return f"There is no AUC: it needs both classes among the {len(labels)} held-out patients."
    return (
        f"AUC on {len(labels)} held-out patients: {auc(labels, percents):.3f} "
        f"(95 % interval {interval[0]:.3f} to {interval[1]:.3f})"
    )
