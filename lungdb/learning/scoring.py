"""Scoring with a trained classifier; LightGBM through the C interface of its own library.

Importing LightGBM's Python package brings SciPy, pandas and scikit-learn where they are installed, a second or more for
one prediction; its library (lightgbm.readthedocs.io, C API) loads in milliseconds and computes the same.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import platform
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import ASK_DOCTOR, ErrorNumber, ProcedureError
from lungdb.learning import ensembles, logistic, onnx_classifier, perceptron
from lungdb.learning.calibration import apply_calibration, sigmoid
from lungdb.learning.model_text import count_trees

# The values that LightGBM's c_api.h defines for these.
_FLOAT32 = 0
_ROW_MAJOR = 1
_PREDICT_NORMAL = 0
_PREDICT_RAW_SCORE = 1
_PREDICT_CONTRIB = 3
_PARAMETERS = b"num_threads=1 verbosity=-1"

Features = NDArray[np.float32]
Scores = NDArray[np.float64]


def score_all(library: str, model: bytes, vectors: Features, task: str = "classification") -> Scores:
    """Compute the raw scores of patients, before any calibration.

    Parameters
    ----------
    library : str
        What the model is of: `lightgbm`, `logistic`, `network`, `ensemble` or `onnx`.
    model : bytes
        LightGBM's model text of a binary classifier, the JSON of a logistic regression, network or ensemble, UTF-8, or
        ONNX.
    vectors : float32[patients, width]
    task : str
        What the model was trained for: `classification`, or `regression`, which is LightGBM's alone.

    Returns
    -------
    float64[patients]
        0…1; of a regression the number predicted.

    Raises
    ------
    ProcedureError
        50110 when the model was trained on another width; 50116 when the library is another one or cannot be loaded,
        it does not read the model, what it gives is no probability, or a value is missing that it cannot do without.
    """
    if library not in _SCORERS:
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            f"The library {library!r} of the model is not supported. Supported are {', '.join(_SCORERS)}.",
        )
    if task == "regression":
        if library != "lightgbm":
            raise ProcedureError(
                ErrorNumber.UNREADABLE,
                f"The library {library!r} has no model of the task regression. Train it with TrainLungCancerModel.",
            )
        return _predict_numbers(model, np.ascontiguousarray(vectors, dtype=np.float32))
    return _SCORERS[library](model, np.ascontiguousarray(vectors, dtype=np.float32))


class _Booster:
    """A whole model as LightGBM has read it; its library frees it with this.

    Attributes
    ----------
    handle : c_void_p
        Of the library.
    width : int
        How many features it reads.
    classes : int
        How many values it gives a patient.
    """

    def __init__(self, model: bytes) -> None:
        trees = count_trees(model)
        self._library = load_library()
        self.handle = ctypes.c_void_p()
        _call("BoosterLoadModelFromString", model, ctypes.byref(ctypes.c_int()), ctypes.byref(self.handle))
        self.width = self._number("GetNumFeature")
        self.classes = self._number("GetNumClasses")
        read = self._number("NumberOfTotalModel")
        if read != trees:
            raise ProcedureError(
                ErrorNumber.UNREADABLE,
                f"LightGBM reads {read} of the model's {trees} trees. Restore it from a backup, or train it again.",
            )

    def _number(self, name: str) -> int:
        number = ctypes.c_int()
        _call(f"Booster{name}", self.handle, ctypes.byref(number))
        return number.value

    def __del__(self) -> None:
        handle = getattr(self, "handle", None)
        if handle:
            self._library.LGBM_BoosterFree(handle)


# Reading a model takes longer than scoring a patient; a process that serves several calls reads it once.
@functools.lru_cache(maxsize=4)
def _booster(model: bytes) -> _Booster:
    return _Booster(model)


def raw_sums(model: bytes, vectors: Features) -> Scores:
    """Compute what LightGBM calls raw scores: of each patient the sum of the leaves of all trees, before any link.

    Raises
    ------
    ProcedureError
        50110 and 50116 as `score_all` does, 50116 also of a model with several classes.
    """
    return _one_class(_run_lightgbm(model, vectors, _PREDICT_RAW_SCORE))


def raw_contributions(model: bytes, vectors: Features) -> NDArray[np.float64]:
    """Compute what each feature added to `raw_sums`, by LightGBM's TreeSHAP, which follows the trees' own paths.

    Returns
    -------
    float64[patients, width + 1]
        The last column is the expected sum.

    Raises
    ------
    ProcedureError
        50110 and 50116 as `raw_sums` does.
    """
    return _run_lightgbm(model, vectors, _PREDICT_CONTRIB)


def _one_class(scores: NDArray[np.float64]) -> Scores:
    if scores.shape[1] != 1:
        raise ProcedureError(
            ErrorNumber.UNREADABLE, f"The model has {scores.shape[1]} classes, where two are told apart by one score."
        )
    return np.asarray(scores[:, 0])


def _run_lightgbm(model: bytes, vectors: Features, kind: int = _PREDICT_NORMAL) -> NDArray[np.float64]:
    booster = _booster(model)
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    rows, columns = vectors.shape
    check_width(columns, booster.width)
    values = max(1, booster.classes) * (booster.width + 1 if kind == _PREDICT_CONTRIB else 1)
    scores = np.empty((rows, values), dtype=np.float64)
    _call(
        "BoosterPredictForMat",
        booster.handle,
        vectors.ctypes.data_as(ctypes.c_void_p),
        ctypes.c_int(_FLOAT32),
        ctypes.c_int32(rows),
        ctypes.c_int32(columns),
        ctypes.c_int(_ROW_MAJOR),
        ctypes.c_int(kind),
        ctypes.c_int(0),
        ctypes.c_int(-1),
        _PARAMETERS,
        ctypes.byref(ctypes.c_int64()),
        scores.ctypes.data_as(ctypes.c_void_p),
    )
    return scores


def _score_lightgbm(model: bytes, vectors: Features) -> Scores:
    scores = _run_lightgbm(model, vectors)
    if scores.shape[1] != 1 or not ((scores >= 0) & (scores <= 1)).all():
        raise ProcedureError(
            ErrorNumber.UNREADABLE, "The model is no binary classifier. Train it with TrainLungCancerModel."
        )
    return np.asarray(scores[:, 0])


def _predict_numbers(model: bytes, vectors: Features) -> Scores:
    scores = _run_lightgbm(model, vectors)
    if scores.shape[1] != 1 or not np.isfinite(scores).all():
        raise ProcedureError(
            ErrorNumber.UNREADABLE, "The model predicts no single number. Train it with TrainLungCancerModel."
        )
    return np.asarray(scores[:, 0])


def _score_logistic(model: bytes, vectors: Features) -> Scores:
    regression = logistic.from_json(model.decode("utf-8", "replace"))
    check_width(vectors.shape[1], regression.mean.size)
    check_present(vectors, "logistic regression")
    return regression.probabilities(vectors)


def _score_network(model: bytes, vectors: Features) -> Scores:
    network = perceptron.from_json(model.decode("utf-8", "replace"))
    check_width(vectors.shape[1], network.width)
    check_present(vectors, "network")
    return network.probabilities(vectors)


def _score_onnx(model: bytes, vectors: Features) -> Scores:
    loaded = onnx_classifier.load(model)
    check_width(vectors.shape[1], loaded.width)
    check_present(vectors, "classifier in ONNX")
    return loaded.probabilities(vectors)


def ensemble_log_odds(ensemble: ensembles.Ensemble, vectors: Features) -> Scores:
    """Compute the mean of the members' log-odds, calibrated and moved to one prevalence.

    Raises
    ------
    ProcedureError
        50110 for another width; 50116 as `score_all` of a member.
    """
    check_width(vectors.shape[1], ensemble.width)
    probabilities = [
        apply_calibration(
            member.calibration,
            score_all(member.library, member.model, vectors[:, member.first_index : member.first_index + member.width]),
        )
        for member in ensemble.members
    ]
    return ensembles.mean_log_odds(
        np.stack(probabilities), [each.prevalence for each in ensemble.members], ensemble.prevalence
    )


def _score_ensemble(model: bytes, vectors: Features) -> Scores:
    return sigmoid(ensemble_log_odds(ensembles.from_json(model.decode("utf-8", "replace")), vectors))


_SCORERS = {
    "lightgbm": _score_lightgbm,
    "logistic": _score_logistic,
    "network": _score_network,
    "ensemble": _score_ensemble,
    "onnx": _score_onnx,
}


def check_present(vectors: Features, what: str) -> None:
    """Refuse a missing value, NaN, which a model of this kind cannot read, with ProcedureError 50116."""
    if np.isnan(vectors).any():
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            f"A feature is missing, which a {what} cannot read. Fill the column that it comes from, or score with a "
            "model of trees.",
        )


def check_width(given: int, read: int) -> None:
    """Refuse vectors of another width than the model reads with ProcedureError 50110."""
    if given != read:
        raise ProcedureError(
            ErrorNumber.OTHER_WIDTH,
            f"The patient has {given} features and the model reads {read}. Generate the features that the model was "
            "trained on, or train again.",
        )


@functools.cache
def load_library() -> ctypes.CDLL:
    """Load the library that the package lightgbm holds; ProcedureError 50116 when it is missing or does not load."""
    suffix = {"Windows": ".dll", "Darwin": ".dylib"}.get(platform.system(), ".so")
    package = importlib.util.find_spec("lightgbm")
    if package is None or package.origin is None:
        raise ProcedureError(
            ErrorNumber.UNREADABLE, f"LightGBM is not installed. Run: pip install lightgbm. {ASK_DOCTOR}"
        )
    folder = Path(package.origin).parent
    places = [folder / name / f"lib_lightgbm{suffix}" for name in ("lib", "bin")]
    try:
        return ctypes.CDLL(str(next((place for place in places if place.is_file()), places[0])))
    except OSError as error:
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            f"LightGBM cannot be loaded ({error}). On Linux install the system library libgomp1. {ASK_DOCTOR}",
        ) from None


def _call(function: str, *arguments: object) -> None:
    library = load_library()
    library.LGBM_GetLastError.restype = ctypes.c_char_p
    if getattr(library, f"LGBM_{function}")(*arguments) != 0:
        reason = library.LGBM_GetLastError().decode("utf-8", "replace")
        raise ProcedureError(
            ErrorNumber.UNREADABLE, f"LightGBM cannot read the model ({reason[:300]}). Train it again."
        )
