"""What dbo.EvaluateModel calls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.learning.benefit import decision_curve
from lungdb.learning.calibration import correct_prevalence
from lungdb.learning.measuring import Labels, Scores, Values, curves, figures
from lungdb.learning.operating_points import OperatingPoint
from lungdb.learning.resampling import call_rates, patient_intervals
from lungdb.learning.shortcut import FEWEST, Columns, score_by_columns
from lungdb.procedures.checks import check_columns, read_details, whole_numbers
from lungdb.procedures.leaving import MESSAGE, for_t_sql
from lungdb.procedures.probability import check_prevalence, probabilities

_NUMBERS = ("patient_age", "spacing_z", "spacing_y")
_TEXTS = ("sex", "manufacturer")
_COLUMNS = ("is_member", "patient", "label", "raw", "probability", "groups", *_NUMBERS, *_TEXTS)
_EVERYBODY = 0
_NO_DECISION = (
    "There is no decision curve of the model: it is not known which share of positives its probabilities are made for."
)
# Counts stand in dbo.evaluation_groups; the others are not of scans whose patients have several.
_LEFT_OUT = ("patients", "positives", "out_of_fold", "auc_bootstrap_low", "auc_bootstrap_high")
_OF_SINGLE_SCANS = ("auc_low", "auc_high")
_RESULT = {
    "kind": object,
    "source": object,
    "group_id": np.int32,
    "name": object,
    "position": np.int32,
    "x": np.float64,
    "y": np.float64,
    "threshold": np.float64,
    "low": np.float64,
    "high": np.float64,
}

Row = tuple[str, str, int, str, int, float | None, float | None, float | None, float | None, float | None]


@dataclass(frozen=True)
class _Scans:
    """Scans of the set: whose they are (a number), what they scored, and what they would at the site."""

    patients: Labels
    scores: Scores
    at_site: Values

    def of(self, chosen: NDArray[np.bool_]) -> _Scans:
        return _Scans(self.patients[chosen], self.scores.of(chosen), self.at_site[chosen])


@for_t_sql({1: MESSAGE, 3: MESSAGE})
def evaluate_scores(
    scans: pd.DataFrame, constant: float | None, points: str, prevalence: float | None, details: str, seed: int
) -> tuple[pd.DataFrame, str, int, str]:
    """Measure a model on scans of a data set, and beside it a model on age, sex, spacing and scanner alone.

    Parameters
    ----------
    scans : DataFrame
        `is_member` 1, a row a labelled scan of the set: `patient` (a number each), `label` (0 or 1), `raw` and
        `probability` (0…1), `groups` (numbers of the subgroups that it belongs to, with commas between; from 1).
        `is_member` 0, a row a training scan, with its `label`. Of both `patient_age`, `spacing_z`, `spacing_y`, `sex`
        and `manufacturer`, NULL where missing.
    constant : float or None
        Share of positives among the patients trained on.
    points : str
        JSON object, a threshold or null by operating point.
    prevalence : float or None
        Share of positives at the site, to which the decision curve's probabilities are corrected; None takes the share
        of the set and corrects nothing.
    details : str
        `classifiers.details`, JSON; `prevalence` is read where one is given here.
    seed : int
        Of the bootstrap.

    Returns
    -------
    result : DataFrame
        `kind` metric or curve; `source` model or columns; `group_id` (int32, 0 for all scans); `name`; `position`
        (int32, from 0 in a curve); `x`, `y`, `threshold`, `low`, `high` (float64, NaN where not defined). A metric's
        value is `y`, its 95 % interval `low` to `high`. Names are those of `lungdb.learning.measuring`, and
        `accuracy_at_`, `precision_at_` and `f1_at_` of each operating point; curves of all scans are those there, and
        `decision`, `decision_everybody` and `decision_nobody` with x the threshold and y the net benefit.
    note : str
        Why there is no model on columns, or empty.
    error_number, error_message : int, str
        0 and empty, or a refusal, with no rows: 50101 for a value or column, 50116 for details or points that cannot
        be read.
    """
    try:
        rows, note = _evaluate(scans, constant, points, prevalence, details, seed)
        return _frame(rows), note, 0, ""
    except ProcedureError as refusal:
        return _frame([]), "", refusal.number, refusal.message


def _evaluate(
    frame: pd.DataFrame, constant: float | None, points: str, prevalence: float | None, details: str, seed: int
) -> tuple[list[Row], str]:
    site = check_prevalence(prevalence)
    check_columns(frame, _COLUMNS)
    labels = whole_numbers(frame, "label")
    if not np.isin(labels, (0, 1)).all():
        raise ProcedureError(
            ErrorNumber.ARGUMENT, "The column label holds another value than 0 and 1. Correct the labels of the set."
        )
    is_member = whole_numbers(frame, "is_member") == 1
    members = frame[is_member]
    raw, probability = (members[name].to_numpy(dtype=np.float64) for name in ("raw", "probability"))
    if not all(((values >= 0) & (values <= 1)).all() for values in (raw, probability)):
        raise ProcedureError(ErrorNumber.ARGUMENT, "A score is NULL, below 0 or above 1. Evaluate again.")
    moves = _can_move(details)
    at_site = probability if site is None or not moves else probabilities(raw, read_details(details, "model"), site)
    operating = [
        OperatingPoint(name, None if threshold is None else float(threshold))
        for name, threshold in read_details(points, "evaluation").items()
    ]
    constant = None if constant is None or not np.isfinite(constant) else float(constant)
    unseen = np.ones(raw.size, dtype=bool)
    patients = whole_numbers(members, "patient")
    truth = labels[is_member]
    sources = {"model": _Scans(patients, Scores(truth, raw, probability, unseen), at_site)}
    guessed, note = _guess(frame, labels, is_member)
    if guessed is not None:
        learnt = float(np.mean(labels[~is_member] == 1))
        moved = guessed if site is None else correct_prevalence(guessed, learnt, site)
        sources["columns"] = _Scans(patients, Scores(truth, guessed, guessed, unseen), moved)
    if site is not None and not moves:
        note = f"{note} {_NO_DECISION}".strip()

    rows: list[Row] = []
    for source, scans in sources.items():
        chosen = operating if source == "model" else operating[:1]
        for group, belongs in _groups(members["groups"].tolist()):
            rows += _metrics(source, group, scans.of(belongs), constant, chosen, seed)
        rows += _curves(source, scans, site, has_decision=site is None or moves or source != "model")
    return rows, note


def _can_move(details: str) -> bool:
    """Tell whether it is known which share of positives the model's probabilities are made for."""
    known = read_details(details, "model").get("prevalence")
    return isinstance(known, float) and 0 < known < 1


