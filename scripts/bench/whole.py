"""Print what the job costs on Linux: throughput over bare ONNX Runtime, loading, memory, bytes, latency."""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import dense_networks
import intake
import models
import native_scoring
import networks
import numpy as np
import page
import search
import worklist
from numpy.typing import NDArray

from lungdb.cli import load_labels, load_network, load_scans
from lungdb.cli.sql import print_table
from lungdb.database import Connection, connect, install, run
from lungdb.imaging.codecs import decode_slice
from lungdb.imaging.preprocessing import CtSlice, pipeline, stack
from lungdb.networks.architectures.resnet import random_resnet50
from lungdb.networks.entry import network_details
from lungdb.networks.graphs.layers import select_layer
from lungdb.networks.running.sessions import open_session
from lungdb.phantoms.dataset import make_dataset

DEMO_NETWORK = Path(__file__).resolve().parents[2] / "lungdb" / "networks" / "data" / "demo_resnet.onnx"
BATCH_SIZE = 32
PREDICTIONS = 100


def main() -> int:
    """Run the benchmark; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="repetitions of each throughput (default: 3)")
    parser.add_argument("--memory-of", metavar="TARGET", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory_of:
        return _print_peak(options.memory_of)
    with tempfile.TemporaryDirectory() as folder:
        _bench(Path(folder), options.rounds)
    return 0


def _bench(folder: Path, rounds: int) -> None:
    resnet50 = folder / "resnet50_random.onnx"
    resnet50.write_bytes(random_resnet50(seed=0))
    large = database(folder / "large", resnet50, patients=4, slices=96, size=512)
    small = database(folder / "small", DEMO_NETWORK, patients=40, slices=32, size=256)
    rows = [
        ("ResNet-50, 512 × 512", 64, *throughput(large, resnet50, 64, rounds)),
        ("ResNet-50, 512 × 512", 512, *throughput(large, resnet50, 512, rounds)),
        ("demo network, 256 × 256", 64, *throughput(small, DEMO_NETWORK, 64, rounds)),
    ]
    print("\nGenerateFeatures over bare ONNX Runtime on the same batches already in memory, median of rounds:\n")
    print_table(
        (
            "network, slices",
            "@ChunkMegabytes",
            "bare, slices/s",
            "GenerateFeatures, slices/s",
            "ratio",
            "ratios of the rounds",
        ),
        rows,
    )

    few = database(folder / "few", DEMO_NETWORK, patients=10, slices=32, size=256)
    many = database(folder / "many", DEMO_NETWORK, patients=100, slices=32, size=256)
    print("\nPeak memory of GenerateFeatures with the demo network, 256 × 256 × 32:\n")
    print_table(("scans", "T-SQL engine, MB", "external Python, MB"), [(10, *_peak(few)), (100, *_peak(many))])

    print("\nStored bytes a slice:\n")
    print_table(("slices", "stored", "as int16", "ratio"), [_bytes("512 × 512", large), _bytes("256 × 256", small)])

    networks.bench(rounds)
    models.bench(rounds)
    search.bench(folder, rounds)
    intake.bench(folder, rounds)
    native_scoring.bench(folder, rounds)
    dense_networks.bench(folder, rounds)
    page.bench(folder)
    worklist.bench(folder, rounds)

    print(f"\nPredictLungCancer, {PREDICTIONS} calls on one connection:\n")
    print_table(("median, ms", "95th percentile, ms"), [_latency(many)])


def database(folder: Path, network: Path, *, patients: int, slices: int, size: int) -> str:
    """Make a database of phantoms with a network called bench; returns its target."""
    folder.mkdir()
    target = f"sqlite:///{(folder / 'lung_cancer_database.db').as_posix()}"
    labels = make_dataset(folder / "scans", patients=patients, slices=slices, size=size)
    with closing(connect(target)) as connection:
        install(connection)
    succeed(load_scans.main(["-d", target, "--keep-ids", str(folder / "scans")]))
    succeed(load_labels.main(["-d", target, str(labels)]))
    succeed(load_network.main(["-d", target, str(network), "--name", "bench"]))
    return target


def succeed(status: int) -> None:
    """End with a command's exit status unless it is 0."""
    if status:
        raise SystemExit(status)


