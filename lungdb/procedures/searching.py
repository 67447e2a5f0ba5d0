"""What dbo.SearchModels and dbo.RunSearch call."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.learning.drawing import check_classes
from lungdb.learning.parameters import read_parameters
from lungdb.learning.search import (
    DEFAULT_GRID,
    DEFAULT_RANDOM,
    Trial,
    allows,
    at_rung,
    draw_trials,
    figures,
    may_be_missing,
    read_space,
)
from lungdb.learning.vectors import MAY_MISS, check_missing, read_names, read_vector
from lungdb.procedures.checks import check_columns, whole_numbers
from lungdb.procedures.leaving import MESSAGE, for_t_sql

_COUNTS = ("negatives", "positives", "only_negatives", "scans", "lacking")
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
        One row a feature matrix: `matrix` (its number), `feature_set_id`, `pooling`, its training patients with a
        scan of label 0 (`negatives`), with one of label 1 (`positives`) and with none of label 1 (`only_negatives`),
        their scans (`scans`), and the scans of all patients with a value missing (`lacking`).
    method : str
        `grid` or `random`, which draws no trial that the patients or missing values do not allow.
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
        check_columns(matrices, ("matrix", "feature_set_id", "pooling", *_COUNTS))
        matrices = matrices.sort_values(["feature_set_id", "pooling"], kind="stable")
        counts = [tuple(int(count) for count in row) for row in matrices[list(_COUNTS)].itertuples(index=False)]
        for negatives, positives, *_ in counts:
            check_classes((negatives, positives), folds)

        def is_allowed(trial: Trial) -> bool:
            _, positives, only_negatives, scans, lacking = counts[trial[0]]
            # Patients are drawn by their class, which is 1 where any scan has it.
            each = scans / (only_negatives + positives)
            has_enough = allows(only_negatives, positives, folds, trial[1], each)
            return has_enough and (not lacking or may_be_missing(trial[1]))

        choices = read_space(space or (DEFAULT_GRID if method == "grid" else DEFAULT_RANDOM))
        drawn = draw_trials(choices, len(matrices), method, trials, seed, is_allowed)
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
    patients: pd.DataFrame,
    trials: str,
    folds: int,
    seed: int,
    rungs: int,
    seconds: float,
    names: str | None = None,
    lacking: int = 0,
) -> tuple[pd.DataFrame, int, str]:
    """Cross-validate one trial after the other on one feature matrix, each with one thread.

    Parameters
    ----------
    patients : DataFrame
        One row a scan of a training patient, in any order: `patient_id`, `scan_id`, `label`, `vector` (JSON array).
        The scans of a patient stay in one fold.
    trials : str
        JSON array of objects: `trial_id`, `rung` and `parameters`.
    folds, seed : int
        Of every trial alike, so that all are compared on the same folds.
    rungs : int
        Rungs of successive halving; 1 for none.
    seconds : float
        After so long no further trial is begun.
    names : str, optional
        What the values of a combined feature set are, as `lungdb.learning.vectors.read_names` reads it; a null in a
        vector is then a missing value.
    lacking : int
        Scans of test patients with a missing value. They have no part in the search, but the model that comes of it
        scores them, so a trial of an algorithm that needs all values is refused.

    Returns
    -------
    DataFrame
        `trial_id` (int32), `error` (empty, or why there are no figures), `auc`, `log_loss` (float64, of the raw scores
        of the scans held out), one row for each trial begun, in the order given; the first always is.
    error_number, error_message : int, str
        0 and empty, or 50101 when the patients lack a column or a label is neither 0 nor 1.
    """
    started = time.perf_counter()
    rows: list[tuple[object, ...]] = []
    try:
        check_columns(patients, ("patient_id", "scan_id", "label", "vector"))
        patients = patients.assign(patient_id=patients["patient_id"].map(str)).sort_values(
            ["patient_id", "scan_id"], kind="stable"
        )
        owners = np.unique(patients["patient_id"].to_numpy(dtype=object), return_inverse=True)[1].reshape(-1)
        labels = whole_numbers(patients, "label")
        if not np.isin(labels, (0, 1)).all():
            raise ProcedureError(
                ErrorNumber.ARGUMENT, "The column label holds another value than 0 and 1. Correct dbo.labels."
            )
    except ProcedureError as refusal:
        return _frame(_RESULTS, []), refusal.number, refusal.message
    given: list[dict[str, Any]] = json.loads(trials)
    try:
        named = read_names(names)
        vectors = _matrix(patients["vector"].tolist(), may_miss=named is not None)
    except LungdbError as refusal:
        rows = [(trial["trial_id"], str(refusal), np.nan, np.nan) for trial in given]
        return _frame(_RESULTS, rows), 0, ""
    for trial in given:
        if rows and time.perf_counter() - started > seconds:
            break
        try:
            parameters = read_parameters(json.dumps({**trial["parameters"], "folds": folds, "seed": seed}))
            _check_values(vectors, named, lacking, parameters.algorithm)
            measured = figures(vectors, labels, at_rung(parameters, trial["rung"], rungs), owners)
            rows.append((trial["trial_id"], "", *measured))
        except ProcedureError as refusal:
            rows.append((trial["trial_id"], refusal.message, np.nan, np.nan))
    return _frame(_RESULTS, rows), 0, ""


def _check_values(vectors: NDArray[np.float32], names: list[str] | None, lacking: int, algorithm: str) -> None:
    """Refuse an algorithm that needs all values where some are missing: 50279."""
    if names is not None:
        check_missing(vectors, names, algorithm)
    if lacking and algorithm not in MAY_MISS:
        raise ProcedureError(
            ErrorNumber.VALUES_MISSING,
            f"Values are missing in the features of {lacking} scans of test patients, whom the model is to score. The "
            f"algorithm {algorithm} needs all. Leave these columns or scans out, or search among trees.",
        )


def _matrix(texts: list[str], *, may_miss: bool) -> NDArray[np.float32]:
    vectors = [read_vector(text, may_miss=may_miss) for text in texts]
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
