"""What dbo.StoreModelNodes calls."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.learning.ensembles import from_json
from lungdb.learning.nodes import Ensemble, read_ensemble
from lungdb.procedures.checks import check_model
from lungdb.procedures.leaving import MESSAGE, for_t_sql
from lungdb.procedures.probability import task_of
from lungdb.procedures.scoring_many import predict_patients

_COLUMNS = {
    "tree": np.int32,
    "node": np.int32,
    "feature_index": np.int32,
    "threshold": np.float64,
    "missing": object,
    "default_left": np.int32,
    "left_node": np.int32,
    "right_node": np.int32,
    "leaf_value": np.float64,
}

Result = tuple[pd.DataFrame, str, int, int, float, float, int, str]


@for_t_sql({7: MESSAGE})
def model_nodes(patients: pd.DataFrame, model: bytes, model_sha256: str, library: str, details: str) -> Result:
    """Give the trees of a model as rows, and the scores that plain T-SQL must come to.

    Parameters
    ----------
    patients : DataFrame
        One row a scan: `scan_id` (whole number), `vector` (JSON). May be empty.
    model, model_sha256, library, details
        As of `predict_lung_cancer`.

    Returns
    -------
    nodes : DataFrame
        The columns of dbo.model_nodes, int32, float64 and text; -1 and NaN stand for NULL. Empty for a logistic
        regression or network, whose JSON T-SQL reads itself, and for an ensemble, whose members have rows.
    scores : str
        JSON array of [scan_id, raw, probability], 0…1, of the scans that can be scored; of a regression raw is the
        number predicted, and probability null.
    width, trees : int
        Number of features of a vector; number of trees, 0 for a logistic regression.
    divisor, steepness : float
        As of `lungdb.learning.nodes.Ensemble`; 1 for a logistic regression.
    error_number, error_message : int, str
        0 and empty, or a refusal: 50105, 50110 and 50116 as `predict_lung_cancer` gives them, 50152 for a model that
        cannot be written as nodes.
    """
    try:
        read = check_model(model, model_sha256, library, details)
        width = read.get("width")
        trees = read_ensemble(model) if library == "lightgbm" else None
        _refuse_onnx(library, model)
        if trees is not None and trees.width != width:
            raise ProcedureError(
                ErrorNumber.NOT_AS_NODES,
                f"The model reads {trees.width} features and its details say {width}. Train it again.",
            )
        if trees is not None and trees.task != task_of(read):
            raise ProcedureError(
                ErrorNumber.NOT_AS_NODES,
                f"The model is of the task {trees.task} and its details say {task_of(read)}. Train it again.",
            )
        scored, number, message = predict_patients(patients, model, model_sha256, library, details, None)
        if number:
            raise ProcedureError(ErrorNumber(number), message)
    except ProcedureError as refusal:
        return _frame(None), "[]", 0, 0, 1.0, 1.0, refusal.number, refusal.message
    scored = scored[scored["error"] == ""]
    scores = [
        [scan, raw, None if math.isnan(probability) else probability]
        for scan, raw, probability in zip(
            *(scored[name].tolist() for name in ("scan_id", "raw", "probability")), strict=True
        )
    ]
    if trees is None:
        return _frame(None), json.dumps(scores), int(width or 0), 0, 1.0, 1.0, 0, ""
    return _frame(trees), json.dumps(scores), trees.width, trees.trees, trees.divisor, trees.steepness, 0, ""


def _refuse_onnx(library: str, model: bytes) -> None:
    members = from_json(model.decode("utf-8", "replace")).members if library == "ensemble" else ()
    if library == "onnx" or any(member.library == "onnx" for member in members):
        raise ProcedureError(
            ErrorNumber.NOT_AS_NODES,
            f"The model {'has a member that ' if members else ''}is a graph in ONNX, which plain T-SQL cannot run. "
            "Score it with PredictPatients.",
        )


def _frame(ensemble: Ensemble | None) -> pd.DataFrame:
    columns = {name: getattr(ensemble.rows, name) if ensemble else [] for name in _COLUMNS}
    frame: pd.DataFrame = pd.DataFrame({name: pd.Series(columns[name], dtype=kind) for name, kind in _COLUMNS.items()})
    return frame
