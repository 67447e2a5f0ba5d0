"""What dbo.GenerateFeatures calls."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.imaging.codecs import encode_array, encode_vector
from lungdb.imaging.preprocessing import Pipeline
from lungdb.imaging.steps.pipelines import named_pipeline
from lungdb.learning.pooling import TOP5, check_packages, check_pooling, pool
from lungdb.networks.entry import NODULES
from lungdb.networks.inputs.stored import reads_volumes
from lungdb.networks.running.featurizing import Preparation, featurize
from lungdb.networks.running.processors import allowed_processors
from lungdb.procedures.checks import comma_list
from lungdb.procedures.keeping import Keeper, KeptPictureError
from lungdb.procedures.leaving import LARGEST, MESSAGE, NAME, check_size, for_t_sql
from lungdb.procedures.networks import OpenNetwork, open_any
from lungdb.procedures.reading_slices import lazy_scans
from lungdb.procedures.volume_features import VolumeFeatures, refuse_volume_recipe
from lungdb.procedures.whole_scans import facts_of

_RESULT = {
    "scan_id": np.int32,
    "layer": np.int32,
    "error": object,
    "array_rows": np.int32,
    "array_cols": np.int32,
    "array": object,
    "sha256": object,
    "pooled": object,
    "nodules": object,
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
    """Run a network over scans as `features_and_nodules` does, without a column of nodules.

    Procedures of earlier versions call it, and who wants features alone.
    """
    result, *others = features_and_nodules(
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
        keep_bytes,
        steps,
        packages,
    )
    return (result.drop(columns="nodules"), *others)


@for_t_sql({1: NAME, 2: MESSAGE, 4: MESSAGE, 5: _COSTS}, {"error": MESSAGE})
def features_and_nodules(
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
        As of `generate_features`, and `nodules`: a JSON list of what a detector found in a scan, empty of others. Its
        rows with the layer -2 are prepared pictures: `array_rows` is the slice's index, `array_cols` the scan's
        pictures, `array` and `sha256` the picture; they have no other values. A scan whose kept pictures are damaged or
        were made in another way is one row with the layer -1: it is to be made of its slices.
    provider, notice, error_number, error_message
        As of `generate_features`; also 50390 for steps that cannot be worked with, and 50394 for a step or pooling of a
        package that is not there, or is there in another version.
    costs : str
        JSON: `digest` of the preparation, `pictures` that were prepared or read, and seconds: `call` as a whole,
        `preparing` and `keeping` (a processor's, over the threads).
    """
    started = time.perf_counter()
    try:
        poolings = _supported(pooling, batch_size)
        check_packages(poolings, json.loads(packages or "{}"))
        opened = open_any(network, network_sha256, details, layers, providers, threads)
        _check_kinds(opened, poolings)
        made = _of_volumes if reads_volumes(opened.details) else _of_pictures
        rows, pictures, costs = made(
            slices, opened, _Wish(preprocessing, steps, poolings, batch_size, threads, keep_bytes)
        )
        for name in ("array", "pooled", "nodules"):
            check_size(
                sum(len(row[name]) for row in rows),
                "features",
                "Call GenerateFeatures with a smaller @ChunkMegabytes, or choose a layer with fewer features.",
            )
        # Features come first: pictures can be made again.
        if sum(len(row["array"]) for row in (*rows, *pictures)) <= LARGEST:
            rows += pictures
    except ProcedureError as refusal:
        return _frame([]), "", "", refusal.number, refusal.message, "{}"
    except MemoryError:
        return _frame([]), "", "", ErrorNumber.UNREADABLE, _NO_MEMORY, "{}"
    costs["call"] = round(time.perf_counter() - started, 6)
    return _frame(rows), opened.session.provider, opened.session.notice, 0, "", json.dumps(costs)


@dataclass(frozen=True)
class _Wish:
    """How features are to be made."""

    preprocessing: str
    steps: str | None
    poolings: list[str]
    batch_size: int
    threads: int | None
    keep_bytes: int


Rows = list[dict[str, Any]]


