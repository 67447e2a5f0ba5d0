"""GenerateNewFeatures: which features it makes, of ensembles' members and combined sets too, and what it refuses."""

from __future__ import annotations

from lungdb.database import Connection, run
from tests.support.databases import refused, rows

PLAN = """
DROP TABLE IF EXISTS #served; DROP TABLE IF EXISTS #served_sets; DROP TABLE IF EXISTS #feature_calls;
CREATE TABLE #served (place INT NOT NULL PRIMARY KEY, name NVARCHAR(128) NOT NULL, classifier_id INT NOT NULL,
    version INT NOT NULL);
CREATE TABLE #served_sets (feature_set_id INT NOT NULL, pooling NVARCHAR(32) NOT NULL);
CREATE TABLE #feature_calls (place INT IDENTITY(1, 1) NOT NULL PRIMARY KEY, network_id INT NOT NULL,
    preprocessing NVARCHAR(32) NOT NULL, layer NVARCHAR(256) NOT NULL, poolings NVARCHAR(MAX) NOT NULL);
DECLARE @Name NVARCHAR(128) = ?;
EXECUTE internal.TakeServed @Name;
EXECUTE internal.PlanNewFeatures;
SELECT network_id, preprocessing, layer, poolings FROM #feature_calls ORDER BY place;
"""


def test_an_ensemble_reads_what_its_members_read(many_algorithms: Connection) -> None:
    """Its own set is combined of two; one call makes both poolings, and a member's name alone only its own."""
    run(
        many_algorithms,
        "EXECUTE dbo.CreateEnsemble @ModelName = N'both', @Members = N'extra_trees:1, of: max:1, network:1';",
    )
    combined = "SELECT pooling FROM dbo.classifiers WHERE name = N'both';"
    assert rows(many_algorithms, combined) == [("combined",)]
    assert rows(many_algorithms, PLAN, ("both",)) == [(1, "lung", "penultimate", "max,mean")]
    assert rows(many_algorithms, PLAN, ("network",)) == [(1, "lung", "penultimate", "mean")]


def test_only_what_is_served_is_made(many_algorithms: Connection) -> None:
    """A newer version on other features is not served before it is promoted; with serve = newest it is."""
    sql = "EXECUTE dbo.TrainLungCancerModel @ModelName = N'network', @Pooling = N'max', @MaxIterations = 2;"
    run(many_algorithms, sql)
    assert rows(many_algorithms, PLAN, ("network",)) == [(1, "lung", "penultimate", "mean")]
    run(many_algorithms, "UPDATE dbo.settings SET value = N'newest' WHERE name = N'serve';")
    assert rows(many_algorithms, PLAN, ("network",)) == [(1, "lung", "penultimate", "max")]


def test_poolings_whose_names_are_too_long_for_one_call_are_made_by_several(many_algorithms: Connection) -> None:
    """@Pooling of GenerateFeatures has 128 characters; nothing is cut."""
    for place in range(5):
        run(
            many_algorithms,
            "INSERT INTO dbo.classifiers (name, version, library, feature_set_id, pooling, model, sha256, details) "
            "VALUES (?, 1, N'logistic', 1, ?, 0x00, 0x00, N'{}');",
            (f"long {place}", "p" * 30 + str(place)),
        )
    planned = rows(many_algorithms, PLAN, (None,))
    assert {each[:3] for each in planned} == {(1, "lung", "penultimate")}
    assert sorted(each[3] for each in planned) == ["max", "mean", *("p" * 30 + str(place) for place in range(5))]


def test_a_site_without_a_model_makes_the_features_of_its_default_network(featured: Connection) -> None:
    """What GenerateFeatures makes unless told otherwise, of its newest version; without the setting nothing."""
    assert rows(featured, PLAN, (None,)) == []
    run(featured, "UPDATE dbo.settings SET value = N'made up' WHERE name = N'default_network';")
    assert rows(featured, PLAN, (None,)) == [(1, "lung", "penultimate", "mean")]


def test_wrong_arguments_are_refused_before_anything(featured: Connection) -> None:
    """All in one error; a name that no model has is another."""
    call = "EXECUTE dbo.GenerateNewFeatures @BatchSize = 0, @ChunkMegabytes = NULL;"
    message = refused(featured, call, 50101)
    assert "@BatchSize" in message
    assert "@ChunkMegabytes" in message
    assert "'100% new'" in refused(featured, "EXECUTE dbo.GenerateNewFeatures @ModelName = N'100% new';", 50108)
    for procedure in ("GenerateNewFeatures", "ScoreNewScans", "ScoreNewScansSql", "CheckServedDrift"):
        run(featured, "BEGIN TRANSACTION;")
        assert f"{procedure} was called inside" in refused(featured, f"EXECUTE dbo.{procedure};", 50100)
