"""Weights that lie in files beside a network are put into it; nothing else is read."""

import os
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from lungdb.errors import LungdbError
from lungdb.networks.graphs.external import attach_weights, hash_beside, keeps_weights_outside, read_beside

DATA = Path(__file__).parents[2] / "data" / "networks" / "external"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of a network of torch.onnx.export's default form."""
    for name in ("model.onnx", "model.onnx.data"):
        shutil.copyfile(DATA / name, tmp_path / name)
    return tmp_path


def parse(folder: Path) -> onnx.ModelProto:
    """Parse the file alone."""
    return onnx.load_from_string((folder / "model.onnx").read_bytes())


def test_weights_beside_the_file_are_those_that_onnx_reads(folder):
    """ONNX Runtime computes the same from what we read and from what onnx reads of the two files."""
    parsed = parse(folder)
    assert keeps_weights_outside(parsed)
    assert attach_weights(parsed, read_beside(folder)) == ["model.onnx.data"]
    assert not keeps_weights_outside(parsed)
    pictures = np.random.default_rng(1).standard_normal((2, 3, 32, 32)).astype(np.float32)
    whole = onnx.load(folder / "model.onnx").SerializeToString()
    two = onnxruntime.InferenceSession(whole, providers=["CPUExecutionProvider"])
    one = onnxruntime.InferenceSession(parsed.SerializeToString(), providers=["CPUExecutionProvider"])
    np.testing.assert_array_equal(one.run(None, {"x": pictures})[0], two.run(None, {"x": pictures})[0])


def place(model: onnx.ModelProto, **entries: str) -> TensorProto:
    """Say of the first weight that lies outside where it lies."""
    tensor = next(each for each in model.graph.initializer if each.data_location == TensorProto.EXTERNAL)
    told = {entry.key: entry.value for entry in tensor.external_data} | entries
    del tensor.external_data[:]
    for key, value in told.items():
        tensor.external_data.add(key=key, value=value)
    return tensor


@pytest.mark.parametrize(
    "name",
    [
        "../model.onnx.data",
        "/etc/passwd",
        "a/b",
        "a\\b",
        "C:data",
        "..",
        ".",
        "",
        "\\\\server\\share",
        "x\0y",
        "x\x1b[2J",
    ],
)
def test_a_name_that_is_a_path_is_refused(folder, name):
    """Whatever lies there; the message shows it without what a terminal would obey."""
    parsed = parse(folder)
    place(parsed, location=name)
    with pytest.raises(LungdbError, match="no name of a file in its own folder") as caught:
        attach_weights(parsed, read_beside(folder))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "entries",
    [
        {"offset": "1000000"},
        {"offset": "99999999999999999999"},
        {"offset": "-1"},
        {"offset": "٣"},
        {"length": "1"},
        {"length": "99999999999999"},
        {"length": ""},
        {"nonsense": "1"},
        {"offset": "9" * 5000},
    ],
)
def test_a_place_outside_of_the_file_is_refused(folder, entries):
    """Offsets past the end, other lengths than the shape's, numbers that are none."""
    parsed = parse(folder)
    place(parsed, **entries)
    with pytest.raises(LungdbError):
        attach_weights(parsed, read_beside(folder))


def test_a_weight_of_an_impossible_shape_is_refused_before_anything_is_read(folder):
    """A thousand terabytes."""
    parsed = parse(folder)
    tensor = place(parsed)
    tensor.dims[:] = [1 << 40, 1 << 10]
    with pytest.raises(LungdbError, match="more than 2,147,483,647 bytes"):
        attach_weights(parsed, read_beside(folder))


@pytest.mark.skipif(os.name != "posix", reason="links and pipes are POSIX's")
def test_links_and_pipes_are_refused(folder):
    """A link could show any file of the computer, a pipe would wait for ever."""
    data = folder / "model.onnx.data"
    data.rename(folder / "elsewhere")
    data.symlink_to(folder / "elsewhere")
    with pytest.raises(LungdbError, match="is a link"):
        attach_weights(parse(folder), read_beside(folder))
    data.unlink()
    os.mkfifo(data)
    with pytest.raises(LungdbError, match="no plain file"):
        attach_weights(parse(folder), read_beside(folder))


def test_a_missing_file_is_named(folder):
    """With the way out."""
    (folder / "model.onnx.data").unlink()
    with pytest.raises(LungdbError, match=r"'model\.onnx\.data', which cannot be read beside it"):
        attach_weights(parse(folder), read_beside(folder))
    with pytest.raises(LungdbError, match="cannot be read"):
        hash_beside(folder, "model.onnx.data")


def test_constants_inside_nodes_may_lie_outside_too(folder):
    """Exporters put the larger ones there."""
    values = np.arange(6, dtype=np.float32)
    (folder / "constant.bin").write_bytes(values.tobytes())
    tensor = numpy_helper.from_array(values, "c")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="constant.bin")
    graph = helper.make_graph([helper.make_node("Constant", [], ["y"], value=tensor)], "g", [], [])
    model = helper.make_model(graph)
    assert attach_weights(model, read_beside(folder)) == ["constant.bin"]
    np.testing.assert_array_equal(numpy_helper.to_array(model.graph.node[0].attribute[0].t), values)
