"""Print what scoring LightGBM with T-SQL alone costs on the embedded engine; part of `make bench`."""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np

from lungdb.cli.sql import print_table
from lungdb.database import Connection, connect, install, run
from lungdb.imaging.codecs import encode_vector

# 1595 are the patients of the full Data Science Bowl.
PATIENTS = (200, 1595)
WIDTH = 512
TREES = 200
LEAVES = 7  # of a tree as TrainLungCancerModel makes it by default


def main() -> int:
    """Run the benchmark; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="repetitions of each time (default: 3)")
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        bench(Path(folder), rounds)
    return 0


def bench(folder: Path, rounds: int) -> None:
    """Print the rows about trees."""
    print(f"\nPredictPatientsSql, {WIDTH} features, {TREES} trees of {LEAVES} leaves, medians of {rounds} rounds:\n")
    names = ("patients", "PredictPatientsSql, s", "patients/s", "PredictPatients, s", "largest difference")
    print_table(names, [_row(folder, patients, rounds) for patients in PATIENTS])


def _row(folder: Path, patients: int, rounds: int) -> tuple[int, str, str, str, str]:
    with closing(connect(f"sqlite:///{(folder / f'trees_{patients}.db').as_posix()}")) as connection:
        _fill(connection, patients)
        run(connection, "EXECUTE dbo.StoreModelNodes @ModelName = N'bench';")
        difference = run(connection, "SELECT max_difference FROM dbo.model_checks;")[0].scalar()
        alone = statistics.median(_seconds(connection, "PredictPatientsSql") for _ in range(rounds))
        python = statistics.median(_seconds(connection, "PredictPatients") for _ in range(rounds))
    return patients, f"{alone:.2f}", f"{patients / alone:.0f}", f"{python:.2f}", f"{difference:.1e}"


def _seconds(connection: Connection, procedure: str) -> float:
    started = time.perf_counter()
    run(connection, f"EXECUTE dbo.{procedure} @ModelName = N'bench';")
    return time.perf_counter() - started


def _fill(connection: Connection, patients: int) -> None:
    """Install, and insert random patients and a model of them."""
    install(connection)
    rng = np.random.default_rng(patients)
    vectors = rng.gamma(1, size=(patients, WIDTH)).astype(np.float32)
    labels = (vectors[:, :20].sum(axis=1) + rng.normal(size=patients) > 20).astype(int)
    settings: dict[str, Any] = {
        "num_leaves": LEAVES,
        "min_data_in_leaf": 10,
        "extra_trees": True,
        "feature_fraction": 0.5,
    }
    settings |= {"objective": "binary", "num_threads": 1, "verbosity": -1, "seed": 1}
    model = lightgbm.train(settings, lightgbm.Dataset(vectors, labels), TREES).model_to_string().encode()
    run(
        connection,
        "INSERT INTO dbo.networks (name, version, library, model, sha256, details) "
        "VALUES (N'none', 1, N'onnx', 0x, 0x, N'{}');"
        "INSERT INTO dbo.feature_sets (network_id, layer, preprocessing, width) VALUES (1, N'none', N'lung', ?);"
        "INSERT INTO dbo.classifiers (name, version, library, feature_set_id, pooling, model, sha256, details) "
        "VALUES (N'bench', 1, N'lightgbm', 1, N'mean', ?, ?, ?);",
        (WIDTH, model, hashlib.sha256(model).digest(), json.dumps({"width": WIDTH, "prevalence": 0.26})),
    )
    run(connection, "BEGIN TRANSACTION;")
    for index, vector in enumerate(vectors):
        run(
            connection,
            "DECLARE @Id INT;"
            "INSERT INTO dbo.patients (patient_id, idx) VALUES (?, ?);"
            "INSERT INTO dbo.scans (patient_id, is_primary, series_uid, study_uid, image_rows, image_cols, "
            "number_images, content_sha256) VALUES (?, 1, ?, N'1', 1, 1, 1, 0x);"
            "SET @Id = SCOPE_IDENTITY();"
            "INSERT INTO dbo.features (scan_id, feature_set_id, array_rows, array_cols, array, sha256) "
            "VALUES (@Id, 1, 0, 0, 0x, 0x);"
            "INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector) VALUES (@Id, 1, N'mean', ?);",
            (f"patient {index}", index, f"patient {index}", f"1.{index}", encode_vector(vector)),
        )
    run(connection, "COMMIT TRANSACTION;")


if __name__ == "__main__":
    sys.exit(main())
