"""What dbo.TrainLungCancerModel calls."""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib.metadata import version

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import lungdb
from lungdb.errors import LungdbError, ProcedureError
from lungdb.imaging.codecs import decode_vector
from lungdb.learning.parameters import TrainingParameters, read_parameters
from lungdb.learning.scoring import OTHER_WIDTH
from lungdb.learning.training import PARTS, measure, train
from lungdb.procedures.checks import ARGUMENT, UNREADABLE, check_columns, whole_numbers

NO_LABELS = 50111

_COLUMNS = ("patient_id", "part", "label", "vector")
_VECTORS_PER_FEATURE = (1, 3)  # pooling mean_max_std gives three values a feature, the others one

Result = tuple[pd.DataFrame, bytes, str, int, str]


def train_lung_cancer_model(patients: pd.DataFrame, width: int, parameters: str) -> Result:
    """Train LightGBM on the pooled features of labelled patients.

    Parameters
    ----------
    patients : DataFrame
        One row a patient, in any order: `patient_id`, `part` (train or test), `label` (0 or 1), `vector` (JSON).
    width : int
        Width of the feature set; a vector has as many values, or three times as many.
    parameters : str
        JSON object; see `lungdb.learning.parameters.TrainingParameters`.

    Returns
    -------
    result : DataFrame
        `patient_id`, `part` (train, validation or test) and `probability` (0…1), ordered by patient.
    model : bytes
        LightGBM's model text, UTF-8. The same patients, parameters and versions give the same bytes.
    details : str
        JSON: `width` of a vector, `best_iteration`, `parameters`, `metrics` by part, `patients` by part, `versions`.
    error_number, error_message : int, str
        0 and empty, or a refusal, with the rest empty: 50101 for a parameter or value, 50110 for vectors of different
        or another width, 50111 without patients, 50112 with one class only, 50113 with too few patients, 50116 for a
        vector that cannot be read.
    """
    try:
        return _train(patients, width, read_parameters(parameters))
    except ProcedureError as refusal:
        return _frame([], [], []), b"", "{}", refusal.number, refusal.message
    except LungdbError as refusal:
        return _frame([], [], []), b"", "{}", UNREADABLE, str(refusal)


def _train(patients: pd.DataFrame, width: int, parameters: TrainingParameters) -> Result:
    check_columns(patients, _COLUMNS)
    if patients.empty:
        raise ProcedureError(
            NO_LABELS, "No patient has both a label and features. Load labels with load_labels and generate features."
        )
    patients = patients.assign(patient_id=patients["patient_id"].map(str)).sort_values("patient_id", kind="stable")
    names = patients["patient_id"].tolist()
    if len(set(names)) != len(names):
        raise ProcedureError(ARGUMENT, "A patient appears more than once. Select the primary scan of each only.")
    labels = whole_numbers(patients, "label")
    if not np.isin(labels, (0, 1)).all():
        raise ProcedureError(ARGUMENT, "The column label holds another value than 0 and 1. Correct dbo.labels.")
    parts = patients["part"].to_numpy(dtype=object)
    if not np.isin(parts, ("train", "test")).all():
        raise ProcedureError(ARGUMENT, "The column part holds another value than train and test. Correct dbo.splits.")
    vectors = _vectors(patients["vector"].tolist(), width)

    trained = train(vectors, labels, parts == "test", parameters)
    details = {
        "width": vectors.shape[1],
        "best_iteration": trained.best_iteration,
        "parameters": asdict(parameters),
        "metrics": measure(trained, labels, parameters.seed),
        "patients": {part: int(np.sum(trained.parts == part)) for part in PARTS},
        "versions": {"lungdb": lungdb.__version__, "lightgbm": version("lightgbm"), "numpy": np.__version__},
    }
    result = _frame(names, trained.parts.tolist(), trained.probabilities.tolist())
    return result, trained.model, json.dumps(details), 0, ""


def _vectors(texts: list[str], width: int) -> NDArray[np.float32]:
    vectors = [decode_vector(text) for text in texts]
    widths = sorted({vector.size for vector in vectors})
    if len(widths) > 1 or widths[0] not in [width * times for times in _VECTORS_PER_FEATURE]:
        found = " and ".join(map(str, widths))
        raise ProcedureError(
            OTHER_WIDTH,
            f"The patients have {found} features where the feature set has {width}. Call GenerateFeatures with "
            "@Recompute = 1.",
        )
    return np.stack(vectors)


def _frame(patient_ids: list[str], parts: list[str], probabilities: list[float]) -> pd.DataFrame:
    frame: pd.DataFrame = pd.DataFrame(
        {
            "patient_id": pd.Series(patient_ids, dtype=object),
            "part": pd.Series(parts, dtype=object),
            "probability": pd.Series(probabilities, dtype=np.float64),
        }
    )
    return frame
