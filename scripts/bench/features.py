"""Print the throughput of GenerateFeatures over bare ONNX Runtime, and the bytes of a slice; part of `make bench`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from databases import DEMO_NETWORK, database
from figures import Compared, Figure, compare
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.pixels.processing import apply_rescale
from sizes import Sizes

from lungdb.cli.sql import print_table
from lungdb.database import connect, run
from lungdb.database.site import set_setting
from lungdb.imaging.preprocessing import CtSlice, pipeline, stack
from lungdb.networks.entry import network_details
from lungdb.networks.graphs.layers import select_layer
from lungdb.networks.running.sessions import open_session

BATCH_SIZE = 32
_AIMS = {"resnet50": ("0.90", "0.97"), "demo network": ("0.72", "0.92")}  # the first time, and with kept pictures
_BYTES_AIMS = {"512 × 512": "0.46"}
_KEPT = "prepared_gigabytes"
"""The setting that bounds the prepared pictures which are kept; 0 keeps none."""
_KEPT_BOUND = "20"
_CALLS_TO_KEEP = 6  # GenerateFeatures keeps a few scans, measures, and then the others where that pays
_ALL_KEPT = (
    "SELECT CASE WHEN (SELECT COUNT(*) FROM dbo.prepared_scans) = (SELECT COUNT(*) FROM dbo.scans) THEN 1 ELSE 0 END;"
)

Batches = list[NDArray[np.float32]]


def bench(folder: Path, large: str, network: Path, sizes: Sizes) -> list[Figure]:
    """Print the tables and give the figures; `large` is the database of `sizes.large` with `network`."""
    small = database(folder / "small", DEMO_NETWORK, sizes.small)
    figures, rows = [], []
    jobs = [(sizes.layout, large, network, folder / "large", sizes.large, chunk) for chunk in sizes.chunks]
    jobs.append(("demo network", small, DEMO_NETWORK, folder / "small", sizes.small, None))
    for name, target, file, at, scans, chunk in jobs:
        batches = prepared(at / "scans", file)
        aims = _AIMS.get(name, ("", ""))
        chunk_text = "its default" if chunk is None else str(chunk)
        # What is kept does not depend on the chunk.
        for is_kept in (False, True) if chunk is None else (False,):
            times = throughput(target, file, batches, sizes.rounds, chunk=chunk, is_kept=is_kept)
            kept = f"prepared pictures kept of {_kept_scans(target)} of {scans.patients} scans"
            state = kept if is_kept else "first time"
            what = f"{name}, {scans.size} × {scans.size}, {state}"
            speeds = _speeds(batches, times)
            rows.append((what, chunk_text, *speeds, *times.speedup()))
            if chunk is None:
                figures.append(
                    Figure(
                        f"GenerateFeatures, {what}: {speeds[1]} slices/s",
                        f"bare ONNX Runtime on the same batches in memory: {speeds[0]} slices/s",
                        *times.speedup(),
                        aims[is_kept],
                    )
                )
    print("\nGenerateFeatures over bare ONNX Runtime on the same batches already in memory, median of rounds:\n")
    names = (
        "network, slices",
        "@ChunkMegabytes",
        "bare, slices/s",
        "GenerateFeatures, slices/s",
        "ratio",
        "of the rounds",
    )
    print_table(names, rows)
    stored = [
        _bytes(f"{scans.size} × {scans.size}", target) for scans, target in ((sizes.large, large), (sizes.small, small))
    ]
    print("\nStored bytes a slice:\n")
    print_table(("slices", "stored", "as int16", "ratio"), stored)
    figures += [
        Figure(f"stored slice of {name}: {held} bytes", f"int16: {raw} bytes", ratio, aim=_BYTES_AIMS.get(name, ""))
        for name, held, raw, ratio in stored
    ]
    return figures


def prepared(scans: Path, network: Path) -> Batches:
    """Prepare every batch that GenerateFeatures makes, scan by scan, from the files."""
    normalisation = network_details(network.read_bytes())["normalisation"]
    lung = pipeline("lung")
    batches: Batches = []
    for folder in sorted(path for path in scans.iterdir() if path.is_dir()):
        slices = [CtSlice(hu, slope, intercept) for hu, slope, intercept in read_series(folder)]
        pictures = np.stack(
            [
                stack([slices[index] for index in triple], lung, normalisation["mean"], normalisation["std"])
                for triple in lung.triples(len(slices))
            ]
        )
        batches += [pictures[start : start + BATCH_SIZE] for start in range(0, len(pictures), BATCH_SIZE)]
    return batches


def read_series(folder: Path) -> Iterator[tuple[NDArray[np.int16], float, float]]:
    """Read a series as a plain script would: Hounsfield units, slope and intercept, from the feet up."""
    datasets = [dcmread(path) for path in folder.rglob("*.dcm")]
    for dataset in sorted(datasets, key=lambda each: float(each.ImagePositionPatient[2])):
        hu = apply_rescale(dataset.pixel_array, dataset).astype(np.int16)
        yield hu, float(dataset.RescaleSlope), float(dataset.RescaleIntercept)


def throughput(
    target: str, network: Path, batches: Batches, rounds: int, *, chunk: int | None = None, is_kept: bool = False
) -> Compared:
    """Time both ways in turn, and before that have prepared pictures kept, where they are to be and where it pays."""
    session = open_session(select_layer(network.read_bytes(), "penultimate")[0])

    def bare() -> None:
        for batch in batches:
            session.run(batch)

    call = "EXECUTE dbo.GenerateFeatures @ModelName = N'bench', @BatchSize = ?, @Recompute = 1"
    given: tuple[int, ...] = (BATCH_SIZE,)
    if chunk is not None:
        call, given = f"{call}, @ChunkMegabytes = ?", (BATCH_SIZE, chunk)
    with closing(connect(target)) as connection:
        set_setting(connection, _KEPT, _KEPT_BOUND if is_kept else "0")
        for _ in range(_CALLS_TO_KEEP if is_kept else 0):
            run(connection, f"{call};", given)
            if run(connection, _ALL_KEPT)[0].scalar() == 1:
                break
        times = compare(bare, lambda: run(connection, f"{call};", given), rounds)
        set_setting(connection, _KEPT, "0")
        return times


def _kept_scans(target: str) -> int:
    with closing(connect(target)) as connection:
        return int(run(connection, "SELECT COUNT(*) FROM dbo.prepared_scans;")[0].scalar())


def _speeds(batches: Batches, times: Compared) -> tuple[str, str]:
    slices = 3 * sum(map(len, batches))
    return f"{slices / times.bare_seconds:.1f}", f"{slices / times.our_seconds:.1f}"


def _bytes(name: str, target: str) -> tuple[Any, ...]:
    with closing(connect(target)) as connection:
        (found,) = run(
            connection,
            "SELECT AVG(CAST(DATALENGTH(i.pixels) AS FLOAT)), MAX(s.image_rows) * MAX(s.image_cols) * 2 "
            "FROM dbo.scan_images AS i INNER JOIN dbo.scans AS s ON s.scan_id = i.scan_id;",
        )
    stored, raw = found.rows[0]
    return name, round(stored), raw, f"{stored / raw:.2f}"
