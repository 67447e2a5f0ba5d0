"""CheckDrift says by name what differs: the column, or the layer, its network and the place in the layer."""

from __future__ import annotations

import json

from lungdb.database import Connection, run
from tests.evaluation.test_check_drift import add_patients, newest
from tests.support.databases import hash_vectors, rows, said


def names(connection: Connection) -> list[str]:
    """Give the names of the features of the newest check, in order."""
    found = rows(
        connection,
        "SELECT name FROM dbo.drift_items WHERE kind = 'feature' AND drift_check_id = "
        "(SELECT MAX(drift_check_id) FROM dbo.drift_checks) ORDER BY feature_index;",
    )
    return [name for (name,) in found]


def test_columns_and_layers_of_combined_features_have_their_names(measurable: Connection) -> None:
    """Age, sex and twelve features of a layer: ages that are all 89 now stand first, as the column that they are."""
    add_patients(measurable, 40, seed=1)
    run(
        measurable,
        "UPDATE dbo.networks SET name = N'resnet'; UPDATE dbo.feature_sets SET layer = N'avg_pool';"
        "EXECUTE dbo.TrainLungCancerModel @ModelName = N'wide', @Features = N'resnet/avg_pool/mean', "
        "@Columns = N'age, sex';",
    )
    run(
        measurable,
        "UPDATE dbo.scans SET patient_age = 89 WHERE patient_id LIKE N'later%';"
        "UPDATE dbo.patients SET sex = IIF(idx % 2 = 0, N'F', N'M') WHERE patient_id LIKE N'later%';",
    )
    text = said(measurable, "EXECUTE dbo.CheckDrift @ModelName = N'wide', @Dataset = N'later';")
    layer = [f"layer avg_pool of resnet, feature {place}" for place in range(12)]
    assert names(measurable) == [*layer, "column age", "column sex"]
    assert newest(measurable)["most_different"] == "column age"
    assert "(column age)" in text
    others = rows(measurable, "SELECT name FROM dbo.drift_items WHERE kind <> 'feature' ORDER BY position;")
    assert [name for (name,) in others] == ["score", "spacing", "scanner", "kernel"]


def test_names_stand_at_the_places_of_the_names_that_the_model_keeps(measurable: Connection) -> None:
    """Two poolings of a layer, one of three parts, are told apart in brackets, as in the model's own details."""
    add_patients(measurable, 20, seed=1)
    vectors = rows(measurable, "SELECT scan_id, vector FROM dbo.pooled_features WHERE pooling = N'mean';")
    for scan, vector in vectors:
        threefold = json.dumps(json.loads(vector) * 3)
        run(
            measurable,
            "INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector) VALUES (?, 1, N'thirds', ?);",
            (scan, threefold),
        )
    hash_vectors(measurable)
    run(
        measurable,
        "EXECUTE dbo.TrainLungCancerModel @ModelName = N'wide', @Features = N'thirds; mean', @Columns = N'sex';",
    )
    run(measurable, "EXECUTE dbo.CheckDrift @ModelName = N'wide', @Dataset = N'later';")
    ((details,),) = rows(measurable, "SELECT details FROM dbo.classifiers WHERE name = N'wide';")
    ((network, layer),) = rows(
        measurable,
        "SELECT n.name, f.layer FROM dbo.networks AS n INNER JOIN dbo.feature_sets AS f ON f.network_id > 0;",
    )
    found = names(measurable)
    kept = json.loads(details)["feature_names"]
    assert len(found) == len(kept) == len(set(found)) == 49
    for name, own in zip(found, kept, strict=True):
        if own == "sex":
            assert name == "column sex"
            continue
        path, place = own.rsplit(" ", 1)
        preprocessing, pooling = path.split("/")[-2:]
        part = f", {int(place) // 12 + 1} of 3" if pooling == "thirds" else ""
        feature = f"layer {layer} of {network}, feature {int(place) % 12}"
        assert name == f"{feature} (version 1, {preprocessing}, {pooling}{part})"
