"""A database of schema version 1 or 2 with a trained model in it is upgraded, keeps its rows, and works on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import lightgbm
import numpy as np
import pytest

from lungdb.database import Connection, connect, install, run, run_script
from lungdb.database.generator import build_install_sql
from lungdb.errors import SqlError
from tests.old_schema import (
    old_sources,
    unpack_schema_7,
    unpack_schema_8,
    unpack_schema_9,
    unpack_schema_10,
    unpack_schema_11,
    unpack_schema_12,
    unpack_version_0_2,
)
from tests.support.databases import fill, rows, target_of, vectors_and_labels
from tests.support.fixtures import WIDTH

PATIENTS = 20


def _store_old_model(connection: Connection, vectors: list[str], labels: list[int]) -> list[float]:
    """Store a model, its run and a prediction as schema versions 1 and 2 had them; give the model's own scores."""
    features = np.array([json.loads(vector) for vector in vectors])
    settings = {"objective": "binary", "min_data_in_leaf": 2, "verbosity": -1, "num_threads": 1}
    booster = lightgbm.train(settings, lightgbm.Dataset(features, labels), num_boost_round=5)
    model = booster.model_to_string().encode()
    scores = [float(score) for score in booster.predict(features)]
    run(
        connection,
        "INSERT INTO dbo.classifiers (name, version, library, feature_set_id, pooling, model, sha256, details) "
        "VALUES (N'lightgbm_sql', 1, N'lightgbm', 1, N'mean', ?, ?, ?);"
        "INSERT INTO dbo.experiments (classifier_id, seed, parameters, started_at) VALUES (1, 7, N'{}', '2026-01-02');"
        "INSERT INTO dbo.experiment_metrics (experiment_id, part, metric, value) VALUES (1, 'test', N'auc', 0.75);",
        (model, hashlib.sha256(model).digest(), json.dumps({"width": WIDTH})),
    )
    for index, score in enumerate(scores):
        part = "test" if index % 2 else "train"
        patient = f"patient {index:04}"
        run(connection, "INSERT INTO dbo.splits (patient_id, part) VALUES (?, ?);", (patient, part))
        run(
            connection,
            "INSERT INTO dbo.experiment_patients (experiment_id, patient_id, part, probability) VALUES (1, ?, ?, ?);",
            (patient, part, score),
        )
    run(connection, "INSERT INTO dbo.predictions (scan_id, classifier_id, probability) VALUES (1, 1, ?);", (scores[0],))
    return scores


@pytest.mark.parametrize("version", [1, 2])
def test_an_old_model_is_kept_and_scores_compares_and_explains_itself(tmp_path: Path, version: int) -> None:
    """Rows are as they were, the new columns are filled where it is known what belongs there."""
    vectors, labels = vectors_and_labels(PATIENTS, WIDTH, signal=3.0, seed=8)
    with closing(connect(target_of(tmp_path / "lung_cancer_database.db"))) as connection:
        run_script(connection, build_install_sql(old_sources(tmp_path / "old", version)))
        assert rows(connection, "SELECT MAX(version) FROM dbo.schema_version;") == [(version,)]
        fill(connection, vectors, labels, WIDTH)
        scores = _store_old_model(connection, vectors, labels)
        old = rows(connection, "SELECT * FROM dbo.predictions;")
        install(connection)

        assert rows(connection, "SELECT MAX(version) FROM dbo.schema_version;")[0][0] >= 4
        assert [row[: len(old[0])] for row in rows(connection, "SELECT * FROM dbo.predictions;")] == old
        assert rows(connection, "SELECT metric, value FROM dbo.experiment_metrics;") == [("auc", 0.75)]
        kept = rows(
            connection,
            "SELECT probability, raw, label, CAST(out_of_fold AS INT), vector_sha256 FROM dbo.experiment_patients "
            "ORDER BY patient_id;",
        )
        assert kept == [
            (s, s, label, index % 2, None) for index, (s, label) in enumerate(zip(scores, labels, strict=True))
        ]

        (result,) = run(connection, "EXECUTE dbo.PredictLungCancer @PatientIndex = 5;")
        assert result.scalar() == pytest.approx(100 * scores[5])
        run(connection, "EXECUTE dbo.PromoteModel;")
        wrong = [index for index in range(1, PATIENTS, 2) if (scores[index] >= 0.5) != bool(labels[index])]
        found = rows(connection, "EXECUTE dbo.WrongCases;")
        assert sorted(row[:2] for row in found) == [(index, index + 1) for index in wrong]
        chain = {kind: detail for _, kind, _, detail, _ in rows(connection, "EXECUTE dbo.LineageOf @PredictionId = 1;")}
        assert chain["vector"] == "not recorded; the SHA-256 is of the vector stored now"


