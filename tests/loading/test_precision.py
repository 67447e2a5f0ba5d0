"""`lungdb load-network --precision`: a second network, calibrated on and compared over scans of the database."""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from lungdb.cli.load_network import main
from lungdb.database import connect, run
from lungdb.errors import LungdbError
from lungdb.imaging.codecs import decode_slice
from lungdb.imaging.preprocessing import CtSlice, prepare
from lungdb.loading.precision import calibration_pictures
from lungdb.networks.graphs.layers import select_layer
from lungdb.networks.quantising import precision_of, to_int8
from tests.cli.test_load_network import write_network
from tests.support.asking import Query, Store

DATA = Path(__file__).parents[1] / "data" / "networks"
THIN = str(DATA / "resnet18_thin.safetensors")
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
DETAILS = {"input": {"height": 224, "width": 224}, "normalisation": {"mean": MEAN, "std": STD}}


def features(query: Query, name: str, pictures: np.ndarray) -> np.ndarray:
    """Run a stored network to its penultimate layer, with ONNX Runtime alone."""
    ((model, details),) = query("SELECT model, details FROM dbo.networks WHERE name = ?;", name)
    selected, _ = select_layer(model, "penultimate", layers=json.loads(details)["layers"])
    session = onnxruntime.InferenceSession(selected, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {session.get_inputs()[0].name: pictures})[0], dtype=np.float64)


@pytest.mark.parametrize(("precision", "element"), [("int8", np.int8), ("fp16", np.float16)])
def test_a_second_network_is_stored_with_its_similarity(
    target: str, query: Query, store: Store, precision: str, element: type
) -> None:
    """The cosines in `details` are those of the two stored networks on the held-back scans, 2 and 6 of 8."""
    store([9] * 8)
    assert main([THIN, "-d", target, "--name", "thin", "--precision", precision, "--calibration", "16"]) == 0
    rows = query("SELECT name, version, library, model, sha256, details FROM dbo.networks ORDER BY network_id;")
    assert [row[:3] for row in rows] == [("thin", 1, "safetensors"), (f"thin-{precision}", 1, "safetensors")]
    exact, faster = (json.loads(row[5]) for row in rows)
    assert rows[1][4] == hashlib.sha256(rows[1][3]).digest()
    kinds = {numpy_helper.to_array(tensor).dtype for tensor in onnx.load_from_string(rows[1][3]).graph.initializer}
    assert np.dtype(element) in kinds
    similarity = faster.pop("similarity")
    assert {**faster, "precision": "float32"} == exact
    assert faster["precision"] == precision
    assert precision_of(rows[1][3]) == precision

    pictures = []
    for scan_id in (2, 6):
        stored = query(
            "SELECT pixels, 96, 96, pixels_sha256, encoding FROM dbo.scan_images WHERE scan_id = ? "
            "ORDER BY slice_index;",
            scan_id,
        )
        slices = [CtSlice(decode_slice(*row)) for row in stored]
        pictures.append(prepare(slices, "lung", MEAN, STD)[[0, 2]])
    held_back = np.concatenate(pictures)
    left, right = (features(query, name, held_back) for name in ("thin", f"thin-{precision}"))
    cosines = np.sum(left * right, axis=1) / np.linalg.norm(left, axis=1) / np.linalg.norm(right, axis=1)
    assert similarity == {
        "cosine_min": pytest.approx(cosines.min(), abs=1e-4),
        "cosine_mean": pytest.approx(cosines.mean(), abs=1e-4),
        "pictures": 4,
        "float32_sha256": rows[0][4].hex(),
    }


def test_a_file_in_another_precision_is_loaded_as_what_it_is(target: str, query: Query, tmp_path: Path) -> None:
    """An ONNX file that somebody quantised."""
    model = to_int8(write_network(tmp_path / "net.onnx").read_bytes(), [np.ones((1, 3, 224, 224), np.float32)])
    (tmp_path / "net.onnx").write_bytes(model)
    assert main([str(tmp_path / "net.onnx"), "-d", target]) == 0
    assert query("SELECT JSON_VALUE(details, '$.precision') AS kind FROM dbo.networks;") == [("int8",)]


