"""Print the seconds of the three procedures beside the original's, and PredictLungCancer's latency; of `make bench`."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import statistics
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import lightgbm
import numpy as np
from figures import Figure, each, seconds
from sizes import Sizes

from lungdb.cli.sql import print_table
from lungdb.database import Connection, connect, run

_CALLS = {
    "GenerateFeatures": ("EXECUTE dbo.GenerateFeatures @ModelName = N'bench', @Recompute = 1;", "40 min"),
    "TrainLungCancerModel": ("EXECUTE dbo.TrainLungCancerModel;", "1 min"),
    "PredictLungCancer": ("EXECUTE dbo.PredictLungCancer @PatientIndex = 0;", "1 s"),
}
_MODEL = (
    "SELECT model, sha256 FROM dbo.classifiers WHERE classifier_id = (SELECT MAX(classifier_id) FROM dbo.classifiers);"
)


def bench(folder: Path, target: str, sizes: Sizes) -> list[Figure]:
    """Print the tables and give the figures; `target` is the database of `sizes.many`."""
    with closing(connect(target)) as connection:
        print(
            f"\nThe three procedures, {sizes.many}, demo network; the original's on other data, networks, machines:\n"
        )
        rows = []
        for name, (call, original) in _CALLS.items():
            times = [seconds(lambda call=call: run(connection, call)) for _ in range(sizes.rounds)]  # type: ignore[misc]  # mypy cannot infer a lambda with a default argument
            rows.append((name, f"{statistics.median(times):.2f}", each(times), original))
        print_table(("procedure", "seconds", "of the rounds", "the original said"), rows)
        ours = [_milliseconds(connection, sizes) for _ in range(sizes.rounds)]
        with closing(_plain_database(connection, folder / "plain.db")) as plain:
            scripts = [_plain_milliseconds(plain, sizes) for _ in range(sizes.rounds)]
    print(
        f"\nPredictLungCancer, {sizes.predictions} calls on one connection, beside a script that keeps no model open:\n"
    )
    (median, late), (plain_median, plain_late) = (_of_rounds(rounds) for rounds in (ours, scripts))
    print_table(
        ("", "median, ms", "95th percentile, ms"),
        [("PredictLungCancer", median, late), ("script", plain_median, plain_late)],
    )
    figures = [
        Figure(f"{name}: {taken} s ({sizes.many})", f"the original: {said}", f"{taken} s", rounds)
        for name, taken, rounds, said in rows
    ]
    medians, latest = zip(*ours, strict=True)
    against = "a Python script that reads vector and model from a SQLite file: "
    figures.append(
        Figure("PredictLungCancer, median", f"{against}{plain_median} ms", f"{median} ms", each(medians, 1), "5 ms")
    )
    figures.append(
        Figure(
            "PredictLungCancer, 95th percentile", f"{against}{plain_late} ms", f"{late} ms", each(latest, 1), "10 ms"
        )
    )
    return figures


def _milliseconds(connection: Connection, sizes: Sizes) -> tuple[float, float]:
    """Time many calls, after one that warms; median and 95th percentile."""
    call = "EXECUTE dbo.PredictLungCancer @PatientIndex = ?;"
    run(connection, call, (0,))
    return _summary(
        [
            seconds(lambda index=index: run(connection, call, (index % sizes.many.patients,)))  # type: ignore[misc]
            for index in range(sizes.predictions)
        ]
    )


def _plain_database(connection: Connection, file: Path) -> sqlite3.Connection:
    """Copy model and vectors into a SQLite file without anything else; SQLite's statements are in small letters."""
    plain = sqlite3.connect(file)
    plain.execute("create table model (model blob, sha256 blob);")
    plain.execute("create table vectors (patient integer primary key, vector text);")
    plain.execute("create table predictions (patient integer, probability real);")
    plain.executemany("insert into model values (?, ?);", run(connection, _MODEL)[0].rows)
    (vectors,) = run(
        connection,
        "SELECT p.idx, f.vector FROM dbo.pooled_features AS f INNER JOIN dbo.scans AS s ON s.scan_id = f.scan_id "
        "INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id WHERE f.pooling = N'mean';",
    )
    plain.executemany("insert into vectors values (?, ?);", vectors.rows)
    plain.commit()
    return plain


def _plain_milliseconds(plain: sqlite3.Connection, sizes: Sizes) -> tuple[float, float]:
    """Do what somebody writes who wants a checked score stored: read, check, parse, score, insert, commit."""

    def predict(patient: int) -> None:
        model, sha256 = plain.execute("select model, sha256 from model;").fetchone()
        assert hashlib.sha256(model).digest() == sha256
        (vector,) = plain.execute("select vector from vectors where patient = ?;", (patient,)).fetchone()
        booster = lightgbm.Booster(model_str=model.decode())
        probability = booster.predict(np.array([json.loads(vector)], np.float32), num_threads=1)[0]
        plain.execute("insert into predictions values (?, ?);", (patient, float(probability)))
        plain.commit()

    predict(0)
    return _summary(
        [seconds(lambda index=index: predict(index % sizes.many.patients)) for index in range(sizes.predictions)]  # type: ignore[misc]
    )


def _summary(times: Sequence[float]) -> tuple[float, float]:
    return 1000 * statistics.median(times), 1000 * float(np.percentile(times, 95))


def _of_rounds(rounds: Sequence[tuple[float, float]]) -> tuple[str, str]:
    medians, latest = zip(*rounds, strict=True)
    return f"{statistics.median(medians):.1f}", f"{statistics.median(latest):.1f}"
