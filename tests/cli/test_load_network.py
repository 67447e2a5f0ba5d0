"""`lungdb load-network`: bytes in, a row with name, version, hash and details."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from lungdb.cli.load_images import main as load_images
from lungdb.cli.load_network import main
from lungdb.cli.networks import main as networks
from lungdb.imaging.codecs import decode_slice
from lungdb.imaging.preprocessing import CtSlice, prepare
from lungdb.loading.network_file import FORMATS
from lungdb.networks.graphs.layers import select_layer
from lungdb.networks.weights.files import FORMS
from tests.networks.packages.packing import MEAN, SIDE, featurizer, less_mean, nupkg
from tests.support.asking import Query, Store


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
    """The hash is that of the bytes stored; the details describe what write_network made, and the file."""
    path = write_network(tmp_path / "small.onnx")
    assert main([str(path), "-d", target]) == 0
    ((name, version, library, model, sha256, details),) = query(
        "SELECT name, version, library, model, sha256, details FROM dbo.networks;"
    )
    assert (name, version, library) == ("small.onnx", 1, "onnx")
    assert sha256 == hashlib.sha256(model).digest()
    told = json.loads(details)
    assert told["input"] == {"name": "image", "channels": 3, "height": 224, "width": 224, "channel_order": "rgb"}
    assert (told["penultimate"], told["width"], told["precision"]) == ("vector", 4, "float32")
    assert told["source"] == {"format": "onnx", "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
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


DATA = Path(__file__).parents[1] / "data"


def run_layer(query: Query, layer: str, pictures: np.ndarray, *, average: bool = True) -> np.ndarray:
    """Run the one network in the database to a layer, with ONNX Runtime alone."""
    ((model, details),) = query("SELECT model, details FROM dbo.networks;")
    selected, _ = select_layer(model, layer, layers=json.loads(details)["layers"], average=average)
    session = onnxruntime.InferenceSession(selected, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {session.get_inputs()[0].name: pictures})[0])


@pytest.mark.parametrize(
    ("file", "reference", "library"),
    [
        ("resnet18_thin.safetensors", "resnet18_thin", "safetensors"),
        ("resnet18_thin.pth", "resnet18_thin", "pytorch"),
        ("resnet50_thin.legacy.pth", "resnet50_thin", "pytorch"),
    ],
)
def test_weights_of_pytorch_give_pytorchs_features(
    target: str, query: Query, capsys: pytest.CaptureFixture[str], file: str, reference: str, library: str
) -> None:
    """Every reference layer within 1e-4 of its largest value."""
    assert main([str(DATA / "networks" / file), "-d", target]) == 0
    assert query("SELECT name, library FROM dbo.networks;") == [(file, library)]
    pictures = np.load(DATA / "networks" / "input_224.npy")
    with np.load(DATA / "networks" / f"{reference}.reference.npz") as expected:
        for layer, key in (("penultimate", "penultimate"), ("layer3", "layer3_mean")):
            error = np.abs(run_layer(query, layer, pictures) - expected[key]).max()
            assert error < 1e-4 * np.abs(expected[key]).max()
    told = capsys.readouterr().out
    assert hashlib.sha256((DATA / "networks" / file).read_bytes()).hexdigest() in told
    assert "layer1, layer2, layer3, layer4, penultimate" in told


def test_a_cntk_file_keeps_its_name_and_gives_cntks_values(target: str, query: Query, tmp_path: Path) -> None:
    """The node z.x of a residual network, as CNTK 2.7 computed it, under the name that the original's script uses."""
    path = shutil.copy(DATA / "cntk" / "resnet_tiny_ops.model", tmp_path / "ResNet_152.model")
    assert main([str(path), "-d", target]) == 0
    assert query("SELECT name, library FROM dbo.networks;") == [("ResNet_152.model", "cntk")]
    expected = np.load(DATA / "cntk" / "resnet_tiny_ops.out.z.x.npy")
    found = run_layer(query, "z.x", np.load(DATA / "cntk" / "resnet_tiny_ops.in.features.npy"), average=False)
    assert np.abs(found.reshape(expected.shape) - expected).max() < 1e-4 * np.abs(expected).max()


