"""Which features a training takes: those of the version served, else of default_network, else the only ones."""

from __future__ import annotations

import hashlib

import pytest

from lungdb.database import Connection, run
from tests.support.databases import hash_vectors, refused, rows, said, vectors_and_labels
from tests.support.fixtures import PATIENTS, WIDTH

TRAIN = "EXECUTE dbo.TrainLungCancerModel @MaxIterations = 3;"


def _add_features(
    connection: Connection, network: str, version: int, layer: str = "penultimate", pooling: str = "mean"
) -> int:
    """Insert noise as features of another network, layer or pooling; give the feature set."""
    content = f"{network} {version}".encode()
    run(
        connection,
        "IF NOT EXISTS (SELECT 1 FROM dbo.networks WHERE name = ? AND version = ?) "
        "INSERT INTO dbo.networks (name, version, library, model, sha256, details) VALUES (?, ?, N'onnx', ?, ?, N'{}');"
        "INSERT INTO dbo.feature_sets (network_id, layer, preprocessing, width) SELECT network_id, ?, N'lung', ? "
        "FROM dbo.networks AS n WHERE n.name = ? AND n.version = ? AND NOT EXISTS (SELECT 1 FROM dbo.feature_sets AS f "
        "WHERE f.network_id = n.network_id AND f.layer = ?);",
        (network, version, network, version, content, hashlib.sha256(content).digest(), layer, WIDTH, network, version,
         layer),
    )  # fmt: skip
    [(feature_set,)] = rows(
        connection,
        "SELECT f.feature_set_id FROM dbo.feature_sets AS f INNER JOIN dbo.networks AS n "
        "ON n.network_id = f.network_id WHERE n.name = ? AND n.version = ? AND f.layer = ?;",
        (network, version, layer),
    )
    vectors, _ = vectors_and_labels(PATIENTS, WIDTH, signal=0.0, seed=feature_set)
    run(connection, "BEGIN TRANSACTION;")
    for scan, vector in enumerate(vectors, start=1):
        run(
            connection,
            "INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector) VALUES (?, ?, ?, ?);",
            (scan, feature_set, pooling, vector),
        )
    run(connection, "COMMIT TRANSACTION;")
    hash_vectors(connection)
    return int(feature_set)


def _trained_on(connection: Connection) -> tuple[int, str]:
    [found] = rows(
        connection, "SELECT TOP (1) feature_set_id, pooling FROM dbo.classifiers ORDER BY classifier_id DESC;"
    )
    return int(found[0]), str(found[1])


def test_a_training_takes_the_features_of_the_version_served_though_newer_ones_were_made(trained: Connection) -> None:
    """And its pooling; the message says so. Whoever names another network or pooling gets that."""
    scores = rows(trained, "EXECUTE dbo.PredictPatients;")
    other = _add_features(trained, "newer", 1)
    message = said(trained, TRAIN)
    assert "Features: set 1, network made up version 1, layer penultimate" in message
    assert "those of version 1, which lightgbm_sql serves" in message
    assert _trained_on(trained) == (1, "mean")
    assert rows(trained, "EXECUTE dbo.PredictPatients;") == scores
    run(trained, "EXECUTE dbo.TrainLungCancerModel @MaxIterations = 3, @NetworkName = N'newer';")
    assert _trained_on(trained) == (other, "mean")
    assert rows(trained, "EXECUTE dbo.PredictPatients;") == scores
    run(trained, "EXECUTE dbo.PromoteModel @Force = 1;")
    run(trained, TRAIN)
    assert _trained_on(trained) == (other, "mean")


def test_a_new_version_of_the_network_is_not_taken_either(trained: Connection) -> None:
    """The version served keeps its features; a new name takes the network's newest version, and says which."""
    newer = _add_features(trained, "made up", 2)
    run(trained, TRAIN)
    assert _trained_on(trained) == (1, "mean")
    message = said(trained, TRAIN.replace(";", ", @ModelName = N'another';"))
    assert "network made up version 2" in message
    assert "of the only network that fits" in message
    assert _trained_on(trained) == (newer, "mean")


