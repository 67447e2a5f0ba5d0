"""ExplainScans: rows that sum to the margin, what is explained again, and every refusal."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from lungdb.database import Connection, connect, run
from lungdb.learning.pooling import pool
from tests.explaining.conftest import MODELS, TRIPLES, arrays, vector_of
from tests.support.databases import copy_to, refused, rows, said, target_of

NEWEST = """
SELECT r.prediction_id, r.raw_probability, r.predicted, e.margin, e.reference_margin
FROM dbo.predictions AS r
INNER JOIN dbo.classifiers AS c ON c.classifier_id = r.classifier_id
INNER JOIN dbo.score_explanations AS e ON e.prediction_id = r.prediction_id
WHERE c.name = ? AND r.scan_id = 1;
"""
SLICES = "SELECT value FROM dbo.score_slices WHERE prediction_id = ? AND method = ? ORDER BY triple;"


def newest(connection: Connection, name: str) -> dict[str, Any]:
    """Give the explained score of the first scan by a model."""
    [row] = rows(connection, NEWEST, (name,))
    return dict(zip(("id", "raw", "predicted", "margin", "reference"), row, strict=True))


@pytest.mark.parametrize("name", [*MODELS, "ensemble"])
def test_contributions_and_slices_sum_to_the_margin_of_the_stored_score(explained_once: Connection, name: str) -> None:
    """The log-odds of raw_probability, of a regression the number; below 1e-6 by features, exactly by slices."""
    score = newest(explained_once, name)
    wanted = score["predicted"] if score["raw"] is None else math.log(score["raw"] / (1 - score["raw"]))
    assert score["margin"] == pytest.approx(wanted, abs=1e-6)
    sums = rows(
        explained_once,
        "SELECT member, SUM(contribution), SUM(CASE WHEN feature IS NULL THEN 1 ELSE 0 END) "
        "FROM dbo.score_contributions WHERE prediction_id = ? GROUP BY member ORDER BY member;",
        (score["id"],),
    )
    assert [(member, starts) for member, _, starts in sums] == ([(1, 1), (2, 1)] if name == "ensemble" else [(0, 1)])
    if name != "ensemble":
        assert sums[0][1] == pytest.approx(score["margin"], abs=1e-6)
    method = "share" if name.startswith("linear") else "shapley"
    values = [value for (value,) in rows(explained_once, SLICES, (score["id"], method))]
    assert len(values) == TRIPLES
    assert sum(values) == pytest.approx(score["margin"] - score["reference"], abs=1e-9)
    errors = rows(
        explained_once,
        "SELECT COUNT(standard_error) FROM dbo.score_slices WHERE prediction_id = ? AND method = ?;",
        (score["id"], method),
    )
    assert errors == [(0 if method == "share" else TRIPLES,)]


@pytest.mark.parametrize(("name", "poolings"), [("lightgbm_sql", ("mean",)), ("several", ("max", "mean"))])
def test_features_and_slices_left_out_are_lightgbms(
    explained_once: Connection, name: str, poolings: tuple[str, ...]
) -> None:
    """Its pred_contrib of the stored vector, and its raw score of a vector pooled by hand without the triple."""
    score = newest(explained_once, name)
    [(model,)] = rows(explained_once, "SELECT model FROM dbo.classifiers WHERE name = ?;", (name,))
    booster = lightgbm.Booster(model_str=bytes(model).decode())
    vector = np.array([vector_of(explained_once, 1, name)], dtype=np.float32)
    wanted = booster.predict(vector, pred_contrib=True)[0]
    found = np.zeros_like(wanted)
    stored = rows(
        explained_once,
        "SELECT feature, contribution FROM dbo.score_contributions WHERE prediction_id = ?;",
        (score["id"],),
    )
    for feature, contribution in stored:
        found[-1 if feature is None else feature] = contribution
    assert found == pytest.approx(wanted, abs=1e-9)
    for triple, (change,) in enumerate(rows(explained_once, SLICES, (score["id"], "without"))):
        left = np.delete(arrays()[0], triple, axis=0)
        changed = vector.copy()
        pieces = np.concatenate([pool(left, pooling) for pooling in poolings])
        changed[0, : pieces.size] = pieces
        expected = booster.predict(changed, raw_score=True)[0] - booster.predict(vector, raw_score=True)[0]
        assert change == pytest.approx(expected, abs=1e-9)


def test_features_have_names_and_slices_positions(explained_once: Connection) -> None:
    """What pooling made of which number of the layer, columns by their own names, slices by millimetres."""
    score = newest(explained_once, "several")
    names = dict(
        rows(
            explained_once,
            "SELECT feature, name FROM dbo.explained_features WHERE prediction_id = ?;",
            (score["id"],),
        )
    )
    assert names[None] == "expected margin"
    known = {0: "made up/penultimate/lung max 0", 12: "made up/penultimate/lung mean 0", 24: "age", 25: "slices"}
    shown = {feature: name for feature, name in names.items() if feature in known}
    assert len(shown) > 1
    assert shown == {feature: known[feature] for feature in shown}
    forest = rows(
        explained_once,
        "SELECT feature, name FROM dbo.explained_features WHERE prediction_id = ? AND feature >= 12;",
        (newest(explained_once, "forest")["id"],),
    )
    assert all(name.endswith(f"{('max', 'std')[feature // 24]} {feature % 12}") for feature, name in forest)
    slices = rows(
        explained_once,
        "SELECT first_slice, last_slice, position_from, change_without, tied FROM dbo.explained_slices "
        "WHERE prediction_id = ? ORDER BY triple;",
        (score["id"],),
    )
    assert [row[:2] for row in slices] == [(0, 2), (3, 5), (6, 8), (9, 10)]
    assert slices[0][2] == 0.0
    changes = [row[3] for row in slices]
    assert [row[4] for row in slices] == [changes.count(change) for change in changes]


def test_features_of_a_packages_pooling_have_names_of_their_own(explained: Connection) -> None:
    """Which of the numbers that it makes of a feature, from 1."""
    run(
        explained,
        "EXECUTE dbo.ExplainScans @ScanId = 1, @ModelName = N'forest', @Permutations = 0;"
        "INSERT INTO dbo.extensions (kind, name, package, times) VALUES ('pooling', N'ends', N'extra 1', 3);"
        "UPDATE dbo.classifiers SET pooling = N'ends' WHERE name = N'forest';",
    )
    found = rows(explained, "SELECT feature, name FROM dbo.explained_features WHERE feature IS NOT NULL;")
    assert len({name for _, name in found}) == len(found) > 3
    wanted = {f"made up/penultimate/lung ends part {feature // 12 + 1} {feature % 12}" for feature, _ in found}
    assert {name for _, name in found} == wanted


def test_the_result_has_as_many_rows_as_asked_for_and_what_was_told(explained: Connection) -> None:
    """Scores with calibrated and raw percent, then features and slices, the largest first."""
    results = run(explained, "EXECUTE dbo.ExplainScans @ScanId = 1, @TopFeatures = 3, @TopSlices = 2;")
    heads, features, slices = (result.records() for result in results if result.columns)
    [head] = heads
    assert head["raw_percent"] == pytest.approx(100 / (1 + math.exp(-head["margin"])))
    told = rows(
        explained, "SELECT 100 * probability FROM dbo.predictions WHERE prediction_id = ?;", (head["prediction_id"],)
    )
    assert (head["probability_percent"],) == told[0]
    assert [row["rank"] for row in features] == [1, 2, 3]
    sizes = [abs(row["contribution"]) for row in features]
    assert sizes == sorted(sizes, reverse=True)
    assert [row["rank"] for row in slices] == [1, 2]
    assert abs(slices[0]["shapley"]) >= abs(slices[1]["shapley"])


def test_what_is_explained_is_left_until_something_is_asked_otherwise(explained: Connection) -> None:
    """The same call does nothing; another seed, or @Recompute, explains again and keeps maps of the same features."""
    call = "EXECUTE dbo.ExplainScans @ScanId = 1"
    assert "1 scores to explain" in said(explained, f"{call};")
    run(
        explained,
        "INSERT INTO dbo.score_maps (prediction_id, slice_index, method, first_row, end_row, first_col, end_col, "
        "lowest, highest, map_rows, map_cols, map, map_sha256) "
        "SELECT prediction_id, 0, 'occlusion', 0, 1, 0, 1, 0, 0, 1, 1, 0x00000000, 0x FROM dbo.score_explanations;",
    )
    stored = rows(explained, "SELECT triple, value FROM dbo.score_slices WHERE method = 'shapley' ORDER BY triple;")
    assert "0 scores to explain" in said(explained, f"{call};")
    assert "1 scores to explain" in said(explained, f"{call}, @Recompute = 1;")
    again = rows(explained, "SELECT triple, value FROM dbo.score_slices WHERE method = 'shapley' ORDER BY triple;")
    assert again == stored
    assert "1 scores to explain" in said(explained, f"{call}, @Seed = 3, @Permutations = 8;")
    other = rows(explained, "SELECT triple, value FROM dbo.score_slices WHERE method = 'shapley' ORDER BY triple;")
    assert other != stored
    assert rows(explained, "SELECT COUNT(*) FROM dbo.score_maps;") == [(1,)]


def test_estimates_of_other_permutations_do_not_stay_beside_new_slices(explained: Connection) -> None:
    """A network's contributions, with standard errors or without, are made again; exact ones are left."""
    contributions = (
        "SELECT k.feature, k.contribution, k.standard_error FROM dbo.score_contributions AS k "
        "INNER JOIN dbo.predictions AS p ON p.prediction_id = k.prediction_id "
        "INNER JOIN dbo.classifiers AS c ON c.classifier_id = p.classifier_id WHERE c.name = ? ORDER BY k.feature;"
    )
    call = "EXECUTE dbo.ExplainScans @ScanId = 1, @ModelName = N'{}', @Permutations = {};"
    run(explained, call.format("network", 8))
    wanted = rows(explained, contributions, ("network",))
    assert len(wanted) > 2
    run(explained, call.format("network", 2))
    assert all(error is None for _, _, error in rows(explained, contributions, ("network",)))
    run(explained, call.format("network", "8, @Features = 0"))
    assert rows(explained, contributions, ("network",)) == []
    run(explained, call.format("network", 8))
    assert rows(explained, contributions, ("network",)) == wanted
    run(explained, call.format("linear", 2))
    exact = rows(explained, contributions, ("linear",))
    run(explained, call.format("linear", "8, @Features = 0"))
    assert rows(explained, contributions, ("linear",)) == exact


