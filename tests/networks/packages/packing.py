"""Packages made for tests: a network that makes features, one that prepares its pictures, in a zip."""

import io
import zipfile
from collections.abc import Mapping, Sequence

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

SIDE = 16
CHANCE = np.random.default_rng(7)
KERNEL = CHANCE.standard_normal((8, 3, 3, 3)).astype(np.float32) / 50
MEAN = CHANCE.uniform(95, 130, (3, SIDE, SIDE)).astype(np.float32)


def featurizer(name: str = "Input247", side: int = SIDE, producer: str = "CNTK") -> bytes:
    """Write a network without a classifier as CNTK 2.6 exports it: IR 3, opset 8, a batch of 1."""
    graph = helper.make_graph(
        [
            helper.make_node("Conv", [name, "W"], ["c"], pads=[1, 1, 0, 0], strides=[2, 2], kernel_shape=[3, 3]),
            helper.make_node("Relu", ["c"], ["r"]),
            helper.make_node("GlobalAveragePool", ["r"], ["Pooling_Output_0"]),
        ],
        "cntk",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, side, side])],
        [helper.make_tensor_value_info("Pooling_Output_0", TensorProto.FLOAT, [1, 8, 1, 1])],
        [numpy_helper.from_array(KERNEL, "W")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 8)], ir_version=3, producer_name=producer)
    return bytes(model.SerializeToString())


def preparer(nodes: Sequence[NodeProto], weights: Mapping[str, np.ndarray], opset: int = 8, side: int = SIDE) -> bytes:
    """Write a network that makes `made` of `given`, pictures of one size."""
    shape = [1, 3, side, side]
    graph = helper.make_graph(
        list(nodes),
        "preparation",
        [helper.make_tensor_value_info("given", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("made", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=3)
    return bytes(model.SerializeToString())


def turn_round(inner: str = "turned") -> list[NodeProto]:
    """Make blue, green, red of red, green, blue."""
    return [
        helper.make_node("Split", ["given"], ["red", "green", "blue"], axis=1, split=[1, 1, 1]),
        helper.make_node("Concat", ["blue", "green", "red"], [inner], axis=1),
    ]


def less_mean() -> bytes:
    """Write the preparation that Microsoft's packages have: BGR, less the mean picture."""
    nodes = [*turn_round(), helper.make_node("Sub", ["turned", "mean"], ["made"])]
    return preparer(nodes, {"mean": MEAN[None]})


def pack(files: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Write a zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def nupkg(preparation: bytes | None = None, network: bytes | None = None) -> bytes:
    """Write a package in the layout of NuGet's."""
    files = {
        "_rels/.rels": b"<Relationships/>",
        "Featurizer.nuspec": b"<package/>",
        "lib/netstandard2.0/Featurizer.dll": b"MZ",
        "tools/Models/Network/Network.onnx": featurizer() if network is None else network,
    }
    if preparation is not None:
        files["tools/Models/Prep/Preprocess.onnx"] = preparation
    return pack(files)
