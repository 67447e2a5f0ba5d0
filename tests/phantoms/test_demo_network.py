"""The demo network in the package is what its card says."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from sklearn.metrics import roc_auc_score

from lungdb.imaging.preprocessing import CtSlice, prepare
from lungdb.networks.entry import network_details
from lungdb.phantoms import make_phantom
from tests.phantoms.seeds import DEVELOPMENT_SEEDS

ROOT = Path(__file__).resolve().parents[2]
NETWORK = ROOT / "lungdb" / "networks" / "data" / "demo_resnet.onnx"
REFERENCE = ROOT / "tests" / "data" / "phantoms" / "demo_resnet_reference.npz"


@pytest.fixture(scope="module")
def model() -> onnx.ModelProto:
    """Read the network that the demo uses."""
    return onnx.load(NETWORK)


def _session(model: onnx.ModelProto, output: str) -> onnxruntime.InferenceSession:
    """Open the network with one tensor as its output, for use without lungdb's own graph work."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.graph.output[:]
    copy.graph.output.append(onnx.helper.make_tensor_value_info(output, onnx.TensorProto.FLOAT, None))
    return onnxruntime.InferenceSession(copy.SerializeToString(), providers=["CPUExecutionProvider"])


def test_the_network_is_a_small_valid_onnx_model(model: onnx.ModelProto) -> None:
    """Under 5 MB, about a million weights, an operator set that older runtimes have, a free batch."""
    onnx.checker.check_model(model, full_check=True)
    assert NETWORK.stat().st_size < 5_000_000
    weights = sum(int(np.prod(tensor.dims)) for tensor in model.graph.initializer)
    assert 500_000 < weights < 1_500_000
    assert all(opset.version <= 17 for opset in model.opset_import)
    (picture,) = model.graph.input
    batch, *rest = picture.type.tensor_type.shape.dim
    assert batch.dim_param
    assert [size.dim_value for size in rest] == [3, 224, 224]
    assert model.graph.node[-1].op_type == "Gemm"


def test_it_says_how_its_input_is_scaled(model: onnx.ModelProto) -> None:
    """The entry that the loader makes has the normalisation of the file and a penultimate layer of 64 or more."""
    details = network_details(NETWORK.read_bytes())
    stored = {prop.key: prop.value for prop in model.metadata_props}
    assert details["normalisation"] == json.loads(stored["lungdb"])["normalisation"]
    assert details["penultimate"] == model.graph.node[-1].input[0]
    assert details["width"] >= 64


@pytest.mark.parametrize("output", ["features", "scores"])
def test_onnx_runtime_gives_what_pytorch_gave(model: onnx.ModelProto, output: str) -> None:
    """The stored values are PyTorch's, with batch normalisation not yet folded into the convolutions."""
    with np.load(REFERENCE) as reference:
        picture = reference["small"].repeat(16, axis=2).repeat(16, axis=3)
        (values,) = _session(model, output).run(None, {"picture": picture})
        np.testing.assert_allclose(values, reference[output], rtol=1e-3, atol=1e-3)
        assert np.ptp(reference[output]) > 0.1


@pytest.mark.slow
def test_its_features_tell_scans_with_cancer_from_others(model: onnx.ModelProto) -> None:
    """Over 40 scans it has not seen, one score of it alone orders them with an AUC of 0.8 or more."""
    session = _session(model, "scores")
    normalisation = network_details(NETWORK.read_bytes())["normalisation"]
    labels, highest = [], []
    for seed in DEVELOPMENT_SEEDS[2000:2040]:
        phantom = make_phantom(seed, cancer=seed % 2 == 1)
        pictures = prepare(
            [CtSlice(plane) for plane in phantom.hu], "lung", normalisation["mean"], normalisation["std"]
        )
        labels.append(phantom.cancer)
        highest.append(session.run(None, {"picture": pictures})[0][:, 0].max())
    assert roc_auc_score(labels, highest) >= 0.8
