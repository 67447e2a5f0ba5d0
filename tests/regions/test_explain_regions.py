"""ExplainRegions: maps are what hiding a part of the slices does, or the exact shares of its places."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import cv2
import lightgbm
import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper
from scipy.signal import correlate2d

from lungdb.database import Connection, run
from lungdb.imaging.codecs import decode_slice
from lungdb.imaging.preprocessing import CtSlice, prepare
from tests.regions.conftest import SCAN, SIDE
from tests.support.databases import refused, rows, said
from tests.support.networks import NORMALISATION, write_network

MAPS = (
    "SELECT slice_index, method, position, first_row, end_row, first_col, end_col, map_rows, map_cols, lowest, "
    "highest, map FROM dbo.score_maps WHERE prediction_id = ? ORDER BY slice_index, method;"
)


def maps(connection: Connection, prediction: int) -> dict[int, NDArray[np.float32]]:
    """Give slice -> map, all of one method."""
    found = rows(connection, MAPS, (prediction,))
    return {row[0]: np.frombuffer(row[-1], "<f4").reshape(row[7], row[8]) for row in found}


def volume(connection: Connection) -> NDArray[np.int16]:
    """Give the Hounsfield units of the scan."""
    stored = rows(
        connection,
        "SELECT pixels, pixels_sha256, encoding FROM dbo.scan_images WHERE scan_id = ? ORDER BY slice_index;",
        (SCAN,),
    )
    return np.stack([decode_slice(pixels, 64, 64, sha256, encoding) for pixels, sha256, encoding in stored])


def demo_features(connection: Connection, scan: NDArray[np.int16]) -> NDArray[np.float32]:
    """Run the demo network on a volume with ONNX Runtime itself."""
    model, details = rows(connection, "SELECT model, details FROM dbo.networks WHERE name = N'ResNet_152.model';")[0]
    found: Mapping[str, Any] = json.loads(details)
    normalisation = found["normalisation"]
    size = (found["input"]["height"], found["input"]["width"])
    pictures = prepare([CtSlice(hu) for hu in scan], "lung", normalisation["mean"], normalisation["std"], size)
    network = onnx.load_from_string(model)
    del network.graph.output[:]
    network.graph.output.append(
        onnx.helper.make_tensor_value_info(found["layers"]["penultimate"], onnx.TensorProto.FLOAT, None)
    )
    session = onnxruntime.InferenceSession(network.SerializeToString(), providers=["CPUExecutionProvider"])
    features: NDArray[np.float32] = session.run(None, {session.get_inputs()[0].name: pictures})[0]
    return features


def test_an_occlusion_is_what_a_recomputation_from_pixels_gives(explained: Connection) -> None:
    """Each cell of a grid of three is hidden in the pixels, and all is computed anew, with LightGBM's own margins."""
    heard = said(explained, "EXECUTE dbo.ExplainRegions @PredictionId = 1, @Slices = N'4', @Grid = 3;")
    assert "10 runs of the network for the maps of 1 slices" in heard
    found = maps(explained, 1)
    assert list(found) == [4]
    scan = volume(explained)
    text = rows(explained, "SELECT model FROM dbo.classifiers WHERE name = N'lightgbm_sql';")[0][0].decode()
    booster = lightgbm.Booster(model_str=text)

    def margin(changed: NDArray[np.int16]) -> float:
        vector = demo_features(explained, changed).mean(axis=0, dtype=np.float64).astype(np.float32)
        return float(booster.predict(vector[None], raw_score=True)[0])

    # Of 64 pixels the pipeline cuts 5 off each side; 54 are three cells of 18.
    wanted = np.empty((3, 3))
    for row in range(3):
        for col in range(3):
            hidden = scan.copy()
            hidden[3:6, 5 + 18 * row : 23 + 18 * row, 5 + 18 * col : 23 + 18 * col] = -1024
            wanted[row, col] = margin(scan) - margin(hidden)
    assert np.abs(wanted).max() > 0
    np.testing.assert_allclose(found[4], wanted, atol=1e-6)
    _, method, position, *box, _, _, lowest, highest, _ = rows(explained, MAPS, (1,))[0]
    assert (method, box) == ("occlusion", [5, 59, 5, 59])
    assert (lowest, highest) == pytest.approx((wanted.min(), wanted.max()), abs=1e-6)
    z = rows(explained, "SELECT position_z FROM dbo.scan_images WHERE scan_id = 1 AND slice_index = 4;")
    assert position == z[0][0]


