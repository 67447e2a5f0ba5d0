"""What internal.FindSimilarRows calls: rows of stored arrays, standardised and compared, a lot after another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.imaging.codecs import decode_array, from_hex
from lungdb.procedures.checks import check_columns, whole_numbers
from lungdb.procedures.leaving import MESSAGE, for_t_sql
from lungdb.procedures.similarity import LEAST_TO_STANDARDISE, LEAST_VARIATION, to_length_one

_COLUMNS = ("place", "array_rows", "array_cols", "array", "sha256")
_RESULT = {"place": np.int32, "row_index": np.int32, "similarity": np.float64}

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Sums:
    """How many rows there are, their mean, and the sum of the squares of what they differ from it, by column."""

    count: float
    mean: Floats
    squares: Floats

    @staticmethod
    def of(rows: Floats) -> _Sums:
        mean = rows.mean(axis=0)
        return _Sums(float(len(rows)), mean, np.square(rows - mean).sum(axis=0))

    @staticmethod
    def read(data: bytes, width: int) -> _Sums:
        values = np.frombuffer(data, dtype="<f8")
        if values.size != 1 + 2 * width:
            raise ProcedureError(ErrorNumber.UNREADABLE, "The sums of the rows are of another width. Call it again.")
        return _Sums(float(values[0]), values[1 : 1 + width], values[1 + width :])

    def write(self) -> bytes:
        return np.concatenate([[self.count], self.mean, self.squares]).astype("<f8").tobytes()

    def plus(self, other: _Sums) -> _Sums:
        """Join two, after Chan, Golub and LeVeque (1983), which loses no digits where the mean is large."""
        count = self.count + other.count
        apart = other.mean - self.mean
        mean = self.mean + apart * (other.count / count)
        squares = self.squares + other.squares + np.square(apart) * (self.count * other.count / count)
        return _Sums(count, mean, squares)

    def standardised(self, rows: Floats) -> Floats:
        """Do what `lungdb.procedures.similarity` does to vectors that it has all of."""
        if self.count < LEAST_TO_STANDARDISE:
            return rows
        deviation = np.sqrt(self.squares / self.count)
        varies = deviation > LEAST_VARIATION * np.abs(self.mean)
        result: Floats = (rows[:, varies] - self.mean[varies]) / deviation[varies]
        return result


@for_t_sql({2: MESSAGE})
def add_rows(arrays: pd.DataFrame, before: bytes, array: bytes) -> tuple[bytes, int, str]:
    """Add the rows of arrays to what their means and standard deviations are computed from.

    Parameters
    ----------
    arrays : DataFrame
        One row an array: `place` (a number of its own), `array_rows`, `array_cols`, `array` (float32 little-endian, C
        order, in hexadecimal) and its `sha256` (hexadecimal).
    before : bytes
        What the call before gave; empty in the first, which counts the row that all are compared with, too.
    array : bytes
        That row, float32 little-endian.

    Returns
    -------
    sums : bytes
        float64 little-endian: the number of rows, the mean of each column, and the sum of its squared differences.
    error_number, error_message : int, str
        0 and empty, or a refusal: 50101 for a column that is missing or holds NULL, 50105 for an array that is not
        what was stored, 50110 for one of another width.
    """
    try:
        wanted = np.frombuffer(array, dtype="<f4").astype(np.float64)
        sums = _Sums.read(before, wanted.size) if before else _Sums.of(wanted[None])
        for _, rows in _arrays(arrays, wanted.size):
            if len(rows):
                sums = sums.plus(_Sums.of(rows))
        return sums.write(), 0, ""
    except ProcedureError as refusal:
        return b"", refusal.number, refusal.message


@for_t_sql({2: MESSAGE})
def similar_rows(arrays: pd.DataFrame, sums: bytes, array: bytes, limit: int) -> tuple[pd.DataFrame, int, str]:
    """Find the rows of arrays that, standardised, point most nearly where one does.

    Parameters
    ----------
    arrays, array
        As of `add_rows`.
    sums : bytes
        What `add_rows` gave in the end. Each column is taken less its mean and divided by its standard deviation; one
        that does not vary counts nothing. Fewer than ten rows are compared as they are.
    limit : int
        Rows to return.

    Returns
    -------
    result : DataFrame
        The most similar first, equal ones in the order given: `place`, `row_index` (int32, from 0), `similarity`
        (float64, the cosine of the angle, −1…1; 0 for a row that is the mean in every column).
    error_number, error_message : int, str
        As of `add_rows`.
    """
    try:
        wanted = np.frombuffer(array, dtype="<f4").astype(np.float64)
        read = _Sums.read(sums, wanted.size)
        direction = to_length_one(read.standardised(wanted[None]))[0]
        places, indices, found = [], [], []
        for place, rows in _arrays(arrays, wanted.size):
            places.append(np.full(len(rows), place))
            indices.append(np.arange(len(rows)))
            found.append(np.clip(to_length_one(read.standardised(rows)) @ direction, -1, 1))
        if not found:
            return _rows(np.empty(0), np.empty(0), np.empty(0)), 0, ""
        similarity = np.concatenate(found)
        order = np.argsort(-similarity, kind="stable")[:limit]
        return _rows(np.concatenate(places)[order], np.concatenate(indices)[order], similarity[order]), 0, ""
    except ProcedureError as refusal:
        return _rows(np.empty(0), np.empty(0), np.empty(0)), refusal.number, refusal.message


def _arrays(arrays: pd.DataFrame, width: int) -> Iterator[tuple[int, Floats]]:
    check_columns(arrays, _COLUMNS)
    numbers = [whole_numbers(arrays, name).tolist() for name in ("place", "array_rows", "array_cols")]
    for place, rows, cols, blob, sha256 in zip(
        *numbers, arrays["array"].tolist(), arrays["sha256"].tolist(), strict=True
    ):
        try:
            array = decode_array(from_hex(blob), rows, cols, from_hex(sha256))
        except (LungdbError, TypeError, ValueError):
            raise ProcedureError(
                ErrorNumber.DAMAGED,
                "Stored features are not what was stored: their SHA-256 is another one. Call GenerateFeatures, of "
                "pictures FeaturizeImages, with @Recompute = 1; lungdb check says which they are.",
            ) from None
        if cols != width:
            raise ProcedureError(
                ErrorNumber.OTHER_WIDTH,
                f"Features have {cols} numbers, and those that they are compared with {width}. Make them again.",
            )
        yield place, array.astype(np.float64)


def _rows(places: NDArray[np.generic], indices: NDArray[np.generic], similarity: Floats) -> pd.DataFrame:
    columns = (places, indices, similarity)
    frame: pd.DataFrame = pd.DataFrame(
        {name: values.astype(kind) for (name, kind), values in zip(_RESULT.items(), columns, strict=True)}
    )
    return frame
