"""Features combined of layers, poolings and columns: their vectors, their names, and who reads them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from lungdb.copying.script import copy_batches
from lungdb.database import Connection, run
from lungdb.errors import LungdbError, SqlError
from lungdb.reporting.facts import read_facts
from lungdb.reporting.page import render_page
from tests.support.databases import refused, rows, said

WIDE = "EXECUTE dbo.TrainLungCancerModel @ModelName = N'w', @Features = N'mean; max', @Columns = N'age, sex, slices'"


def _vectors(connection: Connection, pooling: str) -> dict[int, list[float]]:
    found = rows(connection, "SELECT scan_id, vector FROM dbo.pooled_features WHERE pooling = ?;", (pooling,))
    return {scan: json.loads(vector) for scan, vector in found}


def test_a_combined_vector_has_its_parts_one_after_the_other(visits: Connection) -> None:
    """As dbo.feature_parts says; a value that is not known is null."""
    run(visits, f"{WIDE};")
    parts = rows(
        visits,
        "SELECT pooling, column_name, first_index, width FROM dbo.feature_parts ORDER BY feature_set_id, position;",
    )
    assert parts == [
        ("max", None, 0, 4), ("mean", None, 4, 4), (None, "age", 8, 1), (None, "sex", 9, 1), (None, "slices", 10, 1),
    ]  # fmt: skip
    known = {
        scan: [age, {"M": 1, "F": 0}.get(sex), slices]
        for scan, age, sex, slices in rows(
            visits, "SELECT s.scan_id, s.patient_age, p.sex, s.number_images FROM dbo.scans AS s "
            "INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id;"
        )
    }  # fmt: skip
    means, maxima, combined = (_vectors(visits, pooling) for pooling in ("mean", "max", "combined"))
    assert len(combined) == 60
    assert all(vector == maxima[scan] + means[scan] + known[scan] for scan, vector in combined.items())
    assert any(None in vector for vector in combined.values())


def test_a_column_of_any_numeric_type_keeps_its_single_precision(visits: Connection) -> None:
    """Whole numbers, bits, money, and the largest and smallest floats; every digit that a single has."""
    run(visits, "CREATE TABLE dbo.lab (scan_id INT NOT NULL PRIMARY KEY, a BIT NULL, b DECIMAL(20, 10) NULL, "
        "c FLOAT NULL, d BIGINT NULL, e MONEY NULL, f REAL NULL);")  # fmt: skip
    run(visits, "INSERT INTO dbo.lab SELECT scan_id, scan_id % 2, CAST(scan_id AS FLOAT) / 3, scan_id * 1e-30, "
        "scan_id * 10000000, scan_id * 0.1, 3.4e38 FROM dbo.scans WHERE scan_id > 1;")  # fmt: skip
    run(
        visits,
        "EXECUTE dbo.TrainLungCancerModel @Features = N'none', @Columns = N'a,b,c,d,e,f', @ColumnsFrom = N'lab';",
    )
    for scan, vector in _vectors(visits, "combined").items():
        exact = [scan % 2, round(scan / 3, 10), scan * 1e-30, scan * 10_000_000, scan / 10, 3.4e38]
        expected = [None] * 6 if scan == 1 else [float(np.float32(value)) for value in exact]
        read = [None if value is None else float(np.float32(value)) for value in vector]
        assert read == expected


def test_the_same_parts_are_the_same_set_however_they_are_written(visits: Connection) -> None:
    """Pieces left out, another order, a semicolon at the end; another part makes another set."""
    for features, columns in (
        ("mean; max", "age, sex"),
        ("made up/penultimate/lung/max ;made up/mean;", "SEX,age"),
        ("penultimate/max; lung/mean", "age,sex"),
        ("mean", "age, sex"),
    ):
        run(visits, "EXECUTE dbo.TrainLungCancerModel @Features = ?, @Columns = ?;", (features, columns))
    found = [each for (each,) in rows(visits, "SELECT feature_set_id FROM dbo.classifiers ORDER BY classifier_id;")]
    assert found == [2, 2, 2, 3]
    assert len({bytes(model) for (model,) in rows(visits, "SELECT model FROM dbo.classifiers;")}) == 2


def test_one_item_without_columns_is_that_feature_set(visits: Connection) -> None:
    """Nothing is combined, and the model is that of the parameters."""
    run(visits, "EXECUTE dbo.TrainLungCancerModel @Features = N'made up/max';")
    run(visits, "EXECUTE dbo.TrainLungCancerModel @Pooling = N'max';")
    first, second = rows(visits, "SELECT feature_set_id, pooling, sha256 FROM dbo.classifiers;")
    assert first == second
    assert first[:2] == (1, "max")


def test_the_model_knows_the_names_of_its_features(visits: Connection) -> None:
    """In its details, and LightGBM's text in letters that it takes; those of a single network stay as they were."""
    run(visits, f"{WIDE};")
    run(visits, "EXECUTE dbo.TrainLungCancerModel @ModelName = N'plain';")
    [(details, model)] = rows(visits, "SELECT details, model FROM dbo.classifiers WHERE name = N'w';")
    names = json.loads(details)["feature_names"]
    assert names[:2] == ["made up/penultimate/lung/max 0", "made up/penultimate/lung/max 1"]
    assert names[8:] == ["age", "sex", "slices"]
    [line] = [each for each in bytes(model).decode().splitlines() if each.startswith("feature_names=")]
    assert line.split("=")[1].split() == [name.replace(" ", "_") for name in names]
    [(plain,)] = rows(visits, "SELECT model FROM dbo.classifiers WHERE name = N'plain';")
    assert b"feature_names=Column_0 Column_1 Column_2 Column_3\n" in bytes(plain)


