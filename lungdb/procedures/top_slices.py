"""What dbo.TopSlices calls."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.imaging.codecs import decode_array, decode_slice, from_hex
from lungdb.imaging.contact_sheet import contact_sheet
from lungdb.procedures.checks import check_columns, whole_numbers
from lungdb.procedures.leaving import MESSAGE, for_t_sql

_TRIPLES = ("scan_id", "triple", "value")
_SLICE = ("scan_id", "slice_index", "value", "image_rows", "image_cols", "pixels", "pixels_sha256", "encoding")


@for_t_sql({2: MESSAGE})
def top_triples(scans: pd.DataFrame, feature: int, top: int) -> tuple[pd.DataFrame, int, str]:
    """Find the triples of slices with the largest values of a feature.

    Parameters
    ----------
    scans : DataFrame
        One row a scan: `scan_id` (whole number), `array_rows`, `array_cols`, `array` (float32 little-endian, C order,
        in hexadecimal) and its `sha256` (hexadecimal).
    feature : int
        Column of the arrays, from 0.
    top : int
        Triples to return.

    Returns
    -------
    result : DataFrame
        The largest first, equal ones in the order of the scans: `scan_id`, `triple` (int32, from 0), `value` (float64).
    error_number, error_message : int, str
        0 and empty, or a refusal: 50101 for a column that is missing or holds NULL, 50105 for an array that is not
        what was stored.
    """
    try:
        check_columns(scans, ("scan_id", "array_rows", "array_cols", "array", "sha256"))
        ids, rows, cols = (whole_numbers(scans, name) for name in ("scan_id", "array_rows", "array_cols"))
        columns = [
            _column(int(each), blob, sha256, (int(height), int(width)), feature)
            for each, height, width, blob, sha256 in zip(
                ids, rows, cols, scans["array"].tolist(), scans["sha256"].tolist(), strict=True
            )
        ]
    except ProcedureError as refusal:
        return _triples(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)), refusal.number, refusal.message
    values = np.concatenate([np.empty(0, np.float32), *columns]).astype(np.float64)
    owners = np.repeat(ids, [len(column) for column in columns])
    triples = np.concatenate([np.empty(0, np.int64), *(np.arange(len(column)) for column in columns)])
    order = np.argsort(-values, kind="stable")[:top]
    return _triples(owners[order], triples[order], values[order]), 0, ""


@for_t_sql({2: MESSAGE})
def slices_sheet(slices: pd.DataFrame) -> tuple[bytes, int, str]:
    """Draw slices on one sheet, in the order given.

    Parameters
    ----------
    slices : DataFrame
        One row a slice: `scan_id`, `slice_index`, `value`, `image_rows`, `image_cols`, `pixels` (of Hounsfield units)
        and `pixels_sha256` (hexadecimal), `encoding`.

    Returns
    -------
    png : bytes
        Empty where there are no slices.
    error_number, error_message : int, str
        0 and empty, or a refusal: 50101 for a column that is missing, 50105 for pixels that are not what was stored.
    """
    try:
        check_columns(slices, _SLICE)
        if slices.empty:
            return b"", 0, ""
        pictures, captions = [], []
        for row in slices.to_dict("records"):
            try:
                size = int(row["image_rows"]), int(row["image_cols"])
                pixels = decode_slice(from_hex(row["pixels"]), *size, from_hex(row["pixels_sha256"]), row["encoding"])
            except (LungdbError, TypeError, ValueError) as error:
                raise ProcedureError(
                    ErrorNumber.DAMAGED, f"Scan {row['scan_id']}, slice {row['slice_index']}: {error}"
                ) from None
            pictures.append(pixels.astype(np.float32))
            captions.append(f"scan {row['scan_id']}, slice {row['slice_index']}: {row['value']:.4g}")
        return contact_sheet(pictures, captions), 0, ""
    except ProcedureError as refusal:
        return b"", refusal.number, refusal.message


def _column(scan_id: int, blob: str | bytes, sha256: str, shape: tuple[int, int], feature: int) -> NDArray[np.float32]:
    try:
        return decode_array(from_hex(blob), *shape, from_hex(sha256))[:, feature]
    except (LungdbError, TypeError, ValueError):
        raise ProcedureError(
            ErrorNumber.DAMAGED,
            f"The features of the scan {scan_id} are not what was stored: their SHA-256 is another one. Call "
            "GenerateFeatures with @Recompute = 1.",
        ) from None


def _triples(ids: NDArray[np.int64], triples: NDArray[np.int64], values: NDArray[np.float64]) -> pd.DataFrame:
    columns = (ids.astype(np.int32), triples.astype(np.int32), values)
    frame: pd.DataFrame = pd.DataFrame(dict(zip(_TRIPLES, columns, strict=True)))
    return frame
