"""What dbo.TrainLungCancerModel calls."""

from __future__ import annotations

import json
import time
from importlib.metadata import version

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import lungdb
from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.learning.calibration import apply_calibration
from lungdb.learning.model_text import count_trees
from lungdb.learning.parameters import TrainingParameters, read_parameters, recorded
from lungdb.learning.scoring import score_all
from lungdb.learning.training import Trained, train
from lungdb.learning.vectors import read_vector
from lungdb.procedures.checks import check_columns, whole_numbers
from lungdb.procedures.leaving import MESSAGE, for_t_sql

_COLUMNS = ("place", "patient_id", "part", "label", "vector")
_VECTORS_PER_FEATURE = (1, 3)  # pooling mean_max_std gives three values a feature, the others one
_RESULT = {
    "place": np.int32,
    "part": object,
    "fold": np.int32,
    "raw": np.float64,
    "probability": np.float64,
    "out_of_fold": np.int32,
}

Result = tuple[pd.DataFrame, bytes, str, str, int, str]


@for_t_sql({5: MESSAGE})
def train_lung_cancer_model(patients: pd.DataFrame, width: int, parameters: str) -> Result:
    """Train a classifier on the pooled features of the training patients and score the test patients with it.

    Parameters
    ----------
    patients : DataFrame
        One row a patient, in any order: `place` (a number of its own), `patient_id` (their order makes the folds),
        `part` (train or test), `label` (0 or 1 of a training patient; that of a test patient is not looked at),
        `vector` (JSON).
    width : int
        Width of the feature set; a vector has as many values, or three times as many.
    parameters : str
        JSON object; see `lungdb.learning.parameters.TrainingParameters`.

    Returns
    -------
    result : DataFrame
        Ordered by patient: `place` (int32, as it was given); `part` (train, validation or test); `fold` (int32, -1
        where there is none); `raw` and `probability` (float64, 0…1, before and after calibration); `out_of_fold`
        (int32, 1 when the score comes from a model that was not fitted to the patient).
    model : bytes
        The model's text, UTF-8. The same patients, parameters and versions give the same bytes.
    library : str
        As of `lungdb.learning.training.Trained`.
    details : str
        JSON: `width` of a vector, `parameters`, `best_iteration`, `trees` of the model, `l2`, `calibration` (null or
        for `apply_calibration`), `prevalence` (the share of positives that probabilities are made for),
        `training_curve` (`train` and `validation`, log loss after each tree), `notes` (sentences for the user),
        `patients` by part, `libraries`, `seconds`.
    error_number, error_message : int, str
        0 and empty, or a refusal, with the rest empty: 50101 for a parameter or value, 50110 for vectors of different
        or another width, 50111 without patients, 50112 with one class only, 50113 with too few patients, 50116 for a
        vector that cannot be read.
    """
    try:
        return _train(patients, width, read_parameters(parameters))
    except ProcedureError as refusal:
        return _frame({name: [] for name in _RESULT}), b"", "", "{}", refusal.number, refusal.message
    except LungdbError as refusal:
        return _frame({name: [] for name in _RESULT}), b"", "", "{}", ErrorNumber.UNREADABLE, str(refusal)


def _train(patients: pd.DataFrame, width: int, parameters: TrainingParameters) -> Result:
    started = time.perf_counter()
    check_columns(patients, _COLUMNS)
    if patients.empty:
        raise ProcedureError(
            ErrorNumber.NO_LABELS,
            "No patient has both a label and features. Load labels with load_labels and generate features.",
        )
    patients = patients.assign(patient_id=patients["patient_id"].map(str)).sort_values("patient_id", kind="stable")
    names = patients["patient_id"].tolist()
    if len(set(names)) != len(names):
        raise ProcedureError(
            ErrorNumber.ARGUMENT, "A patient appears more than once. Select the primary scan of each only."
        )
    parts = patients["part"].to_numpy(dtype=object)
    if not np.isin(parts, ("train", "test")).all():
        raise ProcedureError(
            ErrorNumber.ARGUMENT, "The column part holds another value than train and test. Correct dbo.splits."
        )
    is_test = parts == "test"
    labels = whole_numbers(patients[~is_test], "label")
    if not np.isin(labels, (0, 1)).all():
        raise ProcedureError(
            ErrorNumber.ARGUMENT, "The column label holds another value than 0 and 1. Correct dbo.labels."
        )
    vectors = _vectors(patients["vector"].tolist(), width)

    trained = train(vectors[~is_test], labels, parameters)
    result = _result(
        whole_numbers(patients, "place").tolist(),
        is_test,
        trained,
        score_all(trained.library, trained.model, vectors[is_test]),
    )
    details = {
        "width": vectors.shape[1],
        "parameters": recorded(parameters),
        "best_iteration": trained.best_iteration,
        "trees": count_trees(trained.model) if trained.library == "lightgbm" else None,
        "l2": trained.l2,
        "calibration": trained.calibration,
        "prevalence": trained.prevalence,
        "training_curve": trained.curve,
        "notes": trained.notes,
        "patients": {part: int(count) for part, count in result["part"].value_counts(sort=False).items()},
        "libraries": {"lungdb": lungdb.__version__, "lightgbm": version("lightgbm"), "numpy": np.__version__},
        "seconds": round(time.perf_counter() - started, 3),
    }
    return result, trained.model, trained.library, json.dumps(details), 0, ""


def _vectors(texts: list[str], width: int) -> NDArray[np.float32]:
    vectors = [read_vector(text) for text in texts]
    widths = sorted({vector.size for vector in vectors})
    if len(widths) > 1 or widths[0] not in [width * times for times in _VECTORS_PER_FEATURE]:
        found = " and ".join(map(str, widths))
        raise ProcedureError(
            ErrorNumber.OTHER_WIDTH,
            f"The patients have {found} features where the feature set has {width}. Call GenerateFeatures with "
            "@Recompute = 1.",
        )
    return np.stack(vectors)


def _result(
    places: list[int], is_test: NDArray[np.bool_], trained: Trained, test_scores: NDArray[np.float64]
) -> pd.DataFrame:
    columns = {
        "part": (trained.parts, "test"),
        "fold": (trained.folds, -1),
        "raw": (trained.raw, test_scores),
        "probability": (trained.probabilities, apply_calibration(trained.calibration, test_scores)),
        "out_of_fold": (trained.out_of_fold, True),
    }
    merged: dict[str, list[object]] = {"place": list(places)}
    for name, (of_training, of_test) in columns.items():
        values = np.empty(is_test.size, dtype=object)
        values[~is_test] = of_training
        values[is_test] = of_test
        merged[name] = values.tolist()
    return _frame(merged)


def _frame(columns: dict[str, list[object]]) -> pd.DataFrame:
    frame: pd.DataFrame = pd.DataFrame({name: pd.Series(columns[name], dtype=dtype) for name, dtype in _RESULT.items()})
    return frame
