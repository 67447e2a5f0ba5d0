"""What internal.RefreshUnitVectors and dbo.SimilarPatients call."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.imaging.codecs import from_hex
from lungdb.learning.vectors import read_vector
from lungdb.procedures.checks import check_columns, whole_numbers
from lungdb.procedures.leaving import MESSAGE, for_t_sql

_FLOAT32 = np.dtype("<f4")


@for_t_sql({2: MESSAGE})
def unit_vectors(scans: pd.DataFrame) -> tuple[pd.DataFrame, int, str]:
    """Bring vectors to length 1.

    Parameters
    ----------
    scans : DataFrame
        One row a scan: `scan_id` (whole number), `vector` (JSON).

    Returns
    -------
    result : DataFrame
        In the order given: `scan_id` (int32), `unit` (float32 little-endian in hexadecimal; empty where the vector is
        all zero or cannot be read).
    error_number, error_message : int, str
        0 and empty, or a refusal: 50101 for a column that is missing or holds NULL.
    """
    try:
        check_columns(scans, ("scan_id", "vector"))
        ids = whole_numbers(scans, "scan_id")
        return _units(ids, [_unit(text) for text in scans["vector"].tolist()]), 0, ""
    except ProcedureError as refusal:
        return _units(np.empty(0, np.int64), []), refusal.number, refusal.message


@for_t_sql({2: MESSAGE})
def similar_patients(others: pd.DataFrame, unit: bytes, limit: int) -> tuple[pd.DataFrame, int, str]:
    """Find the unit vectors that point most nearly where one does.

    Parameters
    ----------
    others : DataFrame
        One row a scan: `scan_id` (whole number), `unit` (as `unit_vectors` gives it, as long as the one given).
    unit : bytes
        The unit vector to compare with, float32 little-endian.
    limit : int
        Scans to return.

    Returns
    -------
    result : DataFrame
        The most similar first, equal ones in the order given: `scan_id` (int32), `similarity` (float64, the cosine of
        the angle, −1…1).
    error_number, error_message : int, str
        0 and empty, or a refusal: 50101 for a column that is missing or holds NULL, 50116 for a vector that cannot be
        read or has another length.
    """
    try:
        check_columns(others, ("scan_id", "unit"))
        ids = whole_numbers(others, "scan_id")
        wanted = np.frombuffer(unit, dtype=_FLOAT32).astype(np.float64)
        similarity = np.clip(_matrix(others["unit"].tolist(), wanted.size) @ wanted, -1, 1)
        order = np.argsort(-similarity, kind="stable")[:limit]
        return _scans(ids[order], similarity[order]), 0, ""
    except ProcedureError as refusal:
        return _scans(np.empty(0, np.int64), np.empty(0)), refusal.number, refusal.message


def _unit(text: str) -> str:
    try:
        vector = read_vector(text).astype(np.float64)
    except LungdbError:
        return ""
    length = np.linalg.norm(vector)
    return (vector / length).astype(_FLOAT32).tobytes().hex().upper() if length > 0 else ""


def _matrix(units: list[str | bytes], width: int) -> NDArray[np.float64]:
    """Read unit vectors, float64[vectors, width]."""
    try:
        matrix = np.frombuffer(b"".join(map(from_hex, units)), dtype=_FLOAT32).reshape(len(units), width)
    except (TypeError, ValueError):
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            "A unit vector cannot be read, or has another length. Empty dbo.unit_vectors: it is made again.",
        ) from None
    return matrix.astype(np.float64)


def _units(ids: NDArray[np.int64], units: list[str]) -> pd.DataFrame:
    frame: pd.DataFrame = pd.DataFrame({"scan_id": ids.astype(np.int32), "unit": pd.Series(units, dtype=object)})
    return frame


def _scans(ids: NDArray[np.int64], similarity: NDArray[np.float64]) -> pd.DataFrame:
    frame: pd.DataFrame = pd.DataFrame({"scan_id": ids.astype(np.int32), "similarity": similarity})
    return frame
