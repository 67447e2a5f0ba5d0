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
from dataclasses import replace
from pathlib import Path

import numpy as np
from databases import target_of
from figures import Figure, each
from sizes import WHOLE, Sizes

from lungdb.cli.sql import print_table
from lungdb.database import Connection, connect, install, run
from lungdb.imaging.codecs import encode_vector

WIDTH = 512
_WARMING = 20  # calls at most


def main() -> int:
    """Run the benchmark; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="repetitions of the one call (default: 3)")
    patients = WHOLE.scored_patients
    parser.add_argument(
        "--patients", type=int, default=patients, help=f"patients in the database (default: {patients})"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench(Path(folder), replace(WHOLE, rounds=options.rounds, scored_patients=options.patients))
    return 0


def bench(folder: Path, sizes: Sizes) -> list[Figure]:
    """Print the tables about scores of a model that knows its scope, and give the figures."""
    patients, calls = sizes.scored_patients, sizes.predictions
    stored = f"{patients} patients × {WIDTH} features"
    with closing(connect(target_of(folder / "scoring.db"))) as connection:
        _fill(connection, patients)
        run(connection, "EXECUTE dbo.TrainLungCancerModel;")
        print(f"\nPredictLungCancer, {calls} calls on one connection, {stored} stored, medians:\n")
        singles = [_single(connection, patients, calls) for _ in range(sizes.rounds)]
        median, late, busy = (statistics.median(column) for column in zip(*singles, strict=True))
        names = ("median, ms", "95th percentile, ms", "engine's CPU a call, ms")
        print_table(names, [(f"{median:.1f}", f"{late:.1f}", f"{busy:.1f}")])
        print(f"\nPredictPatients, {stored} in one call, medians:\n")
        times, engine = zip(*[_together(connection) for _ in range(sizes.rounds)], strict=True)
        together = f"{statistics.median(times):.2f}"
        print_table(("s", "engine's CPU, s"), [(together, f"{statistics.median(engine):.2f}")])
    medians, latest, _ = zip(*singles, strict=True)
    what = f"PredictLungCancer with {stored} stored"
    return [
        Figure(f"{what}, median", "", f"{median:.1f} ms", each(medians, 1), "5 ms"),
        Figure(f"{what}, 95th percentile", "", f"{late:.1f} ms", each(latest, 1), "10 ms"),
        Figure(
            f"PredictPatients, {stored} in one call, a model that knows its scope",
            "",
            f"{together} s",
            each(times),
            "0.15 s",
        ),
    ]


def _single(connection: Connection, patients: int, calls: int) -> tuple[float, float, float]:
    """Give median, 95th percentile and the engine's processor time of a call, in milliseconds."""
    call = "EXECUTE dbo.PredictLungCancer @PatientIndex = ?;"
    for index in range(min(_WARMING, calls)):
        run(connection, call, (index % patients,))
    begun, times = _busy(), []
    for index in range(calls):
        started = time.perf_counter()
        run(connection, call, (index % patients,))
        times.append(1000 * (time.perf_counter() - started))
    busy = 1000 * (_busy() - begun) / calls
    return statistics.median(times), float(np.percentile(times, 95)), busy


def _together(connection: Connection) -> tuple[float, float]:
    started = time.perf_counter(), _busy()
    run(connection, "EXECUTE dbo.PredictPatients;")
    return time.perf_counter() - started[0], _busy() - started[1]


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
