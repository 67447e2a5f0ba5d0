"""What internal.RefreshBinaryVectors and dbo.SimilarPatients call, also those of version 0.2."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.imaging.codecs import encode_vector, from_hex
from lungdb.learning.vectors import read_vector
from lungdb.procedures.checks import check_columns, whole_numbers
from lungdb.procedures.leaving import MESSAGE, check_size, for_t_sql

_FLOAT32 = np.dtype("<f4")

LEAST_TO_STANDARDISE = 10
"""Vectors of which a mean and a standard deviation are taken at least."""

LEAST_VARIATION = 1e-6
"""Standard deviation by mean of a feature that varies at least: float32 has no more digits."""


@for_t_sql({2: MESSAGE})
def binary_vectors(scans: pd.DataFrame) -> tuple[pd.DataFrame, int, str]:
    """Read vectors from their text.

    Parameters
    ----------
    scans : DataFrame
        One row a scan: `scan_id` (whole number), `vector` (JSON).

    Returns
    -------
    result : DataFrame
        In the order given: `scan_id` (int32), `array` (float32 little-endian in hexadecimal; empty where the vector is
        all zero or cannot be read).
    error_number, error_message : int, str
        0 and empty, or a refusal: 50101 for a column that is missing or holds NULL.
    """
    try:
        check_columns(scans, ("scan_id", "vector"))
        ids = whole_numbers(scans, "scan_id")
        return _arrays(ids, [_array(text) for text in scans["vector"].tolist()]), 0, ""
    except ProcedureError as refusal:
        return _arrays(np.empty(0, np.int64), []), refusal.number, refusal.message


@for_t_sql({2: MESSAGE})
def unit_vectors(scans: pd.DataFrame) -> tuple[pd.DataFrame, int, str]:
    """Bring vectors to length 1, as a procedure of version 0.2 calls it: `binary_vectors` with the column `unit`."""
    read, number, message = binary_vectors(scans)
    units = [_of_length_one(from_hex(array)) for array in read["array"]]
    return read[["scan_id"]].assign(unit=pd.Series(units, dtype=object)), number, message


@for_t_sql({2: MESSAGE})
def similar_patients(others: pd.DataFrame, array: bytes, limit: int) -> tuple[pd.DataFrame, int, str]:
    """Find the vectors that, standardised, point most nearly where one does.

    Each feature is taken less its mean over all of them, the one compared with among them, and divided by its standard
    deviation; one that does not vary counts nothing. Fewer than ten vectors are compared as they are.

    Parameters
    ----------
    others : DataFrame
        One row a scan: `scan_id` (whole number), `array` (as `binary_vectors` gives it, as long as the one given). With
        the column `unit` in its place, as of version 0.2, vectors are compared as they are.
    array : bytes
        The vector to compare with, float32 little-endian.
    limit : int
        Scans to return.

    Returns
    -------
    result : DataFrame
        The most similar first, equal ones in the order given: `scan_id` (int32), `similarity` (float64, the cosine of
        the angle, −1…1; 0 for a vector that is the mean in every feature).
    error_number, error_message : int, str
        0 and empty, or a refusal: 50101 for a column that is missing or holds NULL, 50116 for a vector that cannot be
        read or has another length.
    """
    try:
        name = "unit" if "unit" in others else "array"
        check_columns(others, ("scan_id", name))
        ids = whole_numbers(others, "scan_id")
        wanted = np.frombuffer(array, dtype=_FLOAT32).astype(np.float64)
        vectors = np.concatenate([_matrix(others[name].tolist(), wanted.size), wanted[None]])
        is_scaled = name == "array" and len(vectors) >= LEAST_TO_STANDARDISE
        units = to_length_one(_standardised(vectors) if is_scaled else vectors)
        similarity = np.clip(units[:-1] @ units[-1], -1, 1)
        order = np.argsort(-similarity, kind="stable")[:limit]
        return _scans(ids[order], similarity[order]), 0, ""
    except ProcedureError as refusal:
        return _scans(np.empty(0, np.int64), np.empty(0)), refusal.number, refusal.message


@for_t_sql({2: MESSAGE})
def standard_vectors(vectors: pd.DataFrame) -> tuple[pd.DataFrame, int, str]:
    """Standardise vectors over all of them and bring them to length 1, so that their cosines are `similar_patients`'.

    Parameters
    ----------
    vectors : DataFrame
        One row a scan: `scan_id` (whole number), `array` (as `binary_vectors` gives it, all as long).

    Returns
    -------
    result : DataFrame
        In the order given: `scan_id` (int32), `vector` (JSON array of float32 as wide as those given, 0 for a
        feature that does not vary; empty where every feature is the mean).
    error_number, error_message : int, str
        0 and empty, or a refusal: as of `similar_patients`, 50231 for more than may leave Python.
    """
    try:
        check_columns(vectors, ("scan_id", "array"))
        ids = whole_numbers(vectors, "scan_id")
        arrays = vectors["array"].tolist()
        matrix = _matrix(arrays, len(from_hex(arrays[0])) // _FLOAT32.itemsize if arrays else 0)
        rows = to_length_one(_standardised(matrix)).astype(np.float32)
        texts = [encode_vector(row) if row.any() else "" for row in rows]
        check_size(2 * sum(map(len, texts)), "vectors", "Choose a model on features of a layer with fewer numbers.")
        return _texts(ids, texts), 0, ""
    except ProcedureError as refusal:
        return _texts(np.empty(0, np.int64), []), refusal.number, refusal.message


def _array(text: str) -> str:
    try:
        vector = read_vector(text)
    except LungdbError:
        return ""
    return vector.astype(_FLOAT32).tobytes().hex().upper() if vector.any() else ""


def _of_length_one(array: bytes) -> str:
    vector = np.frombuffer(array, dtype=_FLOAT32).astype(np.float64)
    return to_length_one(vector[None]).astype(_FLOAT32).tobytes().hex().upper() if vector.size else ""


def _standardised(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take features less their mean, over their standard deviation; those that do not vary are 0."""
    mean, deviation = vectors.mean(axis=0), vectors.std(axis=0)
    varies = deviation > LEAST_VARIATION * np.abs(mean)
    # As wide as before: a VECTOR of SQL Server has the width of the features.
    standardised: NDArray[np.float64] = np.where(varies, vectors - mean, 0) / np.where(varies, deviation, 1)
    return standardised


