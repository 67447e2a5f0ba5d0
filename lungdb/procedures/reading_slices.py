"""Scans of the rows that T-SQL sends, decoded when they are needed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.imaging.codecs import PLAIN, content_sha256, decode_slice, from_hex
from lungdb.imaging.preprocessing import CtSlice, Plane
from lungdb.networks.running.featurizing import LazyScan
from lungdb.procedures.checks import check_columns, whole_numbers
from lungdb.procedures.keeping import Keeper, KeptColumns

_COLUMNS = (
    "scan_id",
    "slice_index",
    "number_images",
    "content_sha256",
    "image_rows",
    "image_cols",
    "rescale_slope",
    "rescale_intercept",
    "pixels",
    "pixels_sha256",
)


def lazy_scans(slices: pd.DataFrame, keeper: Keeper | None) -> dict[int, LazyScan]:
    """Group the rows by scan_id, without decoding any; without a keeper no pictures are kept of them."""
    check_columns(slices, _COLUMNS)
    ids, indices = whole_numbers(slices, "scan_id"), whole_numbers(slices, "slice_index")
    steps = np.diff(ids)
    if ((steps < 0) | ((steps == 0) & (np.diff(indices) <= 0))).any():
        raise ProcedureError(
            ErrorNumber.OUT_OF_ORDER, "The slices are not in order. Add ORDER BY scan_id, slice_index to @input_data_1."
        )
    rows = _Rows(
        indices,
        numbers=whole_numbers(slices, "number_images"),
        contents=slices["content_sha256"].tolist(),
        rows=whole_numbers(slices, "image_rows"),
        cols=whole_numbers(slices, "image_cols"),
        slopes=slices["rescale_slope"].tolist(),
        intercepts=slices["rescale_intercept"].tolist(),
        pixels=slices["pixels"].tolist(),
        hashes=slices["pixels_sha256"].tolist(),
        encodings=slices["encoding"].tolist() if "encoding" in slices else [PLAIN] * len(slices),
        kept=KeptColumns.of(slices),
        keeper=keeper,
        spacings=spacings(slices),
    )
    starts = np.flatnonzero(np.diff(ids, prepend=ids[:1] - 1)).tolist()
    return {int(ids[start]): rows.scan(start, stop) for start, stop in pairwise([*starts, len(ids)])}


@dataclass(frozen=True)
class _Rows:
    """The columns of the input."""

    indices: NDArray[np.int64]
    numbers: NDArray[np.int64]
    contents: list[Any]
    rows: NDArray[np.int64]
    cols: NDArray[np.int64]
    slopes: list[float]
    intercepts: list[float]
    pixels: list[Any]
    hashes: list[Any]
    encodings: list[str | None]
    kept: KeptColumns
    keeper: Keeper | None
    spacings: list[tuple[float, float] | None]

    def scan(self, start: int, stop: int) -> LazyScan:
        """Make a scan of the rows from start until stop."""
        number = int(self.numbers[start])
        wrong = self._wrong(number, start, stop)

        def load(index: int) -> CtSlice | Plane:
            if wrong:
                raise LungdbError(wrong)
            if self.keeper is not None and self.kept.sha256[start + index]:
                return self.keeper.read(self.pixels[start + index], self.kept, start + index)
            try:
                return self._slice(start + index)
            except LungdbError as error:
                raise LungdbError(f"Slice {index}: {error}") from None

        return LazyScan(stop - start, load)

    def _wrong(self, number: int, start: int, stop: int) -> str:
        """Say what is wrong with the rows of a scan as a whole, or give an empty text."""
        if not np.array_equal(self.indices[start:stop], np.arange(number)):
            return f"Of {number} slices {stop - start} are stored, or they are not numbered from 0. Load it again."
        try:
            content = content_sha256(from_hex(each) for each in self.hashes[start:stop])
            is_other = content != from_hex(self.contents[start])
        except (TypeError, ValueError):
            return "The SHA-256 of the scan or of a slice is not hexadecimal. Load the scan again."
        if is_other:
            return (
                "The slices are not those that were loaded, or stand in another order: their SHA-256 together is not "
                "the scan's. Load the scan again."
            )
        return ""

    def _slice(self, row: int) -> CtSlice:
        slope, intercept = self.slopes[row], self.intercepts[row]
        if not np.isfinite([slope, intercept]).all() or slope == 0:
            raise LungdbError(f"The rescaling {slope} × stored value + {intercept} is not usable. Load the scan again.")
        try:
            blob, sha256 = from_hex(self.pixels[row]), from_hex(self.hashes[row])
        except (TypeError, ValueError):
            raise LungdbError("The pixels or their SHA-256 are not hexadecimal. Load the scan again.") from None
        rows, cols = int(self.rows[row]), int(self.cols[row])
        return CtSlice(
            decode_slice(blob, rows, cols, sha256, self.encodings[row]), slope, intercept, self.spacings[row]
        )


def spacings(slices: pd.DataFrame) -> list[tuple[float, float] | None]:
    """Read the columns `spacing_y` and `spacing_x`: mm of each row, None where there are none."""
    if "spacing_y" not in slices or "spacing_x" not in slices:
        return [None] * len(slices)
    both = slices[["spacing_y", "spacing_x"]].astype("float64").to_numpy()
    known = np.isfinite(both).all(axis=1) & (both > 0).all(axis=1)
    return [(float(y), float(x)) if is_known else None for (y, x), is_known in zip(both, known, strict=True)]
