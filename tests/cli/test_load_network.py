"""`lungdb load-network`: bytes in, a row with name, version, hash and details."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lungdb.cli.load_network import main
from tests.cli.conftest import Query


def write_network(path: Path, seed: int = 0, channels: int = 3) -> Path:
    """Write a network of a convolution, an average and a dense layer of 4 inputs and 2 classes."""
    chance = np.random.default_rng(seed)
    weights = {
        "kernel": chance.standard_normal((4, channels, 8, 8)).astype(np.float32),
        "dense": chance.standard_normal((4, 2)).astype(np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["image", "kernel"], ["maps"], strides=[8, 8]),
        helper.make_node("GlobalAveragePool", ["maps"], ["average"]),
        helper.make_node("Flatten", ["average"], ["vector"]),
        helper.make_node("Gemm", ["vector", "dense"], ["classes"]),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", channels, 224, 224])],
        [helper.make_tensor_value_info("classes", TensorProto.FLOAT, ["n", 2])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def test_a_network_is_stored_with_its_bytes_hash_and_details(target: str, query: Query, tmp_path: Path) -> None:
    """The bytes are the file's; the details describe what write_network made."""
    path = write_network(tmp_path / "small.onnx")
    assert main([str(path), "-d", target]) == 0
    ((name, version, library, model, sha256, details),) = query(
        "SELECT name, version, library, model, sha256, details FROM dbo.networks;"
    )
    assert (name, version, library) == ("small.onnx", 1, "onnx")
    assert model == path.read_bytes()
    assert sha256 == hashlib.sha256(path.read_bytes()).digest()
    told = json.loads(details)
    assert told["input"] == {"name": "image", "channels": 3, "height": 224, "width": 224}
    assert (told["penultimate"], told["width"]) == ("vector", 4)
    onnx.checker.check_model(onnx.load_from_string(model))


def test_other_bytes_of_the_same_name_are_the_next_version(target: str, query: Query, tmp_path: Path) -> None:
    """And the same bytes again are nothing new."""
    for seed in (0, 1, 0):
        assert main([str(write_network(tmp_path / "net.onnx", seed)), "-d", target, "--name", "demo"]) == 0
    assert query("SELECT name, version FROM dbo.networks ORDER BY network_id;") == [("demo", 1), ("demo", 2)]


def test_the_same_bytes_under_another_name_are_refused_with_the_name_they_have(
    target: str, query: Query, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A network is looked up by its bytes too, so it has one name."""
    path = str(write_network(tmp_path / "net.onnx"))
    main([path, "-d", target])
    assert main([path, "-d", target, "--name", "other"]) == 1
    assert "net.onnx, version 1" in capsys.readouterr().err
    assert query("SELECT COUNT(*) AS n FROM dbo.networks;") == [(1,)]


def test_a_file_of_another_sha256_is_refused(
    target: str, query: Query, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The right one, in either case, is taken."""
    path = write_network(tmp_path / "net.onnx")
    right = hashlib.sha256(path.read_bytes()).hexdigest()
    assert main([str(path), "-d", target, "--sha256", "0" * 64]) == 1
    assert right in capsys.readouterr().err
    assert query("SELECT COUNT(*) AS n FROM dbo.networks;") == [(0,)]
    assert main([str(path), "-d", target, "--sha256", right.upper()]) == 0


@pytest.mark.parametrize("name", ["resnet.safetensors", "resnet.pth", "ResNet_152.model", "noext"])
def test_other_formats_are_refused_by_name(
    target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """A later version may read them."""
    (tmp_path / name).write_bytes(b"weights")
    assert main([str(tmp_path / name), "-d", target]) == 1
    assert name in capsys.readouterr().err


def test_a_file_that_is_no_image_network_is_refused_and_nothing_stored(
    target: str, query: Query, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No ONNX at all, one channel in place of three, and no file."""
    (tmp_path / "text.onnx").write_bytes(b"not a network")
    write_network(tmp_path / "grey.onnx", channels=1)
    for name in ("text.onnx", "grey.onnx", "missing.onnx"):
        assert main([str(tmp_path / name), "-d", target]) == 1
        assert capsys.readouterr().err.strip()
    assert query("SELECT COUNT(*) AS n FROM dbo.networks;") == [(0,)]
