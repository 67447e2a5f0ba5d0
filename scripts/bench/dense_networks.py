"""Print what networks in plain T-SQL cost: milliseconds per digit, training iterations per second and their growth."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import numpy as np

from lungdb.cli.sql import print_table
from lungdb.database import Connection, connect, install, run
from lungdb.loading.tensors import store_network
from lungdb.networks.dense import DenseLayer

_EXAMPLES = """
INSERT INTO dbo.examples (dataset, example_id, feature_index, value)
SELECT ?, CAST(r.[key] AS INT), CAST(v.[key] AS INT), CAST(v.[value] AS FLOAT)
FROM OPENJSON(?) AS r
CROSS APPLY OPENJSON(r.[value]) AS v;
"""
_LABELS = """
INSERT INTO dbo.example_labels (dataset, example_id, label)
SELECT dataset, example_id, CASE WHEN SUM(value) > 0 THEN 1 ELSE 0 END
FROM dbo.examples
WHERE dataset = ?
GROUP BY dataset, example_id;
"""
_TRAIN = """
EXECUTE dbo.TrainNetworkSql @Dataset = ?, @ModelName = ?, @Hidden = N'2', @Iterations = ?,
    @LearningRate = 2, @Momentum = 0;
"""
_DIGITS = 900
_EXAMPLE_COUNTS = (1000, 10_000, 100_000)
# So many examples are passed through in a measurement, and at least so many times each.
_PASSED = 50_000
_ITERATIONS = 4


def main() -> int:
    """Run the benchmark; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="repetitions of each figure (default: 3)")
    with tempfile.TemporaryDirectory() as folder:
        bench(Path(folder), parser.parse_args().rounds)
    return 0


def bench(folder: Path, rounds: int) -> None:
    """Measure on a database of the embedded engine made in `folder`; medians of `rounds`."""
    with closing(connect(f"sqlite:///{(folder / 'networks.db').as_posix()}")) as connection:
        install(connection, script="install_sql_only.sql")
        print("\nScoreNetworkSql, pictures of 8 × 8 through 64, 32 and 10 units:\n")
        print_table(("digits", "ms a digit"), [(_DIGITS, f"{_digit(connection, rounds):.2f}")])
        print("\nTrainNetworkSql, two features and two hidden units, every example in each iteration:\n")
        rows = []
        before = 0.0
        for count in _EXAMPLE_COUNTS:
            seconds, busy = _training(connection, count, rounds)
            each = (f"{1e6 * time / count:.1f}" for time in (seconds, busy))
            rows.append((count, f"{1 / seconds:.2f}", *each, f"{busy / before:.1f}" if before else ""))
            before = busy
        print_table(("examples", "iterations/s", "µs an example", "of them CPU", "times the CPU"), rows)


def _digit(connection: Connection, rounds: int) -> float:
    random = np.random.default_rng(0)
    # About half of a digit's pixels are empty.
    pixels = np.maximum(random.normal(size=(_DIGITS, 64)), 0)
    run(connection, _EXAMPLES, ("digits", json.dumps(pixels.tolist())))
    shapes = (((64, 32), "relu"), ((32, 10), "softmax"))
    layers = [DenseLayer(random.normal(size=shape), np.zeros(shape[1]), activation) for shape, activation in shapes]
    store_network(connection, "digits", layers, replace=False)
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        run(connection, "EXECUTE dbo.ScoreNetworkSql @ModelName = N'digits', @Dataset = N'digits';")
        times.append(1000 * (time.perf_counter() - started) / _DIGITS)
    return statistics.median(times)


def _training(connection: Connection, count: int, rounds: int) -> tuple[float, float]:
    """Return the seconds of an iteration, by the clock and of the processor."""
    name = f"{count} examples"
    run(connection, _EXAMPLES, (name, json.dumps(np.random.default_rng(1).normal(size=(count, 2)).tolist())))
    run(connection, _LABELS, (name,))
    # The first call of all also reads the procedures.
    run(connection, _TRAIN, (name, f"{name} first", 1))
    iterations = max(_ITERATIONS, _PASSED // count)
    clock: list[float] = []
    busy: list[float] = []
    for number in range(rounds):
        times = [(time.perf_counter(), time.process_time())]
        for until in (1, 2 + iterations):
            run(connection, _TRAIN, (name, f"{name} {number}", until))
            times.append((time.perf_counter(), time.process_time()))
        # Both calls begin alike, so the difference is iterations alone, one more than the first call's.
        for found, (start, begun, ended) in zip((clock, busy), zip(*times, strict=True), strict=True):
            found.append((ended - begun - (begun - start)) / iterations)
    return statistics.median(clock), statistics.median(busy)


if __name__ == "__main__":
    sys.exit(main())