def test_a_scan_loaded_later_is_scored_the_same_by_python_and_t_sql(visits: Connection) -> None:
    """Its combined vector, with a value missing, is made when it is asked for."""
    run(visits, f"{WIDE};")
    run(
        visits,
        "INSERT INTO dbo.patients (patient_id, idx, sex) VALUES (N'new', 900, N'O');"
        "INSERT INTO dbo.scans (patient_id, is_primary, series_uid, study_uid, image_rows, image_cols, number_images, "
        "content_sha256) VALUES (N'new', 1, N'9.9', N'9', 1, 1, 3, 0x09);",
    )
    call = "DECLARE @R FLOAT; EXECUTE dbo.PredictLungCancer @PatientIndex = 900, @ModelName = N'w'"
    assert "made up/penultimate/lung/mean" in refused(visits, f"{call};", 50109)
    for pooling, vector in (("mean", "[2.5,0,1,-1]"), ("max", "[0.1,0.2,0.3,0.4]")):
        run(
            visits,
            "INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector, vector_sha256) SELECT "
            "MAX(scan_id), 1, ?, ?, HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), CAST(? AS NVARCHAR(MAX)))) "
            "FROM dbo.scans;",
            (pooling, vector, vector),
        )
    python = dict(rows(visits, "EXECUTE dbo.PredictPatients @ModelName = N'w';"))
    native = dict(rows(visits, "EXECUTE dbo.PredictPatientsSql @ModelName = N'w';"))
    assert python.keys() == native.keys()
    assert len(python) == 61
    assert max(abs(python[index] - native[index]) for index in python) < 1e-6
    assert rows(visits, f"{call};") == [(pytest.approx(python[900], abs=1e-9),)]
    assert rows(visits, "SELECT vector FROM dbo.pooled_features WHERE scan_id = 181 AND pooling = N'combined';") == [
        ("[0.1,0.2,0.3,0.4,2.5,0,1,-1,null,null,3]",)
    ]
    assert rows(visits, "SELECT MAX(max_difference) FROM dbo.model_checks;")[0][0] < 1e-6


def test_what_a_vector_is_combined_of_is_read_again_at_every_score(visits: Connection) -> None:
    """A column that was corrected, features made again, and a part that is gone."""
    run(visits, f"{WIDE};")
    score = "EXECUTE dbo.PredictLungCancerSql @PatientIndex = 2, @ModelName = N'w';"
    read = "SELECT vector FROM dbo.pooled_features WHERE scan_id = 3 AND pooling = N'combined';"
    run(visits, "UPDATE dbo.scans SET patient_age = 51, number_images = 77 WHERE scan_id = 3;")
    run(visits, score)
    assert json.loads(rows(visits, read)[0][0])[8:] == [51, None, 77]
    run(visits, "DELETE FROM dbo.pooled_features WHERE scan_id = 3 AND pooling = N'max';")
    with pytest.raises(SqlError) as caught:
        run(visits, score)
    assert caught.value.number == 50140
    assert rows(visits, read) == []


def test_a_part_that_is_not_what_was_stored_is_refused(visits: Connection) -> None:
    """Whoever reads the combined vector is told so."""
    run(visits, f"{WIDE};")
    run(visits, "UPDATE dbo.pooled_features SET vector = N'[9,9,9,9]' WHERE scan_id = 3 AND pooling = N'max';")
    with pytest.raises(LungdbError, match="SHA-256"):
        run(visits, "EXECUTE dbo.PredictLungCancerSql @PatientIndex = 2, @ModelName = N'w';")
    with pytest.raises(LungdbError, match=r"index 2: The vector .* does not match its SHA-256"):
        run(visits, "EXECUTE dbo.PredictPatients @ModelName = N'w';")
    with pytest.raises(LungdbError, match="SHA-256"):
        run(visits, f"{WIDE};")