def test_the_originals_call_runs_on_a_cntk_file(target: str, query: Query, store: Store, tmp_path: Path) -> None:
    """The stored features are what ONNX Runtime alone gives for the scan's prepared pictures."""
    store([6])
    path = shutil.copy(DATA / "cntk" / "resnet_tiny_layers.model", tmp_path / "ResNet_152.model")
    assert main([str(path), "-d", target]) == 0
    query(
        "DECLARE @Model VARBINARY(MAX) = (SELECT TOP(1) model FROM dbo.model WHERE name = 'ResNet_152.model' "
        "ORDER BY date DESC)\nEXECUTE dbo.GenerateFeatures @Model = @Model"
    )
    ((rows, cols, array, details),) = query(
        "SELECT f.array_rows, f.array_cols, f.array, n.details FROM dbo.features AS f CROSS JOIN dbo.networks AS n;"
    )
    normalisation = json.loads(details)["normalisation"]
    stored = query("SELECT pixels, 96, 96, pixels_sha256, encoding FROM dbo.scan_images ORDER BY slice_index;")
    slices = [CtSlice(decode_slice(*row)) for row in stored]
    pictures = prepare(slices, "lung", normalisation["mean"], normalisation["std"], size=(64, 64))
    found = np.frombuffer(array, "<f4").reshape(rows, cols)
    np.testing.assert_allclose(found, run_layer(query, "penultimate", pictures), rtol=1e-4, atol=1e-5)


def test_the_output_of_a_cntk_network_can_be_chosen(
    target: str, query: Query, capsys: pytest.CaptureFixture[str]
) -> None:
    """An inner node is the network's end then; an option for CNTK is refused for another format."""
    path = str(DATA / "cntk" / "resnet_tiny_ops.model")
    assert main([path, "-d", target, "--output", "z.x"]) == 0
    ((model,),) = query("SELECT model FROM dbo.networks;")
    assert [value.name for value in onnx.load_from_string(model).graph.output] == ["z.x"]
    assert main([str(DATA / "networks" / "resnet18_thin.pth"), "-d", target, "--output", "z.x"]) == 1
    assert "--output is for CNTK" in capsys.readouterr().err


def test_every_form_that_is_recognised_has_a_name_for_people() -> None:
    """What is printed of a network says its format; a form without a name would fail only there."""
    assert set(FORMATS) == {"onnx", "cntk", *FORMS}


def test_the_ending_of_a_files_name_does_not_matter(target: str, query: Query, tmp_path: Path) -> None:
    """ONNX called .model, safetensors called .bin, PyTorch without an ending."""
    write_network(tmp_path / "a.model")
    shutil.copy(DATA / "networks" / "resnet18_thin.safetensors", tmp_path / "b.bin")
    shutil.copy(DATA / "networks" / "resnet50_thin.legacy.pth", tmp_path / "c")
    for name in ("a.model", "b.bin", "c"):
        assert main([str(tmp_path / name), "-d", target]) == 0
    assert query("SELECT name, library FROM dbo.networks ORDER BY name;") == [
        ("a.model", "onnx"),
        ("b.bin", "safetensors"),
        ("c", "pytorch"),
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no network that lungdb reads"),
        (b"weights", "no network that lungdb reads"),
        ("BCN\0".encode("utf-16-le") + bytes(100), "CNTK 1"),
        (b"PK\x03\x04" + bytes(100), "damaged"),
    ],
)
def test_a_file_of_no_known_format_is_refused(
    target: str, query: Query, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, said: str
) -> None:
    """What it is, where that can be told; no row either way."""
    (tmp_path / "net.model").write_bytes(content)
    assert main([str(tmp_path / "net.model"), "-d", target]) == 1
    assert said in capsys.readouterr().err
    assert query("SELECT COUNT(*) AS n FROM dbo.networks;") == [(0,)]


