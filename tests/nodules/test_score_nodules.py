"""ScoreNodules scores crops around candidates, pools products of scores, goes on where it stopped, names what fails."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from lungdb.cli.load_network import main as load_network
from lungdb.database import Connection, run
from lungdb.errors import SqlError
from lungdb.imaging.codecs import content_sha256, encode_slice
from tests.support.databases import NAME, refused, rows, target_of
from tests.support.nodules import add_network, add_scan, search

SIDE, SLICES = 24, 16
ORIGIN, SPACING = (-20.0, 10.0, -50.0), 2.0
PLACE = {
    "spacing_z": SPACING, "spacing_y": SPACING, "spacing_x": SPACING, "origin_x": -20.0, "origin_y": 10.0,
    "origin_z": -50.0, "row_x": 1.0, "row_y": 0.0, "row_z": 0.0, "column_x": 0.0, "column_y": 1.0, "column_z": 0.0,
    "step_x": 0.0, "step_y": 0.0, "step_z": SPACING,
}  # fmt: skip
INPUT = {"name": "crop", "dimensions": 3, "channels": 1, "size": [5, 5, 5], "spacing": None, "window": [-1000, 1000]}
VOXELS = [(8, 12, 12), (5, 9, 15), (3, 3, 20)]
"""Slice, row and column of the candidates; crops of 5 voxels lie inside."""
DETECTED = [0.9, 0.5, 0.8]
CALL = "EXECUTE dbo.ScoreNodules @ModelName = N'stage', @Detector = N'detector', @Activation = N'none'"


def volume(seed: int) -> np.ndarray:
    """Make the slices of a scan."""
    return np.random.default_rng(seed).integers(-1000, 1000, (SLICES, SIDE, SIDE)).astype(np.int16)


def stage() -> bytes:
    """Make a network that gives the mean of a crop."""
    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["crop"], ["mean"], axes=[1, 2, 3, 4], keepdims=0),
         helper.make_node("Unsqueeze", ["mean", "axis"], ["score"])],
        "stage",
        [helper.make_tensor_value_info("crop", TensorProto.FLOAT, ["N", 1, 5, 5, 5])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["N", 1])],
        [helper.make_tensor("axis", TensorProto.INT64, [1], [1])],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(model.SerializeToString())


def add_volume(connection: Connection, patient: str, seed: int) -> int:
    """Store a scan with its slices and its place."""
    scan = add_scan(connection, patient, f"1.{patient}", **PLACE)
    slices = [encode_slice(plane) for plane in volume(seed)]
    run(
        connection,
        "UPDATE dbo.scans SET image_rows = ?, image_cols = ?, number_images = ?, content_sha256 = ? WHERE scan_id = ?;",
        (SIDE, SIDE, SLICES, content_sha256(sha256 for _, sha256 in slices), scan),
    )
    for index, (pixels, sha256) in enumerate(slices):
        run(
            connection,
            "INSERT INTO dbo.scan_images (scan_id, slice_index, instance_uid, rescale_slope, rescale_intercept, "
            "pixels, pixels_sha256) VALUES (?, ?, N'i', 1, -1024, ?, ?);",
            (scan, index, pixels, sha256),
        )
    return scan


def expected(seed: int) -> list[float]:
    """Compute the scores by hand: the mean of the voxels around each candidate, -1000 to 1000 HU as 0 to 1."""
    crops = [volume(seed)[z - 2 : z + 3, y - 2 : y + 3, x - 2 : x + 3] for z, y, x in VOXELS]
    return [float((crop.astype(np.float64).mean() + 1000) / 2000) for crop in crops]


@pytest.fixture
def staged(installed: Connection) -> Connection:
    """Give three scans that a detector has searched, the third without a candidate, and a stage."""
    detector = add_network(installed, "detector")
    details = {"input": INPUT, "normalisation": {"mean": [0.0], "std": [1.0]}, "layers": []}
    add_network(installed, "stage", model=stage(), details=json.dumps(details))
    for patient, seed in (("a", 1), ("b", 2)):
        places = [
            (ORIGIN[0] + x * SPACING, ORIGIN[1] + y * SPACING, ORIGIN[2] + z * SPACING, score)
            for (z, y, x), score in zip(VOXELS, DETECTED, strict=True)
        ]
        search(installed, detector, add_volume(installed, patient, seed), places)
    search(installed, detector, add_scan(installed, "c", "1.c"), [])
    return installed


def scores(connection: Connection, scan: int) -> list[float]:
    """Give what is stored of a scan's candidates."""
    found = rows(
        connection,
        "SELECT r.score FROM dbo.nodule_scores AS r INNER JOIN dbo.nodules AS n ON n.nodule_id = r.nodule_id "
        "WHERE n.scan_id = ? ORDER BY n.nodule_id;",
        (scan,),
    )
    return [score for (score,) in found]


