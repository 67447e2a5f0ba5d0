"""What dbo.GenerateFeatures calls."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.imaging.codecs import PLAIN, content_sha256, decode_slice, encode_array, encode_vector, from_hex
from lungdb.imaging.preprocessing import CtSlice, Pipeline, Plane
from lungdb.imaging.steps.pipelines import named_pipeline
from lungdb.learning.pooling import check_packages, check_pooling, pool
from lungdb.networks.running.featurizing import LazyScan, Preparation, featurize
from lungdb.networks.running.processors import allowed_processors
from lungdb.procedures.checks import check_columns, comma_list, whole_numbers
from lungdb.procedures.keeping import Keeper, KeptColumns, KeptPictureError
from lungdb.procedures.leaving import LARGEST, MESSAGE, NAME, check_size, for_t_sql
from lungdb.procedures.networks import open_network

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
_RESULT = {
    "scan_id": np.int32,
    "layer": np.int32,
    "error": object,
    "array_rows": np.int32,
    "array_cols": np.int32,
    "array": object,
    "sha256": object,
    "pooled": object,
}
_MAX_BATCH = 1024
_COSTS = 400  # characters of the JSON that says what a call has cost
_NO_MEMORY = (
    "The memory does not hold the slices of this call and the network. Call GenerateFeatures with a smaller "
    "@ChunkMegabytes or @BatchSize, or give the process more memory, in SQL Server its external resource pool."
)


@for_t_sql({1: NAME, 2: MESSAGE, 4: MESSAGE}, {"error": MESSAGE})
def generate_features(
    slices: pd.DataFrame,
    network: bytes,
    network_sha256: str,
    details: str,
    layers: str | None,
    preprocessing: str,
    pooling: str,
    batch_size: int,
    providers: str | None,
    threads: int | None,
) -> tuple[pd.DataFrame, str, str, int, str]:
    """Run a network over scans, without keeping pictures, as procedures of earlier versions call it.

    Parameters
    ----------
    slices : DataFrame
        One row a slice, ordered by scan_id and slice_index: `scan_id`, `slice_index` (from 0), `number_images` (slices
        of the scan), `content_sha256` (over all of them), `image_rows`, `image_cols`, `rescale_slope`,
        `rescale_intercept`, `pixels` and `pixels_sha256`, pixels and hashes in hexadecimal, and `encoding` (see
        `lungdb.imaging.codecs`), without which pixels are encoded as they were before there were several ways.
    network : bytes
        ONNX, from `networks.model`.
    network_sha256 : str
        Its SHA-256 in hexadecimal.
    details : str
        `networks.details`, JSON; `input`, `layers` and `normalisation` are used.
    layers : str or None
        One or more layers with commas, computed in one pass: names of the catalog, tensors or nodes. None and
        `penultimate` mean what the classifying layer reads.
    preprocessing : str
        `lung` or `seed`.
    pooling : str
        One or more of mean, max, mean_max_std, pca1, thirds, with commas.
    batch_size : int
        Triples of slices in one run of the network, 1 to 1024. A batch never holds triples of two scans, so the
        features of a scan do not depend on which scans come with it.
    providers : str or None
        ONNX Runtime's execution providers, with commas; None takes the best that it lists.
    threads : int or None
        Threads of ONNX Runtime and of decoding; None takes as many as the process may have processors.

    Returns
    -------
    result : DataFrame
        One row a scan and layer: `scan_id`, `layer` (int32, counted from 1 as asked for), `error` (empty when all is
        well), `array_rows`, `array_cols` (the layer's width), `array` (hexadecimal float32), `sha256` (hexadecimal),
        `pooled` (JSON object of vectors by pooling). A scan that fails is one row with its error, the layer 0 and
        empty values, in `pooled` an empty object.
    provider : str
        The execution provider that ran.
    notice : str
        What the user should know of how it ran: another provider than was wanted and why, smaller batches; or empty.
    error_number, error_message : int, str
        0 and empty, or a refusal of the whole call: 50101 for an argument, 50104 for a network that reads no
        pictures, 50105 when the network's bytes are damaged, 50115 for an unknown layer, 50116 when the network cannot
        be run or the memory does not hold it and the slices, 50119 when the rows are not in order, 50231 when the
        arrays are more than may leave Python.
    """
    return keep_and_generate_features(
        slices,
        network,
        network_sha256,
        details,
        layers,
        preprocessing,
        pooling,
        batch_size,
        providers,
        threads,
    )[:5]


@for_t_sql({1: NAME, 2: MESSAGE, 4: MESSAGE, 5: _COSTS}, {"error": MESSAGE})
def keep_and_generate_features(
    slices: pd.DataFrame,
    network: bytes,
    network_sha256: str,
    details: str,
    layers: str | None,
    preprocessing: str,
    pooling: str,
    batch_size: int,
    providers: str | None,
    threads: int | None,
    keep_bytes: int = 0,
    steps: str | None = None,
    packages: str | None = None,
) -> tuple[pd.DataFrame, str, str, int, str, str]:
    """Run a network over scans, of prepared pictures where they were kept, and give back prepared ones to be kept.

    Parameters
    ----------
    slices : DataFrame
        As of `generate_features`; where it has the columns `kept_sha256` and `kept_digest`, `pixels` of a row in which
        these are not empty is a prepared picture (see `lungdb.imaging.prepared`) with that SHA-256 and digest. Where it
        has `spacing_y` and `spacing_x`, in mm and maybe missing, steps in mm know them.
    keep_bytes : int
        Bytes of prepared pictures to give back at most, of whole scans, the first ones.
    steps : str or None
        The steps of the preprocessing, from `preprocessings.steps`; lungdb's own need none.
    packages : str or None
        JSON: the package with its version that each pooling of packages was registered from.

    Returns
    -------
    result : DataFrame
        As of `generate_features`. Its rows with the layer -2 are prepared pictures: `array_rows` is the slice's index,
        `array_cols` the scan's pictures, `array` and `sha256` the picture; they have no other values. A scan whose kept
        pictures are damaged or were made in another way is one row with the layer -1: it is to be made of its slices.
    provider, notice, error_number, error_message
        As of `generate_features`; also 50390 for steps that cannot be worked with, and 50394 for a step or pooling of a
        package that is not there, or is there in another version.
    costs : str
        JSON: `digest` of the preparation, `pictures` that were prepared or read, and seconds: `call` as a whole,
        `preparing` and `keeping` (a processor's, over the threads).
    """
    started = time.perf_counter()
    try:
        chosen, poolings = _supported(preprocessing, steps, pooling, batch_size)
        check_packages(poolings, json.loads(packages or "{}"))
        opened = open_network(network, network_sha256, details, layers, providers, threads)
        keeper = Keeper(preprocessing, chosen, opened.session.input_size, keep_bytes)
        scans = {scan_id: keeper.over(scan_id, scan) for scan_id, scan in lazy_scans(slices, keeper).items()}
        preparation = Preparation(chosen, opened.mean, opened.std)
        results = featurize(scans.values(), opened.session, preparation, batch_size, threads)
        rows = [row for scan_id, result in zip(scans, results, strict=True) for row in _rows(scan_id, result, poolings)]
        failed = {row["scan_id"] for row in rows if row["layer"] <= 0}
        for name in ("array", "pooled"):
            check_size(
                sum(len(row[name]) for row in rows),
                "features",
                "Call GenerateFeatures with a smaller @ChunkMegabytes, or choose a layer with fewer features.",
            )
        pictures = [dict(zip(_RESULT, values, strict=True)) for values in keeper.rows(failed)]
        # Features come first: pictures can be made again.
        if sum(len(row["array"]) for row in (*rows, *pictures)) <= LARGEST:
            rows += pictures
    except ProcedureError as refusal:
        return _frame([]), "", "", refusal.number, refusal.message, "{}"
    except MemoryError:
        return _frame([]), "", "", ErrorNumber.UNREADABLE, _NO_MEMORY, "{}"
    costs = keeper.costs(preparation.spent, threads or allowed_processors(), time.perf_counter() - started)
    return _frame(rows), opened.session.provider, opened.session.notice, 0, "", json.dumps(costs)


def _supported(preprocessing: str, steps: str | None, pooling: str, batch_size: int) -> tuple[Pipeline, list[str]]:
    try:
        poolings = comma_list(pooling)
        for name in poolings:
            check_pooling(name)
        chosen = named_pipeline(preprocessing, steps)
    except ProcedureError:
        raise
    except LungdbError as error:
        raise ProcedureError(ErrorNumber.ARGUMENT, str(error)) from None
    if not 1 <= batch_size <= _MAX_BATCH:
        raise ProcedureError(
            ErrorNumber.ARGUMENT,
            f"The batch size {batch_size} is not supported. Supported values are 1 to {_MAX_BATCH}.",
        )
    return chosen, poolings


def lazy_scans(slices: pd.DataFrame, keeper: Keeper) -> dict[int, LazyScan]:
    """Group the rows by scan_id, without decoding any."""
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
    keeper: Keeper
    spacings: list[tuple[float, float] | None]

    def scan(self, start: int, stop: int) -> LazyScan:
        """Make a scan of the rows from start until stop."""
        number = int(self.numbers[start])
        wrong = self._wrong(number, start, stop)

        def load(index: int) -> CtSlice | Plane:
            if wrong:
                raise LungdbError(wrong)
            if self.kept.sha256[start + index]:
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


def _rows(scan_id: int, result: list[NDArray[np.float32]] | LungdbError, poolings: list[str]) -> list[dict[str, Any]]:
    if isinstance(result, KeptPictureError):
        return [{**_failed(scan_id, result), "layer": -1}]
    if isinstance(result, LungdbError):
        return [_failed(scan_id, result)]
    try:
        return [_row(scan_id, layer, array, poolings) for layer, array in enumerate(result, start=1)]
    except LungdbError as error:
        return [_failed(scan_id, error)]


def _row(scan_id: int, layer: int, array: NDArray[np.float32], poolings: list[str]) -> dict[str, Any]:
    vectors = [f'"{name}": {encode_vector(pool(array, name))}' for name in poolings]
    blob, sha256 = encode_array(array)
    rows, cols = array.shape
    return {
        "scan_id": scan_id,
        "layer": layer,
        "error": "",
        "array_rows": rows,
        "array_cols": cols,
        "array": blob.hex(),
        "sha256": sha256.hex(),
        "pooled": f"{{{', '.join(vectors)}}}",
    }


def _failed(scan_id: int, error: LungdbError) -> dict[str, Any]:
    # `pooled` stays JSON: SQL Server may open it before it looks at `error`.
    return dict(zip(_RESULT, (scan_id, 0, str(error), 0, 0, "", "", "{}"), strict=True))


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    columns = {name: pd.Series([row[name] for row in rows], dtype=dtype) for name, dtype in _RESULT.items()}
    frame: pd.DataFrame = pd.DataFrame(columns)
    return frame