def _of_pictures(slices: pd.DataFrame, opened: OpenNetwork, wish: _Wish) -> tuple[Rows, Rows, dict[str, Any]]:
    """Give the rows of features, those of prepared pictures, and what it cost."""
    refuse_volume_recipe(wish.preprocessing, wish.steps)
    chosen = _pipeline(wish.preprocessing, wish.steps)
    keeper = Keeper(wish.preprocessing, chosen, opened.session.input_size, wish.keep_bytes)
    scans = {scan_id: keeper.over(scan_id, scan) for scan_id, scan in lazy_scans(slices, keeper).items()}
    preparation = Preparation(chosen, opened.mean, opened.std)
    results = featurize(scans.values(), opened.session, preparation, wish.batch_size, wish.threads)
    rows = [
        row for scan_id, result in zip(scans, results, strict=True) for row in _rows(scan_id, result, wish.poolings)
    ]
    failed = {row["scan_id"] for row in rows if row["layer"] <= 0}
    pictures = [dict(zip(_RESULT, (*values, ""), strict=True)) for values in keeper.rows(failed)]
    costs = keeper.costs(preparation.spent, len(opened.mean), wish.threads or allowed_processors())
    return rows, pictures, costs


def _of_volumes(slices: pd.DataFrame, opened: OpenNetwork, wish: _Wish) -> tuple[Rows, Rows, dict[str, Any]]:
    """As `_of_pictures`, one scan after the other, of which nothing is kept."""
    making = VolumeFeatures(opened, wish.preprocessing, wish.steps, wish.batch_size, wish.threads)
    rows: Rows = []
    scans = lazy_scans(slices, None)
    for scan_id, facts in facts_of(slices).items():
        result = making.of_scan(scans[scan_id], facts)
        if isinstance(result, LungdbError):
            rows.append(_failed(scan_id, result))
        else:
            arrays, nodules = result
            rows += [{**row, "nodules": nodules} for row in _rows(scan_id, arrays, wish.poolings)]
    costs = {"digest": making.identity, "pictures": 0, "preparing": round(sum(making.spent), 6), "keeping": 0.0}
    return rows, [], costs


def _check_kinds(opened: OpenNetwork, poolings: list[str]) -> None:
    """Refuse poolings that make nothing of this layer: `top5` is of candidates, and they have no other."""
    wrong = [name for name in poolings if (name == TOP5) != opened.detects]
    if wrong:
        takes = f"The layer {NODULES} has the pooling {TOP5} alone" if opened.detects else f"{TOP5} is of detectors"
        raise ProcedureError(
            ErrorNumber.ARGUMENT,
            f"The pooling {wrong[0]!r} is not supported for the layers {','.join(opened.layers)}. {takes}; take "
            f"{TOP5 if opened.detects else 'another'}.",
        )


def _supported(pooling: str, batch_size: int) -> list[str]:
    try:
        poolings = comma_list(pooling)
        for name in poolings:
            check_pooling(name)
    except ProcedureError:
        raise
    except LungdbError as error:
        raise ProcedureError(ErrorNumber.ARGUMENT, str(error)) from None
    if not 1 <= batch_size <= _MAX_BATCH:
        raise ProcedureError(
            ErrorNumber.ARGUMENT,
            f"The batch size {batch_size} is not supported. Supported values are 1 to {_MAX_BATCH}.",
        )
    return poolings


def _pipeline(preprocessing: str, steps: str | None) -> Pipeline:
    try:
        return named_pipeline(preprocessing, steps)
    except ProcedureError:
        raise
    except LungdbError as error:
        raise ProcedureError(ErrorNumber.ARGUMENT, str(error)) from None


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
        "nodules": "",
    }


def _failed(scan_id: int, error: LungdbError) -> dict[str, Any]:
    # `pooled` stays JSON: SQL Server may open it before it looks at `error`.
    return dict(zip(_RESULT, (scan_id, 0, str(error), 0, 0, "", "", "{}", ""), strict=True))


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    columns = {name: pd.Series([row[name] for row in rows], dtype=dtype) for name, dtype in _RESULT.items()}
    frame: pd.DataFrame = pd.DataFrame(columns)
    return frame