def test_training_means_of_an_older_model_are_taken_from_its_training_run(explained: Connection) -> None:
    """Without dbo.model_scope_features the reference is the same; where slices alone are asked for, features stay."""
    call = "EXECUTE dbo.ExplainScans @PredictionId = 1, @Permutations = 8"
    run(explained, f"{call};")
    slices = "SELECT triple, value FROM dbo.score_slices WHERE method = 'shapley' ORDER BY triple;"
    before, counted = rows(explained, slices), rows(explained, "SELECT COUNT(*) FROM dbo.score_contributions;")
    run(explained, f"DELETE FROM dbo.model_scope_features; {call}, @Features = 0, @Recompute = 1;")
    after = rows(explained, slices)
    assert [value for _, value in after] == pytest.approx([value for _, value in before], abs=1e-9)
    assert rows(explained, "SELECT COUNT(*) FROM dbo.score_contributions;") == counted


def test_a_data_set_is_explained_in_chunks_and_goes_on_where_it_was(explained: Connection) -> None:
    """Each chunk is stored by itself and told in run_steps; what is there already is not made again."""
    run(
        explained,
        "EXECUTE dbo.CreateDataset @Name = N'some', @Query = N'SELECT scan_id FROM dbo.scans WHERE scan_id <= 60'; "
        "EXECUTE dbo.PredictPatients @Dataset = N'some';",
    )
    run(explained, "EXECUTE dbo.ExplainScans @ScanId = 2, @Permutations = 2;")
    call = "EXECUTE dbo.ExplainScans @Dataset = N'some', @Permutations = 2"
    assert "59 scores to explain" in said(explained, f"{call};")
    steps = rows(explained, "SELECT done FROM dbo.run_steps WHERE run_id = (SELECT MAX(run_id) FROM dbo.runs);")
    assert steps == [(0,), (50,), (59,)]
    assert rows(explained, "SELECT COUNT(*) FROM dbo.explained_scores WHERE model_name = N'lightgbm_sql';") == [(60,)]


