"""DeleteFeatures and DeleteNetwork delete all of what they name, or nothing while something refers to it."""

from __future__ import annotations

import numpy as np

from lungdb.database import Connection, run
from tests.images.conftest import add_network, add_picture, draw
from tests.support.databases import contents, refused, rows

FEATURES = ("pooled_features", "binary_vectors", "features", "image_features", "feature_parts", "feature_sets")


def deleted(connection: Connection, call: str) -> dict[str, int]:
    """Run a call and give the counts that it returns, but those of nothing."""
    return {name: count for name, count in rows(connection, call) if count}


def test_a_dry_run_says_what_goes_and_the_call_deletes_that(featured: Connection) -> None:
    """Arrays, vectors and the set itself; a patient then has no features, also in the worklist."""
    before = contents(featured)
    patients = len(before["scans"])
    run(featured, "EXECUTE dbo.RefreshWorklist;")
    call = "EXECUTE dbo.DeleteFeatures @NetworkName = N'made up', @Layer = N'penultimate', @DryRun = {};"
    wanted = {"pooled_features": len(before["pooled_features"]), "features": len(before["features"]), "feature_sets": 1}
    assert wanted["features"] == patients
    assert deleted(featured, call.format(1)) == wanted
    assert contents(featured)["features"] == before["features"]
    assert deleted(featured, call.format(0)) == wanted
    assert {name for name in FEATURES if contents(featured)[name]} == set()
    assert rows(featured, "SELECT DISTINCT state FROM dbo.worklist;") == [(0,)]
    assert len(rows(featured, "SELECT 1 FROM dbo.networks;")) == 1


def test_vectors_of_a_pooling_go_alone(featured: Connection) -> None:
    """Arrays and the vectors of other poolings stay, and a model of another pooling is no hindrance."""
    run(
        featured,
        "INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector, vector_sha256) "
        "SELECT scan_id, feature_set_id, N'max', vector, vector_sha256 FROM dbo.pooled_features;"
        "INSERT INTO dbo.classifiers (name, version, library, feature_set_id, pooling, model, sha256, details) "
        "VALUES (N'm', 1, N'logistic', 1, N'mean', 0x00, 0x00, N'{}');",
    )
    count = len(rows(featured, "SELECT 1 FROM dbo.scans;"))
    assert deleted(featured, "EXECUTE dbo.DeleteFeatures @FeatureSetId = 1, @Pooling = N'max';") == {
        "pooled_features": count
    }
    assert rows(featured, "SELECT DISTINCT pooling FROM dbo.pooled_features;") == [("mean",)]
    assert "the model m version 1" in refused(
        featured, "EXECUTE dbo.DeleteFeatures @FeatureSetId = 1, @Pooling = N'mean';", 50305
    )


def test_whatever_refers_to_features_is_named_and_keeps_them(featured: Connection) -> None:
    """Models of scans and pictures, trials and combined sets; a combined set itself can go with its parts' list."""
    run(
        featured,
        "INSERT INTO dbo.classifiers (name, version, library, feature_set_id, pooling, model, sha256, details) "
        "VALUES (N'lung%', 3, N'logistic', 1, N'mean', 0x00, 0x00, N'{}');"
        "INSERT INTO dbo.image_classifiers (name, version, library, feature_set_id, pooling, is_exclusive, seed, "
        "model, sha256, details) VALUES (N'faces', 1, N'logistic', 1, N'none', 1, 0, 0x00, 0x00, N'{}');"
        "INSERT INTO dbo.feature_sets (network_id, layer, preprocessing, width) "
        "VALUES (NULL, N'both', N'combined', 4);"
        "INSERT INTO dbo.feature_parts (feature_set_id, position, part_feature_set_id, pooling, first_index, width) "
        "VALUES (2, 0, 1, N'mean', 0, 4);"
        "INSERT INTO dbo.searches (name, settings, seed, folds, metric, rungs, skip_missing, planned) "
        "VALUES (N's', N'{}', 1, 2, 'auc', 1, 0, 1);"
        "INSERT INTO dbo.search_trials (search_id, rung, candidate, feature_set_id, pooling, parameters) "
        "VALUES (1, 0, 0, 1, N'mean', N'{}');",
    )
    message = refused(featured, "EXECUTE dbo.DeleteFeatures @NetworkName = N'made up';", 50305)
    for text in ("lung% version 3", "pictures faces version 1", "1 trials of the search 1", "combined set both (2)"):
        assert text in message
    refused(featured, "EXECUTE dbo.DeleteFeatures @FeatureSetId = 1, @DryRun = 1;", 50305)
    gone = deleted(featured, "EXECUTE dbo.DeleteFeatures @Layer = N'both', @Preprocessing = N'combined';")
    assert gone == {"feature_parts": 1, "feature_sets": 1}