WRONG = [
    ("@Columns = N'patient_id', @ColumnsFrom = N'dbo.scans'", 50277, "nvarchar"),
    ("@Columns = N'study_date', @ColumnsFrom = N'dbo.scans'", 50277, "date"),
    ("@Columns = N'content_sha256', @ColumnsFrom = N'dbo.scans'", 50277, "varbinary"),
    ("@Columns = N'wealth'", 50277, "'wealth'"),
    ("@Columns = N'age, age'", 50277, "2 times"),
    ("@Columns = N'age,,sex'", 50277, "is empty"),
    ("@Columns = N'scan_id'", 50277, "scan_id"),
    ("@Columns = N'age]; DROP TABLE dbo.labels; --'", 50277, "Invalid column"),
    ("@Columns = N'idx', @ColumnsFrom = N'dbo.patients'", 50277, "scan_id"),
    ("@Columns = N'age', @ColumnsFrom = N'dbo.nothing'", 50277, "'dbo.nothing'"),
    ("@Columns = N'slice_index', @ColumnsFrom = N'dbo.scan_images'", 50277, "several rows of the scan 1"),
    ("@Features = N'mean; median'", 50278, "'median' of @Features fits none of the features: made up"),
    ("@Features = N'mean; made up/mean'", 50278, "twice"),
    ("@Features = N'mean;; max'", 50278, "''"),
    ("@Features = N'none'", 50101, "without @Columns"),
    ("@Features = N'mean', @Layer = N'penultimate'", 50101, "@Layer"),
    ("@ColumnsFrom = N'dbo.scans'", 50101, "@ColumnsFrom"),
    ("@Columns = N'age', @Algorithm = N'logistic'", 50279, "age ("),
]


@pytest.mark.parametrize(("arguments", "number", "words"), WRONG)
def test_features_that_cannot_be_are_refused(visits: Connection, arguments: str, number: int, words: str) -> None:
    """With number and remedy; no combined set is left behind."""
    run(visits, "EXECUTE dbo.AssignSplits;")
    assert words in refused(visits, f"EXECUTE dbo.TrainLungCancerModel {arguments};", number)


def test_an_item_that_fits_several_features_names_them(visits: Connection) -> None:
    """Of poolings that of the parameter @Pooling is meant; of networks none is guessed."""
    run(visits, "INSERT INTO dbo.feature_sets (network_id, layer, preprocessing, width) VALUES (1, N'a/b', N'lung', 4);"
        "INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector, vector_sha256) SELECT scan_id, 2, "
        "pooling, vector, vector_sha256 FROM dbo.pooled_features WHERE pooling = N'mean';")  # fmt: skip
    run(visits, "EXECUTE dbo.AssignSplits;")
    message = refused(visits, "EXECUTE dbo.TrainLungCancerModel @Features = N'lung; max', @Pooling = N'mean';", 50278)
    assert "made up/a/b/lung/mean; made up/penultimate/lung/mean" in message
    run(visits, "EXECUTE dbo.TrainLungCancerModel @Features = N'made up/a/b; penultimate', @Pooling = N'mean';")
    assert rows(visits, "SELECT part_feature_set_id, pooling FROM dbo.feature_parts;") == [(1, "mean"), (2, "mean")]


def test_where_a_combined_score_comes_from_is_told_part_by_part(visits: Connection) -> None:
    """LineageOf names networks and columns; SimilarPatients, the report and lungdb copy say what they do with it."""
    run(visits, f"{WIDE}; EXECUTE dbo.PredictPatients @ModelName = N'w';")
    chain = rows(visits, "EXECUTE dbo.LineageOf @PredictionId = 1;")
    kinds = [(kind, name) for _, kind, name, _, _ in chain]
    assert ("network", "made up") in kinds
    assert {name for kind, name in kinds if kind == "column"} == {"age", "sex", "slices"}
    [(state,)] = [(detail,) for _, kind, _, detail, _ in chain if kind == "vector"]
    assert state == "as stored"
    assert len(rows(visits, "EXECUTE dbo.SimilarPatients @PatientIndex = 0, @ModelName = N'w';")) == 8
    sent = "".join(copy_batches(visits, "w", None, None, None))
    assert all(f"N'{name}'" in sent for name in ("made up", "age", "sex", "slices"))
    page = render_page(read_facts(visits, "w", 1), [])
    assert "made up version 1, layer penultimate, lung, max" in page


def test_a_model_on_columns_alone_is_trained_and_scored(visits: Connection) -> None:
    """It has no features of pixels, so no scans are like another by them."""
    run(
        visits,
        "EXECUTE dbo.TrainLungCancerModel @ModelName = N'c', @Features = N'none', "
        "@Columns = N'age, maker_ge, spacing_z';",
    )
    assert len(rows(visits, "EXECUTE dbo.PredictPatientsSql @ModelName = N'c';")) == 60
    assert "columns only" in refused(visits, "EXECUTE dbo.SimilarPatients @PatientIndex = 0, @ModelName = N'c';", 50200)


def test_columns_are_added_to_what_the_parameters_name(visits: Connection) -> None:
    """Without @Features they stand beside the one feature set, also where that is combined already."""
    assert "of 2 parts" in said(visits, "EXECUTE dbo.TrainLungCancerModel @Pooling = N'max', @Columns = N'age';")
    found = rows(visits, "SELECT pooling, column_name FROM dbo.feature_parts ORDER BY position;")
    assert found == [("max", None), (None, "age")]