def activations(connection: Connection) -> NDArray[np.float64]:
    """Convolve the pictures of the scan with the small network's kernel by SciPy: [triples, channels, rows, cols]."""
    pictures = prepare(
        [CtSlice(hu) for hu in volume(connection)], "lung", NORMALISATION["mean"], NORMALISATION["std"], (SIDE, SIDE)
    )
    graph = onnx.load_from_string(write_network(SIDE, SIDE)).graph
    kernel = next(numpy_helper.to_array(weight) for weight in graph.initializer if weight.name == "kernel")
    found = [
        [sum(correlate2d(picture[c], one[c], "valid")[::8, ::8] for c in range(3)) for one in kernel]
        for picture in pictures.astype(np.float64)
    ]
    return np.maximum(np.array(found), 0)


def test_an_exact_map_is_the_classifiers_weights_on_the_map_before_its_mean(explained: Connection) -> None:
    """By a convolution of SciPy's; all places of all triples together are the margin without its constant."""
    run(explained, "EXECUTE dbo.ExplainRegions @PredictionId = 2, @Slices = N'0, 4,8';")
    found = maps(explained, 2)
    line = json.loads(rows(explained, "SELECT model FROM dbo.classifiers WHERE name = N'line';")[0][0])
    weights = np.array(line["coefficients"]) / np.array(line["scale"])
    places = activations(explained)
    assert places.shape == (3, 5, 6, 6)
    for slice_index, triple in ((0, 0), (4, 1), (8, 2)):
        wanted = np.einsum("c,cij->ij", weights, places[triple]) / (3 * 36)
        np.testing.assert_allclose(found[slice_index], wanted, atol=1e-6)
    raw = rows(explained, "SELECT raw_probability FROM dbo.predictions WHERE prediction_id = 2;")[0][0]
    constant = line["intercept"] - weights @ np.array(line["mean"])
    together = sum(float(each.sum(dtype=np.float64)) for each in found.values())
    assert together + constant == pytest.approx(np.log(raw / (1 - raw)), abs=1e-5)
    assert {row[1] for row in rows(explained, MAPS, (2,))} == {"gradcam"}


def test_an_exact_map_is_pytorchs_grad_cam(explained: Connection) -> None:
    """Gradients of the margin by autograd, averaged over the places of each map, weigh the map."""
    torch = pytest.importorskip("torch")
    run(explained, "EXECUTE dbo.ExplainRegions @PredictionId = 2, @Slices = N'4';")
    line = json.loads(rows(explained, "SELECT model FROM dbo.classifiers WHERE name = N'line';")[0][0])
    places = torch.tensor(activations(explained), requires_grad=True)
    features = places.mean(dim=(2, 3)).mean(dim=0)
    mean, scale, coefficients = (torch.tensor(line[name]).double() for name in ("mean", "scale", "coefficients"))
    (((features - mean) / scale) @ coefficients + line["intercept"]).backward()
    alpha = places.grad[1].mean(dim=(1, 2))
    wanted = (alpha[:, None, None] * places[1]).sum(dim=0).detach().numpy()
    np.testing.assert_allclose(maps(explained, 2)[4], wanted, atol=1e-6)


def test_the_slices_are_those_of_the_triples_that_count_most(explained: Connection) -> None:
    """The second triple takes away most, then comes the third; a method that is better known goes before."""
    run(explained, "EXECUTE dbo.ExplainRegions @PredictionId = 2, @TopSlices = 4;")
    found = maps(explained, 2)
    assert list(found) == [3, 4, 5, 6]
    np.testing.assert_array_equal(found[3], found[5])
    assert not np.array_equal(found[5], found[6])
    run(
        explained,
        "INSERT INTO dbo.score_slices (prediction_id, triple, first_slice, method, value) VALUES (2, 0, 0, 'share', 1);"
        "DELETE FROM dbo.score_maps; EXECUTE dbo.ExplainRegions @PredictionId = 2, @TopSlices = 2;",
    )
    assert list(maps(explained, 2)) == [0, 1]


