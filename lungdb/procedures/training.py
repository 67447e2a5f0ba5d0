"""What dbo.TrainLungCancerModel calls."""

from __future__ import annotations

import json
import time
from importlib.metadata import version
from typing import Any

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
from lungdb.learning.vectors import check_missing, read_names, read_vector
from lungdb.procedures.checks import check_columns, whole_numbers
from lungdb.procedures.leaving import MESSAGE, for_t_sql

_COLUMNS = ("place", "patient_id", "part", "label", "vector")
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
def train_lung_cancer_model(patients: pd.DataFrame, width: int, parameters: str, names: str | None = None) -> Result:
    """Train a model on the pooled features of the training patients and score the test patients with it.

    Parameters
    ----------
    patients : DataFrame
        One row a scan, in any order: `place` (a number of its own), `patient_id` (their order makes the folds, and
        the scans of a patient stay together),
        `part` (train or test), `label` (0 or 1 of a training patient; that of a test patient is not looked at),
        `vector` (JSON). For the task regression `target`, a number, stands for the label.
    width : int
        Number of values of a vector.
    parameters : str
        JSON object; see `lungdb.learning.parameters.TrainingParameters`.
    names : str, optional
        What the values of a combined feature set are, as `lungdb.learning.vectors.read_names` reads it; a null in a
        vector is then a missing value.

    Returns
    -------
    result : DataFrame
        Ordered by patient and place: `place` (int32, as it was given); `part` (train, validation or test); `fold`
        (int32, -1 where there is none); `raw` and `probability` (float64, 0…1, before and after calibration; of a
        regression the number predicted, and NaN);
        `out_of_fold` (int32, 1 when the score comes from a model that was not fitted to the patient).
    model : bytes
        The model's text, UTF-8, or ONNX. The same patients, parameters and versions give the same bytes.
    library : str
        As of `lungdb.learning.training.Trained`.
    details : str
        JSON: `width` of a vector, `parameters`, `best_iteration`, `trees` of the model, `l2`, `calibration` (null or
        for `apply_calibration`), `prevalence` (the share of positives that probabilities are made for, null of a
        regression), `task` of a regression,
        `training_curve` (`train` and `validation`, as of `Trained`), `notes` (sentences for the user),
        `patients` (scans) by part, `feature_names` of combined features, `libraries`,
        `seconds`.
    error_number, error_message : int, str
        0 and empty, or a refusal, with the rest empty: 50101 for a parameter or value, 50110 for vectors of different
        or another width, 50111 without patients, 50112 with one class only, 50113 with too few patients, 50116 for a
        vector that cannot be read, 50279 for missing values that the algorithm needs, 50310 for numbers from which
        nothing can be learnt.
    """
    try:
        return _train(patients, width, read_parameters(parameters), read_names(names))
    except ProcedureError as refusal:
        return _frame({name: [] for name in _RESULT}), b"", "", "{}", refusal.number, refusal.message
    except LungdbError as refusal:
        return _frame({name: [] for name in _RESULT}), b"", "", "{}", ErrorNumber.UNREADABLE, str(refusal)


def _train(patients: pd.DataFrame, width: int, parameters: TrainingParameters, names: list[str] | None) -> Result:
    started = time.perf_counter()
    regresses = parameters.task == "regression"
    check_columns(patients, (*_COLUMNS, "target") if regresses else _COLUMNS)
    if patients.empty:
        raise ProcedureError(
            ErrorNumber.NO_LABELS,
            "No patient has both a label and features. Load labels with load_labels and generate features.",
        )
    patients = patients.assign(patient_id=patients["patient_id"].map(str)).sort_values(
        ["patient_id", "place"], kind="stable"
    )
    places = whole_numbers(patients, "place")
    if np.unique(places).size != places.size:
        raise ProcedureError(ErrorNumber.ARGUMENT, "A scan appears more than once. Select each once.")
    owners = np.unique(patients["patient_id"].to_numpy(dtype=object), return_inverse=True)[1].reshape(-1)
    parts = patients["part"].to_numpy(dtype=object)
    if not np.isin(parts, ("train", "test")).all():
        raise ProcedureError(
            ErrorNumber.ARGUMENT, "The column part holds another value than train and test. Correct dbo.splits."
        )
    is_test = parts == "test"
    labels: NDArray[Any]
    if regresses:
        labels = patients["target"][~is_test].to_numpy(dtype=np.float64)
    else:
        labels = whole_numbers(patients[~is_test], "label")
        if not np.isin(labels, (0, 1)).all():
            raise ProcedureError(
                ErrorNumber.ARGUMENT, "The column label holds another value than 0 and 1. Correct dbo.labels."
            )
    if np.intersect1d(owners[is_test], owners[~is_test]).size:
        raise ProcedureError(
            ErrorNumber.ARGUMENT, "A patient has scans in both parts, train and test. Correct dbo.splits."
        )
    vectors = _vectors(patients["vector"].tolist(), width, may_miss=names is not None)
    if names is not None:
        check_missing(vectors, names, parameters.algorithm)

    trained = train(vectors[~is_test], labels, parameters, owners[~is_test], names)
    if trained.library == "onnx":
        _refuse_other_files(trained.model)
    result = _result(
        places.tolist(),
        is_test,
        trained,
        score_all(trained.library, trained.model, vectors[is_test], parameters.task),
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
        **({"task": "regression"} if regresses else {}),
        **({} if names is None else {"feature_names": names}),
        "libraries": {
            "lungdb": lungdb.__version__,
            "lightgbm": version("lightgbm"),
            "numpy": np.__version__,
            **({"scikit-learn": version("scikit-learn")} if trained.library == "network" else {}),
            **_package(parameters),
        },
        "seconds": round(time.perf_counter() - started, 3),
    }
    return result, trained.model, trained.library, json.dumps(details), 0, ""


def _package(parameters: TrainingParameters) -> dict[str, str]:
    """Give the version of the package that the algorithm is of, by its name."""
    name, _, number = (parameters.package or "").rpartition(" ")
    return {name: number} if name else {}


def _refuse_other_files(model: bytes) -> None:
    """Refuse a classifier in ONNX whose weights lie in files, which are not stored with it."""
    import onnx  # for what packages fit alone

    from lungdb.networks.graphs.external import keeps_weights_outside

    if keeps_weights_outside(onnx.load_model_from_string(model)):
        raise ProcedureError(
            ErrorNumber.UNFIT_ALGORITHM,
            "The algorithm gives a model whose weights lie in another file. Mend its package: it is to give one file.",
        )


def _vectors(texts: list[str], width: int, *, may_miss: bool) -> NDArray[np.float32]:
    vectors = [read_vector(text, may_miss=may_miss) for text in texts]
    widths = sorted({vector.size for vector in vectors})
    if widths != [width]:
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
    # A model of numbers has neither a prevalence nor probabilities.
    probabilities = (
        np.full(test_scores.size, np.nan)
        if trained.prevalence is None
        else apply_calibration(trained.calibration, test_scores)
    )
    columns = {
        "part": (trained.parts, "test"),
        "fold": (trained.folds, -1),
        "raw": (trained.raw, test_scores),
        "probability": (trained.probabilities, probabilities),
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
