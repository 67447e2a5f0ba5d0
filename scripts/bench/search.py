"""Print what a search costs, and what a second worker saves; part of `make bench`."""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
from databases import target_of
from figures import Compared, Figure, each
from sizes import WHOLE, Sizes

from lungdb.cli.sql import print_table
from lungdb.database import Connection, connect, install, run
from lungdb.imaging.codecs import encode_vector
from lungdb.learning.parameters import TrainingParameters
from lungdb.learning.search import figures as trial_figures

WIDTH = 512
POSITIVE = 0.26


def main() -> int:
    """Run the benchmark; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1, help="repetitions of each time (default: 1, five minutes)")
    parser.add_argument("--fit", nargs=2, type=int, metavar=("TRIALS", "PATIENTS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fit:
        print(_fit(*options.fit))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        bench(Path(folder), replace(WHOLE, rounds=options.rounds))
    return 0


def bench(folder: Path, sizes: Sizes) -> list[Figure]:
    """Print the table about searches and give the figure; `folder` is for databases."""
    base = folder / "base.db"
    with closing(connect(target_of(base))) as connection:
        install(connection)
        fill(connection, sizes.search_patients)
    title = f"{sizes.search_trials} trials on {sizes.search_patients} patients × {WIDTH} features, 5 folds"
    print(f"\nlungdb search, {title}, median of rounds:\n")
    rounds = [[seconds_with(base, workers, sizes.search_trials) for workers in (1, 2)] for _ in range(sizes.rounds)]
    one, two = zip(*rounds, strict=True)
    times = Compared(one, two)
    row = (f"{times.bare_seconds:.1f}", f"{times.our_seconds:.1f}", *times.times_as_long())
    alone = [_fits_alone(max(2, sizes.search_trials // 10), sizes.search_patients) for _ in range(sizes.rounds)]
    floor = f"{statistics.median(alone):.2f}"
    names = ("one worker, s", "two workers, s", "ratio", "of the rounds", "the fits alone", "of the rounds")
    print_table(names, [(*row, floor, each(alone))])
    print(
        "The fits alone: two processes that share nothing but the machine, each half of the trials, over one with all."
    )
    against = f"one worker: {row[0]} s; fits that share nothing but the machine: {floor}"
    return [Figure(f"lungdb search, two workers, {title}: {row[1]} s", against, *times.times_as_long(), "0.55")]


def fill(connection: Connection, patients: int) -> None:
    """Insert patients whose features tell a little of their label, and a quarter more to test on."""
    rng = np.random.default_rng(patients)
    labels = rng.random(patients + patients // 4) < POSITIVE
    vectors = rng.gamma(1, size=(labels.size, WIDTH)).astype(np.float32)
    vectors[:, :20] += 0.3 * labels[:, None]
    run(
        connection,
        "INSERT INTO dbo.networks (name, version, library, model, sha256, details) "
        "VALUES (N'random', 1, N'onnx', 0x00, HASHBYTES('SHA2_256', 0x00), N'{}');"
        "INSERT INTO dbo.feature_sets (network_id, layer, preprocessing, width) VALUES (1, N'none', N'lung', ?);",
        (WIDTH,),
    )
    run(connection, "BEGIN TRANSACTION;")
    for index, (vector, label) in enumerate(zip(vectors, labels, strict=True)):
        patient = f"{index:04}"
        run(
            connection,
            "INSERT INTO dbo.patients (patient_id, idx) VALUES (?, ?); INSERT INTO dbo.labels (patient_id, label) "
            "VALUES (?, ?); INSERT INTO dbo.splits (patient_id, part) VALUES (?, ?);"
            "INSERT INTO dbo.scans (patient_id, is_primary, series_uid, study_uid, image_rows, image_cols, "
            "number_images, content_sha256) VALUES (?, 1, ?, N'1', 1, 1, 1, 0x00);"
            "INSERT INTO dbo.features (scan_id, feature_set_id, array_rows, array_cols, array, sha256) "
            "VALUES (?, 1, 1, 1, 0x00, 0x00);"
            "INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector) VALUES (?, 1, N'mean', ?);",
            (patient, index, patient, int(label), patient, "train" if index < patients else "test", patient, patient,
             index + 1, index + 1, encode_vector(vector)),
        )  # fmt: skip
    run(connection, "UPDATE dbo.pooled_features SET vector_sha256 = HASHBYTES('SHA2_256', vector); COMMIT TRANSACTION;")


def _fits_alone(trials: int, patients: int) -> float:
    """Give the time of two processes at once, each with half of the trials, over that of one with all of them."""

    def slowest(processes: int) -> float:
        command = [sys.executable, __file__, "--fit", str(trials // processes), str(patients)]
        started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)]  # noqa: S603  our own file
        return max(float(process.communicate()[0]) for process in started)

    return slowest(2) / slowest(1)


def _fit(trials: int, patients: int) -> float:
    """Cross-validate so many trials as a worker does, and give the seconds of that alone."""
    rng = np.random.default_rng(patients)
    labels = (rng.random(patients) < POSITIVE).astype(np.int64)
    vectors = rng.gamma(1, size=(patients, WIDTH)).astype(np.float32)
    vectors[:, :20] += 0.3 * labels[:, None]
    parameters = TrainingParameters(folds=5, max_iterations=200, early_stopping_rounds=200)
    trial_figures(vectors, labels, replace(parameters, max_iterations=1))  # imports LightGBM
    started = time.perf_counter()
    for _ in range(trials):
        trial_figures(vectors, labels, parameters)
    return time.perf_counter() - started


def seconds_with(base: Path, workers: int, trials: int) -> float:
    """Time the command on a copy of the database, from its start to the stored model."""
    file = base.with_name("search.db")
    shutil.copy(base, file)
    with closing(connect(target_of(file))) as connection:
        run(connection, "EXECUTE dbo.SearchModels @Trials = ?;", (trials,))
    command = [sys.executable, "-m", "lungdb.cli.main", "search", "-d", target_of(file), "--workers", str(workers)]
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603  our own interpreter and module
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