def test_features_that_are_not_there_or_not_named_are_refused(featured: Connection) -> None:
    """Nothing is deleted for want of an argument."""
    refused(featured, "EXECUTE dbo.DeleteFeatures;", 50101)
    refused(featured, "EXECUTE dbo.DeleteFeatures @Pooling = N'mean';", 50101)
    refused(featured, "EXECUTE dbo.DeleteFeatures @FeatureSetId = 1, @DryRun = NULL;", 50101)
    refused(featured, "EXECUTE dbo.DeleteFeatures @NetworkName = N'none';", 50117)
    refused(featured, "EXECUTE dbo.DeleteFeatures @FeatureSetId = 1, @Pooling = N'max';", 50117)


def test_features_of_pictures_are_deleted_too(installed: Connection) -> None:
    """The pictures stay."""
    add_network(installed)
    add_picture(installed, "a", draw(np.random.default_rng(1), [0]))
    assert deleted(installed, "EXECUTE dbo.DeleteFeatures @Preprocessing = N'image';") == {
        "image_features": 1,
        "feature_sets": 1,
    }
    assert len(rows(installed, "SELECT 1 FROM dbo.images;")) == 1


def test_a_network_goes_when_nothing_refers_to_it(featured: Connection) -> None:
    """Feature sets, nodules and the setting keep it, each by name; its layers go with it."""
    run(
        featured,
        "INSERT INTO dbo.network_layers (network_id, position, name, operator, parameters) "
        "VALUES (1, 0, N'a', N'Relu', 0);"
        "DELETE FROM dbo.settings WHERE name = N'default_network';"
        "INSERT INTO dbo.settings (name, value) VALUES (N'default_network', N'made up');",
    )
    call = "EXECUTE dbo.DeleteNetwork @ModelName = N'made up', @Version = 1"
    assert "1 (layer penultimate, lung)" in refused(featured, f"{call};", 50305)
    run(featured, "EXECUTE dbo.DeleteFeatures @FeatureSetId = 1;")
    run(
        featured,
        "INSERT INTO dbo.nodules (scan_id, x, y, z, source, network_id, content_sha256) "
        "VALUES (1, 0, 0, 0, 'network', 1, 0x00);",
    )
    assert "1 nodules" in refused(featured, f"{call};", 50305)
    run(featured, "DELETE FROM dbo.nodules;")
    assert "default_network" in refused(featured, f"{call};", 50305)
    run(featured, "UPDATE dbo.settings SET value = NULL WHERE name = N'default_network';")
    assert deleted(featured, f"{call}, @DryRun = 1;") == {"network_layers": 1, "networks": 1}
    assert deleted(featured, f"{call};") == {"network_layers": 1, "networks": 1}
    assert not contents(featured)["networks"]
    assert not contents(featured)["network_layers"]
    refused(featured, f"{call};", 50102)
    refused(featured, "EXECUTE dbo.DeleteNetwork @ModelName = N'made up';", 50101)


def test_nodules_of_a_detector_go_with_its_features(featured: Connection) -> None:
    """Those of another preprocessing stay, and so does what readers marked; vectors of a pooling leave them all."""
    run(
        featured,
        "UPDATE dbo.feature_sets SET layer = N'nodules';"
        "INSERT INTO dbo.nodules (scan_id, x, y, z, source, network_id, preprocessing, score, content_sha256) "
        "SELECT 1, p.x, 0, 0, 'network', 1, p.preprocessing, 0.5, s.content_sha256 FROM dbo.scans AS s "
        "CROSS JOIN (SELECT 1 AS x, N'lung' AS preprocessing UNION ALL SELECT 2, N'lung' "
        "UNION ALL SELECT 3, N'seed') AS p "
        "WHERE s.scan_id = 1;"
        "INSERT INTO dbo.nodules (scan_id, x, y, z, source, content_sha256) "
        "SELECT 1, 4, 0, 0, 'truth', content_sha256 FROM dbo.scans WHERE scan_id = 1;"
        "INSERT INTO dbo.nodule_scores (nodule_id, network_id, preprocessing, score) VALUES (1, 1, N'lung', 0.1);",
    )
    assert "nodules" not in deleted(
        featured, "EXECUTE dbo.DeleteFeatures @Layer = N'nodules', @Pooling = N'mean', @DryRun = 1;"
    )
    call = "EXECUTE dbo.DeleteFeatures @Layer = N'nodules', @DryRun = {};"
    assert deleted(featured, call.format(1))["nodules"] == 2
    assert len(rows(featured, "SELECT 1 FROM dbo.nodules;")) == 4
    assert deleted(featured, call.format(0))["nodules"] == 2
    assert rows(featured, "SELECT x FROM dbo.nodules ORDER BY x;") == [(3.0,), (4.0,)]
    assert rows(featured, "SELECT 1 FROM dbo.nodule_scores;") == []
    assert "1 nodules" in refused(featured, "EXECUTE dbo.DeleteNetwork @ModelName = N'made up', @Version = 1;", 50305)
