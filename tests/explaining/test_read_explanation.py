"""ReadExplanation gives what ExplainScans has stored, says what of it is exact, and refuses what makes no sense."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lungdb_web.queries.installed import Installed
from lungdb_web.queries.reasons import explain

from lungdb.database import Connection, ResultSet, run
from lungdb.errors import SqlError
from tests.explaining.conftest import MODELS, TRIPLES
from tests.support.databases import refused, rows

NUMBERS = "SELECT MAX(r.prediction_id) FROM dbo.predictions AS r WHERE r.scan_id = 1 AND r.classifier_id = ({});"
NAMED = "SELECT classifier_id FROM dbo.classifiers WHERE name = ?"
READ = "EXECUTE dbo.ReadExplanation @PredictionId = ?, @TopFeatures = ?, @TopSlices = ?;"


def read(connection: Connection, name: str, features: int = 1000, slices: int = 1000) -> list[list[dict[str, Any]]]:
    """Read the explanation of the first scan's score by a model."""
    [(prediction,)] = rows(connection, NUMBERS.format(NAMED), (name,))
    return [found.records() for found in run(connection, READ, (prediction, features, slices))]


@pytest.mark.parametrize("name", [*MODELS, "ensemble"])
def test_what_is_read_sums_to_the_margin_and_is_called_exact_where_it_is(explained_once: Connection, name: str) -> None:
    """By model, of an ensemble by member: expected margin and all features; an estimate has its error, others none."""
    [head], models, features, slices, maps = read(explained_once, name)
    [(details,)] = rows(explained_once, "SELECT details FROM dbo.classifiers WHERE name = ?;", (name,))
    calibration = (json.loads(details).get("calibration") or {}).get("method")
    assert (head["model_name"], head["is_primary"], head["calibration"]) == (name, 1, calibration)
    assert [model["member"] for model in models] == ([1, 2] if name == "ensemble" else [0])
    for model in models:
        own = [feature for feature in features if feature["member"] == model["member"]]
        assert len(own) == model["features"] > 0
        total = model["expected_margin"] + sum(feature["contribution"] for feature in own)
        assert total == pytest.approx(model["margin"], abs=1e-9)
        assert [feature["rank"] for feature in own] == list(range(1, len(own) + 1))
        sizes = [abs(feature["contribution"]) for feature in own]
        assert sizes == sorted(sizes, reverse=True)
        assert {feature["standard_error"] is None for feature in own} == {bool(model["is_exact"])}
        assert bool(model["is_exact"]) == (model["library"] in ("lightgbm", "logistic"))
    if name != "ensemble":
        assert models[0]["margin"] == pytest.approx(head["margin"], abs=1e-6)
        assert (models[0]["model_name"], models[0]["model_version"]) == (name, head["model_version"])
    added = [one["share"] if one["shapley"] is None else one["shapley"] for one in slices]
    assert len(added) == head["triples"]
    assert sum(added) == pytest.approx(head["margin"] - head["reference_margin"], abs=1e-9)
    assert maps == []


def test_members_of_an_ensemble_have_their_names(explained_once: Connection) -> None:
    """In the order in which the ensemble was made of them."""
    _, models, *_ = read(explained_once, "ensemble")
    wanted = rows(
        explained_once,
        "SELECT m.name, m.version FROM dbo.ensemble_members AS e INNER JOIN dbo.classifiers AS c "
        "ON c.classifier_id = e.classifier_id INNER JOIN dbo.classifiers AS m "
        "ON m.classifier_id = e.member_classifier_id WHERE c.name = N'ensemble' ORDER BY e.position;",
    )
    assert [(model["model_name"], model["model_version"]) for model in models] == wanted


def test_as_many_are_returned_as_are_asked_for(explained_once: Connection) -> None:
    """The first of all; sums and counts are of all, whatever is returned."""
    whole = read(explained_once, "lightgbm_sql")
    few = read(explained_once, "lightgbm_sql", 1, 2)
    assert (few[0], few[1]) == (whole[0], whole[1])
    assert (few[2], few[3]) == (whole[2][:1], whole[3][:2])
    assert read(explained_once, "lightgbm_sql", 0, 0)[2:4] == [[], []]


def test_a_score_that_nobody_explained_has_a_head_alone(explained: Connection) -> None:
    """So that whoever asks learns whose it is, and that there is nothing."""
    run(explained, "DELETE FROM dbo.score_explanations;")
    [head], *others = read(explained, "lightgbm_sql")
    assert (head["explained_at"], head["margin"], head["patient_index"]) == (None, None, 0)
    assert others == [[], [], [], []]


@pytest.mark.parametrize(
    ("given", "number", "words"),
    [
        ("@PredictionId = 1, @TopFeatures = NULL", 50101, "NULL for the parameter @TopFeatures"),
        ("@PredictionId = 1, @TopSlices = 1001", 50101, "1001 for the parameter @TopSlices"),
        ("@PredictionId = 987654, @TopFeatures = -1", 50101, "-1 for the parameter @TopFeatures"),
        ("@TopFeatures = 3", 50145, "number NULL"),
        ("@PredictionId = 987654", 50145, "number 987654"),
    ],
)
def test_what_makes_no_sense_is_refused(explained_once: Connection, given: str, number: int, words: str) -> None:
    """With the value and what is supported."""
    assert words in refused(explained_once, f"EXECUTE dbo.ReadExplanation {given};", number)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE dbo.score_explanations SET explained_at = '2031-01-01';",
        "DELETE FROM dbo.score_explanations;",
        "DELETE FROM dbo.score_explanations; DELETE FROM dbo.predictions;",
    ],
)
def test_what_changes_between_two_reads_is_refused(explained: Connection, change: str) -> None:
    """Whoever reads has no parts of two explanations: here the change comes before the third set."""
    [(prediction,)] = rows(explained, NUMBERS.format(NAMED), ("steps",))
    run(explained, f"EXECUTE dbo.ExplainScans @PredictionId = {prediction}, @Permutations = 0;")
    run(
        explained,
        "CREATE OR ALTER PROCEDURE internal.ShowExplained @TopFeatures INT, @TopSlices INT AS BEGIN "
        f"{change} SELECT 1 AS rank; SELECT 1 AS rank; END;",
    )
    with pytest.raises(SqlError, match="Read it again") as caught:
        run(explained, READ, (prediction, 10, 10))
    assert caught.value.number == 50232


def test_what_the_page_asks_for_explains_models_whose_training_means_are_gone(explained: Connection) -> None:
    """Trees keep their contributions; of a network, alone or in an ensemble, what triples change is still told."""
    run(
        explained,
        "EXECUTE dbo.CreateEnsemble @ModelName = N'both', @Members = N'forest, network'; "
        "EXECUTE dbo.PredictLungCancer @ScanId = 1, @ModelName = N'both'; "
        "DELETE FROM dbo.model_scope_features; DELETE FROM dbo.experiment_patients;",
    )

    def call(sql: str, *parameters: Any, lane: str = "pages") -> list[ResultSet]:
        assert lane == "comparisons"
        return run(explained, sql, parameters)

    here = Installed(*(True,) * len(Installed.__dataclass_fields__))
    for name, library, counted in (("steps", "lightgbm", 1), ("network", "network", 0), ("both", "ensemble", 0)):
        [(prediction,)] = rows(explained, NUMBERS.format(NAMED), (name,))
        explain(call, here, prediction, library)
        [head], models, _, slices, _ = read(explained, name)
        assert (head["library"], head["reference_margin"], head["permutations"]) == (library, None, 0)
        assert len(models) == counted
        assert [one["change_without"] is None for one in slices] == [False] * TRIPLES
