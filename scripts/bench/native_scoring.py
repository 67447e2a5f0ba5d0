"""Print what scoring LightGBM with T-SQL alone costs on the embedded engine; part of `make bench`."""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import sys
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
from databases import target_of
from figures import Compared, Figure, compare, each, seconds
from sizes import WHOLE, Sizes

from lungdb.cli.sql import print_table
from lungdb.database import Connection, connect, install, run
from lungdb.imaging.codecs import encode_vector

WIDTH = 512
LEAVES = 7  # of a tree as TrainLungCancerModel makes it by default


def main() -> int:
    """Run the benchmark; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="repetitions of each time (default: 3)")
    with tempfile.TemporaryDirectory() as folder:
        bench(Path(folder), replace(WHOLE, rounds=parser.parse_args().rounds))
    return 0


def bench(folder: Path, sizes: Sizes) -> list[Figure]:
    """Print the table about trees and give the figures."""
    title = f"{WIDTH} features, {sizes.trees} trees of {LEAVES} leaves"
    print(f"\nPredictPatientsSql and PredictPatients, {title}, medians of {sizes.rounds} rounds:\n")
    figures, rows = [], []
    for patients in sizes.tree_patients:
        times, script, difference = _measure(folder, patients, sizes)
        alone, python = times.our_seconds, times.bare_seconds
        rows.append(
            (patients, f"{alone:.2f}", f"{patients / alone:.0f}", f"{python:.3f}", f"{script:.3f}", f"{difference:.1e}")
        )
        figures.append(
            Figure(
                f"PredictPatientsSql, {patients} patients × {title}: {alone:.2f} s",
                f"PredictPatients, which runs Python: {python:.3f} s, {times.times_as_long(1)[0]} times as fast",
                f"{patients / alone:.0f}/s",
                each([patients / taken for taken in times.ours], 0),
                "600/s",
            )
        )
        figures.append(
            Figure(
                f"PredictPatients, {patients} patients × {WIDTH} features in one call",
                f"a script that parses the same vectors and scores them: {script:.3f} s",
                f"{python:.3f} s",
                each(times.bare, 3),
                "0.15 s" if patients == max(sizes.tree_patients) else "",
            )
        )
    names = (
        "patients",
        "PredictPatientsSql, s",
        "patients/s",
        "PredictPatients, s",
        "plain script, s",
        "largest difference",
    )
    print_table(names, rows)
    return figures


def _measure(folder: Path, patients: int, sizes: Sizes) -> tuple[Compared, float, float]:
    """Time PredictPatients and PredictPatientsSql, and a script that has vectors and model at hand."""
    with closing(connect(target_of(folder / f"trees_{patients}.db"))) as connection:
        model = _fill(connection, patients, sizes.trees)
        run(connection, "EXECUTE dbo.StoreModelNodes @ModelName = N'bench';")
        difference = run(connection, "SELECT max_difference FROM dbo.model_checks;")[0].scalar()
        times = compare(
            lambda: run(connection, "EXECUTE dbo.PredictPatients @ModelName = N'bench';"),
            lambda: run(connection, "EXECUTE dbo.PredictPatientsSql @ModelName = N'bench';"),
            sizes.rounds,
        )
        texts = [row[0] for row in run(connection, "SELECT vector FROM dbo.pooled_features ORDER BY scan_id;")[0].rows]

    def script() -> None:
        matrix = np.array([json.loads(text) for text in texts], np.float32)
        lightgbm.Booster(model_str=model.decode()).predict(matrix, num_threads=1)

    return times, statistics.median(seconds(script) for _ in range(sizes.rounds)), float(difference)


def _fill(connection: Connection, patients: int, trees: int) -> bytes:
    """Install, and insert random patients and a model of them, which is given back."""
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
    model: bytes = lightgbm.train(settings, lightgbm.Dataset(vectors, labels), trees).model_to_string().encode()
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
    run(connection, "UPDATE dbo.pooled_features SET vector_sha256 = HASHBYTES('SHA2_256', vector); COMMIT TRANSACTION;")
    return model


if __name__ == "__main__":
    sys.exit(main())
