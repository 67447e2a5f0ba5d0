"""The AlexNets that we write have the catalog's layers, and weights that do not fit are listed.

What they compute is compared with PyTorch in weights/test_references.py.
"""

from pathlib import Path

import numpy as np
import onnx
import pytest

from lungdb.errors import LungdbError
from lungdb.networks.architectures.alexnet import build_alexnet
from lungdb.networks.architectures.catalog import architecture
from lungdb.networks.weights import read_weights

DATA = Path(__file__).parents[1] / "data" / "networks"


@pytest.fixture(scope="module")
def weights():
    """Weights of a thin AlexNet."""
    return read_weights(DATA / "alexnet_thin.safetensors")


def test_the_layers_of_the_catalog_are_tensors_after_relu(weights):
    """By exactly its names."""
    graph = onnx.load_from_string(build_alexnet(weights)).graph
    makers = {output: node.op_type for node in graph.node for output in node.output}
    assert [makers.get(layer) for layer in architecture("alexnet").layers] == ["Relu"] * 7
    assert "logits" in makers


def test_everything_that_does_not_fit_is_listed_at_once(weights):
    """Missing, left over and misshapen parameters in one message."""
    wrong = {name: array for name, array in weights.items() if name != "classifier.4.bias"}
    wrong["features.1.weight"] = np.zeros(1, np.float32)
    wrong["features.3.weight"] = wrong["features.3.weight"][:, :, :3, :3]
    with pytest.raises(LungdbError) as caught:
        build_alexnet(wrong)
    for problem in ("what does not fit (3)", "classifier.4.bias is missing", "features.1.weight is left over"):
        assert problem in str(caught.value)
    assert "features.3.weight is " in str(caught.value)


def test_a_picture_that_leaves_no_cell_is_refused(weights):
    """62 rows are none after the third max-pool."""
    with pytest.raises(LungdbError, match="62 × 62 is too small"):
        build_alexnet(weights, size=62)
