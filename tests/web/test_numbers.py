"""The page shows probabilities: a model that predicts a number is not among its models and scores nobody there."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from flask.testing import FlaskClient

from lungdb.database import connect, run
from lungdb.errors import ErrorNumber
from tests.support.databases import rows, target_of
from tests.support.web import Program


def test_a_model_of_numbers_is_neither_shown_nor_scored_with(
    program: Program, signed_in: FlaskClient, web_database: Path
) -> None:
    """409 with the procedure's sentence and no row stored; lists and pages of models are those of classes."""
    with closing(connect(target_of(web_database))) as connection:
        run(connection, "INSERT INTO dbo.numeric_labels (patient_id, value) SELECT patient_id, idx FROM dbo.patients;")
        run(
            connection,
            "EXECUTE dbo.TrainLungCancerModel @ModelName = N'numbers', @Task = N'regression', @MaxIterations = 3, "
            "@SkipMissing = 1, @MinDataInLeaf = 3;",
        )
        before = rows(connection, "SELECT COUNT(*) FROM dbo.predictions;")
    problem = program("POST", "/api/v1/patients/2/predictions", json={"model": "numbers"})
    assert (problem.status_code, problem.json["type"]) == (409, "/api/v1/docs#unusable-model")
    assert problem.json["number"] == ErrorNumber.NOT_OF_THE_TASK
    listed = program("GET", "/api/v1/models").json["items"]
    assert {item["name"] for item in listed} == {"lightgbm_sql"}
    assert "numbers" not in signed_in.get("/models").text
    assert signed_in.get("/models/find?name=numbers&version=1").status_code == 404
    with closing(connect(target_of(web_database))) as connection:
        run(connection, "EXECUTE dbo.PredictPatientsSql @ModelName = N'numbers', @Patients = N'2';")
        assert rows(connection, "SELECT COUNT(*) FROM dbo.predictions;") == [(before[0][0] + 1,)]
    history = program("GET", "/api/v1/patients/2/predictions").json["items"]
    assert [item["probability"] for item in history if item["probability"] is None] == []
    assert signed_in.get("/patients/2").status_code == 200