def test_options_describe_what_the_file_does_not_say(target: str, query: Query, tmp_path: Path) -> None:
    """Another description is another version, since a network is looked up by its bytes; the same one is not."""
    path = str(write_network(tmp_path / "net.onnx"))
    options = ["--mean", "0.4,0.5,0.6", "--std", "0.1,0.2,0.3", "--channel-order", "bgr"]
    for chosen in ([], options, options, ["--channel-order", "bgr"]):
        assert main([path, "-d", target, *chosen]) == 0
    rows = query("SELECT version, model, details FROM dbo.networks ORDER BY version;")
    told = [json.loads(details) for _, _, details in rows]
    assert len(rows) == len({model for _, model, _ in rows}) == 3
    assert told[0]["normalisation"]["mean"] == [0.485, 0.456, 0.406]
    assert told[1]["normalisation"] == {"mean": [0.4, 0.5, 0.6], "std": [0.1, 0.2, 0.3]}
    assert [one["input"]["channel_order"] for one in told] == ["rgb", "bgr", "bgr"]


def test_what_is_found_is_printed(target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also that nothing tells how a network outside the catalog was trained, unless the user does."""
    path = str(write_network(tmp_path / "net.onnx"))
    assert main([path, "-d", target]) == 0
    told = capsys.readouterr().out
    assert "Input:   224 × 224, rgb, less 0.485, 0.456, 0.406, over 0.229, 0.224, 0.225\n" in told
    assert "Width:   4 values" in told
    assert "If that is not its order of colours" in told
    assert main([path, "-d", target, "--channel-order", "bgr"]) == 0
    told = capsys.readouterr().out
    assert "224 × 224, bgr" in told
    assert "If that is not" not in told


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--mean", "0,0,0"], "--mean and --std go together"),
        (["--mean", "0,0,0", "--std", "1,0,1"], "std above 0"),
        (["--architecture", "resnet51"], "Did you mean resnet50"),
        (["--name", "n" * 129], "129 characters"),
        (["--name", ""], "0 characters"),
        (["--name", "n" * 124, "--precision", "int8"], "129 characters"),
    ],
)
def test_a_wrong_option_is_refused(
    target: str, query: Query, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    """Before anything is stored."""
    assert main([str(write_network(tmp_path / "net.onnx")), "-d", target, *options]) == 1
    assert said in capsys.readouterr().err
    assert query("SELECT COUNT(*) AS n FROM dbo.networks;") == [(0,)]


def test_weights_are_built_for_the_size_asked_for(target: str, query: Query) -> None:
    """AlexNet at 227 × 227, the size of its first publication: what PyTorch computes there."""
    assert main([str(DATA / "networks" / "alexnet_thin.safetensors"), "-d", target, "--input-size", "227"]) == 0
    ((model, details),) = query("SELECT model, details FROM dbo.networks;")
    assert json.loads(details)["input"]["height"] == 227
    session = onnxruntime.InferenceSession(select_layer(model, "penultimate")[0], providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"input": np.load(DATA / "networks" / "input_227.npy")})
    with np.load(DATA / "networks" / "alexnet_thin.reference_227.npz") as reference:
        expected = reference["penultimate"]
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()


def test_a_package_gives_the_features_of_its_networks_through_sql(
    target: str, query: Query, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """FeaturizeImages gives what ONNX Runtime does when it runs the package's two networks one after the other."""
    preparation = less_mean()
    (tmp_path / "featurizer.1.0.nupkg").write_bytes(nupkg(preparation))
    assert main([str(tmp_path / "featurizer.1.0.nupkg"), "-d", target]) == 0
    told = capsys.readouterr().out
    assert "'Network.onnx' of the package, less the mean picture of 'Preprocess.onnx'." in told
    (tmp_path / "pictures").mkdir()
    blue_first = np.random.default_rng(8).integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
    assert cv2.imwrite(str(tmp_path / "pictures" / "p.png"), blue_first)
    assert load_images([str(tmp_path / "pictures"), "-d", target]) == 0
    query("EXECUTE dbo.FeaturizeImages @ModelName = N'featurizer.1.0.nupkg';")
    ((array,),) = query("SELECT array FROM dbo.image_features;")
    given = blue_first[:, :, ::-1].transpose(2, 0, 1)[None].astype(np.float32)
    for content in (preparation, featurizer()):
        model = onnx.load_from_string(content)
        model.ir_version = 8
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        given = session.run(None, {session.get_inputs()[0].name: given})[0]
    np.testing.assert_allclose(np.frombuffer(array, "<f4"), given.ravel(), rtol=1e-5, atol=1e-5)


def test_a_mean_file_takes_the_place_of_114(target: str, query: Query, tmp_path: Path) -> None:
    """A network of CNTK's then reads 0…255 and subtracts the picture itself; a second description is refused."""
    (tmp_path / "n.onnx").write_bytes(featurizer())
    numbers = " ".join(map(repr, MEAN.transpose(1, 2, 0).ravel().tolist()))
    (tmp_path / "mean.xml").write_text(
        f"<opencv_storage><Channel>3</Channel><Row>{SIDE}</Row><Col>{SIDE}</Col><MeanImg><rows>1</rows>"
        f"<cols>{MEAN.size}</cols><dt>f</dt><data>{numbers}</data></MeanImg></opencv_storage>"
    )
    path, mean = str(tmp_path / "n.onnx"), str(tmp_path / "mean.xml")
    assert main([path, "-d", target, "--mean-file", mean, "--mean", "0,0,0", "--std", "1,1,1"]) == 1
    assert main([path, "-d", target]) == 0
    assert main([path, "-d", target, "--mean-file", mean]) == 0
    without, with_mean = (json.loads(row[0]) for row in query("SELECT details FROM dbo.networks ORDER BY version;"))
    assert without["normalisation"]["mean"] == [114 / 255] * 3
    assert with_mean["normalisation"] == {"mean": [0, 0, 0], "std": [1 / 255] * 3}
    assert [each["input"]["channel_order"] for each in (without, with_mean)] == ["bgr", "bgr"]
    ((model,),) = query("SELECT model FROM dbo.networks WHERE version = 2;")
    graph = onnx.load_from_string(model).graph
    assert graph.node[0].op_type == "Sub"
    (kept,) = [each for each in graph.initializer if each.name == graph.node[0].input[1]]
    np.testing.assert_array_equal(numpy_helper.to_array(kept), MEAN)


def test_weights_beside_the_file_are_read(target: str, query: Query, tmp_path: Path) -> None:
    """Where they are missing the message names them."""
    for name in ("model.onnx", "model.onnx.data"):
        shutil.copy(DATA / "networks" / "external" / name, tmp_path)
    assert main([str(tmp_path / "model.onnx"), "-d", target]) == 0
    pictures = np.random.default_rng(2).standard_normal((2, 3, 32, 32)).astype(np.float32)
    whole = onnx.load(tmp_path / "model.onnx").SerializeToString()  # onnx's own way of reading both files
    session = onnxruntime.InferenceSession(whole, providers=["CPUExecutionProvider"])
    classes = np.asarray(session.run(None, {"x": pictures})[0])
    ((model,),) = query("SELECT model FROM dbo.networks;")
    stored = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(stored.run(None, {"x": pictures})[0], classes, rtol=1e-4, atol=1e-5)


def test_a_refusal_of_a_hostile_file_shows_no_escape_codes(
    target: str, query: Query, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a tensor's name, through every library that quotes it."""
    model = onnx.load(write_network(tmp_path / "net.onnx"))
    model.graph.node[1].input[0] = "\x1b[31mmaps"
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    assert main([str(tmp_path / "net.onnx"), "-d", target]) == 1
    told = capsys.readouterr().err.strip()
    assert told.isprintable()
    assert "\\x1b[31mmaps" in told
    assert query("SELECT COUNT(*) AS n FROM dbo.networks;") == [(0,)]


def test_a_named_layer_is_the_one_under_the_features(target: str, query: Query, tmp_path: Path) -> None:
    """As penultimate, which FeaturizeImages takes by default."""
    assert main([str(write_network(tmp_path / "net.onnx")), "-d", target, "--layer", "maps"]) == 0
    ((details,),) = query("SELECT details FROM dbo.networks;")
    assert json.loads(details)["layers"]["penultimate"] == "maps"
    assert json.loads(details)["width"] == 4


def test_a_file_name_with_escape_codes_is_printed_escaped(
    target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where it becomes the network's name, in the list of networks, and in refusals."""
    path = write_network(tmp_path / "red\x1b[31m.onnx")
    assert main([str(path), "-d", target]) == 0
    assert networks(["-d", target]) == 0
    assert main([str(path) + "x", "-d", target]) == 1
    told = capsys.readouterr()
    assert "\x1b" not in told.out + told.err
    assert told.out.count("red\\x1b[31m.onnx") == 2
    assert "red\\x1b[31m.onnxx" in told.err
