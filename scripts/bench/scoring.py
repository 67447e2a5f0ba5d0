"""Print what a score costs, one a call and all in one call, by the clock and in processor time."""

from __future__ import annotations

import argparse
import hashlib
import resource
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import numpy as np

from lungdb.cli.sql import print_table
from lungdb.database import Connection, connect, install, run
from lungdb.imaging.codecs import encode_vector

# 1595 are the patients of the full Data Science Bowl.
PATIENTS = 1595
WIDTH = 512
CALLS = 200
WARMING = 20


def main() -> int:
    """Run the benchmark; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="repetitions of the one call (default: 3)")
    parser.add_argument(
        "--patients", type=int, default=PATIENTS, help=f"patients in the database (default: {PATIENTS})"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench(Path(folder), options.rounds, options.patients)
    return 0


def bench(folder: Path, rounds: int, patients: int = PATIENTS) -> None:
    """Print the rows about scores of a model that knows its scope."""
    with closing(connect(f"sqlite:///{(folder / 'scoring.db').as_posix()}")) as connection:
        _fill(connection, patients)
        run(connection, "EXECUTE dbo.TrainLungCancerModel;")
        print(f"\nPredictLungCancer, {CALLS} calls on one connection, {patients} patients × {WIDTH} features stored:\n")
        names = ("median, ms", "95th percentile, ms", "engine's CPU a call, ms")
        print_table(names, [_single(connection, patients)])
        print(f"\nPredictPatients, {patients} patients × {WIDTH} features in one call, medians of {rounds} rounds:\n")
        print_table(("s", "engine's CPU, s"), [_together(connection, rounds)])


def _single(connection: Connection, patients: int) -> tuple[str, str, str]:
    times = []
    busy = 0.0
    for index in range(WARMING + CALLS):
        if index == WARMING:
            busy = _busy()
        started = time.perf_counter()
        run(connection, "EXECUTE dbo.PredictLungCancer @PatientIndex = ?;", (index % patients,))
        times.append(1000 * (time.perf_counter() - started))
    busy = _busy() - busy
    counted = times[WARMING:]
    percentile = statistics.quantiles(counted, n=20)[-1]
    return f"{statistics.median(counted):.1f}", f"{percentile:.1f}", f"{1000 * busy / CALLS:.1f}"


def _together(connection: Connection, rounds: int) -> tuple[str, str]:
    times = []
    for _ in range(rounds):
        started = time.perf_counter(), _busy()
        run(connection, "EXECUTE dbo.PredictPatients;")
        times.append((time.perf_counter() - started[0], _busy() - started[1]))
    seconds, busy = (statistics.median(column) for column in zip(*times, strict=True))
    return f"{seconds:.2f}", f"{busy:.2f}"


def _busy() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _fill(connection: Connection, patients: int) -> None:
    """Install, and insert random patients with labels that their features tell something of."""
    install(connection)
    rng = np.random.default_rng(patients)
    vectors = rng.gamma(1, size=(patients, WIDTH)).astype(np.float32)
    labels = (vectors[:, :20].sum(axis=1) + rng.normal(size=patients) > 20).astype(int)
    run(
        connection,
        "INSERT INTO dbo.networks (name, version, library, model, sha256, details) "
        "VALUES (N'none', 1, N'onnx', 0x, 0x, N'{}');"
        "INSERT INTO dbo.feature_sets (network_id, layer, preprocessing, width) VALUES (1, N'none', N'lung', ?);",
        (WIDTH,),
    )
    run(connection, "BEGIN TRANSACTION;")
    for index, (vector, label) in enumerate(zip(vectors, labels, strict=True)):
        text, patient = encode_vector(vector), f"patient {index:04}"
        run(
            connection,
            "DECLARE @Id INT;"
            "INSERT INTO dbo.patients (patient_id, idx) VALUES (?, ?);"
            "INSERT INTO dbo.labels (patient_id, label) VALUES (?, ?);"
            "INSERT INTO dbo.scans (patient_id, is_primary, series_uid, study_uid, image_rows, image_cols, "
            "number_images, content_sha256) VALUES (?, 1, ?, N'1', 1, 1, 1, ?);"
            "SET @Id = SCOPE_IDENTITY();"
            "INSERT INTO dbo.features (scan_id, feature_set_id, array_rows, array_cols, array, sha256) "
            "VALUES (@Id, 1, 0, 0, 0x, 0x);"
            "INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector, vector_sha256) "
            "VALUES (@Id, 1, N'mean', ?, ?);",
            (patient, index, patient, int(label), patient, f"1.{index}", hashlib.sha256(patient.encode()).digest(),
             text, hashlib.sha256(text.encode("utf-16-le")).digest()),
        )  # fmt: skip
    run(connection, "COMMIT TRANSACTION;")


if __name__ == "__main__":
    sys.exit(main())