@pytest.mark.parametrize(
    ("call", "number", "said_of"),
    [
        ("@ScanId = 9", 50370, "PredictLungCancer @ScanId = 9, @ModelName = N'lightgbm_sql', @Version = 1"),
        ("@ScanId = 999", 50280, "999"),
        ("@PredictionId = 999", 50145, "999"),
        ("@PredictionId = 1, @ModelName = N'forest'", 50101, "lightgbm_sql version 1"),
        ("@ScanId = 1, @PredictionId = 1", 50101, "Give one of"),
        ("@ScanId = 1, @ModelName = N'nobody'", 50108, "nobody"),
        ("@ScanId = 1, @Permutations = -1, @TopSlices = NULL", 50101, "@TopSlices"),
        ("@ScanId = 1, @DatasetVersion = 1", 50101, "@DatasetVersion"),
    ],
)
def test_arguments_that_cannot_be_are_refused(explained: Connection, call: str, number: int, said_of: str) -> None:
    """With the value and what to do; nothing is stored."""
    assert said_of in refused(explained, f"EXECUTE dbo.ExplainScans {call};", number)


@pytest.mark.parametrize(
    ("change", "number"),
    [
        ("UPDATE dbo.features SET array = 0x00000000 WHERE scan_id = 1", 50105),
        ("UPDATE dbo.pooled_features SET vector = N'[1]' WHERE scan_id = 1", 50105),
        (
            "UPDATE dbo.pooled_features SET vector = N'[1]', vector_sha256 = "
            "HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), N'[1]')) WHERE scan_id = 1",
            50373,
        ),
        ("UPDATE dbo.predictions SET raw_probability = 0.123 WHERE prediction_id = 1", 50373),
        ("DELETE FROM dbo.features WHERE scan_id = 1", 50374),
        ("DELETE FROM dbo.pooled_features WHERE scan_id = 1", 50374),
        ("DELETE FROM dbo.model_scope_features; DELETE FROM dbo.experiment_patients", 50372),
        ("UPDATE dbo.classifiers SET model = 0x00", 50105),
    ],
)
def test_what_is_no_longer_what_was_scored_is_refused(explained: Connection, change: str, number: int) -> None:
    """Damaged, changed or gone: the number, what to do, and nothing stored; missing features name the call."""
    run(explained, f"{change};")
    message = refused(explained, "EXECUTE dbo.ExplainScans @PredictionId = 1;", number)
    if number == 50374:
        assert "EXECUTE dbo.GenerateFeatures @ModelName = N'made up', @Layer = N'penultimate'" in message
    assert rows(explained, "SELECT TOP (1) status FROM dbo.runs ORDER BY run_id DESC;") != [("running",)]