def test_an_upgraded_database_has_the_columns_of_a_new_one(tmp_path: Path) -> None:
    """Names, types and nullability in every table."""
    columns = (
        "SELECT o.name, c.name, t.name, c.max_length, c.is_nullable FROM sys.columns AS c INNER JOIN sys.objects AS o "
        "ON o.object_id = c.object_id INNER JOIN sys.types AS t ON t.user_type_id = c.user_type_id "
        "WHERE o.is_ms_shipped = 0 ORDER BY o.name, c.name;"
    )
    found = []
    for version in (None, 1, 2):
        with closing(connect(target_of(tmp_path / f"{version}.db"))) as connection:
            if version is not None:
                run_script(connection, build_install_sql(old_sources(tmp_path / f"old {version}", version)))
            install(connection)
            found.append(rows(connection, columns))
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize(
    ("change", "is_scored"),
    [
        ("", True),
        ("UPDATE dbo.model_coefficients SET coefficient = -coefficient WHERE feature_index = 1;", False),
        ("UPDATE dbo.model_scoring SET intercept = intercept + 1;", False),
        ("DELETE FROM dbo.model_coefficients WHERE feature_index = 2;", False),
        ("UPDATE dbo.classifiers SET sha256 = HASHBYTES('SHA2_256', 0x00);", False),
    ],
)
def test_an_upgrade_blesses_only_rows_that_are_those_of_the_model(tmp_path: Path, change: str, is_scored: bool) -> None:
    """A logistic regression of version 0.2: its rows get a digest where they are the model's, else it is refused."""
    with closing(connect(target_of(unpack_version_0_2(tmp_path)))) as connection:
        run(connection, change or "SELECT 1;")
        install(connection)
        for text, sha256 in rows(connection, "SELECT vector, vector_sha256 FROM dbo.pooled_features;"):
            assert sha256 == hashlib.sha256(text.encode("utf-16-le")).digest()
        call = "EXECUTE dbo.PredictLungCancerSql @PatientIndex = 5, @ModelName = N'kept';"
        if is_scored:
            [(before,)] = rows(connection, "SELECT 100 * probability FROM dbo.predictions;")
            assert rows(connection, call) == [(pytest.approx(before, abs=1e-4),)]
        else:
            with pytest.raises(SqlError) as caught:
                run(connection, call)
            assert caught.value.number in (50105, 50150)
            if "classifiers" not in change:
                run(connection, "EXECUTE dbo.StoreModelNodes @ModelName = N'kept';")
                assert len(rows(connection, call)) == 1


@pytest.mark.parametrize(
    "unpack",
    [
        unpack_version_0_2,
        unpack_schema_7,
        unpack_schema_8,
        unpack_schema_9,
        unpack_schema_10,
        unpack_schema_11,
        unpack_schema_12,
    ],
)
def test_every_score_that_was_served_before_an_upgrade_is_served_after_it(
    tmp_path: Path, unpack: Callable[[Path], Path]
) -> None:
    """Of every scan and model that was scored, by Python and by T-SQL alone; the file has them as they were given."""
    with closing(connect(target_of(unpack(tmp_path)))) as connection:
        stored = (
            "SELECT c.name, a.idx, 100 * p.probability FROM dbo.predictions AS p "
            "INNER JOIN dbo.classifiers AS c ON c.classifier_id = p.classifier_id "
            "INNER JOIN dbo.scans AS s ON s.scan_id = p.scan_id "
            "INNER JOIN dbo.patients AS a ON a.patient_id = s.patient_id ORDER BY c.name, a.idx;"
        )
        before = rows(connection, stored)
        assert before
        install(connection)
        for name in sorted({name for name, _, _ in before}):
            expected = [(idx, pytest.approx(percent, abs=1e-4)) for model, idx, percent in before if model == name]
            asked = ",".join(str(idx) for idx, _ in expected)
            for procedure in ("PredictPatients", "PredictPatientsSql"):
                call = f"EXECUTE dbo.{procedure} @Patients = N'{asked}', @ModelName = N'{name}', @SkipMissing = 1;"
                assert rows(connection, call) == expected