def pooled(connection: Connection) -> dict[int, list[float]]:
    """Give the vectors of the stage by scan."""
    found = rows(
        connection,
        "SELECT p.scan_id, p.vector FROM dbo.pooled_features AS p INNER JOIN dbo.pooled_sets AS s "
        "ON s.feature_set_id = p.feature_set_id AND s.pooling = p.pooling "
        "WHERE s.name = N'stage/nodules:detector/volume/top5' AND s.width = 5;",
    )
    return {scan: json.loads(vector) for scan, vector in found}


def test_crops_are_scored_and_products_pooled(staged: Connection) -> None:
    """Means of the voxels themselves; the five highest products, zeros where there are fewer."""
    run(staged, f"{CALL}, @BatchSize = 2, @ChunkMegabytes = 1;")
    found = pooled(staged)
    assert sorted(found) == [1, 2, 3]
    for scan, seed in ((1, 1), (2, 2)):
        assert scores(staged, scan) == pytest.approx(expected(seed), abs=1e-5)
        products = sorted((a * b for a, b in zip(expected(seed), DETECTED, strict=True)), reverse=True)
        assert found[scan] == pytest.approx([*products, 0, 0], abs=1e-5)
    assert found[3] == [0] * 5
    assert rows(staged, "SELECT procedure_name, status, failed, scans FROM dbo.runs;") == [
        ("ScoreNodules", "done", 0, 3)
    ]


def test_a_stage_says_itself_what_makes_a_probability(staged: Connection, tmp_path: Path) -> None:
    """Declared once, the stored file says it for the next database; it is no detector, and its features are its own."""
    file, again = tmp_path / "told.onnx", tmp_path / "again.onnx"
    file.write_bytes(stage())
    target = target_of(tmp_path / NAME)
    reads = ["--input", "spacing=any,window=-1000,1000", "--layer", "score"]
    assert load_network([str(file), "-d", target, "--name", "told", *reads, "--stage", "activation=sigmoid"]) == 0
    ((model,),) = rows(staged, "SELECT model FROM dbo.networks WHERE name = N'told';")
    again.write_bytes(model)
    run(staged, "EXECUTE dbo.DeleteNetwork @ModelName = N'told', @Version = 1;")
    assert load_network([str(again), "-d", target, "--name", "again", "--layer", "score"]) == 0
    call = "EXECUTE dbo.ScoreNodules @Detector = N'detector', @ModelName ="
    run(staged, f"{call} N'again';")
    given = [1 / (1 + math.exp(-value)) for value in expected(1)]
    assert scores(staged, 1) == pytest.approx(given, abs=1e-5)
    with pytest.raises(SqlError, match="top5 is of the layer nodules of a detector alone"):
        run(staged, "EXECUTE dbo.GenerateFeatures @ModelName = N'again', @Pooling = N'top5';")
    assert load_network([str(file), "-d", target, *reads, "--stage", "class=1", "--detects", "heatmap"]) == 1


def test_it_goes_on_where_it_stopped_and_recomputes_on_demand(staged: Connection) -> None:
    """Scores that are there stay, those that are missing come; @Recompute makes all again."""
    run(staged, f"{CALL};")
    run(staged, "UPDATE dbo.nodule_scores SET score = 1 WHERE nodule_id = 1; DELETE FROM dbo.nodule_scores WHERE "
        "nodule_id > 3; DELETE FROM dbo.pooled_features;")  # fmt: skip
    run(staged, f"{CALL};")
    assert scores(staged, 1)[0] == 1
    assert scores(staged, 2) == pytest.approx(expected(2), abs=1e-5)
    assert pooled(staged)[1][0] == pytest.approx(max(0.9, expected(1)[2] * 0.8))
    run(staged, f"{CALL}, @Recompute = 1;")
    assert scores(staged, 1) == pytest.approx(expected(1), abs=1e-5)