def test_maps_of_both_methods_stand_beside_each_other_and_are_replaced(explained: Connection) -> None:
    """An occlusion does not touch the exact map of its slice; another grid's takes the place in its triple."""
    run(explained, "EXECUTE dbo.ExplainRegions @PredictionId = 2, @Slices = N'4';")
    exact = maps(explained, 2)[4]
    for cells in (4, 9):
        run(
            explained,
            f"EXECUTE dbo.ExplainRegions @PredictionId = 2, @Slices = N'4', @Grid = {cells}, @Method = 'Occlusion ';",
        )
    stored = rows(explained, MAPS, (2,))
    assert [row[1] for row in stored] == ["gradcam", "occlusion"]
    run(explained, "EXECUTE dbo.ExplainRegions @PredictionId = 2, @Slices = N'3', @Grid = 4, @Method = 'occlusion';")
    neighbours = [(row[0], row[1], row[7]) for row in rows(explained, MAPS, (2,))]
    assert neighbours == [(3, "occlusion", 4), (4, "gradcam", 6)]
    assert stored[0][-1] == exact.tobytes()
    assert np.count_nonzero(np.frombuffer(stored[1][-1], "<f4").reshape(9, 9)) >= 20


def test_a_stored_preprocessing_is_hidden_in_over_the_whole_slice(explained: Connection) -> None:
    """By OpenCV and SciPy, with a step that must know the spacing; an exact map of it is refused."""
    run(
        explained,
        """
UPDATE dbo.scans SET spacing_y = 1, spacing_x = 2;
EXECUTE dbo.StorePreprocessing @Name = N'wide', @Steps = N'[{"step": "resample", "spacing": 1},
    {"step": "window", "level": -600, "width": 1500}]';
EXECUTE dbo.GenerateFeatures @ModelName = N'small', @Preprocessing = N'wide';
EXECUTE dbo.TrainLungCancerModel @ModelName = N'wide', @NetworkName = N'small', @Preprocessing = N'wide',
    @Algorithm = N'logistic';
EXECUTE dbo.PredictLungCancer @ScanId = 1, @ModelName = N'wide';
EXECUTE dbo.ExplainScans @ScanId = 1, @ModelName = N'wide', @Permutations = 0;
EXECUTE dbo.ExplainRegions @PredictionId = 3, @Slices = N'4', @Grid = 2, @Method = 'Occlusion ';
""",
    )
    [(index, method, _, *box, map_rows, map_cols, _, _, found)] = rows(explained, MAPS, (3,))
    assert (index, method, box, map_rows, map_cols) == (4, "occlusion", [0, 64, 0, 64], 2, 2)
    line = json.loads(rows(explained, "SELECT model FROM dbo.classifiers WHERE name = N'wide';")[0][0])
    weights = np.array(line["coefficients"]) / np.array(line["scale"])
    graph = onnx.load_from_string(write_network(SIDE, SIDE)).graph
    kernel = next(numpy_helper.to_array(weight) for weight in graph.initializer if weight.name == "kernel")

    def features(slices: NDArray[np.int16]) -> NDArray[np.float64]:
        planes = []
        for hu, mean, std in zip(slices, NORMALISATION["mean"], NORMALISATION["std"], strict=True):
            square = cv2.resize(hu.astype(np.float32), (128, 64), interpolation=cv2.INTER_LINEAR)
            grey = (np.clip(square, -1350, 150) + 1350) / 1500
            planes.append((cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA) - mean) / std)
        maps = [sum(correlate2d(planes[c], one[c], "valid")[::8, ::8] for c in range(3)) for one in kernel]
        return np.maximum(np.array(maps), 0).mean(axis=(1, 2))

    whole = volume(explained)[3:6]
    wanted = np.empty((2, 2))
    for row in range(2):
        for col in range(2):
            hidden = whole.copy()
            hidden[:, 32 * row : 32 * row + 32, 32 * col : 32 * col + 32] = -1024
            wanted[row, col] = weights @ (features(whole) - features(hidden)) / 3
    np.testing.assert_allclose(np.frombuffer(found, "<f4").reshape(2, 2), wanted, atol=1e-4)
    call = "EXECUTE dbo.ExplainRegions @PredictionId = 3, @Slices = N'4', @Method = 'GRADCAM';"
    assert "'wide'" in refused(explained, call, 50383)