def test_of_many_scores_the_sound_ones_are_stored(explained: Connection) -> None:
    """And the others named."""
    run(
        explained,
        "EXECUTE dbo.CreateDataset @Name = N'two', @Query = N'SELECT scan_id FROM dbo.scans WHERE scan_id <= 2'; "
        "UPDATE dbo.features SET array = 0x00000000 WHERE scan_id = 1;",
    )
    with pytest.raises(Exception, match="1 of 2 scores could not be explained: scan 1: ") as caught:
        run(explained, "EXECUTE dbo.ExplainScans @Dataset = N'two', @Permutations = 2;")
    assert getattr(caught.value, "number", 0) == 50375
    assert rows(explained, "SELECT scan_id FROM dbo.explained_scores;") == [(2,)]
    assert rows(explained, "SELECT TOP (1) status, failed FROM dbo.runs ORDER BY run_id DESC;") == [("failed", 1)]


def test_two_connections_explain_the_same_scores_at_once(explained_file: Path, tmp_path: Path) -> None:
    """Neither fails, and each row is there once."""
    target = target_of(copy_to(tmp_path, explained_file))

    def explain(model: str) -> None:
        with closing(connect(target)) as connection:
            for scan in (1, 2):
                call = f"EXECUTE dbo.ExplainScans @ScanId = {scan}, @ModelName = ?, @Permutations = 2, @Recompute = 1;"
                run(connection, call, (model,))

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(explain, ["steps", "steps"]))
    with closing(connect(target)) as connection:
        assert rows(connection, "SELECT COUNT(*) FROM dbo.score_explanations;") == [(2,)]
        counted = "SELECT COUNT(*), COUNT(DISTINCT CONCAT(prediction_id, method, triple)) FROM dbo.score_slices;"
        assert rows(connection, counted) == [(4 * TRIPLES, 4 * TRIPLES)]
        starts = "SELECT COUNT(*) FROM dbo.score_contributions WHERE feature IS NULL;"
        assert rows(connection, starts) == [(2,)]


