"""What dbo.PoolFeatures calls."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lungdb.errors import LungdbError, ProcedureError
from lungdb.imaging.codecs import decode_array, encode_vector, from_hex
from lungdb.networks.running.ordered import Pooler, read_ordered
from lungdb.procedures.checks import check_columns, check_sha256, comma_list, read_details, whole_numbers
from lungdb.procedures.leaving import MESSAGE, NAME, check_size, for_t_sql

_COLUMNS = ("scan_id", "array_rows", "array_cols", "array", "sha256")
_RESULT = {"scan_id": np.int32, "error": object, "vector": object}


@for_t_sql({1: NAME, 2: MESSAGE, 4: MESSAGE}, {"error": MESSAGE})
def pool_in_order(
    features: pd.DataFrame,
    network: bytes,
    network_sha256: str,
    details: str,
    providers: str | None = None,
    threads: int | None = None,
) -> tuple[pd.DataFrame, str, str, int, str]:
    """Make one vector of the features of each scan by a network that reads their rows in order.

    Parameters
    ----------
    features : DataFrame
        One row a scan: `scan_id`, `array_rows`, `array_cols`, `array` and `sha256`, both in hexadecimal.
    network, network_sha256, details
        `networks.model`, its SHA-256 in hexadecimal, and `networks.details` of a network that pools.
    providers : str, optional
        Execution providers with commas, as of `generate_features`.
    threads : int, optional

    Returns
    -------
    result : DataFrame
        One row a scan: `scan_id` (int32), `error`, empty unless this scan failed, and `vector`, a JSON array of
        numbers, empty then.
    provider, notice, error_number, error_message
        As of `generate_features`: 50101 for an argument, 50104 for a network that does not pool, 50105 when its bytes
        are damaged, 50116 when it cannot be run.
    """
    try:
        check_columns(features, _COLUMNS)
        check_sha256(network, network_sha256, "network")
        ordered = read_ordered(read_details(details, "network"))
        pooler = Pooler(network, ordered, comma_list(providers) if providers else None, threads)
        columns = [whole_numbers(features, name).tolist() for name in _COLUMNS[:3]]
        rows = [
            _row(pooler, scan_id, shape, array, sha256)
            for scan_id, *shape, array, sha256 in zip(*columns, features["array"], features["sha256"], strict=True)
        ]
        check_size(
            sum(len(vector) for _, _, vector in rows), "vectors", "Call PoolFeatures with a smaller @ChunkMegabytes."
        )
    except ProcedureError as refusal:
        return _frame([]), "", "", refusal.number, refusal.message
    return _frame(rows), pooler.provider, pooler.notice, 0, ""


def _row(
    pooler: Pooler, scan_id: int, shape: list[int], array: str | bytes, sha256: str | bytes
) -> tuple[int, str, str]:
    rows, cols = shape
    try:
        return scan_id, "", encode_vector(pooler.pool(decode_array(from_hex(array), rows, cols, from_hex(sha256))))
    except ProcedureError:
        raise
    except LungdbError as error:
        return scan_id, str(error), ""


def _frame(rows: list[tuple[int, str, str]]) -> pd.DataFrame:
    columns = zip(*rows, strict=True) if rows else [()] * len(_RESULT)
    named = zip(_RESULT.items(), columns, strict=True)
    frame: pd.DataFrame = pd.DataFrame({name: pd.Series(list(values), dtype=dtype) for (name, dtype), values in named})
    return frame