def test_generate_features_runs_the_network_in_int8(target: str, query: Query, store: Store) -> None:
    """The procedure's features point where those of float32 do, for every scan."""
    store([6, 6, 6, 12])
    assert main([THIN, "-d", target, "--name", "thin", "--precision", "int8"]) == 0
    found = []
    for name in ("thin", "thin-int8"):
        query(f"EXECUTE dbo.GenerateFeatures @ModelName = N'{name}', @Layer = N'layer3,penultimate';")
    for layer in ("layer3", "penultimate"):
        rows = query(
            "SELECT n.name, f.scan_id, f.array FROM dbo.features AS f "
            "INNER JOIN dbo.feature_sets AS s ON s.feature_set_id = f.feature_set_id "
            "INNER JOIN dbo.networks AS n ON n.network_id = s.network_id WHERE s.layer = ? ORDER BY n.name, f.scan_id;",
            layer,
        )
        exact, near = rows[:4], rows[4:]
        assert [row[:2] for row in exact] == [("thin", scan) for scan in (1, 2, 3, 4)]
        assert [row[:2] for row in near] == [("thin-int8", scan) for scan in (1, 2, 3, 4)]
        for left, right in zip(exact, near, strict=True):
            a, b = (np.frombuffer(row[2], "<f4").astype(np.float64) for row in (left, right))
            assert a @ b / np.linalg.norm(a) / np.linalg.norm(b) > 0.99
            found.append(not np.array_equal(a, b))
    assert all(found)