def test_it_refuses_to_start_inside_a_transaction(explained: Connection) -> None:
    """It commits chunk by chunk."""
    refused(explained, "BEGIN TRANSACTION; EXECUTE dbo.ExplainScans @ScanId = 1;", 50100)


def onnx_of(weights: np.ndarray[Any, np.dtype[np.float32]]) -> bytes:
    """Write the sigmoid of a weighted sum as a classifier in ONNX."""
    nodes = [helper.make_node("MatMul", ["x", "w"], ["sum"]), helper.make_node("Sigmoid", ["sum"], ["probability"])]
    graph = helper.make_graph(
        nodes,
        "theirs",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", len(weights)])],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["N", 1])],
        [numpy_helper.from_array(weights[:, None], "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def test_a_classifier_in_onnx_has_slices_and_no_contributions(explained: Connection) -> None:
    """Each refusal says what is left to ask for; the changes are those of the weighted sum."""
    weights = np.random.default_rng(4).normal(scale=0.5, size=12).astype(np.float32)
    run(
        explained,
        "EXECUTE dbo.StoreClassifier @ModelName = N'theirs', @FeatureSetId = 1, @Library = N'onnx', @Classifier = ?, "
        '@Details = N\'{"width": 12, "prevalence": null}\'; '
        "EXECUTE dbo.PredictLungCancer @ScanId = 1, @ModelName = N'theirs';",
        (onnx_of(weights),),
    )
    call = "EXECUTE dbo.ExplainScans @ScanId = 1, @ModelName = N'theirs'"
    assert "@Features = 0" in refused(explained, f"{call};", 50371)
    assert "@Permutations = 0" in refused(explained, f"{call}, @Features = 0;", 50372)
    run(explained, f"{call}, @Features = 0, @Permutations = 0;")
    score = newest(explained, "theirs")
    array = arrays()[0].astype(np.float64)
    for triple, (change,) in enumerate(rows(explained, SLICES, (score["id"], "without"))):
        left = np.delete(array, triple, axis=0).mean(axis=0)
        assert change == pytest.approx((left - array.mean(axis=0)) @ weights, abs=1e-5)


def test_lineage_shows_an_explanation_and_it_goes_with_its_score(explained: Connection) -> None:
    """Rows of all three tables fall with the prediction."""
    run(explained, "EXECUTE dbo.ExplainScans @PredictionId = 1;")
    lineage = rows(explained, "EXECUTE dbo.LineageOf @PredictionId = 1;")
    [detail] = [row[3] for row in lineage if row[1] == "explanation"]
    assert "32 permutations" in detail
    run(explained, "DELETE FROM dbo.predictions WHERE prediction_id = 1;")
    for table in ("score_explanations", "score_contributions", "score_slices"):
        assert rows(explained, f"SELECT COUNT(*) FROM dbo.{table};") == [(0,)]
