"""The stored networks, and ONNX Runtime without anything of ours around it."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

DATA = Path(__file__).parents[2] / "data" / "networks"


@pytest.fixture(scope="session")
def data():
    """The folder of stored networks."""
    return DATA


@pytest.fixture(scope="session")
def compute():
    """Compute tensors of an ONNX model, those in the middle of the graph too."""

    def run(model, names, pictures):
        parsed = onnx.load_from_string(model)
        onnx.checker.check_model(parsed, full_check=True)
        del parsed.graph.output[:]
        parsed.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
        session = onnxruntime.InferenceSession(parsed.SerializeToString(), providers=["CPUExecutionProvider"])
        return dict(zip(names, session.run(None, {"input": pictures}), strict=True))

    return run


@pytest.fixture(scope="session")
def assert_close():
    """Compare with PyTorch's numbers: the largest difference against the largest value, below 1e-4."""

    def check(array, reference):
        assert array.shape == reference.shape
        assert np.abs(array - reference).max() < 1e-4 * np.abs(reference).max()

    return check
