"""Print how long a large table takes to learn from: on one machine, and by `lungdb spark train` on loopback workers.

All of it runs on this machine, so workers share its processors; what a second machine would add is not measured.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lungdb.cli.sql import print_table
from lungdb.distributed.vector_tables import Split
from lungdb.learning.boosting import lightgbm_settings
from lungdb.learning.metrics import auc
from lungdb.learning.parameters import TrainingParameters
from lungdb.procedures.usage import peak_megabytes
from tests.support.spark import cluster

_FILES = 8
_GROUP = 2500


def main() -> int:
    """Run the benchmark; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, metavar="N", help="of the table (default: 100,000)")
    parser.add_argument("--features", type=int, default=2048, metavar="N", help="of a row (default: 2,048)")
    parser.add_argument("--trees", type=int, default=20, metavar="N", help="that are learnt (default: 20)")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="on loopback (default: 2)")
    parser.add_argument("--alone", nargs=2, metavar=("FOLDER", "TREES"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        print(json.dumps(_alone(Path(options.alone[0]), int(options.alone[1]))))
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder / "table", options.rows, options.features)
        size = sum(file.stat().st_size for file in (folder / "table").iterdir())
        print(
            f"{options.rows:,} rows × {options.features:,} features of float32 ({size / 1e9:.2f} GB of Parquet), "
            f"{options.trees} trees, {os.cpu_count()} processors, {os.getloadavg()[0]:.1f} waiting for them now",
            flush=True,
        )
        print_table(
            ("what", "seconds", "of Python's processor", "AUC of the test rows", "peak of a process, GB"),
            _rows(folder, options),
        )
    return 0


def _rows(folder: Path, options: argparse.Namespace) -> list[tuple[str, ...]]:
    command = [sys.executable, __file__, "--alone", str(folder / "table"), str(options.trees)]
    begun = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 our own file
    alone = json.loads(done.stdout.splitlines()[-1])
    taken = time.perf_counter() - begun
    first = ("one process, all processors, LightGBM alone", taken, alone["cpu"], alone["auc"], alone["peak"])
    print(
        f"{first[0]}: reading {alone['read']:.1f} s, bins {alone['bins']:.1f} s, trees {alone['trees']:.1f} s",
        flush=True,
    )
    (folder / "spark").mkdir()
    with cluster(folder / "spark", options.workers) as running:
        out = folder / "m.txt"
        given = [str(folder / "table"), "--vector", "v", "--label", "y", "--out", str(out), "--master", running.master]
        sizes = ["--workers", str(options.workers), "--max-iterations", str(options.trees)]
        begun = time.perf_counter()
        subprocess.run(  # noqa: S603 our own module
            [sys.executable, "-m", "lungdb.cli.main", "spark", "train", *given, *sizes],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        seconds = time.perf_counter() - begun
    made = json.loads((folder / "m.txt.json").read_text(encoding="utf-8"))
    name = f"{options.workers} workers of one processor, lungdb spark train"
    second = (name, seconds, made["cpu_seconds"], made["test"]["auc"], made["peak_megabytes"] / 1000)
    return [
        (what, f"{took:.1f}", f"{cpu:.1f}", f"{area:.4f}", f"{peak:.2f}")
        for what, took, cpu, area, peak in (first, second)
    ]


def _write(folder: Path, rows: int, features: int) -> None:
    """Write random vectors of which sixteen features tell a little of the label."""
    folder.mkdir()
    rng = np.random.default_rng(rows)
    for number, places in enumerate(np.array_split(np.arange(rows), _FILES)):
        with pq.ParquetWriter(folder / f"part-{number}.parquet", _schema(features), compression="none") as writer:
            for start in range(0, places.size, _GROUP):
                chosen = places[start : start + _GROUP]
                labels = rng.integers(0, 2, chosen.size).astype(np.int8)
                vectors = rng.normal(size=(chosen.size, features)).astype(np.float32)
                vectors[:, : min(16, features)] += 0.1 * labels[:, None]
                held = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), features)
                ids = [f"p{place}" for place in chosen]
                writer.write_table(pa.table([pa.array(ids), held, pa.array(labels)], schema=_schema(features)))


def _schema(features: int) -> Any:
    return pa.schema([("patient_id", pa.string()), ("v", pa.list_(pa.float32(), features)), ("y", pa.int8())])


def _alone(folder: Path, trees: int) -> dict[str, float]:
    """Do what one would do on one machine: read the table into an array, and learn with all processors."""
    import lightgbm

    begun = time.perf_counter()
    table = pq.read_table(folder)
    vectors = table.column("v").combine_chunks().flatten().to_numpy().reshape(table.num_rows, -1)
    labels = table.column("y").to_numpy()
    split = Split("lungdb", 25)
    is_test = np.array([split.is_test(name) for name in table.column("patient_id").to_pylist()])
    learnt, tested = vectors[~is_test], vectors[is_test]
    del table, vectors
    read = time.perf_counter()
    settings = {**lightgbm_settings(TrainingParameters()), "num_threads": os.cpu_count()}
    data = lightgbm.Dataset(learnt, labels[~is_test], params=settings).construct()
    binned = time.perf_counter()
    booster = lightgbm.train(settings, data, trees)
    learned = time.perf_counter()
    area = auc(labels[is_test], booster.predict(tested))
    peak = peak_megabytes() / 1000
    parts = {"read": read - begun, "bins": binned - read, "trees": learned - binned}
    return {**parts, "cpu": time.process_time(), "auc": area or 0.0, "peak": peak}


if __name__ == "__main__":
    sys.exit(main())