@pytest.mark.parametrize(
    ("call", "number", "named"),
    [
        ("@PredictionId = NULL", 50145, "NULL"),
        ("@PredictionId = 99", 50145, "99"),
        ("@PredictionId = 1, @Grid = 1", 50101, "1 for the parameter @Grid"),
        ("@PredictionId = 1, @Grid = 65", 50101, "65"),
        ("@PredictionId = 1, @Slices = N'4', @Grid = 55", 50101, "55 for the parameter @Grid is too large"),
        ("@PredictionId = 1, @TopSlices = 0", 50101, "@TopSlices"),
        ("@PredictionId = 1, @Slices = N''", 50101, "@Slices"),
        ("@PredictionId = 1, @Slices = N'1,x'", 50101, "'1,x'"),
        ("@PredictionId = 1, @Slices = N'-1'", 50101, "-1"),
        ("@PredictionId = 1, @Slices = N'1,9'", 50210, "no slice 9"),
        ("@PredictionId = 1, @Method = 'guided'", 50101, "guided"),
        ("@PredictionId = 1, @Slices = N'1', @Method = 'gradcam'", 50383, "lightgbm"),
    ],
)
def test_what_cannot_be_mapped_is_refused(explained: Connection, call: str, number: int, named: str) -> None:
    """With the value and a way out, and nothing stored."""
    assert named in refused(explained, f"EXECUTE dbo.ExplainRegions {call};", number)


@pytest.mark.parametrize(
    ("change", "number", "named"),
    [
        ("DELETE FROM dbo.score_explanations WHERE prediction_id = 1;", 50380, "ExplainScans @ScanId = 1"),
        ("DELETE FROM dbo.score_slices WHERE prediction_id = 1;", 50380, "Give @Slices"),
        ("DELETE FROM dbo.features WHERE scan_id = 1;", 50382, "GenerateFeatures @ModelName = N'ResNet_152.model'"),
        ("DELETE FROM dbo.pooled_features WHERE scan_id = 1;", 50382, "GenerateFeatures"),
        ("UPDATE dbo.predictions SET vector_sha256 = 0x00 WHERE prediction_id = 1;", 50381, "scan 1"),
        ("UPDATE dbo.predictions SET vector_sha256 = NULL WHERE prediction_id = 1;", 50381, "older"),
        ("UPDATE dbo.score_explanations SET array_sha256 = 0x00 WHERE prediction_id = 1;", 50381, "scan 1"),
        ("UPDATE dbo.pooled_features SET vector = N'[1]' WHERE scan_id = 1;", 50105, "SHA-256"),
        ("UPDATE dbo.scans SET content_sha256 = 0x00 WHERE scan_id = 1;", 50381, "9 slices"),
        ("DELETE FROM dbo.scan_images WHERE scan_id = 1 AND slice_index = 2;", 50119, "not whole"),
        ("UPDATE dbo.scan_images SET pixels = 0x00 WHERE scan_id = 1;", 50116, "Slice 0"),
        ("UPDATE dbo.networks SET model = 0x00 WHERE network_id = 1;", 50105, "network"),
        ("UPDATE dbo.classifiers SET model = 0x00 WHERE classifier_id = 1;", 50105, "model"),
        ("UPDATE dbo.feature_sets SET layer = N'gone' WHERE feature_set_id = 1;", 50115, "gone"),
        ("UPDATE dbo.feature_sets SET layer = N'hidden' WHERE feature_set_id = 1;", 50381, "they differ by"),
        ("UPDATE dbo.feature_sets SET layer = N'layer3' WHERE feature_set_id = 1;", 50381, "160 features"),
    ],
)
def test_what_changed_since_the_score_is_refused(explained: Connection, change: str, number: int, named: str) -> None:
    """A score that is not explained, features that were dropped or made again, a damaged or replaced row."""
    run(explained, change)
    assert named in refused(explained, "EXECUTE dbo.ExplainRegions @PredictionId = 1, @Grid = 2;", number)