def throughput(target: str, network: Path, chunk: int, rounds: int) -> Sequence[str]:
    """Time both ways alternately; a round of each first warms caches and the spare process up."""
    with closing(connect(target)) as connection:
        batches = _batches(connection, network)
        slices = 3 * sum(len(batch) for batch in batches)
        session = open_session(select_layer(network.read_bytes(), "penultimate")[0])

        def bare() -> None:
            for batch in batches:
                session.run(batch)

        def whole() -> None:
            run(
                connection,
                "EXECUTE dbo.GenerateFeatures @ModelName = N'bench', @BatchSize = ?, @ChunkMegabytes = ?, "
                "@Recompute = 1;",
                (BATCH_SIZE, chunk),
            )

        bare()
        whole()
        times = [(_seconds(bare), _seconds(whole)) for _ in range(rounds)]
    ratios = [one / other for one, other in times]
    medians = [slices / statistics.median(column) for column in zip(*times, strict=True)]
    each = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    return f"{medians[0]:.1f}", f"{medians[1]:.1f}", f"{statistics.median(ratios):.2f}", each


def _batches(connection: Connection, network: Path) -> list[NDArray[np.float32]]:
    """Prepare every batch that GenerateFeatures makes, scan by scan."""
    normalisation = network_details(network.read_bytes())["normalisation"]
    lung = pipeline("lung")
    (found,) = run(
        connection,
        "SELECT i.scan_id, i.rescale_slope, i.rescale_intercept, "
        "i.pixels, s.image_rows, s.image_cols, i.pixels_sha256, i.encoding "
        "FROM dbo.scan_images AS i INNER JOIN dbo.scans AS s ON s.scan_id = i.scan_id "
        "ORDER BY i.scan_id, i.slice_index;",
    )
    scans: dict[int, list[CtSlice]] = {}
    for scan_id, slope, intercept, *stored in found.rows:
        scans.setdefault(scan_id, []).append(CtSlice(decode_slice(*stored), slope, intercept))
    batches = []
    for slices in scans.values():
        pictures = np.stack(
            [
                stack([slices[index] for index in triple], lung, normalisation["mean"], normalisation["std"])
                for triple in lung.triples(len(slices))
            ]
        )
        batches += [pictures[start : start + BATCH_SIZE] for start in range(0, len(pictures), BATCH_SIZE)]
    return batches


def _seconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _peak(target: str) -> Sequence[str]:
    """Measure in a process of its own, because a peak never goes down again."""
    command = [sys.executable, __file__, "--memory-of", target]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()  # noqa: S603 our own file


def _print_peak(target: str) -> int:
    with closing(connect(target)) as connection:
        run(connection, "EXECUTE dbo.GenerateFeatures @ModelName = N'bench', @Recompute = 1;")
        # The worker takes the next call only when it has waited for the process of the last one, and so counts it.
        run(connection, "EXECUTE dbo.CheckInstallation;")
    print(*intake.peaks())
    return 0


def _bytes(name: str, target: str) -> tuple[Any, ...]:
    with closing(connect(target)) as connection:
        (found,) = run(
            connection,
            "SELECT AVG(CAST(DATALENGTH(i.pixels) AS FLOAT)), MAX(s.image_rows) * MAX(s.image_cols) * 2 "
            "FROM dbo.scan_images AS i INNER JOIN dbo.scans AS s ON s.scan_id = i.scan_id;",
        )
    stored, raw = found.rows[0]
    return name, round(stored), raw, f"{stored / raw:.2f}"


def _latency(target: str) -> tuple[str, str]:
    with closing(connect(target)) as connection:
        run(connection, "EXECUTE dbo.TrainLungCancerModel;")
        predict = "EXECUTE dbo.PredictLungCancer @PatientIndex = ?;"
        run(connection, predict, (0,))
        times = []
        for index in range(PREDICTIONS):
            started = time.perf_counter()
            run(connection, predict, (index,))
            times.append(1000 * (time.perf_counter() - started))
    return f"{statistics.median(times):.0f}", f"{np.percentile(times, 95):.0f}"


if __name__ == "__main__":
    sys.exit(main())
