"""What dbo.SearchModels and dbo.RunSearch call."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.learning.drawing import check_counts
from lungdb.learning.parameters import read_parameters
from lungdb.learning.search import DEFAULT_GRID, DEFAULT_RANDOM, allows, at_rung, draw_trials, figures, read_space
from lungdb.learning.vectors import read_vector
from lungdb.procedures.checks import check_columns, whole_numbers
from lungdb.procedures.leaving import MESSAGE, for_t_sql

_TRIALS = {"candidate": np.int32, "matrix": np.int32, "parameters": object}
_RESULTS = {"trial_id": np.int32, "error": object, "auc": np.float64, "log_loss": np.float64}


@for_t_sql({2: MESSAGE})
def make_trials(
    matrices: pd.DataFrame, method: str, trials: int, space: str | None, folds: int, seed: int
) -> tuple[pd.DataFrame, int, str]:
    """Make the trials of a search.

    Parameters
    ----------
    matrices : DataFrame
        One row a feature matrix: `matrix` (its number), `feature_set_id`, `pooling`, and `negatives` and `positives`,
        its training patients.
    method : str
        `grid` or `random`.
    trials : int
        How many to draw; a grid does not read it.
    space : str or None
        JSON for `lungdb.learning.search.read_space`; None takes DEFAULT_RANDOM or DEFAULT_GRID.
    folds, seed : int
        Of the cross-validation, and the seed of the draw too.

    Returns
    -------
    DataFrame
        `candidate` (int32, from 1), `matrix` (int32), `parameters` (JSON). The same arguments and matrices, in any
        order, give the same rows.
    error_number, error_message : int, str
        0 and empty, or a refusal without rows: 50160 for the space, 50161 for the number of trials, 50112 and 50113
        for training patients of one class or too few for the folds.
    """
    try:
        check_columns(matrices, ("matrix", "feature_set_id", "pooling", "negatives", "positives"))
        matrices = matrices.sort_values(["feature_set_id", "pooling"], kind="stable")
        counts = [(int(row[0]), int(row[1])) for row in matrices[["negatives", "positives"]].itertuples(index=False)]
        for each in counts:
            check_counts(np.repeat(np.array([0, 1]), each), folds)
        choices = read_space(space or (DEFAULT_GRID if method == "grid" else DEFAULT_RANDOM))
        drawn = draw_trials(
            choices, len(matrices), method, trials, seed, lambda trial: allows(*counts[trial[0]], folds, trial[1])
        )
    except ProcedureError as refusal:
        return _frame(_TRIALS, []), refusal.number, refusal.message
    numbers = matrices["matrix"].tolist()
    rows = [
        (candidate, int(numbers[matrix]), json.dumps(settings))
        for candidate, (matrix, settings) in enumerate(drawn, start=1)
    ]
    return _frame(_TRIALS, rows), 0, ""


@for_t_sql({2: MESSAGE}, {"error": MESSAGE})
def run_trials(
    patients: pd.DataFrame, trials: str, folds: int, seed: int, rungs: int, seconds: float
) -> tuple[pd.DataFrame, int, str]:
    """Cross-validate one trial after the other on one feature matrix, each with one thread.

    Parameters
    ----------
    patients : DataFrame
        One row a training patient, in any order: `patient_id`, `label`, `vector` (JSON array).
    trials : str
        JSON array of objects: `trial_id`, `rung` and `parameters`.
    folds, seed : int
        Of every trial alike, so that all are compared on the same folds.
    rungs : int
        Rungs of successive halving; 1 for none.
    seconds : float
        After so long no further trial is begun.

    Returns
    -------
    DataFrame
        `trial_id` (int32), `error` (empty, or why there are no figures), `auc`, `log_loss` (float64, of the raw scores
        of the held-out patients), one row for each trial begun, in the order given; the first always is.
    error_number, error_message : int, str
        0 and empty, or 50101 when the patients lack a column or a label is neither 0 nor 1.
    """
    started = time.perf_counter()
    rows: list[tuple[object, ...]] = []
    try:
        check_columns(patients, ("patient_id", "label", "vector"))
        patients = patients.assign(patient_id=patients["patient_id"].map(str)).sort_values("patient_id", kind="stable")
        labels = whole_numbers(patients, "label")
        if not np.isin(labels, (0, 1)).all():
            raise ProcedureError(
                ErrorNumber.ARGUMENT, "The column label holds another value than 0 and 1. Correct dbo.labels."
            )
    except ProcedureError as refusal:
        return _frame(_RESULTS, []), refusal.number, refusal.message
    given: list[dict[str, Any]] = json.loads(trials)
    try:
        vectors = _matrix(patients["vector"].tolist())
    except LungdbError as refusal:
        rows = [(trial["trial_id"], str(refusal), np.nan, np.nan) for trial in given]
        return _frame(_RESULTS, rows), 0, ""
    for trial in given:
        if rows and time.perf_counter() - started > seconds:
            break
        try:
            parameters = read_parameters(json.dumps({**trial["parameters"], "folds": folds, "seed": seed}))
            rows.append((trial["trial_id"], "", *figures(vectors, labels, at_rung(parameters, trial["rung"], rungs))))
        except ProcedureError as refusal:
            rows.append((trial["trial_id"], refusal.message, np.nan, np.nan))
    return _frame(_RESULTS, rows), 0, ""


def _matrix(texts: list[str]) -> NDArray[np.float32]:
    vectors = [read_vector(text) for text in texts]
    if len({vector.size for vector in vectors}) > 1:
        raise ProcedureError(
            ErrorNumber.OTHER_WIDTH,
            "The patients have different numbers of features. Call GenerateFeatures with @Recompute = 1.",
        )
    return np.stack(vectors)


def _frame(columns: dict[str, Any], rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    frame: pd.DataFrame = pd.DataFrame(
        {
            name: pd.Series([row[place] for row in rows], dtype=dtype)
            for place, (name, dtype) in enumerate(columns.items())
        }
    )
    return frame
