"""What dbo.TrainImageClassifier and dbo.PredictImages call."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, fields

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.imaging.codecs import decode_array, from_hex
from lungdb.learning.classes import ClassParameters, score_classes, train_classes
from lungdb.learning.pooling import check_packages, check_pooling, pool
from lungdb.procedures.checks import check_columns, check_sha256, read_details, whole_numbers
from lungdb.procedures.leaving import MESSAGE, NAME, for_t_sql

_PICTURES = ("unit", "source", "labels", "width", "array", "sha256")
_TRAINED = {"unit": np.int32, "label": np.int32, "fold": np.int32, "score": np.float64}
_PREDICTED = {"unit": np.int32, "label": np.int32, "score": np.float64}
_ALONE = "none"  # the pooling of pictures of which each stands alone

Result = tuple[pd.DataFrame, bytes, str, str, int, str]


@for_t_sql({2: NAME, 5: MESSAGE})
def train_image_classifier(
    pictures: pd.DataFrame, pooling: str, parameters: str, packages: str | None = None
) -> Result:
    """Train a classifier on features of pictures, and score those that it does not learn from.

    Parameters
    ----------
    pictures : DataFrame
        One row a picture, those of a unit, a picture or a group, one after another in its order: `unit` (a number of
        its own), `source` (a number; pictures of one patient, group or name have the same), `labels` (the numbers of
        the unit's classes with commas; empty of one that is held out for testing, whose labels are not told), `width`,
        `array` and `sha256` (the features in hexadecimal).
    pooling : str
        `none` where every unit is one picture, else as of `lungdb.learning.pooling.pool`.
    parameters : str
        JSON object of `lungdb.learning.classes.ClassParameters`, and `exclusive`: whether a picture has one class.
    packages : str or None
        JSON: the package with its version that each pooling of packages was registered from; None where a procedure of
        an earlier version calls.

    Returns
    -------
    result : DataFrame
        A row a unit and class: `unit`, `label` (the class), `fold` (-1 of one held out), `score` (0…1). The scores of
        units that were learnt from are out of fold.
    model : bytes
        JSON, UTF-8. The same pictures and parameters give the same bytes.
    library : str
        `logistic` or `lightgbm`.
    details : str
        JSON: `classes`, `width`, `parameters`, `l2` or `trees`, `units` by part, `seconds`.
    error_number, error_message : int, str
        0 and empty, or a refusal: 50101, 50105, 50110, 50112, 50113, 50116 or 50394.
    """
    try:
        _check_packages(pooling, packages)
        return _train(pictures, pooling, parameters)
    except ProcedureError as refusal:
        return _frame(_TRAINED, {}), b"", "", "{}", refusal.number, refusal.message
    except LungdbError as refusal:
        return _frame(_TRAINED, {}), b"", "", "{}", ErrorNumber.UNREADABLE, str(refusal)


@for_t_sql({2: MESSAGE})
def predict_images(
    pictures: pd.DataFrame,
    pooling: str,
    model: bytes,
    model_sha256: str,
    library: str,
    details: str,
    packages: str | None = None,
) -> tuple[pd.DataFrame, int, str]:
    """Score pictures with a classifier that `train_image_classifier` gave.

    Parameters
    ----------
    pictures : DataFrame
        As of `train_image_classifier`; `source` and `labels` are not looked at.
    model, model_sha256, library, details
        As stored; the hash in hexadecimal.
    packages
        As of `train_image_classifier`.

    Returns
    -------
    result : DataFrame
        A row a unit and class: `unit`, `label`, `score`.
    error_number, error_message : int, str
        0 and empty, or a refusal: 50105, 50110, 50116 or 50394.
    """
    try:
        _check_packages(pooling, packages)
        check_columns(pictures, _PICTURES)
        check_sha256(model, model_sha256, "model")
        classes = read_details(details, "model").get("classes")
        units, vectors, _ = _units(pictures, pooling)
        scores = score_classes(library, model, vectors)
        if not isinstance(classes, list) or len(classes) != scores.shape[1]:
            raise ProcedureError(ErrorNumber.UNREADABLE, "The model's details name other classes. Train it again.")
        columns = {
            "unit": np.repeat(units, scores.shape[1]),
            "label": np.tile(np.array(classes), len(units)),
            "score": scores.reshape(-1),
        }
        return _frame(_PREDICTED, columns), 0, ""
    except ProcedureError as refusal:
        return _frame(_PREDICTED, {}), refusal.number, refusal.message
    except LungdbError as refusal:
        return _frame(_PREDICTED, {}), ErrorNumber.UNREADABLE, str(refusal)


def _check_packages(pooling: str, packages: str | None) -> None:
    if pooling != _ALONE and packages is not None:
        check_packages([pooling], json.loads(packages))


def _train(pictures: pd.DataFrame, pooling: str, text: str) -> Result:
    started = time.perf_counter()
    check_columns(pictures, _PICTURES)
    given = json.loads(text)
    names = {field.name for field in fields(ClassParameters)}
    parameters = ClassParameters(
        **{name: value for name, value in given.items() if name in names and value is not None}
    )
    units, vectors, first = _units(pictures, pooling)
    told = [str(pictures["labels"].iloc[place] or "") for place in first]
    learnt = np.array([bool(labels) for labels in told])
    classes = sorted({int(label) for labels in told if labels for label in labels.split(",")})
    truth = np.zeros((len(units), len(classes)), dtype=bool)
    for row, labels in enumerate(told):
        for label in labels.split(",") if labels else []:
            truth[row, classes.index(int(label))] = True
    exclusive = bool(given["exclusive"])
    sources = whole_numbers(pictures, "source")[first]

    trained = train_classes(vectors[learnt], truth[learnt], sources[learnt], parameters, exclusive=exclusive)
    scores = np.empty((len(units), len(classes)), dtype=np.float64)
    scores[learnt] = trained.scores
    if not learnt.all():
        scores[~learnt] = score_classes(parameters.algorithm, trained.final.model, vectors[~learnt])
    folds = np.full(len(units), -1, dtype=np.int64)
    folds[learnt] = trained.folds
    columns = {
        "unit": np.repeat(units, len(classes)),
        "label": np.tile(np.array(classes), len(units)),
        "fold": np.repeat(folds, len(classes)),
        "score": scores.reshape(-1),
    }
    details = {
        "classes": classes,
        "width": int(vectors.shape[1]),
        "parameters": {**asdict(parameters), "exclusive": exclusive, "pooling": pooling},
        "l2": trained.final.l2,
        "trees": trained.final.trees,
        "units": {"train": int(learnt.sum()), "test": int((~learnt).sum())},
        "seconds": round(time.perf_counter() - started, 3),
    }
    return _frame(_TRAINED, columns), trained.final.model, parameters.algorithm, json.dumps(details), 0, ""


def _units(pictures: pd.DataFrame, pooling: str) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.intp]]:
    """Give the units, the vector of each, and the row of its first picture."""
    if pooling != _ALONE:
        try:
            check_pooling(pooling)
        except LungdbError as error:
            raise ProcedureError(ErrorNumber.ARGUMENT, f"{error} {_ALONE} takes every picture alone.") from None
    numbers = whole_numbers(pictures, "unit")
    first = np.flatnonzero(np.diff(numbers, prepend=-1) != 0)
    widths = whole_numbers(pictures, "width")
    if len(set(widths.tolist())) != 1:
        raise ProcedureError(
            ErrorNumber.OTHER_WIDTH, "The pictures have features of several widths. Make them again: FeaturizeImages."
        )
    rows = [
        decode_array(from_hex(array), 1, int(widths[0]), from_hex(sha256))
        for array, sha256 in zip(pictures["array"], pictures["sha256"], strict=True)
    ]
    parts = np.split(np.vstack(rows), first[1:])
    vectors = [part[0] if pooling == _ALONE else pool(part, pooling) for part in parts]
    return numbers[first], np.stack(vectors), first


def _frame(types: Mapping[str, type], columns: dict[str, NDArray[np.generic]]) -> pd.DataFrame:
    frame: pd.DataFrame = pd.DataFrame(
        {name: pd.Series(columns.get(name, np.empty(0)), dtype=kind) for name, kind in types.items()}
    )
    return frame
