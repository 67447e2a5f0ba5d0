"""ClusterDataset and WrongRepresentatives: clusters of the features that are stored, and who stands for them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from lungdb.database import Connection, run
from tests.support.databases import hash_vectors, refused, rows, said

CLUSTER = "EXECUTE dbo.ClusterDataset"
WRONG = "EXECUTE dbo.WrongRepresentatives @Threshold = 60"


def _standardised(connection: Connection, condition: str = "1 = 1") -> tuple[list[int], np.ndarray]:
    found = rows(connection, f"SELECT scan_id, vector FROM dbo.pooled_features WHERE {condition} ORDER BY scan_id;")
    values = np.array([json.loads(vector) for _, vector in found])
    return [scan for scan, _ in found], (values - values.mean(axis=0)) / values.std(axis=0)


def test_every_scan_is_with_its_nearest_medoid(featured: Connection) -> None:
    """Distances are root mean squares of standardised features; the same call gives the same rows."""
    members, summary = run(featured, f"{CLUSTER} @Clusters = 4, @Seed = 5;")
    scans, points = _standardised(featured)
    place = {scan: row for row, scan in enumerate(scans)}
    medoids = {cluster: scan for _, scan, cluster, is_medoid, _ in members.rows if is_medoid}
    assert sorted(medoids) == [1, 2, 3, 4]
    assert sorted(row[1] for row in members.rows) == scans
    for index, scan, cluster, _, distance in members.rows:
        away = {
            each: np.sqrt(np.mean((points[place[scan]] - points[place[other]]) ** 2)) for each, other in medoids.items()
        }
        assert distance == pytest.approx(away[cluster])
        assert away[cluster] == pytest.approx(min(away.values()))
        assert index == scan - 1
    assert [row[3] for row in summary.rows] == [medoids[cluster] for cluster in (1, 2, 3, 4)]
    sizes = [row[1] for row in summary.rows]
    assert sizes == sorted(sizes, reverse=True)
    assert sum(sizes) == 120
    assert run(featured, f"{CLUSTER} @Clusters = 4, @Seed = 5;")[0].rows == members.rows


def test_planted_clusters_of_a_data_set_are_told_apart(featured: Connection) -> None:
    """Two heaps of combined features, their number chosen; scans without features are counted in a message."""
    run(
        featured,
        "INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector) SELECT scan_id, 1, N'max', "
        "IIF(scan_id % 2 = 0, N'[9,9,9,9,9,9,9,9,9,9,9,8]', N'[0,0,0,0,0,0,0,0,0,0,0,1]') FROM dbo.pooled_features "
        "WHERE scan_id <= 30; DELETE FROM dbo.pooled_features WHERE pooling = N'max' AND scan_id = 7; "
        "EXECUTE dbo.CreateDataset @Name = N'some', @Query = N'SELECT scan_id FROM dbo.scans WHERE scan_id <= 30';",
    )
    hash_vectors(featured)
    call = f"{CLUSTER} @Dataset = N'some', @Features = N'mean; max';"
    assert "1 scans" in said(featured, call)
    members = run(featured, call)[0].rows
    assert {(scan % 2, cluster) for _, scan, cluster, *_ in members} == {(0, 1), (1, 2)}
    assert len(members) == 29


def test_the_wrong_ones_come_first_as_wrong_cases_gives_them(trained: Connection) -> None:
    """Then medoids of their clusters, and beside each the right ones whose features are nearest."""
    first, second = run(trained, f"{WRONG}, @Version = 2, @Clusters = 2, @Beside = 2;")
    (expected,) = run(trained, "EXECUTE dbo.WrongCases @Threshold = 60, @Version = 2;")
    assert (first.columns, first.rows) == (expected.columns, expected.rows)
    wrong = {row[1] for row in expected.rows}
    tested = [scan for (scan,) in rows(trained, "SELECT scan_id FROM dbo.test_scores WHERE experiment_id = 2;")]
    scans, points = _standardised(trained, f"scan_id IN ({', '.join(map(str, tested))})")
    place = {scan: row for row, scan in enumerate(scans)}
    assert [row[2] for row in second.rows] == ["representative", "right, nearest", "right, nearest"] * 2
    assert second.rows[0][1] + second.rows[3][1] == len(wrong)
    for start in (0, 3):
        medoid, *beside = [row[4] for row in second.rows[start : start + 3]]
        assert medoid in wrong
        away = {
            scan: np.sqrt(np.mean((points[place[scan]] - points[place[medoid]]) ** 2))
            for scan in scans
            if scan not in wrong
        }
        assert beside == sorted(away, key=lambda scan: away[scan])[:2]
        assert [row[8] for row in second.rows[start + 1 : start + 3]] == pytest.approx([away[scan] for scan in beside])
    looks = rows(trained, "SELECT looked_with FROM dbo.test_looks;")
    assert looks == [("WrongCases",), ("WrongCases",)]


def test_a_model_that_is_never_wrong_has_no_representative(trained: Connection) -> None:
    """The second result set is empty; one patient who is wrong is a cluster alone."""
    run(trained, "UPDATE dbo.experiment_patients SET probability = label WHERE part = 'test';")
    first, second = run(trained, f"{WRONG};")
    assert (first.rows, second.rows) == ([], [])
    run(
        trained,
        "UPDATE dbo.experiment_patients SET probability = 1 - label WHERE part = 'test' AND patient_id = "
        "(SELECT MIN(patient_id) FROM dbo.test_scores);",
    )
    first, second = run(trained, f"{WRONG}, @Beside = 0;")
    assert len(first.rows) == 1
    assert [row[2] for row in second.rows] == ["representative"]


REFUSALS = {
    "no cluster": (f"{CLUSTER} @Clusters = 0", 50101, "@Clusters"),
    "more clusters than scans": (f"{CLUSTER} @Clusters = 121", 50401, "121 clusters"),
    "no seed": (f"{CLUSTER} @Seed = NULL", 50101, "@Seed"),
    "an unknown set": (f"{CLUSTER} @Dataset = N'7% solution'", 50171, "'7% solution'"),
    "unknown features": (f"{CLUSTER} @Features = N'x'", 50278, "'x'"),
    "a threshold that is none": (f"{WRONG}0", 50101, "@Threshold"),
    "a number that is none": (f"{WRONG}, @Beside = -1", 50101, "@Beside"),
    "an unknown model": (f"{WRONG}, @ModelName = N'x'", 50108, "'x'"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_it_is_refused_with_number_and_value(trained: Connection, case: str) -> None:
    """And every table is as before."""
    call, number, part = REFUSALS[case]
    assert part in refused(trained, f"{call};", number)


def test_an_empty_database_has_nothing_to_cluster(installed: Connection) -> None:
    """There are no features, and no model."""
    refused(installed, f"{CLUSTER};", 50117)
    refused(installed, "EXECUTE dbo.WrongRepresentatives;", 50108)


def test_without_a_served_model_the_features_are_to_be_named(trained: Connection) -> None:
    """With the parameter that this procedure has, and what there is; one kind of features needs no name."""
    call = f"{CLUSTER} @ModelName = N'not served', @Clusters = 2"
    assert rows(trained, f"{call};")
    run(
        trained,
        "INSERT INTO dbo.feature_sets (network_id, layer, preprocessing, width) "
        "SELECT network_id, N'other', N'soft', width FROM dbo.feature_sets;"
        "UPDATE dbo.feature_sets SET layer = N'another' WHERE layer = N'penultimate';"
        "INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector, vector_sha256) SELECT p.scan_id, "
        "f.feature_set_id, p.pooling, p.vector, p.vector_sha256 FROM dbo.pooled_features AS p "
        "CROSS JOIN dbo.feature_sets AS f WHERE f.layer = N'other';",
    )
    said = refused(trained, f"{call};", 50281)
    assert "Name those that are meant with @Features: made up/another/lung/mean; made up/other/soft/mean." in said
    assert "@NetworkName" not in said
    assert "no model" in refused(trained, f"{call}, @Pooling = N'mean';", 50281)
    assert "pooling 'max'" in refused(trained, f"{call}, @Pooling = N'max';", 50117)
    assert rows(trained, f"{call}, @Features = N'made up/other/soft/mean';")
    found = run(trained, "EXECUTE dbo.InspectDataset @ModelName = N'not served';")
    assert ("scans without features", "notice") in {row[:2] for row in found[0].rows}
    assert found[2].rows == []
    named = run(
        trained, "EXECUTE dbo.InspectDataset @ModelName = N'not served', @Features = N'made up/other/soft/mean';"
    )
    assert named[2].rows