def _groups(texts: list[str | None]) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """Yield each group's number, and which scans belong to it; all of them first."""
    yield _EVERYBODY, np.ones(len(texts), dtype=bool)
    belonging = [{int(number) for number in text.split(",")} if text else set() for text in texts]
    for group in sorted(set().union(*belonging)):
        yield group, np.array([group in numbers for numbers in belonging], dtype=bool)


def _metrics(
    source: str, group: int, scans: _Scans, constant: float | None, points: list[OperatingPoint], seed: int
) -> Iterator[Row]:
    scores = scans.scores
    found = figures(scores, constant, points, None)
    for point in points:
        counts = [
            int(found[f"{name}_at_{point.name}"] or 0)
            for name in ("true_positives", "false_positives", "true_negatives", "false_negatives")
        ]
        hits, alarms, rejections, misses = counts
        for name, value in call_rates(hits + misses, alarms + rejections, hits, alarms).items():
            found[f"{name}_at_{point.name}"] = None if point.threshold is None else value
    left_out = set(_LEFT_OUT)
    if np.unique(scans.patients).size < scans.patients.size:
        left_out.update(_OF_SINGLE_SCANS)
    intervals = patient_intervals(scores, scans.patients, constant, points, seed)
    for name, value in found.items():
        if name not in left_out:
            low, high = intervals.get(name, (None, None))
            yield "metric", source, group, name, 0, None, value, None, low, high


def _curves(source: str, scans: _Scans, site: float | None, *, has_decision: bool) -> Iterator[Row]:
    labels = scans.scores.labels
    for point in curves(scans.scores):
        yield (
            "curve", source, _EVERYBODY, point.curve, point.position, point.x, point.y, point.threshold, None, None
        )  # fmt: skip
    if not has_decision:
        return
    share = float(np.mean(labels == 1)) if site is None else site
    decision = decision_curve(labels, scans.at_site, share)
    if decision is None:
        return
    nobody = np.zeros(decision.threshold.size)
    for name, values in (
        ("decision", decision.model), ("decision_everybody", decision.everybody), ("decision_nobody", nobody),
    ):  # fmt: skip
        for position, (threshold, value) in enumerate(zip(decision.threshold, values, strict=True)):
            yield "curve", source, _EVERYBODY, name, position, float(threshold), float(value), None, None, None


def _guess(frame: pd.DataFrame, labels: Labels, is_member: NDArray[np.bool_]) -> tuple[Values | None, str]:
    """Score the members by columns alone; None, and why, where too few training scans are there."""
    counts = [int(np.sum(labels[~is_member] == label)) for label in (0, 1)]
    if min(counts) < FEWEST:
        return None, (
            f"There are no figures of age, sex, spacing and scanner alone: {counts[1]} training scans with label 1 and "
            f"{counts[0]} with label 0 are stored that are not of this set's patients, and {FEWEST} of each are needed."
        )
    learning, scans = (_read_columns(frame[chosen]) for chosen in (~is_member, is_member))
    return score_by_columns(learning, labels[~is_member], scans), ""


def _read_columns(frame: pd.DataFrame) -> Columns:
    return Columns(
        {name: frame[name].to_numpy(dtype=np.float64) for name in _NUMBERS},
        {name: [text if isinstance(text, str) else None for text in frame[name].tolist()] for name in _TEXTS},
    )


def _frame(rows: list[Row]) -> pd.DataFrame:
    columns = list(zip(*rows, strict=True)) if rows else [() for _ in _RESULT]
    frame: pd.DataFrame = pd.DataFrame(
        {
            name: pd.Series(list(values), dtype=dtype)
            for (name, dtype), values in zip(_RESULT.items(), columns, strict=True)
        }
    )
    return frame