def to_length_one(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bring rows to length 1, but those without a direction."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units: NDArray[np.float64] = vectors / np.where(lengths > 0, lengths, 1)
    return units


def _matrix(arrays: list[str | bytes], width: int) -> NDArray[np.float64]:
    """Read vectors, float64[vectors, width]."""
    try:
        matrix = np.frombuffer(b"".join(map(from_hex, arrays)), dtype=_FLOAT32).reshape(len(arrays), width)
    except (TypeError, ValueError):
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            "A vector cannot be read, or has another length. Empty dbo.binary_vectors: it is filled again.",
        ) from None
    return matrix.astype(np.float64)


def _arrays(ids: NDArray[np.int64], arrays: list[str]) -> pd.DataFrame:
    frame: pd.DataFrame = pd.DataFrame({"scan_id": ids.astype(np.int32), "array": pd.Series(arrays, dtype=object)})
    return frame


def _texts(ids: NDArray[np.int64], texts: list[str]) -> pd.DataFrame:
    frame: pd.DataFrame = pd.DataFrame({"scan_id": ids.astype(np.int32), "vector": pd.Series(texts, dtype=object)})
    return frame


def _scans(ids: NDArray[np.int64], similarity: NDArray[np.float64]) -> pd.DataFrame:
    frame: pd.DataFrame = pd.DataFrame({"scan_id": ids.astype(np.int32), "similarity": similarity})
    return frame
