"""Networks as PyTorch's two exporters write them give what PyTorch gives."""

from pathlib import Path

import numpy as np
import pytest

from lungdb.errors import ProcedureError
from lungdb.networks.entry import network_details, prepare_network
from lungdb.networks.graphs.layers import select_layers
from lungdb.networks.running.sessions import open_session

DATA = Path(__file__).parents[1] / "data" / "onnx"
EXPORTS = [path.stem for path in sorted(DATA.glob("*.onnx")) if path.stem != "transformer_dynamo_one"]


@pytest.mark.parametrize("name", EXPORTS)
def test_the_layers_of_an_export_are_pytorchs(name):
    """Every layer that has a reference is found and within 1e-4 of it, for two pictures though some files say one."""
    model = prepare_network((DATA / f"{name}.onnx").read_bytes())
    details = network_details(model)
    size = (details["input"]["height"], details["input"]["width"])
    with np.load(DATA / f"{name}.reference.npz") as reference:
        expected = dict(reference)
    cut, widths = select_layers(model, list(expected), layers=details["layers"], size=size)
    pictures = np.random.default_rng(4).random((2, 3, *size), np.float32)
    found = open_session(cut, ["CPUExecutionProvider"]).run(pictures)
    assert widths == [layer.shape[1] for layer in expected.values()]
    for features, layer in zip(found, expected.values(), strict=True):
        assert np.abs(features - layer).max() < 1e-4 * np.abs(layer).max()


def test_a_network_written_for_one_picture_throughout_is_refused():
    """A class token that was expanded to one picture cannot be joined to the patches of two."""
    with pytest.raises(ProcedureError, match="one number of pictures") as caught:
        prepare_network((DATA / "transformer_dynamo_one.onnx").read_bytes())
    assert caught.value.number == 50104


def test_the_tokens_of_a_transformer_are_no_features():
    """A layer of [N, tokens, width] is refused with its shape."""
    model = prepare_network((DATA / "transformer_legacy.onnx").read_bytes())
    with pytest.raises(ProcedureError, match=r"gives \[N, 17, 12\], not \[N, width\]") as caught:
        select_layers(model, ["/3/LayerNormalization_output_0"], size=(64, 64))
    assert caught.value.number == 50115