def test_a_scan_that_fails_is_named_and_the_rest_go_on(staged: Connection) -> None:
    """Without a place in the patient there is no crop; no vector stands for it."""
    run(staged, "UPDATE dbo.scans SET origin_x = NULL WHERE scan_id = 1;")
    with pytest.raises(
        SqlError, match=r"1 of 3 scans .* scan_id 1: The place in the patient of the scan is not"
    ) as error:
        run(staged, f"{CALL};")
    assert error.value.number == 50120
    assert scores(staged, 2) == pytest.approx(expected(2), abs=1e-5)
    assert sorted(pooled(staged)) == [2, 3]
    run(staged, "DELETE FROM dbo.nodules WHERE scan_id = 1;")
    with pytest.raises(SqlError, match="@Class is 3"):
        run(staged, f"{CALL}, @Class = 3, @Recompute = 1;")


def test_a_scan_without_a_spacing_is_named_and_the_rest_go_on(staged: Connection) -> None:
    """A step of 0 mm has no voxel for a place."""
    run(staged, "UPDATE dbo.scans SET step_z = 0 WHERE scan_id = 1;")
    with pytest.raises(SqlError, match=r"1 of 3 scans .* scan_id 1: The spacing of the scan, 0 x 2 x 2 mm, is no"):
        run(staged, f"{CALL};")
    assert scores(staged, 2) == pytest.approx(expected(2), abs=1e-5)


@pytest.mark.parametrize(
    ("number", "part", "call"),
    [
        (50101, "@Detector", CALL.replace("@Detector = N'detector'", "@BatchSize = 0")),
        (50101, "nothing says what makes a probability", CALL.replace("N'none'", "NULL")),
        (50101, "@Activation", CALL.replace("N'none'", "N'tanh'")),
        (50102, "'nobody'", CALL.replace("N'stage'", "N'nobody'")),
        (50104, "reads pictures", CALL.replace("N'stage'", "N'detector'")),
        (50140, "stage 'detector' has not scored", f"{CALL}, @After = N'detector'"),
        (50101, "one of the stages in @After too", f"{CALL}, @After = N'stage'"),
    ],
)
def test_it_is_refused_with_number_and_value(staged: Connection, number: int, part: str, call: str) -> None:
    """Nothing is scored."""
    assert part in refused(staged, f"{call};", number)
    assert rows(staged, "SELECT COUNT(*) FROM dbo.nodule_scores;") == [(0,)]


def test_another_version_of_the_detector_makes_other_features(staged: Connection) -> None:
    """What a model has learnt from one version's candidates is not mixed with those of the next."""
    run(staged, f"{CALL};")
    before = pooled(staged)
    newer = add_network(staged, "newer")
    run(staged, "UPDATE dbo.networks SET name = N'detector', version = 2 WHERE network_id = ?;", (newer,))
    search(staged, newer, 1, [(ORIGIN[0] + 40, ORIGIN[1] + 24, ORIGIN[2] + 16, 0.25)])
    run(staged, f"{CALL};")
    assert pooled(staged) == before
    found = rows(
        staged,
        "SELECT p.scan_id FROM dbo.pooled_features AS p INNER JOIN dbo.feature_sets AS s "
        "ON s.feature_set_id = p.feature_set_id WHERE s.layer = N'nodules:detector 2';",
    )
    assert found == [(1,)]


def test_scores_are_deleted_with_the_last_features_of_their_stage(staged: Connection) -> None:
    """Then nothing refers to the stage any more, and it can be deleted; the nodules stay."""
    run(staged, f"{CALL};")
    counts = dict(rows(staged, "EXECUTE dbo.DeleteFeatures @NetworkName = N'stage';"))
    assert (counts["nodule_scores"], counts["nodules"]) == (6, 0)
    assert rows(staged, "SELECT COUNT(*) FROM dbo.nodules;") == [(6,)]
    run(staged, "EXECUTE dbo.DeleteNetwork @ModelName = N'stage', @Version = 1;")


SERVE = (
    "INSERT INTO dbo.classifiers (name, version, library, feature_set_id, pooling, model, sha256, details) "
    "SELECT N'served', 1, N'onnx', feature_set_id, N'top5', 0x00, HASHBYTES('SHA2_256', 0x00), N'{\"width\": 5}' "
    "FROM dbo.feature_sets WHERE layer = ?;"
)
DECLARED = {"form": "probability", "activation": "none", "class": 0}


