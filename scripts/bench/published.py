"""Print a published network's speed over bare ONNX Runtime, and its AUC on phantoms beside the demo network's."""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from databases import DEMO_NETWORK, database, succeed
from features import prepared, throughput
from sizes import Scans

from lungdb.cli import load_network
from lungdb.cli.sql import print_table
from lungdb.database import Connection, connect, run
from lungdb.database.site import set_setting

WAYS = [(algorithm, pooling) for algorithm in ("lightgbm", "logistic") for pooling in ("mean", "max")]
PATIENTS, TEST_PERCENT = 128, 35  # as `lungdb demo` has them


def main() -> int:
    """Run the benchmark; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="a network that lungdb load-network takes")
    parser.add_argument("--rounds", type=int, default=3, help="repetitions of the throughput (default: 3)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        speed = _speed(Path(folder) / "speed", options.file, options.rounds)
        print("\nGenerateFeatures over bare ONNX Runtime on the same batches already in memory, median of rounds:\n")
        print_table(
            ("network, slices", "bare, slices/s", "GenerateFeatures, slices/s", "ratio", "ratios of the rounds"),
            [speed],
        )
        rows = _aucs(Path(folder) / "phantoms", options.file)
    print(f"\nAUC on held-out phantoms of {PATIENTS}, with its 95 % bootstrap interval:\n")
    print_table(("algorithm", "pooling", "demo network", options.file.name), rows)
    return 0


def _speed(folder: Path, file: Path, rounds: int) -> tuple[str, ...]:
    target = database(folder, file, Scans(4, 96, 512))
    with closing(connect(target)) as connection:
        stored = folder / "stored.onnx"
        stored.write_bytes(run(connection, "SELECT model FROM dbo.networks;")[0].scalar())
    batches = prepared(folder / "scans", stored)
    times = throughput(target, stored, batches, rounds)
    slices = 3 * sum(map(len, batches))
    speeds = (f"{slices / taken:.1f}" for taken in (times.bare_seconds, times.our_seconds))
    return (f"{file.name}, 512 × 512", *speeds, *times.speedup())


def _aucs(folder: Path, file: Path) -> list[tuple[str, ...]]:
    """Train on the same phantoms with the features of either network, each way."""
    target = database(folder, DEMO_NETWORK, Scans(PATIENTS, 32, 256))
    succeed(load_network.main(["-d", target, str(file), "--name", "published"]))
    with closing(connect(target)) as connection:
        set_setting(connection, "test_percent", str(TEST_PERCENT))
        for network in ("bench", "published"):
            run(connection, "EXECUTE dbo.GenerateFeatures @ModelName = ?, @Pooling = N'mean,max';", (network,))
        return [(*way, *(_auc(connection, network, *way) for network in ("bench", "published"))) for way in WAYS]


def _auc(connection: Connection, network: str, algorithm: str, pooling: str) -> str:
    run(
        connection,
        "EXECUTE dbo.TrainLungCancerModel @ModelName = N'bench', @NetworkName = ?, @Algorithm = ?, @Pooling = ?;",
        (network, algorithm, pooling),
    )
    found = dict(
        run(
            connection,
            "SELECT metric, value FROM dbo.experiment_metrics WHERE part = N'test' AND metric LIKE N'auc%' "
            "AND experiment_id = (SELECT MAX(experiment_id) FROM dbo.experiments);",
        )[0].rows
    )
    return f"{found['auc']:.3f} ({found['auc_bootstrap_low']:.3f} to {found['auc_bootstrap_high']:.3f})"


if __name__ == "__main__":
    sys.exit(main())