def test_without_scans_nothing_is_stored(
    target: str, query: Query, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither the second network nor the first; one scan of a few slices is too little as well."""
    for precision in ("int8", "fp16"):
        assert main([THIN, "-d", target, "--precision", precision]) == 1
        assert "load-scans" in capsys.readouterr().err
    store([5])
    assert main([THIN, "-d", target, "--precision", "int8"]) == 1
    assert query("SELECT COUNT(*) AS n FROM dbo.networks;") == [(0,)]


def coarse_network(path: Path) -> Path:
    """Write a network that 8 bits ruin: its features are differences between channels a thousand times as large."""
    chance = np.random.default_rng(0)
    kernel = np.concatenate([chance.standard_normal((8, 3, 8, 8)), np.zeros((8, 3, 8, 8))]).astype(np.float32)
    bias = np.concatenate([np.full(8, 1e5), chance.uniform(0, 1, 8)]).astype(np.float32)
    helper = onnx.helper
    nodes = [
        helper.make_node("Conv", ["image", "kernel", "bias"], ["maps"], strides=[8, 8]),
        helper.make_node("Relu", ["maps"], ["positive"]),
        helper.make_node("Conv", ["positive", "difference"], ["small"]),
        helper.make_node("GlobalAveragePool", ["small"], ["average"]),
        helper.make_node("Flatten", ["average"], ["vector"]),
        helper.make_node("Gemm", ["vector", "dense"], ["classes"]),
    ]
    difference = np.zeros((7, 16, 1, 1), np.float32)
    for row in range(7):
        difference[row, row], difference[row, row + 1] = 1, -1
    weights = {"kernel": kernel, "bias": bias, "difference": difference, "dense": np.ones((7, 2), np.float32)}
    graph = helper.make_graph(
        nodes,
        "coarse",
        [helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, ["n", 3, 224, 224])],
        [helper.make_tensor_value_info("classes", onnx.TensorProto.FLOAT, ["n", 2])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def test_features_unlike_float32s_are_refused_without_force(
    target: str, query: Query, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is stored; with --force both are, and the low cosine beside them."""
    store([9] * 4)
    path = str(coarse_network(tmp_path / "coarse.onnx"))
    assert main([path, "-d", target, "--precision", "int8"]) == 1
    assert "--force" in capsys.readouterr().err
    assert query("SELECT COUNT(*) AS n FROM dbo.networks;") == [(0,)]
    assert main([path, "-d", target, "--precision", "int8", "--force"]) == 0
    (_, (details,)) = query("SELECT details FROM dbo.networks ORDER BY network_id;")
    assert json.loads(details)["similarity"]["cosine_min"] < 0.99


def test_a_network_beyond_float16_is_refused_in_fp16(
    target: str, query: Query, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its channels reach 100 000, and a CPU's fp16 would not show that a GPU's overflows."""
    store([9] * 4)
    path = str(coarse_network(tmp_path / "coarse.onnx"))
    assert main([path, "-d", target, "--precision", "fp16", "--force"]) == 1
    assert "65504" in capsys.readouterr().err
    assert query("SELECT COUNT(*) AS n FROM dbo.networks;") == [(0,)]


def test_pictures_are_spread_over_scans_and_parted_by_scan(target: str, store: Store) -> None:
    """8 pictures of 8 scans of 3 triples are each scan's middle one; scans 2 and 6 are held back."""
    store([9] * 8)
    with closing(connect(target)) as connection:
        calibrating, held_back = calibration_pictures(connection, DETAILS, 8)
        stored = run(
            connection,
            "SELECT pixels, 96, 96, pixels_sha256, encoding FROM dbo.scan_images WHERE scan_id = 2 "
            "ORDER BY slice_index;",
        )
    assert (calibrating.shape, held_back.shape) == ((6, 3, 224, 224), (2, 3, 224, 224))
    slices = [CtSlice(decode_slice(*row)) for row in stored[0].rows]
    np.testing.assert_array_equal(held_back[0], prepare(slices, "lung", MEAN, STD)[1])


def test_pictures_of_one_scan_are_parted_too(target: str, store: Store) -> None:
    """Every fourth is held back."""
    store([60])
    with closing(connect(target)) as connection:
        calibrating, held_back = calibration_pictures(connection, DETAILS, 128)
    assert (len(calibrating), len(held_back)) == (15, 5)


def test_more_pictures_than_the_memory_holds_are_refused(target: str) -> None:
    """Before any is read."""
    with closing(connect(target)) as connection, pytest.raises(LungdbError, match="1024 or less"):
        calibration_pictures(connection, DETAILS, 1025)


def test_damaged_pixels_are_refused(target: str, query: Query, store: Store) -> None:
    """The stored hash is checked."""
    store([9] * 4)
    query("UPDATE dbo.scan_images SET pixels_sha256 = ? WHERE scan_id = 3;", bytes(32))
    with closing(connect(target)) as connection, pytest.raises(LungdbError, match="SHA-256"):
        calibration_pictures(connection, DETAILS, 12)


def test_a_network_is_calibrated_anew_when_asked(target: str, query: Query, store: Store, tmp_path: Path) -> None:
    """Other pictures give the next version; the same ones nothing new; float32 stays one."""
    store([9] * 8)
    for number in ("8", "16", "16"):
        assert main([THIN, "-d", target, "--name", "thin", "--precision", "int8", "--calibration", number]) == 0
    rows: list[tuple[Any, ...]] = query("SELECT name, version FROM dbo.networks ORDER BY network_id;")
    assert rows == [("thin", 1), ("thin-int8", 1), ("thin-int8", 2)]


def test_a_second_network_has_learnt_what_its_original_has(
    target: str, query: Query, store: Store, tmp_path: Path
) -> None:
    """Made later and without saying it again, its details name the same scans, and those of the original too."""
    store([9] * 8)
    trained = tmp_path / "trained.txt"
    trained.write_text(f"{'ab' * 32}\n{'01' * 32}\n", encoding="utf-8")
    assert main([THIN, "-d", target, "--name", "thin", "--trained-on", str(trained)]) == 0
    assert main([THIN, "-d", target, "--name", "thin", "--precision", "fp16", "--calibration", "8"]) == 0
    found = query("SELECT name, JSON_QUERY(details, N'$.trained_on') FROM dbo.networks ORDER BY network_id;")
    assert [name for name, _ in found] == ["thin", "thin-fp16"]
    assert [json.loads(hashes) for _, hashes in found] == [["AB" * 32, "01" * 32]] * 2
