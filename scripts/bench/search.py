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
from pathlib import Path

import numpy as np

from lungdb.cli.sql import print_table
from lungdb.database import Connection, connect, install, run
from lungdb.imaging.codecs import encode_vector

PATIENTS = 200
WIDTH = 512
TRIALS = 200
POSITIVE = 0.26


def main() -> int:
    """Run the benchmark; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1, help="repetitions of each time (default: 1, five minutes)")
    with tempfile.TemporaryDirectory() as folder:
        bench(Path(folder), parser.parse_args().rounds)
    return 0


def bench(folder: Path, rounds: int) -> None:
    """Print the rows about searches; `folder` is for databases."""
    base = folder / "base.db"
    with closing(connect(_target(base))) as connection:
        install(connection)
        _fill(connection)
    print(f"\nlungdb search, {TRIALS} trials on {PATIENTS} patients × {WIDTH} features, 5 folds, median of rounds:\n")
    times = [[_seconds(base, workers) for workers in (1, 2)] for _ in range(rounds)]
    one, two = (statistics.median(column) for column in zip(*times, strict=True))
    ratios = [second / first for first, second in times]
    row = (
        f"{one:.1f}",
        f"{two:.1f}",
        f"{statistics.median(ratios):.2f}",
        ", ".join(f"{ratio:.2f}" for ratio in ratios),
    )
    print_table(("one worker, s", "two workers, s", "ratio", "ratios of the rounds"), [row])


def _target(file: Path) -> str:
    return f"sqlite:///{file.as_posix()}"


def _fill(connection: Connection) -> None:
    """Insert patients whose features tell a little of their label, and a quarter more to test on."""
    rng = np.random.default_rng(PATIENTS)
    labels = rng.random(PATIENTS + PATIENTS // 4) < POSITIVE
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
            (patient, index, patient, int(label), patient, "train" if index < PATIENTS else "test", patient, patient,
             index + 1, index + 1, encode_vector(vector)),
        )  # fmt: skip
    run(connection, "COMMIT TRANSACTION;")


def _seconds(base: Path, workers: int) -> float:
    """Time the command on a copy of the database, from its start to the stored model."""
    file = base.with_name("search.db")
    shutil.copy(base, file)
    with closing(connect(_target(file))) as connection:
        run(connection, "EXECUTE dbo.SearchModels @Trials = ?;", (TRIALS,))
    command = [sys.executable, "-m", "lungdb.cli.main", "search", "-d", _target(file), "--workers", str(workers)]
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603  our own interpreter and module
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
