"""Print what networks in plain T-SQL cost: milliseconds per digit, training iterations per second and their growth."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
from databases import target_of
from figures import ONE_ROUND, Figure, each, seconds
from numpy.typing import NDArray
from sizes import WHOLE, Sizes

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
    @LearningRate = 2, @Momentum = 0, @BatchSize = ?;
"""
# So many examples are passed through in a measurement, and at least so many times each.
_PASSED = 50_000
_ITERATIONS = 4
_HIDDEN = 2
_RATE = 2.0


def main() -> int:
    """Run the benchmark; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="repetitions of each figure (default: 3)")
    with tempfile.TemporaryDirectory() as folder:
        bench(Path(folder), replace(WHOLE, rounds=parser.parse_args().rounds))
    return 0


def bench(folder: Path, sizes: Sizes) -> list[Figure]:
    """Print the tables and give the figures, on a database of the embedded engine made in `folder`."""
    rounds = sizes.rounds
    with closing(connect(target_of(folder / "networks.db"))) as connection:
        install(connection, script="install_sql_only.sql")
        print("\nScoreNetworkSql, pictures of 8 × 8 through 64, 32 and 10 units:\n")
        print_table(("digits", "ms a digit"), [(sizes.digits, f"{_digit(connection, sizes.digits, rounds):.2f}")])
        print("\nTrainNetworkSql, two features and two hidden units, every example in each iteration:\n")
        rows = []
        before = 0.0
        for count in sizes.examples:
            clock, busy = _training(connection, count, rounds)
            figures = (f"{1e6 * time / count:.1f}" for time in (clock, busy))
            rows.append((count, f"{1 / clock:.2f}", *figures, f"{busy / before:.1f}" if before else ""))
            before = busy
        print_table(("examples", "iterations/s", "µs an example", "of them CPU", "times the CPU"), rows)
        whole = _whole_training(connection, sizes)
        return [whole, *_by_batch_size(connection, sizes)]


def _whole_training(connection: Connection, sizes: Sizes) -> Figure:
    """Print one call from its start to the stored network, over the same descent in NumPy.

    It takes minutes, in which what disturbs it evens out, so there is one round of it.
    """
    count, iterations = sizes.examples[-1], sizes.iterations
    examples = _examples(count)
    labels = (examples.sum(axis=1) > 0).astype(int)
    bare = statistics.median(seconds(lambda: descend(examples, labels, iterations)) for _ in range(sizes.rounds))
    ours = seconds(lambda: run(connection, _TRAIN, (f"{count} examples", "whole", iterations, None)))
    print(f"\nTrainNetworkSql, {count} examples × {iterations} iterations, the whole call, {ONE_ROUND}, over NumPy:\n")
    row = (f"{ours:.1f}", f"{bare:.2f}", f"{ours / bare:.0f}")
    print_table(("seconds", "NumPy, s", "times as long"), [row])
    what = f"TrainNetworkSql, {count} examples × {iterations} iterations"
    return Figure(what, f"the same descent in NumPy: {row[1]} s", f"{row[0]} s", ONE_ROUND, "60 s")


def _by_batch_size(connection: Connection, sizes: Sizes) -> list[Figure]:
    """Print how many rows a second training takes by @BatchSize, from when it says that it begins to iterate."""
    count = sizes.examples[-1]
    rows = []
    for batch_size in sizes.batch_sizes:
        taken = batch_size or count
        iterations = max(_ITERATIONS, min(sizes.iterations, _PASSED // taken))
        rates = []
        for number in range(sizes.rounds):
            given = (f"{count} examples", f"batches of {taken}, {number}", iterations, batch_size)
            begun: list[float] = []
            run(connection, _TRAIN, given, lambda _, begun=begun: begun.append(time.perf_counter()))  # type: ignore[misc]  # mypy cannot infer a lambda with a default argument
            rates.append(taken * iterations / (time.perf_counter() - begun[0]))
        rows.append(("all" if batch_size is None else str(taken), f"{statistics.median(rates):.0f}", each(rates, 0)))
    print(
        f"\nTrainNetworkSql of {count} examples by @BatchSize, its iterations without reading the examples, medians:\n"
    )
    print_table(("@BatchSize", "rows/s", "of the rounds"), rows)
    return [
        Figure(
            f"TrainNetworkSql of {count} examples, training rows a second, @BatchSize {name}", "", f"{rate}/s", rates
        )
        for name, rate, rates in rows
    ]


def descend(examples: NDArray[np.float64], labels: NDArray[np.int_], iterations: int) -> list[float]:
    """Train the same network in NumPy: ReLU, softmax, gradient descent on the mean log loss; gives the losses."""
    random = np.random.default_rng(1)
    hidden = random.normal(size=(examples.shape[1] + 1, _HIDDEN))
    out = random.normal(size=(_HIDDEN + 1, 2))
    inputs = np.column_stack([examples, np.ones(len(examples))])
    wanted = np.eye(2)[labels]
    losses = []
    for _ in range(iterations):
        active = np.column_stack([np.maximum(inputs @ hidden, 0), np.ones(len(inputs))])
        scores = active @ out
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        losses.append(float(-np.log(shares[wanted == 1]).mean()))
        wrong = (shares - wanted) / len(inputs)
        back = (wrong @ out[:-1].T) * (active[:, :-1] > 0)
        out -= _RATE * active.T @ wrong
        hidden -= _RATE * inputs.T @ back
    return losses


def _digit(connection: Connection, digits: int, rounds: int) -> float:
    random = np.random.default_rng(0)
    # About half of a digit's pixels are empty.
    pixels = np.maximum(random.normal(size=(digits, 64)), 0)
    run(connection, _EXAMPLES, ("digits", json.dumps(pixels.tolist())))
    shapes = (((64, 32), "relu"), ((32, 10), "softmax"))
    layers = [DenseLayer(random.normal(size=shape), np.zeros(shape[1]), activation) for shape, activation in shapes]
    store_network(connection, "digits", layers, replace=False)
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        run(connection, "EXECUTE dbo.ScoreNetworkSql @ModelName = N'digits', @Dataset = N'digits';")
        times.append(1000 * (time.perf_counter() - started) / digits)
    return statistics.median(times)


def _training(connection: Connection, count: int, rounds: int) -> tuple[float, float]:
    """Return the seconds of an iteration, by the clock and of the processor."""
    name = f"{count} examples"
    run(connection, _EXAMPLES, (name, json.dumps(_examples(count).tolist())))
    run(connection, _LABELS, (name,))
    # The first call of all also reads the procedures.
    run(connection, _TRAIN, (name, f"{name} first", 1, None))
    iterations = max(_ITERATIONS, _PASSED // count)
    clock: list[float] = []
    busy: list[float] = []
    for number in range(rounds):
        times = [(time.perf_counter(), time.process_time())]
        for until in (1, 2 + iterations):
            run(connection, _TRAIN, (name, f"{name} {number}", until, None))
            times.append((time.perf_counter(), time.process_time()))
        # Both calls begin alike, so the difference is iterations alone, one more than the first call's.
        for found, (start, begun, ended) in zip((clock, busy), zip(*times, strict=True), strict=True):
            found.append((ended - begun - (begun - start)) / iterations)
    return statistics.median(clock), statistics.median(busy)


def _examples(count: int) -> NDArray[np.float64]:
    return np.random.default_rng(1).normal(size=(count, 2))


if __name__ == "__main__":
    sys.exit(main())
