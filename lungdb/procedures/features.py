"""What dbo.GenerateFeatures calls."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungdb.errors import LungdbError, ProcedureError
from lungdb.imaging.codecs import decode_slice, encode_array, encode_vector
from lungdb.imaging.preprocessing import SIDE, CtSlice, Pipeline, pipeline
from lungdb.learning.pooling import check_pooling, pool
from lungdb.networks.entry import check_normalisation
from lungdb.networks.featurizing import LazyScan, Preparation, featurize
from lungdb.networks.graph import OTHER_SHAPE
from lungdb.networks.layers import select_layer
from lungdb.networks.sessions import open_session
from lungdb.procedures.checks import ARGUMENT, check_columns, check_sha256, read_details, whole_numbers

OUT_OF_ORDER = 50119

_COLUMNS = (
    "scan_id",
    "slice_index",
    "number_images",
    "image_rows",
    "image_cols",
    "rescale_slope",
    "rescale_intercept",
    "pixels",
    "pixels_sha256",
)
_RESULT = {
    "scan_id": np.int32,
    "error": object,
    "array_rows": np.int32,
    "array_cols": np.int32,
    "array": object,
    "sha256": object,
    "pooled": object,
}
_MAX_BATCH = 1024


def generate_features(
    slices: pd.DataFrame,
    network: bytes,
    network_sha256: str,
    details: str,
    layer: str | None,
    preprocessing: str,
    pooling: str,
    batch_size: int,
    providers: str | None,
    threads: int | None,
) -> tuple[pd.DataFrame, int, str, int, str]:
    """Run a network over scans.

    Parameters
    ----------
    slices : DataFrame
        One row a slice, ordered by scan_id and slice_index: `scan_id`, `slice_index` (from 0), `number_images` (slices
        of the scan), `image_rows`, `image_cols`, `rescale_slope`, `rescale_intercept`, `pixels` and `pixels_sha256`
        (hexadecimal; see `lungdb.imaging.codecs`).
    network : bytes
        ONNX, from `networks.model`.
    network_sha256 : str
        Its SHA-256 in hexadecimal.
    details : str
        `networks.details`, JSON; `normalisation` is used.
    layer : str or None
        Tensor or node; None and `penultimate` mean what the classifying layer reads.
    preprocessing : str
        `lung` or `seed`.
    pooling : str
        One or more of mean, max, mean_max_std, pca1, with commas.
    batch_size : int
        Triples of slices in one run of the network, 1 to 1024. A batch never holds triples of two scans, so the
        features of a scan do not depend on which scans come with it.
    providers : str or None
        ONNX Runtime's execution providers, with commas; None takes CUDA where it is listed, else the CPU.
    threads : int or None
        Threads of ONNX Runtime and of decoding; None leaves it to them.

    Returns
    -------
    result : DataFrame
        One row a scan: `scan_id`, `error` (empty when all is well), `array_rows`, `array_cols`, `array` (hexadecimal
        float32), `sha256` (hexadecimal), `pooled` (JSON object of vectors by pooling). A scan that fails has its error
        and empty values, in `pooled` an empty object.
    width : int
        Values of a triple.
    provider : str
        The execution provider that ran.
    error_number, error_message : int, str
        0 and empty, or a refusal of the whole call: 50101 for an argument, 50104 for a network of another input
        shape, 50105 when the network's bytes are damaged, 50115 for an unknown layer, 50116 when the network cannot
        be run, 50119 when the rows are not in order.
    """
    try:
        chosen, poolings = _supported(preprocessing, pooling, batch_size)
        check_sha256(network, network_sha256, "network")
        normalisation = check_normalisation(read_details(details, "network").get("normalisation"))
        scans = _scans(slices)
        pruned, width = select_layer(network, layer or "penultimate")
        session = open_session(pruned, _names(providers) if providers else None, threads)
        if session.input_size != (SIDE, SIDE):
            raise ProcedureError(
                OTHER_SHAPE,
                f"The network reads pictures of {session.input_size[0]} × {session.input_size[1]} and preprocessing "
                f"makes {SIDE} × {SIDE}. Use a network for {SIDE} × {SIDE}.",
            )
        preparation = Preparation(chosen, normalisation["mean"], normalisation["std"])
        results = featurize(scans.values(), session, preparation, batch_size, threads)
        rows = [_row(scan_id, result, poolings) for scan_id, result in zip(scans, results, strict=True)]
    except ProcedureError as refusal:
        return _frame([]), 0, "", refusal.number, refusal.message
    return _frame(rows), width, session.provider, 0, ""


def _supported(preprocessing: str, pooling: str, batch_size: int) -> tuple[Pipeline, list[str]]:
    try:
        poolings = _names(pooling)
        for name in poolings:
            check_pooling(name)
        chosen = pipeline(preprocessing)
    except LungdbError as error:
        raise ProcedureError(ARGUMENT, str(error)) from None
    if not 1 <= batch_size <= _MAX_BATCH:
        raise ProcedureError(
            ARGUMENT, f"The batch size {batch_size} is not supported. Supported values are 1 to {_MAX_BATCH}."
        )
    return chosen, poolings


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]


def _scans(slices: pd.DataFrame) -> dict[int, LazyScan]:
    """Group the rows by scan_id, without decoding any."""
    check_columns(slices, _COLUMNS)
    ids, indices = whole_numbers(slices, "scan_id"), whole_numbers(slices, "slice_index")
    steps = np.diff(ids)
    if ((steps < 0) | ((steps == 0) & (np.diff(indices) <= 0))).any():
        raise ProcedureError(
            OUT_OF_ORDER, "The slices are not in order. Add ORDER BY scan_id, slice_index to @input_data_1."
        )
    rows = _Rows(
        indices,
        numbers=whole_numbers(slices, "number_images"),
        rows=whole_numbers(slices, "image_rows"),
        cols=whole_numbers(slices, "image_cols"),
        slopes=slices["rescale_slope"].tolist(),
        intercepts=slices["rescale_intercept"].tolist(),
        pixels=slices["pixels"].tolist(),
        hashes=slices["pixels_sha256"].tolist(),
    )
    starts = np.flatnonzero(np.diff(ids, prepend=ids[:1] - 1)).tolist()
    return {int(ids[start]): rows.scan(start, stop) for start, stop in pairwise([*starts, len(ids)])}


@dataclass(frozen=True)
class _Rows:
    """The columns of the input."""

    indices: NDArray[np.int64]
    numbers: NDArray[np.int64]
    rows: NDArray[np.int64]
    cols: NDArray[np.int64]
    slopes: list[float]
    intercepts: list[float]
    pixels: list[Any]
    hashes: list[Any]

    def scan(self, start: int, stop: int) -> LazyScan:
        """Make a scan of the rows from start until stop."""
        number = int(self.numbers[start])
        complete = np.array_equal(self.indices[start:stop], np.arange(number))

        def load(index: int) -> CtSlice:
            if not complete:
                raise LungdbError(
                    f"Of {number} slices {stop - start} are stored, or they are not numbered from 0. Load it again."
                )
            try:
                return self._slice(start + index)
            except LungdbError as error:
                raise LungdbError(f"Slice {index}: {error}") from None

        return LazyScan(stop - start, load)

    def _slice(self, row: int) -> CtSlice:
        slope, intercept = self.slopes[row], self.intercepts[row]
        if not np.isfinite([slope, intercept]).all() or slope == 0:
            raise LungdbError(f"The rescaling {slope} × stored value + {intercept} is not usable. Load the scan again.")
        try:
            blob, sha256 = bytes.fromhex(self.pixels[row]), bytes.fromhex(self.hashes[row])
        except (TypeError, ValueError):
            raise LungdbError("The pixels or their SHA-256 are not hexadecimal. Load the scan again.") from None
        return CtSlice(decode_slice(blob, int(self.rows[row]), int(self.cols[row]), sha256), slope, intercept)


def _row(scan_id: int, result: NDArray[np.float32] | LungdbError, poolings: list[str]) -> dict[str, Any]:
    if isinstance(result, LungdbError):
        return _failed(scan_id, result)
    try:
        vectors = [f'"{name}": {encode_vector(pool(result, name))}' for name in poolings]
    except LungdbError as error:
        return _failed(scan_id, error)
    blob, sha256 = encode_array(result)
    rows, cols = result.shape
    return {
        "scan_id": scan_id,
        "error": "",
        "array_rows": rows,
        "array_cols": cols,
        "array": blob.hex(),
        "sha256": sha256.hex(),
        "pooled": f"{{{', '.join(vectors)}}}",
    }


def _failed(scan_id: int, error: LungdbError) -> dict[str, Any]:
    # `pooled` stays JSON: SQL Server may open it before it looks at `error`.
    return dict(zip(_RESULT, (scan_id, str(error), 0, 0, "", "", "{}"), strict=True))


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    columns = {name: pd.Series([row[name] for row in rows], dtype=dtype) for name, dtype in _RESULT.items()}
    frame: pd.DataFrame = pd.DataFrame(columns)
    return frame
