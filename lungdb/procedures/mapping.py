"""What dbo.GenerateFeatures calls to keep maps of layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.imaging.codecs import decode_array, from_hex
from lungdb.imaging.half_maps import encode_map
from lungdb.imaging.steps.pipelines import named_pipeline
from lungdb.networks.running.featurizing import Preparation, featurize
from lungdb.procedures.checks import check_columns, comma_list, whole_numbers
from lungdb.procedures.keeping import Keeper
from lungdb.procedures.leaving import MESSAGE, check_size, for_t_sql
from lungdb.procedures.networks import OpenNetwork, open_maps
from lungdb.procedures.reading_slices import lazy_scans

Floats = NDArray[np.float32]

_SHAPES = ("layer", "channels", "map_rows", "map_cols")
_RESULT = {
    "scan_id": np.int32,
    "triple": np.int32,
    "error": object,
    "channels": np.int32,
    "map_rows": np.int32,
    "map_cols": np.int32,
    "scale": np.float64,
    "largest_error": np.float64,
    "largest_relative_error": np.float64,
    "map": object,
    "sha256": object,
}
_SAME = 0.02  # of the length of a triple's features, as far as processors round apart


@for_t_sql({2: MESSAGE})
def map_shapes(
    network: bytes, network_sha256: str, details: str, layers: str, providers: str | None, threads: int | None
) -> tuple[pd.DataFrame, int, str]:
    """Say how large the maps are whose averages layers are.

    Parameters
    ----------
    network, network_sha256, details, layers, providers, threads
        As of `generate_features`.

    Returns
    -------
    result : DataFrame
        One row a layer: `layer` (counted from 1 as asked for), `channels`, `map_rows`, `map_cols` (int32).
    error_number, error_message : int, str
        0 and empty, or a refusal: as of `generate_features`; 50413 for a layer that is no average of a map.
    """
    shapes = []
    try:
        for layer, name in enumerate(comma_list(layers), start=1):
            opened = _open(network, network_sha256, details, name, providers, threads)
            blank = np.zeros((1, 3, *opened.session.input_size), dtype=np.float32)
            shapes.append((layer, *opened.session.run(blank)[0].shape[1:]))
    except ProcedureError as refusal:
        return _shapes([]), refusal.number, refusal.message
    return _shapes(shapes), 0, ""


@for_t_sql({2: MESSAGE}, {"error": MESSAGE})
def layer_maps(
    slices: pd.DataFrame,
    network: bytes,
    network_sha256: str,
    details: str,
    layer: str,
    preprocessing: str,
    steps: str | None,
    batch_size: int,
    providers: str | None,
    threads: int | None,
) -> tuple[pd.DataFrame, int, str]:
    """Run a network over scans as far as the map whose average a layer is.

    Parameters
    ----------
    slices : DataFrame
        As of `generate_features`, and `array_rows`, `array_cols`, and in the first row of each scan `array` and
        `array_sha256`, in hexadecimal: the features that are stored of the layer.
    network, network_sha256, details, layer, preprocessing, steps, batch_size, providers, threads
        As of `generate_features`; one layer.

    Returns
    -------
    result : DataFrame
        One row a triple: `scan_id`, `triple` (from 0), `error` (empty), `channels`, `map_rows`, `map_cols`, `scale`,
        `largest_error`, `largest_relative_error`, `map` (float16 in hexadecimal) and `sha256`, see
        `lungdb.imaging.half_maps`. A scan that fails, or whose maps do not average to the features that are stored, is
        one row with the triple -1, its error and empty values.
    error_number, error_message : int, str
        0 and empty, or a refusal: as of `map_shapes`; 50231 when the maps are more than may leave Python.
    """
    try:
        check_columns(slices, ("array_rows", "array_cols", "array", "array_sha256"))
        opened = _open(network, network_sha256, details, layer, providers, threads)
        chosen = named_pipeline(preprocessing, steps)
        scans = lazy_scans(slices, Keeper(preprocessing, chosen, opened.session.input_size, 0))
        stored = _stored(slices)
        preparation = Preparation(chosen, opened.mean, opened.std)
        results = featurize(scans.values(), opened.session, preparation, batch_size, threads)
        rows = [
            row
            for scan_id, result in zip(scans, results, strict=True)
            for row in _rows(scan_id, result, stored[scan_id])
        ]
        check_size(
            sum(len(row["map"]) for row in rows),
            "maps",
            "Call GenerateFeatures with a smaller @ChunkMegabytes, or choose a layer with smaller maps.",
        )
    except ProcedureError as refusal:
        return _frame([]), refusal.number, refusal.message
    except LungdbError as refusal:
        return _frame([]), ErrorNumber.ARGUMENT, str(refusal)
    except MemoryError:
        message = "The memory does not hold the maps of this call. Give GenerateFeatures a smaller @ChunkMegabytes."
        return _frame([]), ErrorNumber.UNREADABLE, message
    return _frame(rows), 0, ""


def _open(
    network: bytes, sha256: str, details: str, layer: str, providers: str | None, threads: int | None
) -> OpenNetwork:
    opened = open_maps(network, sha256, details, layer, providers, threads)
    if opened is None:
        raise ProcedureError(
            ErrorNumber.NO_LAYER_MAP,
            f"The layer {layer!r} has no map to keep: its features are not, or not as the network's graph shows, the "
            "average over rows and columns of what comes before. Choose a convolutional layer or one that is such an "
            "average, or call GenerateFeatures without @KeepMaps.",
        )
    return opened


def _stored(slices: pd.DataFrame) -> dict[int, Floats | LungdbError]:
    """Read the features that are stored of each scan, or what is wrong with them."""
    ids, rows, cols = (whole_numbers(slices, name).tolist() for name in ("scan_id", "array_rows", "array_cols"))
    found: dict[int, Floats | LungdbError] = {}
    for place, scan_id in enumerate(ids):
        if scan_id in found:
            continue
        try:
            blob, sha256 = (from_hex(slices[name].iloc[place]) for name in ("array", "array_sha256"))
            found[scan_id] = decode_array(blob, rows[place], cols[place], sha256)
        except (LungdbError, TypeError, ValueError):
            found[scan_id] = LungdbError("Its features are damaged. Call GenerateFeatures with @Recompute = 1.")
    return found


def _rows(scan_id: int, result: list[Floats] | LungdbError, stored: Floats | LungdbError) -> list[dict[str, Any]]:
    try:
        if isinstance(result, LungdbError):
            raise result
        if isinstance(stored, LungdbError):
            raise stored
        _check(result[0], stored)
        return [_row(scan_id, triple, values) for triple, values in enumerate(result[0])]
    except LungdbError as error:
        return [dict(zip(_RESULT, (scan_id, -1, str(error), 0, 0, 0, 1.0, 0.0, 0.0, "", ""), strict=True))]


def _check(maps: Floats, stored: Floats) -> None:
    means = maps.mean(axis=(2, 3), dtype=np.float64)
    same = means.shape == stored.shape
    if (
        not same
        or not (
            np.linalg.norm(means - stored, axis=1) <= _SAME * np.linalg.norm(stored.astype(np.float64), axis=1) + 1e-6
        ).all()
    ):
        raise LungdbError(
            "Its maps do not average to the features that are stored. Call GenerateFeatures with @Recompute = 1."
        )


def _row(scan_id: int, triple: int, values: Floats) -> dict[str, Any]:
    made = encode_map(values)
    losses = made.scale, made.largest_error, made.largest_relative_error
    given = (scan_id, triple, "", *values.shape, *losses, made.blob.hex(), made.sha256.hex())
    return dict(zip(_RESULT, given, strict=True))


def _shapes(rows: list[tuple[int, ...]]) -> pd.DataFrame:
    columns = {name: pd.Series([row[place] for row in rows], dtype=np.int32) for place, name in enumerate(_SHAPES)}
    frame: pd.DataFrame = pd.DataFrame(columns)
    return frame


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    columns = {name: pd.Series([row[name] for row in rows], dtype=dtype) for name, dtype in _RESULT.items()}
    frame: pd.DataFrame = pd.DataFrame(columns)
    return frame
