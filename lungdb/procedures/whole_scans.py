"""Scans as volumes, of the rows that T-SQL sends: all their voxels, and where these lie."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungdb.imaging.preprocessing import CtSlice
from lungdb.imaging.volumes.registry import check_voxels
from lungdb.imaging.volumes.scans import PLACE_COLUMNS
from lungdb.networks.running.featurizing import LazyScan
from lungdb.networks.running.processors import allowed_processors


def decoded(scan: LazyScan, threads: int | None = None) -> NDArray[np.int16]:
    """Decode a scan: int16[slices, rows, cols] in Hounsfield units; LungdbError for one that is damaged or too large.

    Nothing is set aside before the voxels are counted.
    """

    def hu(index: int) -> NDArray[np.int16]:
        loaded = scan.load(index)
        assert isinstance(loaded, CtSlice)  # no pictures are kept of volumes
        return loaded.hu

    first = hu(0)
    check_voxels((scan.slices, *first.shape), "The scan")
    values = np.empty((scan.slices, *first.shape), dtype=np.int16)

    def fill(index: int) -> None:
        values[index] = hu(index)

    with ThreadPoolExecutor(threads or allowed_processors()) as pool:
        list(pool.map(fill, range(scan.slices)))
    return values


def facts_of(slices: pd.DataFrame) -> dict[int, dict[str, Any]]:
    """Give where the voxels of each scan lie, from the columns of its first row; what is not there is None."""
    columns = [name for name in PLACE_COLUMNS if name in slices]
    firsts = slices.drop_duplicates("scan_id")
    nothing = dict.fromkeys(PLACE_COLUMNS)
    numbers = firsts[columns].astype("float64").to_dict("records")
    return {int(scan_id): {**nothing, **row} for scan_id, row in zip(firsts["scan_id"], numbers, strict=True)}
