"""What dbo.FindLungs calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungdb.errors import LungdbError, ProcedureError
from lungdb.imaging.codecs import content_sha256, decode_slice, from_hex
from lungdb.imaging.volumes.geometry import Volume
from lungdb.imaging.volumes.lungs import dice, find_lungs
from lungdb.imaging.volumes.masks import decode_mask, encode_mask
from lungdb.imaging.volumes.recipes import check_volume
from lungdb.imaging.volumes.scans import PLACE_COLUMNS, scan_geometry
from lungdb.procedures.checks import check_columns, whole_numbers
from lungdb.procedures.leaving import MESSAGE, check_size, for_t_sql

_COLUMNS = (
    "scan_id",
    "slice_index",
    "number_images",
    "content_sha256",
    "image_rows",
    "image_cols",
    "pixels",
    "pixels_sha256",
    "encoding",
    "truth",
    "truth_sha256",
    *PLACE_COLUMNS,
)
_RESULT = {
    "scan_id": np.int32,
    "error": object,
    "millilitres": np.float64,
    "first_slice": np.int32,
    "last_slice": np.int32,
    "first_row": np.int32,
    "last_row": np.int32,
    "first_col": np.int32,
    "last_col": np.int32,
    "dice": np.float64,
    "mask": object,
    "sha256": object,
}
_NO_DICE = -1.0


@for_t_sql({2: MESSAGE}, {"error": MESSAGE})
def find_scan_lungs(slices: pd.DataFrame, threshold: float) -> tuple[pd.DataFrame, int, str]:
    """Find the lungs of scans.

    Parameters
    ----------
    slices : DataFrame
        One row a slice, ordered by scan_id and slice_index: `scan_id`, `slice_index`, `number_images`,
        `content_sha256`, `image_rows`, `image_cols`, `pixels` and `pixels_sha256` in hexadecimal, `encoding`, where the
        scan lies (`lungdb.imaging.volumes.scans.PLACE_COLUMNS`), and in its first row `truth` and `truth_sha256`, a
        mask that is known (hexadecimal), else empty.
    threshold : float
        Hounsfield units below which a voxel is air.

    Returns
    -------
    result : DataFrame
        One row a scan: `scan_id`, `error` (empty when all is well), `millilitres`, `first_slice` to `last_col` (the box
        around them), `dice` against the truth (-1 where none is known), `mask` and `sha256` in hexadecimal. Of one that
        failed only the first two say something.
    error_number, error_message : int, str
        0 and empty, or a refusal of the whole call: 50101 for an argument, 50231 for more than may leave Python.
    """
    try:
        check_columns(slices, _COLUMNS)
        ids = whole_numbers(slices, "scan_id")
        starts = np.flatnonzero(np.diff(ids, prepend=ids[:1] - 1)).tolist()
        rows = []
        for start, stop in pairwise([*starts, len(ids)]):
            scan_id = int(ids[start])
            try:
                rows.append(_row(scan_id, slices.iloc[start:stop], threshold))
            except (LungdbError, MemoryError) as error:
                reason = str(error) or "The memory does not hold the scan. Give the process more memory."
                rows.append(_failed(scan_id, reason))
        check_size(sum(len(row["mask"]) for row in rows), "masks", "Give a smaller @ChunkMegabytes.")
    except ProcedureError as refusal:
        return _frame([]), refusal.number, refusal.message
    return _frame(rows), 0, ""


def _row(scan_id: int, slices: pd.DataFrame, threshold: float) -> dict[str, Any]:
    volume = scan_volume(slices)
    check_volume(volume)
    lungs = find_lungs(volume.values, volume.geometry, threshold)
    (z, y, x), (z_end, y_end, x_end) = lungs.box
    truth = str(slices["truth"].iloc[0] or "")
    known = _NO_DICE
    if truth:
        there = decode_mask(from_hex(truth), lungs.mask.shape, from_hex(slices["truth_sha256"].iloc[0]))
        known = dice(lungs.mask, there)
    blob, sha256 = encode_mask(lungs.mask)
    return {
        "scan_id": scan_id,
        "error": "",
        "millilitres": lungs.millilitres,
        "first_slice": z,
        "last_slice": z_end - 1,
        "first_row": y,
        "last_row": y_end - 1,
        "first_col": x,
        "last_col": x_end - 1,
        "dice": known,
        "mask": blob.hex(),
        "sha256": sha256.hex(),
    }


def scan_volume(slices: pd.DataFrame) -> Volume:
    """Decode the rows of a scan, as of `find_scan_lungs`; LungdbError for one that is not stored whole."""
    first = slices.iloc[0]
    number = int(first["number_images"])
    indices = whole_numbers(slices, "slice_index")
    if not np.array_equal(indices, np.arange(number)):
        raise LungdbError(
            f"Of {number} slices {len(slices)} are stored, or they are not numbered from 0. Load it again."
        )
    rows, cols = int(first["image_rows"]), int(first["image_cols"])
    try:
        hashes = [from_hex(each) for each in slices["pixels_sha256"]]
        is_other = content_sha256(hashes) != from_hex(first["content_sha256"])
    except (TypeError, ValueError):
        raise LungdbError("The SHA-256 of the scan or of a slice is not hexadecimal. Load the scan again.") from None
    if is_other:
        raise LungdbError("The slices are not those that were loaded. Load the scan again.")
    place = scan_geometry({name: first[name] for name in PLACE_COLUMNS})
    values: NDArray[np.int16] = np.empty((number, rows, cols), dtype=np.int16)
    for index, (pixels, sha256, encoding) in enumerate(zip(slices["pixels"], hashes, slices["encoding"], strict=True)):
        try:
            values[index] = decode_slice(from_hex(pixels), rows, cols, sha256, encoding)
        except (TypeError, ValueError):
            raise LungdbError(f"Slice {index}: the pixels are not hexadecimal. Load the scan again.") from None
        except LungdbError as error:
            raise LungdbError(f"Slice {index}: {error}") from None
    return Volume(values, place)


def _failed(scan_id: int, reason: str) -> dict[str, Any]:
    empty: dict[str, Any] = {name: "" if kind is object else 0 for name, kind in _RESULT.items()}
    return {**empty, "scan_id": scan_id, "error": reason}


def _frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    frame: pd.DataFrame = pd.DataFrame(
        {name: pd.Series([row[name] for row in rows], dtype=kind) for name, kind in _RESULT.items()}
    )
    return frame