def test_an_upgrade_from_schema_7_fills_what_its_rows_lack(tmp_path: Path) -> None:
    """The patient of every array, what dates are, and the names of the T-SQL networks' data sets."""
    with closing(connect(target_of(unpack_schema_7(tmp_path)))) as connection:
        install(connection)
        assert rows(
            connection,
            "SELECT COUNT(*) FROM dbo.features AS f INNER JOIN dbo.scans AS s "
            "ON s.scan_id = f.scan_id AND s.patient_id = f.patient_id;",
        ) == [(40,)]
        dates = "SELECT date_rule, COUNT(*) FROM dbo.scans GROUP BY date_rule ORDER BY date_rule;"
        assert rows(connection, dates) == [(None, 39), ("year", 2)]
        assert rows(connection, "SELECT name, kind FROM dbo.datasets;") == [("two points", "examples")]


def test_an_upgrade_from_schema_11_keeps_its_accounts_and_takes_an_administrator(tmp_path: Path) -> None:
    """Roles, passwords and the right to the truth are as they were; nobody loads scans who was not told to."""
    with closing(connect(target_of(unpack_schema_11(tmp_path)))) as connection:
        stored = "SELECT name, password_hash, role, CAST(sees_truth AS INT) FROM dbo.accounts ORDER BY account_id;"
        before = rows(connection, stored)
        assert before == [("reader", "x", "reader", 0), ("scorer", "y", "scorer", 1)]
        with pytest.raises(SqlError):
            run(connection, "INSERT INTO dbo.accounts (name, role) VALUES (N'ana', 'administrator');")
        install(connection)
        assert rows(connection, stored) == before
        assert rows(connection, "SELECT SUM(CAST(loads_scans AS INT)) FROM dbo.accounts;") == [(0,)]
        run(
            connection, "EXECUTE dbo.StoreAccount @Name = N'ana', @IsNew = 1, @Role = 'administrator', @LoadsScans = 1;"
        )
        assert rows(connection, stored)[2:] == [("ana", None, "administrator", 0)]
        assert rows(connection, "SELECT text FROM dbo.reports;") == [("No nodule.",)]
        with pytest.raises(SqlError):
            run(connection, "INSERT INTO dbo.accounts (name, role) VALUES (N'bob', 'owner');")


def test_an_upgrade_from_schema_12_keeps_its_nodules_and_its_review(tmp_path: Path) -> None:
    """What readers marked counts as it did; what is said newly of nodules is not known of those."""
    kept = "SELECT scan_id, x, y, z, diameter, source, network_id, score, readers, malignancy FROM dbo.nodules;"
    with closing(connect(target_of(unpack_schema_12(tmp_path)))) as connection:
        before = sorted(rows(connection, kept), key=repr)
        assert sorted(row[5] for row in before) == ["network", "truth", "truth"]
        install(connection)
        assert sorted(rows(connection, kept), key=repr) == before
        told = "SELECT volume, preprocessing, CAST(is_relevant AS INT) FROM dbo.nodules;"
        assert rows(connection, told) == [(None, None, 1)] * 3
        assert rows(connection, "SELECT suspicion, note FROM dbo.reviews;") == [(4, "Look again.")]
        with pytest.raises(SqlError):
            run(connection, "UPDATE dbo.nodules SET volume = 0;")
