"""The demo's networks of volumes are what their cards say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from lungdb.imaging.volumes.declared import read_input
from lungdb.loading.network_file import find_file
from lungdb.loading.preparing import Task, prepare
from lungdb.networks.detecting.forms import HeatMap
from lungdb.networks.detecting.reading import read_output

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "lungdb" / "networks" / "data"
REFERENCE = ROOT / "tests" / "data" / "phantoms" / "demo_volumes_reference.npz"
NAMES = ("demo_volume", "demo_detector")


def _told(name: str) -> dict[str, object]:
    """Read what a file says of itself."""
    (told,) = [each.value for each in onnx.load(DATA / f"{name}.onnx").metadata_props if each.key == "lungdb"]
    read: dict[str, object] = json.loads(told)
    return read


def _run(name: str, output: str, volumes: np.ndarray) -> np.ndarray:
    """Run a network to one of its tensors, without lungdb's own graph work."""
    model = onnx.load(DATA / f"{name}.onnx")
    del model.graph.output[:]
    model.graph.output.append(onnx.helper.make_tensor_value_info(output, onnx.TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (values,) = session.run(None, {"volume": volumes})
    return np.asarray(values)


@pytest.mark.parametrize("name", NAMES)
def test_the_network_is_a_small_valid_onnx_model_with_a_card(name: str) -> None:
    """Under 5 MB and 200 000 weights, an operator set that older runtimes have, sizes free, a card beside."""
    file = DATA / f"{name}.onnx"
    model = onnx.load(file)
    onnx.checker.check_model(model, full_check=True)
    assert file.stat().st_size < 5_000_000
    weights = sum(int(np.prod(tensor.dims)) for tensor in model.graph.initializer)
    assert 50_000 < weights < 200_000
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 13)]
    (volume,) = model.graph.input
    batch, channels, *sides = volume.type.tensor_type.shape.dim
    assert batch.dim_param
    assert channels.dim_value == 1
    assert all(side.dim_param for side in sides)
    card = file.with_suffix(".md").read_text(encoding="utf-8")
    assert f"{weights:,}".replace(",", " ") in card
    assert "never seen a patient" in card


@pytest.mark.parametrize("name", NAMES)
def test_it_declares_what_it_reads(name: str) -> None:
    """What the card says of the input is in the file, so that nothing is asked when it is loaded."""
    told = _told(name)
    assert set(told["normalisation"]) == {"mean", "std"}
    declared = read_input(told["input"])
    assert declared.channels == 1
    assert declared.spacing == (2.4, 1.5, 1.5)
    assert declared.window == (-1350.0, 150.0)
    card = (DATA / f"{name}.md").read_text(encoding="utf-8")
    mean, std = told["normalisation"]["mean"][0], told["normalisation"]["std"][0]
    assert f"(x − {mean}) / {std}" in card


def test_loading_it_takes_no_word_beside_the_file() -> None:
    """What loading makes of the bare files is what they declare: features of one, nodules of the other."""
    details = {}
    for name in NAMES:
        file = find_file(str(DATA / f"{name}.onnx"), None, None)
        details[name] = prepare(Task(file, None, None, None, {})).details
        told = _told(name)
        assert details[name]["normalisation"] == told["normalisation"]
        assert read_input(details[name]["input"]) == read_input(told["input"])
    assert details["demo_volume"]["width"] == 64
    assert "output" not in details["demo_volume"]
    assert details["demo_detector"]["output"] == _told("demo_detector")["output"]


def test_the_detector_declares_what_it_gives() -> None:
    """Its output is a heat map of probabilities, of which diameters are the width at half of a peak."""
    form = read_output(_told("demo_detector")["output"])
    assert isinstance(form, HeatMap)
    assert (form.score, form.diameter) == ("probability", "half")
    assert "output" not in _told("demo_volume")


@pytest.mark.parametrize(
    ("name", "output"), [("demo_volume", "features"), ("demo_volume", "probability"), ("demo_detector", "heatmap")]
)
def test_onnx_runtime_gives_what_pytorch_gave(name: str, output: str) -> None:
    """The stored values are PyTorch's, with batch normalisation not yet folded into the convolutions."""
    with np.load(REFERENCE) as reference:
        values = _run(name, output, reference["small"].repeat(8, axis=3).repeat(8, axis=4))
        if output == "heatmap":
            assert values.shape == (2, 1, 6, 80, 72)
            values = values[..., ::8, ::8]
        np.testing.assert_allclose(values, reference[output], rtol=1e-3, atol=1e-4)
        assert np.ptp(reference[output]) > 1e-3


def test_a_large_nodule_in_lung_is_found_where_it_lies() -> None:
    """A ball of 16 mm of soft tissue in even lung, far from where any phantom has one, is the highest place."""
    told = _told("demo_detector")
    z, y, x = np.meshgrid(*(np.arange(side) for side in (48, 64, 64)), indexing="ij")
    away = np.sqrt(((z - 27) * 2.4) ** 2 + ((y - 24) * 1.5) ** 2 + ((x - 40) * 1.5) ** 2)
    hu = np.where(away < 8, 40.0, -860.0)
    values = np.clip((hu + 1350) / 1500, 0, 1)
    mean, std = told["normalisation"]["mean"][0], told["normalisation"]["std"][0]
    heat = _run("demo_detector", "heatmap", ((values - mean) / std)[None, None].astype(np.float32))[0, 0]
    place = np.unravel_index(int(heat.argmax()), heat.shape)
    assert np.linalg.norm((np.array(place) - (27, 24, 40)) * (2.4, 1.5, 1.5)) < 8
    assert heat.max() > 0.3
