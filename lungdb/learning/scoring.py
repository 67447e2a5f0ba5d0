"""Scoring with a LightGBM model through the C interface of LightGBM's own library.

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

from lungdb.errors import ProcedureError

UNREADABLE = 50116
OTHER_WIDTH = 50110

# The values that LightGBM's c_api.h defines for these.
_FLOAT64 = 1
_PREDICT_NORMAL = 0
_PARAMETERS = b"num_threads=1 verbosity=-1"


def score(model: bytes, vector: NDArray[np.float32]) -> float:
    """Compute the probability of class 1.

    Parameters
    ----------
    model : bytes
        LightGBM's model text of a binary classifier, UTF-8.
    vector : float32[width]
        The features of one patient.

    Returns
    -------
    float
        0…1.

    Raises
    ------
    ProcedureError
        50110 when the model was trained on another width; 50116 when LightGBM cannot be loaded or does not read the
        model, or what it gives is no probability.
    """
    if not model.startswith(b"tree\n") or b"\nend of trees\n" not in model:
        # LightGBM ends the whole process over a tree that is cut off.
        raise ProcedureError(UNREADABLE, "The model is not a whole LightGBM model text. Train it again.")
    library = load_library()
    handle = ctypes.c_void_p()
    _call("BoosterLoadModelFromString", model, ctypes.byref(ctypes.c_int()), ctypes.byref(handle))
    try:
        width = ctypes.c_int()
        _call("BoosterGetNumFeature", handle, ctypes.byref(width))
        if width.value != vector.size:
            raise ProcedureError(
                OTHER_WIDTH,
                f"The patient has {vector.size} features and the model reads {width.value}. Generate the features "
                "that the model was trained on, or train again.",
            )
        classes = ctypes.c_int()
        _call("BoosterGetNumClasses", handle, ctypes.byref(classes))
        values = np.ascontiguousarray(vector, dtype=np.float64)
        result = (ctypes.c_double * max(1, classes.value))()  # LightGBM writes one value a class
        _call(
            "BoosterPredictForMatSingleRow",
            handle,
            values.ctypes.data_as(ctypes.c_void_p),
            ctypes.c_int(_FLOAT64),
            ctypes.c_int(values.size),
            ctypes.c_int(1),
            ctypes.c_int(_PREDICT_NORMAL),
            ctypes.c_int(0),
            ctypes.c_int(-1),
            _PARAMETERS,
            ctypes.byref(ctypes.c_int64()),
            result,
        )
    finally:
        library.LGBM_BoosterFree(handle)
    probability = float(result[0])
    if classes.value != 1 or not 0 <= probability <= 1:
        raise ProcedureError(UNREADABLE, "The model is no binary classifier. Train it with TrainLungCancerModel.")
    return probability


@functools.cache
def load_library() -> ctypes.CDLL:
    """Load the library that the package lightgbm holds; ProcedureError 50116 when it is missing or does not load."""
    suffix = {"Windows": ".dll", "Darwin": ".dylib"}.get(platform.system(), ".so")
    package = importlib.util.find_spec("lightgbm")
    if package is None or package.origin is None:
        raise ProcedureError(UNREADABLE, "LightGBM is not installed. Run: pip install lightgbm")
    folder = Path(package.origin).parent
    places = [folder / name / f"lib_lightgbm{suffix}" for name in ("lib", "bin")]
    try:
        return ctypes.CDLL(str(next((place for place in places if place.is_file()), places[0])))
    except OSError as error:
        raise ProcedureError(
            UNREADABLE, f"LightGBM cannot be loaded ({error}). On Linux install the system library libgomp1."
        ) from None


def _call(function: str, *arguments: object) -> None:
    library = load_library()
    library.LGBM_GetLastError.restype = ctypes.c_char_p
    if getattr(library, f"LGBM_{function}")(*arguments) != 0:
        reason = library.LGBM_GetLastError().decode("utf-8", "replace")
        raise ProcedureError(UNREADABLE, f"LightGBM cannot read the model ({reason[:300]}). Train it again.")
