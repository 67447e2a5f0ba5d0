"""load-tensors and ScoreNetworkSql give the probabilities of the library that trained the network."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from scipy import ndimage
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from lungdb.cli import load_tensors
from lungdb.database import Connection, run
from lungdb.errors import SqlError
from tests.support.dense_networks import add_dataset, probabilities


def _load(tmp_path: Path, file: Path, *options: str) -> int:
    target = f"sqlite:///{(tmp_path / 'lung_cancer_database.db').as_posix()}"
    return load_tensors.main(["-d", target, str(file), *options])


def _save_npz(file: Path, model: MLPClassifier) -> None:
    tensors = {f"coefs_{n}": value for n, value in enumerate(model.coefs_)}
    tensors |= {f"intercepts_{n}": value for n, value in enumerate(model.intercepts_)}
    np.savez(file, **tensors)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_digits_have_the_probabilities_of_scikit_learn(networks: Connection, tmp_path: Path) -> None:
    """Within 1e-6, with scikit-learn's class for each held-out digit; at least 97 % of them are right.

    Every second digit is held out. The network learns from the others, and from them shifted by half a pixel four ways.
    Shifts, layers and alpha have the best five-fold cross-validation on that half (98.5 %) of all that were tried, so
    that the figure is not picked by what was held out.
    """
    digits = load_digits()
    x, y = digits.data / 16, digits.target
    pictures = digits.images[::2] / 16
    ways = [(0, 0), (0.5, 0), (-0.5, 0), (0, 0.5), (0, -0.5)]
    shifted = np.concatenate([ndimage.shift(pictures, (0, *way), order=1) for way in ways]).reshape(-1, 64)
    model = MLPClassifier((256, 128), alpha=0.01, batch_size=64, max_iter=40, random_state=0)
    with threadpool_limits(1):  # threads that wait for each other are slower on a busy machine
        model.fit(shifted, np.tile(y[::2], len(ways)))
    _save_npz(tmp_path / "digits.npz", model)
    assert _load(tmp_path, tmp_path / "digits.npz") == 0
    add_dataset(networks, "held out", x[1::2])
    found = probabilities(networks, "digits", "held out")
    assert np.abs(found - model.predict_proba(x[1::2])).max() < 1e-6
    assert np.array_equal(found.argmax(1), model.predict(x[1::2]))
    right = (found.argmax(1) == y[1::2]).mean()
    assert right >= 0.97, right


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("activation", ["tanh", "logistic", "identity", "relu"])
def test_two_classes_and_every_activation_agree(networks: Connection, tmp_path: Path, activation: str) -> None:
    """One sigmoid unit gives two classes; sums beyond what EXP takes are no error."""
    x = np.random.default_rng(2).normal(size=(80, 3))
    model = MLPClassifier((5, 4), activation=activation, max_iter=20, random_state=1).fit(x, x[:, 0] > 0)
    _save_npz(tmp_path / "two.npz", model)
    assert _load(tmp_path, tmp_path / "two.npz", "--activation", activation.replace("logistic", "sigmoid")) == 0
    wide = np.vstack([x, 1e5 * x])
    add_dataset(networks, "wide", wide)
    assert np.abs(probabilities(networks, "two", "wide") - model.predict_proba(wide)).max() < 1e-9


def test_an_onnx_network_has_the_probabilities_of_onnx_runtime(networks: Connection, tmp_path: Path) -> None:
    """Flatten, Gemm, Tanh, MatMul, Add and Softmax, with sums of thousands before the softmax."""
    random = np.random.default_rng(3)
    first, bias, second = (random.normal(size=size).astype(np.float32) for size in ((4, 6), (4,), (4, 3)))
    offset = np.array([3000, 0, 3001], np.float32)
    nodes = [
        helper.make_node("Flatten", ["x"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w0", "b0"], ["s0"], transB=1),
        helper.make_node("Tanh", ["s0"], ["a0"]),
        helper.make_node("MatMul", ["a0", "w1"], ["s1"]),
        helper.make_node("Add", ["s1", "b1"], ["s2"]),
        helper.make_node("Softmax", ["s2"], ["p"], axis=1),
    ]
    tensors = [numpy_helper.from_array(v, n) for n, v in (("w0", first), ("b0", bias), ("w1", second), ("b1", offset))]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", w]) for n, w in (("x", 6), ("p", 3))]
    graph = helper.make_graph(nodes, "dense", ends[:1], ends[1:], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (tmp_path / "dense.onnx").write_bytes(model.SerializeToString())
    assert _load(tmp_path, tmp_path / "dense.onnx") == 0
    x = random.normal(size=(20, 6)).astype(np.float32)
    add_dataset(networks, "x", x.astype(np.float64))
    [wanted] = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": x})
    assert np.abs(probabilities(networks, "dense", "x") - wanted).max() < 1e-3


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        ({"coefs_0": np.ones((2, 3)), "intercepts_0": np.ones(2)}, "a bias for each unit"),
        (
            {
                "coefs_0": np.ones((2, 3)),
                "intercepts_0": np.ones(3),
                "coefs_1": np.ones((4, 2)),
                "intercepts_1": np.ones(2),
            },
            "reads 4 values",
        ),
        ({"coefs_0": np.full((2, 3), np.nan), "intercepts_0": np.ones(3)}, "not finite"),
        ({"kernel": np.ones((2, 3))}, "not those of a dense network"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_whole(
    networks: Connection,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    tensors: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float64]]],
    said: str,
) -> None:
    """No row of it is stored."""
    np.savez(tmp_path / "wrong.npz", **tensors)
    assert _load(tmp_path, tmp_path / "wrong.npz") == 1
    assert said in capsys.readouterr().err
    assert run(networks, "SELECT COUNT(*) FROM dbo.tensors;")[0].rows == [(0,)]


def _dense(kind: str, **attributes: int) -> onnx.ModelProto:
    """Make a network of 3 inputs whose second node, between MatMul and Softmax, is of this kind."""
    weight = numpy_helper.from_array(np.ones((3, 4), np.float32), "w")
    wide = numpy_helper.from_array(np.ones((5, 2), np.float32), "wide")
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node(kind, ["a", "wide"] if kind == "MatMul" else ["a"], ["b"]),
        helper.make_node("Softmax", ["b"], ["p"], **attributes),
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", None]) for name in ("x", "p")]
    graph = helper.make_graph(nodes, "dense", ends[:1], ends[1:], [weight, wide])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _safetensors(tensors: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]) -> bytes:
    """Write the format by its description: length, JSON header, the numbers one after another."""
    header: dict[str, object] = {}
    data = b""
    for name, array in tensors.items():
        end = len(data) + array.nbytes
        header[name] = {"dtype": "F32", "shape": array.shape, "data_offsets": [len(data), end]}
        data += array.tobytes()
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


ONES = {"0.weight": np.ones((2, 3), np.float32), "0.bias": np.ones(2, np.float32)}


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("sine.onnx", _dense("Sin").SerializeToString(), "it holds Sin"),
        ("unfit.onnx", _dense("MatMul").SerializeToString(), "reads 5 values"),
        ("rows.onnx", _dense("Identity", axis=0).SerializeToString(), "not over the classes"),
        ("early.onnx", _dense("Softmax").SerializeToString(), "no dense network"),
        ("cut.onnx", _dense("Relu").SerializeToString()[:-40], "neither ONNX, safetensors nor npz"),
        ("cut.safetensors", _safetensors(ONES)[:-4], "ends after the file"),
        ("unfit.safetensors", _safetensors(ONES | {"0.bias": np.ones(3, np.float32)}), "a bias for each unit"),
        ("infinite.safetensors", _safetensors(ONES | {"0.bias": np.full(2, np.inf, np.float32)}), "finite"),
        ("other.safetensors", _safetensors(ONES | {"0.running_mean": np.ones(2, np.float32)}), "not those of a dense"),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value else "",
)
def test_an_onnx_or_safetensors_file_that_does_not_fit_is_refused_whole(
    networks: Connection, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, data: bytes, said: str
) -> None:
    """Other operators, shapes, numbers and names, and files cut off: no row is stored, and no traceback is shown."""
    (tmp_path / name).write_bytes(data)
    assert _load(tmp_path, tmp_path / name) == 1
    shown = capsys.readouterr().err
    assert said in shown
    assert "Traceback" not in shown
    for table in ("tensors", "dense_layers"):
        assert run(networks, f"SELECT COUNT(*) FROM dbo.{table};")[0].rows == [(0,)]


def test_a_safetensors_network_gives_what_its_numbers_give(networks: Connection, tmp_path: Path) -> None:
    """Weights of shape (units, inputs) as PyTorch has them, numbered in steps of two."""
    random = np.random.default_rng(8)
    tensors = {
        name: random.normal(size=shape).astype(np.float32)
        for name, shape in (("0.weight", (4, 3)), ("0.bias", (4,)), ("2.weight", (3, 4)), ("2.bias", (3,)))
    }
    (tmp_path / "net.safetensors").write_bytes(_safetensors(tensors))
    assert _load(tmp_path, tmp_path / "net.safetensors", "--activation", "tanh") == 0
    x = random.normal(size=(7, 3))
    add_dataset(networks, "x", x)
    sums = np.tanh(x @ tensors["0.weight"].T + tensors["0.bias"]) @ tensors["2.weight"].T + tensors["2.bias"]
    wanted = np.exp(sums) / np.exp(sums).sum(1, keepdims=True)
    assert np.abs(probabilities(networks, "net", "x") - wanted).max() < 1e-12


def test_what_cannot_be_scored_is_refused_by_number(networks: Connection, tmp_path: Path) -> None:
    """A network that is not there, features of another width, tensors that lack a number."""
    np.savez(tmp_path / "net.npz", coefs_0=np.ones((2, 3)), intercepts_0=np.ones(3))
    assert _load(tmp_path, tmp_path / "net.npz") == 0
    add_dataset(networks, "three", np.ones((2, 3)))
    add_dataset(networks, "two", np.ones((2, 2)))
    for name, dataset, number in (("none", "two", 50170), ("net", "none", 50171), ("net", "three", 50172)):
        with pytest.raises(SqlError) as error:
            probabilities(networks, name, dataset)
        assert error.value.number == number
    add_dataset(networks, "huge", np.array([[0, 1], [-1e39, 0]]))
    with pytest.raises(SqlError, match=r"feature 0 of the example 1 .* is -1") as error:
        probabilities(networks, "net", "huge")
    assert error.value.number == 50172
    np.savez(tmp_path / "large.npz", coefs_0=np.full((2, 3), 1e300), intercepts_0=np.ones(3))
    assert _load(tmp_path, tmp_path / "large.npz") == 0
    add_dataset(networks, "large", np.full((1, 2), 1e30))
    with pytest.raises(SqlError, match="'large' grow too large") as error:
        probabilities(networks, "large", "large")
    assert error.value.number == 50176
    run(networks, "DELETE FROM dbo.tensors WHERE tensor = N'0.weight' AND row_index = 1 AND column_index = 2;")
    with pytest.raises(SqlError, match="layer 0") as error:
        probabilities(networks, "net", "two")
    assert error.value.number == 50173
