"""Running a network over the tiles of a volume, a few together, while the next ones are cut out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.imaging.preprocessing import normalise
from lungdb.imaging.volumes.geometry import Tile
from lungdb.imaging.volumes.tiles import Prepared
from lungdb.networks.running.featurizing import ahead, batches_ahead, on_processors
from lungdb.networks.running.sessions import Session

Floats = NDArray[np.float32]

_MOST_VOXELS, _MOST_VOXELS_ON_PROCESSORS = 1 << 24, 1 << 21
"""Of the tiles that run at once: what a network makes of a voxel takes some hundred bytes, and a CPU gains nothing."""


@dataclass(frozen=True)
class Normalisation:
    """A network's mean and standard deviation, a number a channel."""

    mean: Sequence[float]
    std: Sequence[float]


def run_tiles(
    prepared: Prepared, session: Session, normalisation: Normalisation | None, batch_size: int
) -> list[Floats]:
    """Compute the features of a volume, a row a tile.

    Parameters
    ----------
    prepared : Prepared
    session : Session
        Of layers of a network of volumes.
    normalisation : Normalisation or None
        None of a preprocessing that has the values as the network reads them.
    batch_size : int
        Tiles in one run at most; of large tiles fewer, 2 million voxels together on a CPU, 16 million otherwise.

    Returns
    -------
    list of float32[tiles, width]
        One array an output of the session.

    Raises
    ------
    LungdbError
        The network cannot run on a volume of this size, or gives values that are no finite numbers.
    ProcedureError
        50116 when the network fails on tiles of its own size.
    """
    most = _MOST_VOXELS_ON_PROCESSORS if on_processors(session) else _MOST_VOXELS
    size = max(1, min(batch_size, most // int(np.prod(prepared.size))))
    parts: list[list[Floats]] = []
    with ThreadPoolExecutor(1) as pool:
        starts = [prepared.starts[first : first + size] for first in range(0, prepared.count, size)]
        jobs = (pool.submit(tiles_as_read, prepared, chosen, normalisation) for chosen in starts)
        for job in ahead(jobs, batches_ahead(session)):
            with _of_this_size(session, prepared):
                parts.append(session.run(job.result()))
    found = [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
    for array in found:
        wrong = np.flatnonzero(~np.isfinite(array).all(axis=1))
        if len(wrong):
            raise LungdbError(
                f"The network gives values that are no finite numbers for {len(wrong)} of {len(array)} tiles, "
                f"first for tile {wrong[0] + 1}. Run the network in float32, and look at its input's window and "
                "normalisation."
            )
    return found


def outputs_of_tiles(
    prepared: Prepared, session: Session, normalisation: Normalisation | None
) -> Iterator[tuple[Tile, list[NDArray[Any]]]]:
    """Give all outputs of a detector for each tile, which runs alone; errors as of `run_tiles`."""
    with ThreadPoolExecutor(1) as pool:
        jobs = (pool.submit(_single, prepared, start, normalisation) for start in prepared.starts)
        for job in ahead(jobs, batches_ahead(session)):
            tile, values = job.result()
            with _of_this_size(session, prepared):
                outputs = session.outputs(values)
            yield tile, outputs


def _single(
    prepared: Prepared, start: tuple[int, int, int], normalisation: Normalisation | None
) -> tuple[Tile, Floats]:
    return prepared.tile(start, prepared.size), tiles_as_read(prepared, [start], normalisation)


def tiles_as_read(
    prepared: Prepared, starts: Sequence[tuple[int, int, int]], normalisation: Normalisation | None
) -> Floats:
    """Cut tiles out and normalise them: float32[tiles, channels, depth, rows, cols]."""
    values = np.empty((len(starts), prepared.channels, *prepared.size), dtype=np.float32)
    for into, start in zip(values, starts, strict=True):
        np.copyto(into, prepared.tile(start, prepared.size).values)
        if normalisation is not None:
            for channel, mean, std in zip(into, normalisation.mean, normalisation.std, strict=True):
                normalise(channel, mean, std)
    return values


@contextmanager
def _of_this_size(session: Session, prepared: Prepared) -> Iterator[None]:
    """Let a failure of a network that takes volumes of any size be that of the scan, whose size it was."""
    try:
        yield
    except ProcedureError as error:
        if error.number != ErrorNumber.UNREADABLE or all(isinstance(side, int) for side in session.input_size):
            raise
        raise LungdbError(
            f"As a volume of {' × '.join(map(str, prepared.size))} voxels: {error.message} Load the network with a "
            "--input size that its tiles have, or with a wider spacing."
        ) from None