def test_the_nightly_call_scores_what_is_new_by_declared_stages_in_their_order(staged: Connection) -> None:
    """A scan that came and was searched since: the first stage, then the second, whose features are served."""
    details = json.dumps({"input": INPUT, "normalisation": {"mean": [0.0], "std": [1.0]}, "output": DECLARED})
    run(staged, "UPDATE dbo.networks SET details = ? WHERE name = N'stage';", (details,))
    run(staged, "UPDATE dbo.networks SET model = 0x WHERE name = N'detector';")
    add_network(staged, "second", model=stage(), details=details)
    for call in (CALL, CALL.replace("N'stage'", "N'second'") + ", @After = N'stage'"):
        run(staged, f"{call};")
    run(staged, SERVE, ("nodules:detector:stage",))
    place = [(ORIGIN[0] + x * SPACING, ORIGIN[1] + y * SPACING, ORIGIN[2] + z * SPACING) for z, y, x in VOXELS]
    scan = add_volume(staged, "d", 3)
    search(staged, 1, scan, [(*at, score) for at, score in zip(place, DETECTED, strict=True)])
    run(staged, "UPDATE dbo.pooled_features SET vector_sha256 = NULL;")
    run(staged, "EXECUTE dbo.GenerateNewFeatures;")
    # What is there of other scans is not written again.
    hashes = rows(
        staged, "SELECT COUNT(*) FROM dbo.pooled_features WHERE vector_sha256 IS NULL AND scan_id <> ?;", (scan,)
    )
    assert hashes == rows(staged, "SELECT COUNT(*) FROM dbo.pooled_features WHERE scan_id <> ?;", (scan,))
    found = rows(
        staged,
        "SELECT w.name, r.score FROM dbo.nodule_scores AS r INNER JOIN dbo.nodules AS n ON n.nodule_id = r.nodule_id "
        "INNER JOIN dbo.networks AS w ON w.network_id = r.network_id WHERE n.scan_id = ? ORDER BY w.name DESC, "
        "n.nodule_id;",
        (scan,),
    )
    assert [name for name, _ in found] == ["stage"] * 3 + ["second"] * 3
    assert [score for _, score in found] == pytest.approx(expected(3) * 2, abs=1e-5)
    ((vector,),) = rows(
        staged,
        "SELECT p.vector FROM dbo.pooled_features AS p INNER JOIN dbo.feature_sets AS f "
        "ON f.feature_set_id = p.feature_set_id WHERE f.layer = N'nodules:detector:stage' AND p.scan_id = ?;",
        (scan,),
    )
    products = sorted((a * a * b for a, b in zip(expected(3), DETECTED, strict=True)), reverse=True)
    assert json.loads(vector) == pytest.approx([*products, 0, 0], abs=1e-5)


def test_a_stage_that_declares_is_not_scored_otherwise(staged: Connection) -> None:
    """What a night scores is scored as by day: the call is refused, and the remedy said."""
    details = {"input": INPUT, "normalisation": {"mean": [0.0], "std": [1.0]}, "output": DECLARED}
    run(staged, "UPDATE dbo.networks SET details = ? WHERE name = N'stage';", (json.dumps(details),))
    assert "'sigmoid' for the parameter @Activation" in refused(
        staged, CALL.replace("N'none'", "N'sigmoid'") + ";", 50101
    )
    assert "1 for the parameter @Class" in refused(staged, f"{CALL}, @Class = 1;", 50101)
    run(staged, f"{CALL}, @Class = 0;")
    assert scores(staged, 1) == pytest.approx(expected(1), abs=1e-5)


def test_the_nightly_call_and_a_refused_score_say_who_makes_features_of_stages(staged: Connection) -> None:
    """Of a network that declares nothing the nightly call does not know how; GenerateFeatures makes no products."""
    run(staged, f"{CALL};")
    run(staged, "UPDATE dbo.networks SET model = 0x WHERE name = N'detector';")
    run(staged, SERVE, ("nodules:detector",))
    run(staged, "DELETE FROM dbo.pooled_features WHERE scan_id = 1;")
    said: list[str] = []
    run(staged, "EXECUTE dbo.GenerateNewFeatures;", on_message=lambda message: said.append(message.text))
    assert "Left to a call of ScoreNodules" in " ".join(said)
    assert "stage/nodules:detector" in " ".join(said)
    assert rows(staged, "SELECT DISTINCT procedure_name FROM dbo.runs;") == [("ScoreNodules",)]
    message = refused(
        staged, "EXECUTE dbo.PredictLungCancer @PatientIndex = 0, @ModelName = N'served', @Version = 1;", 50109
    )
    assert "EXECUTE dbo.ScoreNodules @ModelName = N'stage'" in message
