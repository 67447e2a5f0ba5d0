"""GenerateFeatures, TrainLungCancerModel and PredictLungCancer do what they promise."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import cv2
import lightgbm
import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
from pydicom.data import get_testdata_file
from sklearn.metrics import log_loss, roc_auc_score

from lungdb.cli import load_scans
from lungdb.database import Connection, connect, run
from tests.support.databases import copy_to, target_of
from tests.support.fixtures import DEMO_NETWORK

GENERATE = "EXECUTE dbo.GenerateFeatures @ModelName = N'ResNet_152.model', @Pooling = N'mean,max'"
FEATURES = "SELECT scan_id, array, sha256 FROM dbo.features ORDER BY scan_id;"


def test_features_are_what_onnx_runtime_gives_for_the_slices(trained: Connection) -> None:
    """The stored array of a scan equals the network's penultimate layer on the slices, prepared with OpenCV by hand."""
    pictures = prepared_by_hand(trained, scan_id=3)
    (stored,) = run(trained, "SELECT array_rows, array_cols, array, sha256 FROM dbo.features WHERE scan_id = 3;")
    rows, cols, blob, sha256 = stored.rows[0]
    model = onnx.load(DEMO_NETWORK)
    last = next(node for node in reversed(model.graph.node) if node.op_type in ("Gemm", "MatMul")).input[0]
    model.graph.output.append(onnx.helper.make_tensor_value_info(last, onnx.TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    expected = session.run([last], {session.get_inputs()[0].name: pictures})[0]

    assert hashlib.sha256(blob).digest() == sha256
    features = np.frombuffer(blob, "<f4").reshape(rows, cols)
    np.testing.assert_allclose(features, expected.reshape(rows, cols), rtol=1e-3, atol=1e-4)


def test_several_layers_make_a_feature_set_each(trained: Connection) -> None:
    """A convolution's features are its means over rows and columns; what was there before is not made again."""
    before = run(trained, FEATURES)[0].rows
    said: list[str] = []
    generate = "EXECUTE dbo.GenerateFeatures @ModelName = N'ResNet_152.model', @Layer = N' block3.relu,  penultimate'"
    run(trained, f"{generate};", on_message=lambda message: said.append(message.text))
    run(trained, f"{generate};", on_message=lambda message: said.append(message.text))
    assert ["40 scans to do" in said[0], "0 scans to do" in said[-1]] == [True, True]
    (sets,) = run(trained, "SELECT layer, width FROM dbo.feature_sets ORDER BY feature_set_id;")
    widths = dict(sets.rows)
    assert list(widths) == ["penultimate", "block3.relu"]
    (kept,) = run(
        trained,
        "SELECT f.scan_id, f.array, f.sha256 FROM dbo.features AS f INNER JOIN dbo.feature_sets AS s "
        "ON s.feature_set_id = f.feature_set_id WHERE s.layer = N'penultimate' ORDER BY f.scan_id;",
    )
    assert kept.rows == before

    pictures = prepared_by_hand(trained, scan_id=3)
    model = onnx.load(DEMO_NETWORK)
    model.graph.output.append(onnx.helper.make_tensor_value_info("block3.relu", onnx.TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    maps = session.run(["block3.relu"], {session.get_inputs()[0].name: pictures})[0]
    assert widths["block3.relu"] == maps.shape[1]
    (stored,) = run(
        trained,
        "SELECT f.array_rows, f.array_cols, f.array FROM dbo.features AS f INNER JOIN dbo.feature_sets AS s "
        "ON s.feature_set_id = f.feature_set_id WHERE s.layer = N'block3.relu' AND f.scan_id = 3;",
    )
    rows, cols, blob = stored.rows[0]
    features = np.frombuffer(blob, "<f4").reshape(rows, cols)
    np.testing.assert_allclose(features, maps.mean(axis=(2, 3)), rtol=1e-3, atol=1e-4)


def prepared_by_hand(connection: Connection, scan_id: int) -> npt.NDArray[np.float32]:
    """Prepare a scan's nine slices of 64 × 64 with OpenCV: float32[3, 3, 224, 224]."""
    (slices,) = run(
        connection,
        "SELECT DECOMPRESS(pixels), encoding FROM dbo.scan_images WHERE scan_id = ? ORDER BY slice_index;",
        (scan_id,),
    )
    (details,) = run(connection, "SELECT details FROM dbo.networks;")
    normalisation = json.loads(details.scalar())["normalisation"]
    assert {encoding for _, encoding in slices.rows} == {"shuffled"}  # the low bytes of all pixels, then the high ones
    planes = [np.frombuffer(pixels, np.uint8).reshape(2, 64, 64) for pixels, _ in slices.rows]
    hu = np.stack([low.astype(np.int32) + 256 * high.view(np.int8).astype(np.int32) for low, high in planes]).astype(
        np.float32
    )
    scaled = np.clip((hu + 1350) / 1500, 0, 1)
    crop = round(64 * 40 / 512)
    prepared = np.stack(
        [cv2.resize(s[crop:-crop, crop:-crop], (224, 224), interpolation=cv2.INTER_LINEAR) for s in scaled]
    ).reshape(3, 3, 224, 224)
    mean, std = (np.array(normalisation[name], np.float32).reshape(1, 3, 1, 1) for name in ("mean", "std"))
    return ((prepared - mean) / std).astype(np.float32)


def test_pooled_features_are_the_mean_and_maximum_over_the_triples(trained: Connection) -> None:
    """The JSON vectors and dbo.feature_values hold numpy's mean and max of the stored array."""
    (stored,) = run(trained, "SELECT array_rows, array_cols, array FROM dbo.features WHERE scan_id = 5;")
    rows, cols, blob = stored.rows[0]
    array = np.frombuffer(blob, "<f4").reshape(rows, cols)
    for pooling, expected in (("mean", array.mean(axis=0)), ("max", array.max(axis=0))):
        (values,) = run(
            trained,
            "SELECT value FROM dbo.feature_values WHERE scan_id = 5 AND pooling = ? ORDER BY feature_index;",
            (pooling,),
        )
        np.testing.assert_allclose([value for (value,) in values.rows], expected, rtol=1e-5, atol=1e-6)


def test_what_is_done_is_skipped_and_recompute_makes_it_again(trained: Connection) -> None:
    """A second call finds nothing to do; a new pooling or @Recompute finds every scan."""
    said: list[str] = []
    run(trained, f"{GENERATE};", on_message=lambda message: said.append(message.text))
    assert "0 scans to do" in said[0]
    assert len(said) == 1
    before = run(trained, FEATURES)[0].rows
    run(trained, "EXECUTE dbo.GenerateFeatures @ModelName = N'ResNet_152.model', @Pooling = N'pca1';")
    run(trained, f"{GENERATE}, @Recompute = 1;", on_message=lambda message: said.append(message.text))
    assert "40 scans to do" in said[1]
    assert run(trained, FEATURES)[0].rows == before
    (poolings,) = run(trained, "SELECT pooling, COUNT(*) FROM dbo.pooled_features GROUP BY pooling ORDER BY pooling;")
    assert poolings.rows == [("max", 40), ("mean", 40)]


def test_a_killed_run_resumes_to_the_same_features(loaded_file: Path, trained: Connection, tmp_path: Path) -> None:
    """SIGKILL after the first chunks, then a second call: the bytes equal those of an undisturbed run."""
    folder = tmp_path / "killed"
    folder.mkdir()
    target = target_of(copy_to(folder, loaded_file))
    command = [sys.executable, "-m", "lungdb.cli.main", "sql", "-d", target, "-q", f"{GENERATE}, @ChunkMegabytes = 1;"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "scans done" in line:
                os.killpg(process.pid, signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    with closing(connect(target)) as connection:
        assert 0 < run(connection, "SELECT COUNT(*) FROM dbo.features;")[0].scalar() < 40
        said: list[str] = []
        run(connection, f"{GENERATE};", on_message=lambda message: said.append(message.text))
        assert "40 scans to do" not in said[0]
        assert run(connection, FEATURES)[0].rows == run(trained, FEATURES)[0].rows


def test_the_rest_goes_on_when_a_scan_fails(loaded: Connection) -> None:
    """A damaged scan is named in a message, the call ends with error 50120, and the other 39 scans are stored."""
    from lungdb.errors import SqlError

    run(loaded, "UPDATE dbo.scan_images SET pixels = 0x1F8B00 WHERE scan_id = 7 AND slice_index = 2;")
    run(loaded, "DELETE FROM dbo.scan_images WHERE scan_id = 9 AND slice_index = 8;")
    run(loaded, "DELETE FROM dbo.scan_images WHERE scan_id = 11;")
    said: list[str] = []
    with pytest.raises(SqlError) as caught:
        run(loaded, f"{GENERATE}, @ChunkMegabytes = 1;", on_message=lambda message: said.append(message.text))
    assert caught.value.number == 50120
    failed = [line for line in said if "failed" in line]
    assert [line.split(" failed: ")[0] for line in failed] == [
        "Scan 7 (patient index 6)",
        "Scan 9 (patient index 8)",
        "Scan 11 (patient index 10)",
    ]
    assert run(loaded, "SELECT COUNT(*) FROM dbo.features WHERE scan_id IN (7, 9, 11);")[0].scalar() == 0
    assert run(loaded, "SELECT COUNT(*) FROM dbo.pooled_features;")[0].scalar() == 2 * 37


def test_the_test_part_is_fixed_and_its_figures_are_scikit_learns(trained: Connection) -> None:
    """Parts follow from the hash of the id, and AUC and log loss of the test part are recomputed from its rows."""
    (rows,) = run(
        trained,
        "SELECT p.patient_id, p.part, s.part, l.label, p.probability FROM dbo.experiment_patients AS p "
        "INNER JOIN dbo.splits AS s ON s.patient_id = p.patient_id "
        "INNER JOIN dbo.labels AS l ON l.patient_id = p.patient_id;",
    )
    assert len(rows.rows) == 40
    for patient_id, part, split, _, _ in rows.rows:
        digest = hashlib.sha256(f"lungdb/{patient_id}".encode("utf-16-le")).digest()
        assert split == ("test" if int.from_bytes(digest[:3], "big") % 100 < 25 else "train")
        assert (part == "test") == (split == "test")
    test = [(label, probability) for _, part, _, label, probability in rows.rows if part == "test"]
    labels, probabilities = zip(*test, strict=True)
    (metrics,) = run(trained, "SELECT metric, value FROM dbo.experiment_metrics WHERE part = 'test';")
    figures = dict(metrics.rows)
    assert figures["auc"] == pytest.approx(roc_auc_score(labels, probabilities))
    assert figures["log_loss"] == pytest.approx(log_loss(labels, probabilities))


def test_a_prediction_is_what_lightgbm_gives_for_the_stored_model(trained: Connection) -> None:
    """The score, its row and who asked for it: LightGBM itself reads model and features, and Platt's curve is added."""
    (stored_model,) = run(trained, "SELECT model, details FROM dbo.classifiers;")
    model, details = stored_model.rows[0]
    (vector,) = run(
        trained,
        "SELECT f.vector FROM dbo.patients AS p INNER JOIN dbo.scans AS s ON s.patient_id = p.patient_id "
        "INNER JOIN dbo.pooled_features AS f ON f.scan_id = s.scan_id WHERE p.idx = 4 AND f.pooling = N'mean';",
    )
    booster = lightgbm.Booster(model_str=model.decode())
    raw = float(booster.predict(np.array([json.loads(vector.scalar())]))[0])
    platt = json.loads(details)["calibration"]
    expected = 1 / (1 + math.exp(-(platt["slope"] * math.log(raw / (1 - raw)) + platt["intercept"])))
    run(trained, "EXECUTE sp_set_session_context @key = N'user', @value = N'dr.who';")
    results = run(
        trained,
        "DECLARE @r FLOAT; EXECUTE dbo.PredictLungCancer @PatientIndex = 4, @PredictionResult = @r OUTPUT; SELECT @r;",
    )
    assert [result.scalar() for result in results] == pytest.approx([100 * expected, 100 * expected])
    (stored,) = run(trained, "SELECT probability, raw_probability, predicted_by FROM dbo.predictions;")
    assert stored.rows[0][:2] == pytest.approx((expected, raw))
    assert stored.rows[0][2] == "dr.who"


def test_the_same_seed_gives_the_same_model(trained: Connection) -> None:
    """Two trainings with equal parameters store equal bytes; another seed stores others."""
    run(trained, "EXECUTE dbo.TrainLungCancerModel;")
    run(trained, "EXECUTE dbo.TrainLungCancerModel @Seed = 7;")
    (models,) = run(trained, "SELECT sha256 FROM dbo.classifiers ORDER BY version;")
    one, two, three = (row[0] for row in models.rows)
    assert one == two != three


def test_one_small_slice_is_a_scan_like_any_other(done_file: Path, tmp_path: Path) -> None:
    """pydicom's CT_small.dcm, 128 × 128 and alone, is loaded, featurized and scored."""
    target = target_of(copy_to(tmp_path, done_file))
    folder = tmp_path / "more"
    folder.mkdir()
    shutil.copy(str(get_testdata_file("CT_small.dcm")), folder)
    assert load_scans.main(["-d", target, "--keep-ids", str(folder)]) == 0
    with closing(connect(target)) as connection:
        run(connection, f"{GENERATE};")
        (result,) = run(connection, "EXECUTE dbo.PredictLungCancer @PatientIndex = 40;")
    assert 0 <= result.scalar() <= 100


def test_messages_come_while_the_procedure_runs(loaded_file: Path, tmp_path: Path) -> None:
    """The first line of progress is printed well before the last: the command does not save them up."""
    target = target_of(copy_to(tmp_path, loaded_file))
    command = [sys.executable, "-m", "lungdb.cli.main", "sql", "-d", target, "-q", f"{GENERATE}, @ChunkMegabytes = 1;"]
    came = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            came.append((time.monotonic(), line))
    ended = time.monotonic()
    first = next(moment for moment, line in came if "scans done" in line)
    assert process.returncode == 0
    assert ended - first > 0.2
