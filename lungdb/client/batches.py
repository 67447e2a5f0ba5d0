"""Batches of a data set for a training loop, a few in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungdb.client.reading import Reading
from lungdb.errors import LungdbError

LARGEST = 1000
"""Scans of a batch: SQL Server takes 2,100 parameters in a statement."""


@dataclass(frozen=True)
class Batch:
    """Some scans of a data set.

    Attributes
    ----------
    scan_ids : int64[n]
    labels : float64[n]
        NaN where the label is not known.
    features : float32[n, width] or None
        Their vectors, where these were asked for.
    volumes : list of int16[slices, rows, cols]
        Their slices in Hounsfield units, where these were asked for; scans differ in size.
    """

    scan_ids: NDArray[np.int64]
    labels: NDArray[np.float64]
    features: NDArray[np.float32] | None
    volumes: list[NDArray[np.int16]]


def read_batches(
    database: Reading,
    scan_ids: NDArray[np.int64],
    labels: dict[int, float],
    size: int,
    vectors: tuple[int, str] | None,
) -> Iterator[Batch]:
    """Read batches one after another, in the order of the scans; `vectors` are a feature set and a pooling."""
    for start in range(0, len(scan_ids), size):
        part = scan_ids[start : start + size]
        known = np.array([labels.get(int(each), np.nan) for each in part], np.float64)
        if vectors is None:
            yield Batch(part, known, None, [database.volume(int(each)) for each in part])
        else:
            found = database.vectors(*vectors, [int(each) for each in part])
            missing = sorted(set(map(int, part)) - set(found.index))
            if missing:
                raise LungdbError(
                    f"{len(missing)} scans of the batch have no such features, the scan {missing[0]} among them. "
                    "EXECUTE dbo.GenerateFeatures makes them."
                )
            yield Batch(part, known, found.loc[part].to_numpy(np.float32), [])


def check_size(size: Any) -> int:
    """Refuse a size that no batch can have."""
    if not isinstance(size, int) or not 1 <= size <= LARGEST:
        raise LungdbError(f"The size {size} of a batch is not supported. Supported are 1 to {LARGEST}.")
    return size
