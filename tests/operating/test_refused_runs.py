"""A call that is refused after its run has begun: the log says failed, with the text that the caller got."""

from __future__ import annotations

import json

import pytest

from lungdb.database import Connection, run
from lungdb.errors import SqlError
from tests.support.databases import refused, rows

FORCED = "dbo.EvaluateModel @Dataset = N'all', @Force = 1"
ENSEMBLE = "dbo.CreateEnsemble @ModelName = N'both', @Members = N'lightgbm_sql, other'"
# The procedure that refuses, whose run it ends, and the call.
CALLS = [
    ("internal.StorePredictions", "PredictPatients", "dbo.PredictPatients"),
    ("internal.StorePredictions", "PredictPatientsSql", "dbo.PredictPatientsSql"),
    ("internal.ReadVectors", "PredictPatientsSql", "dbo.PredictPatientsSql"),
    ("internal.StoreExperiment", "TrainLungCancerModel", "dbo.TrainLungCancerModel"),
    ("internal.StoreNodes", "TrainLungCancerModel", "dbo.TrainLungCancerModel"),
    ("internal.StoreEvaluation", "EvaluateModel", FORCED),
    ("internal.StoreExperiment", "CreateEnsemble", ENSEMBLE),
    ("internal.CheckVectors", "CreateEnsemble", ENSEMBLE),
]


def _refuse(connection: Connection, procedure: str) -> None:
    """Let a procedure refuse, behind the beginning of its transaction where it has one."""
    [(text,)] = rows(connection, f"SELECT OBJECT_DEFINITION(OBJECT_ID(N'{procedure}'));")
    behind = "BEGIN TRANSACTION;" if "BEGIN TRANSACTION;" in text else "SET XACT_ABORT ON;"
    first, second = text.split(behind, 1)
    run(connection, f"{first}{behind} THROW 50232, N'It was 100 %% gone.', 1;{second}")


@pytest.mark.parametrize(("procedure", "name", "call"), CALLS)
def test_a_refusal_of_a_procedure_that_is_called_ends_the_run(
    trained: Connection, procedure: str, name: str, call: str
) -> None:
    """Nothing is stored, and the log keeps its text: it is written after the rollback."""
    run(trained, "EXECUTE dbo.CreateDataset @Name = N'all', @Query = N'SELECT scan_id FROM dbo.scans';")
    if name == "CreateEnsemble":
        run(trained, "EXECUTE dbo.TrainLungCancerModel @ModelName = N'other', @Algorithm = N'logistic';")
    _refuse(trained, procedure)
    told = refused(trained, f"EXECUTE {call};", 50232)
    newest = "SELECT TOP (1) procedure_name, state, error FROM dbo.run_log ORDER BY run_id DESC;"
    assert rows(trained, newest) == [(name, "failed", told)]
    assert rows(trained, "SELECT COUNT(*) FROM dbo.runs WHERE ended_at IS NULL;") == [(0,)]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("ClusterDataset", " @Clusters = 3"),
        ("EvaluateModel", " @Dataset = N'all', @Force = 1"),
        ("FeatureImportance", " @Repeats = 2"),
        ("InspectDataset", " @Dataset = N'all'"),
        ("RepeatExperiment", ""),
    ],
)
def test_a_run_tells_what_its_scripts_have_cost(trained: Connection, name: str, arguments: str) -> None:
    """Processor time and the memory of a process that has numpy in it, in the sum of the run's steps."""
    run(trained, "EXECUTE dbo.CreateDataset @Name = N'all', @Query = N'SELECT scan_id FROM dbo.scans';")
    run(trained, f"EXECUTE dbo.{name}{arguments};")
    told = "SELECT state, cpu_seconds, peak_megabytes FROM dbo.run_log WHERE procedure_name = ?;"
    [(state, seconds, megabytes)] = rows(trained, told, (name,))
    assert state == "done"
    assert 0 < seconds < 600
    assert 20 < megabytes < 20000


def test_a_search_whose_training_is_refused_has_ended(trained: Connection) -> None:
    """No CATCH is around the script of the training, so the run of the search ends before it; the search can go on."""
    run(trained, "EXECUTE dbo.SearchModels @Trials = 1;")
    _refuse(trained, "dbo.TrainLungCancerModel")
    with pytest.raises(SqlError, match="gone"):
        run(trained, "EXECUTE dbo.RunSearch;")
    found = rows(trained, "SELECT state, result FROM dbo.run_log WHERE procedure_name = N'RunSearch';")
    assert found == [("done", "All trials are done; the best is trained next, which is a run of its own.")]


QUESTIONS = [
    ("WrongRepresentatives", "", {"model", "threshold"}),
    (
        "CompareModels",
        " @A = N'lightgbm_sql', @B = N'other', @InDetail = 1",
        {"a", "version_a", "b", "version_b", "metric"},
    ),
    ("StoreModelNodes", " @ModelName = N'other'", {"model", "version"}),
    ("SearchModels", " @Trials = 2", {"model", "method"}),
]


def test_long_questions_leave_a_run_with_what_they_were_asked(trained: Connection) -> None:
    """Done, with the names of the arguments that were given; a comparison without details leaves none."""
    run(trained, "EXECUTE dbo.TrainLungCancerModel @ModelName = N'other', @Algorithm = N'logistic';")
    for name, arguments, _ in QUESTIONS:
        run(trained, f"EXECUTE dbo.{name}{arguments};")
    run(trained, "EXECUTE dbo.CompareModels @A = N'lightgbm_sql', @B = N'other';")
    found = rows(trained, "SELECT procedure_name, state, arguments FROM dbo.run_log ORDER BY run_id;")
    asked = [(name, state, set(json.loads(text))) for name, state, text in found if name != "TrainLungCancerModel"]
    assert [each for each in asked if each[0] != "PredictPatients"] == [
        (name, "done", keys) for name, _, keys in QUESTIONS
    ]