def test_a_new_name_takes_the_default_network_and_refuses_to_choose_without_it(featured: Connection) -> None:
    """Several networks: 50281 names them and the remedy, which works."""
    _add_features(featured, "second", 1)
    message = refused(featured, TRAIN, 50281)
    assert "network made up, layer penultimate" in message
    assert "network second, layer penultimate" in message
    assert "UPDATE dbo.settings SET value" in message
    run(featured, "UPDATE dbo.settings SET value = N'made up' WHERE name = N'default_network';")
    assert "of the network that the setting default_network names" in said(featured, TRAIN)
    assert _trained_on(featured) == (1, "mean")


def test_a_default_network_without_features_is_refused(featured: Connection) -> None:
    """Not passed over for another one; a network that is named is taken all the same."""
    run(featured, "UPDATE dbo.settings SET value = N'100% gone' WHERE name = N'default_network';")
    assert "default_network names '100% gone'" in refused(featured, TRAIN, 50117)
    run(featured, "EXECUTE dbo.TrainLungCancerModel @MaxIterations = 3, @NetworkName = N'made up';")
    assert _trained_on(featured) == (1, "mean")


def test_of_several_layers_the_penultimate_is_taken_and_others_are_asked_for(featured: Connection) -> None:
    """As GenerateFeatures makes it unless told otherwise; of layers without it none is."""
    layer = _add_features(featured, "made up", 1, layer="layer3")
    run(featured, TRAIN)
    assert _trained_on(featured) == (1, "mean")
    run(featured, "EXECUTE dbo.TrainLungCancerModel @ModelName = N'of layer3', @MaxIterations = 3, @Layer = N'layer3';")
    assert _trained_on(featured) == (layer, "mean")
    run(featured, "EXECUTE dbo.TrainLungCancerModel @ModelName = N'of layer3', @MaxIterations = 3;")
    assert _trained_on(featured) == (layer, "mean")
    run(featured, "UPDATE dbo.feature_sets SET layer = N'layer4' WHERE feature_set_id = 1;")
    call = "EXECUTE dbo.TrainLungCancerModel @ModelName = N'new', @MaxIterations = 3;"
    assert "layer layer4, preprocessing lung, pooling mean; network made up, layer layer3" in refused(
        featured, call, 50281
    )


def test_a_pooling_that_is_not_named_is_that_of_the_version_served_else_mean(featured: Connection) -> None:
    """Where neither is there, the only one."""
    _add_features(featured, "made up", 1, pooling="max")
    run(featured, "EXECUTE dbo.TrainLungCancerModel @ModelName = N'of max', @MaxIterations = 3, @Pooling = N'max';")
    assert _trained_on(featured) == (1, "max")
    run(featured, "EXECUTE dbo.TrainLungCancerModel @ModelName = N'of max', @MaxIterations = 3;")
    assert _trained_on(featured) == (1, "max")
    run(featured, TRAIN)
    assert _trained_on(featured) == (1, "mean")
    run(featured, "DELETE FROM dbo.pooled_features WHERE pooling = N'mean';")
    run(featured, "EXECUTE dbo.TrainLungCancerModel @ModelName = N'new', @MaxIterations = 3;")
    assert _trained_on(featured) == (1, "max")


def test_a_search_takes_the_network_of_the_version_served_and_does_not_mix_several(featured: Connection) -> None:
    """Without one it refuses several networks; with one it tries the sets of its network, the served one among them."""
    _add_features(featured, "second", 1)
    search = "EXECUTE dbo.SearchModels @Trials = 2;"
    assert "made up, second" in refused(featured, search, 50281)
    run(featured, "EXECUTE dbo.TrainLungCancerModel @MaxIterations = 3, @NetworkName = N'made up';")
    _add_features(featured, "made up", 2)
    run(featured, search)
    assert rows(featured, "SELECT DISTINCT feature_set_id FROM dbo.search_trials;") == [(1,)]
    run(featured, "EXECUTE dbo.RunSearch;")
    assert _trained_on(featured) == (1, "mean")


@pytest.mark.parametrize("setting", ["made up", None])
def test_features_are_made_by_the_default_network_where_none_is_named(
    featured: Connection, setting: str | None
) -> None:
    """Without the setting the call is refused as ever, and says that it is not there either."""
    run(featured, "UPDATE dbo.settings SET value = ? WHERE name = N'default_network';", (setting,))
    call = "EXECUTE dbo.GenerateFeatures @Layer = N'block9';"
    if setting is None:
        assert "so is the setting default_network" in refused(featured, call, 50114)
    else:
        run(featured, "UPDATE dbo.networks SET sha256 = 0x00;")
        refused(featured, call, 50105)
