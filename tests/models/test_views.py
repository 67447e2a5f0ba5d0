"""The views that pages read models from say what the tables say."""

from __future__ import annotations

from lungdb.database import Connection, run
from lungdb.reporting.facts import read_facts
from tests.support.databases import rows

LINEAR = "100% linear"


def test_a_version_is_shown_with_its_network_and_training_run(trained: Connection) -> None:
    """One row a version, as the report finds it in the tables."""
    for name, version in (("lightgbm_sql", 1), ("lightgbm_sql", 2), (LINEAR, 1)):
        facts = read_facts(trained, name, version)
        (found,) = rows(
            trained,
            "SELECT library, pooling, sha256, network, network_version, network_sha256, layer, preprocessing, width, "
            "experiment_id, seed, run_by, started_at, ended_at, created_at "
            "FROM dbo.model_versions WHERE name = ? AND version = ?;",
            (name, version),
        )
        model, network, training = facts.model, facts.network, facts.run
        assert found == (
            model.library, model.pooling, model.sha256, network.name, network.version, network.sha256, network.layer,
            network.preprocessing, network.width, training.experiment_id, training.seed, training.run_by,
            training.started_at, training.ended_at, model.created_at,
        )  # fmt: skip


def test_figures_and_curves_are_those_of_the_tables(trained: Connection) -> None:
    """Every figure and every point, none twice."""
    facts = read_facts(trained, LINEAR, 1)
    (classifier,) = rows(trained, "SELECT classifier_id FROM dbo.model_versions WHERE name = ?;", (LINEAR,))
    figures = rows(trained, "SELECT part, metric, value FROM dbo.model_figures WHERE classifier_id = ?;", classifier)
    assert len(figures) == len(facts.metrics)
    assert {(part, metric): value for part, metric, value in figures} == facts.metrics
    points = rows(
        trained,
        "SELECT part, curve, position, x, y FROM dbo.model_curves WHERE classifier_id = ?;",
        classifier,
    )
    expected = [
        (part, curve, point.position, point.x, point.y)
        for (part, curve), curve_points in facts.curves.items()
        for point in curve_points
    ]
    assert sorted(points) == sorted(expected)


def test_no_curve_tells_the_score_of_a_single_patient(trained: Connection) -> None:
    """Bins have their patients, who are all patients of the part; thresholds are not shown."""
    counted = rows(
        trained,
        "SELECT part, curve, SUM(patients) FROM dbo.model_curves WHERE classifier_id = 1 GROUP BY part, curve;",
    )
    for part, curve, patients in counted:
        (of_part,) = rows(
            trained,
            "SELECT COUNT(*) FROM dbo.experiment_scores WHERE classifier_id = 1 AND part = ?;",
            (part,),
        )
        assert patients == (of_part[0] if curve.startswith("calibration") else None)
    columns = run(trained, "SELECT * FROM dbo.model_curves;")[-1].columns
    assert columns == ("classifier_id", "part", "curve", "position", "x", "y", "patients")


def test_only_the_newest_training_run_of_a_version_is_shown(trained: Connection) -> None:
    """A run that is recorded again replaces the figures shown and repeats no version."""
    run(
        trained,
        "INSERT INTO dbo.experiments (classifier_id, seed, parameters, started_at, run_by) "
        "VALUES (1, 7, N'{}', SYSUTCDATETIME(), N'somebody');"
        "INSERT INTO dbo.experiment_metrics (experiment_id, part, metric, value) "
        "VALUES (SCOPE_IDENTITY(), 'test', N'auc', 0.5);",
    )
    assert rows(trained, "SELECT seed, run_by FROM dbo.model_versions WHERE classifier_id = 1;") == [(7, "somebody")]
    assert rows(trained, "SELECT part, metric, value FROM dbo.model_figures WHERE classifier_id = 1;") == [
        ("test", "auc", 0.5)
    ]
    assert rows(trained, "SELECT COUNT(*) FROM dbo.model_curves WHERE classifier_id = 1;") == [(0,)]


def test_a_version_without_a_training_run_is_shown_too(trained: Connection) -> None:
    """A copied model has none."""
    run(
        trained,
        "INSERT INTO dbo.classifiers (name, version, library, feature_set_id, pooling, model, sha256, details) "
        "SELECT N'copied', 1, library, feature_set_id, pooling, model, sha256, details FROM dbo.classifiers "
        "WHERE classifier_id = 1;",
    )
    assert rows(trained, "SELECT experiment_id, is_champion FROM dbo.model_versions WHERE name = N'copied';") == [
        (None, 0)
    ]


def test_the_champion_and_its_history_follow_promotions(trained: Connection) -> None:
    """What is rolled back stays in the history and is no champion any more."""
    run(trained, "EXECUTE dbo.PromoteModel @Version = 2, @Force = 1;")
    champions = "SELECT name, version FROM dbo.model_versions WHERE is_champion = 1 AND name = N'lightgbm_sql';"
    assert rows(trained, champions) == [("lightgbm_sql", 2)]
    run(trained, "EXECUTE dbo.RollbackModel @ModelName = N'lightgbm_sql';")
    assert rows(trained, champions) == [("lightgbm_sql", 1)]
    history = rows(
        trained,
        "SELECT version, previous_version, forced, CASE WHEN rolled_back_at IS NULL THEN 0 ELSE 1 END "
        "FROM dbo.promotion_history WHERE name = N'lightgbm_sql' ORDER BY promotion_id;",
    )
    assert history == [(1, None, 0, 0), (2, 1, 1, 1)]


def test_predictions_are_counted_by_version(trained: Connection) -> None:
    """None is 0, not missing."""
    for patient in (0, 1):
        run(trained, "EXECUTE dbo.PredictLungCancer @PatientIndex = ?, @Version = 1;", (patient,))
    counts = rows(trained, "SELECT version, predictions FROM dbo.model_versions WHERE name = N'lightgbm_sql';")
    assert sorted(counts) == [(1, 2), (2, 0)]
