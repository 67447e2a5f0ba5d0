"""Files that CNTK wrote, against what CNTK computed from them."""

import os
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from cntk_models import DATA, relative_error, run

from lungdb.networks.cntk import convert_cntk, is_cntk
from lungdb.networks.entry import prepare_network
from lungdb.networks.graphs.layers import select_layer

TOLERANCE = 1e-4

# File, and the name under which its arrays are stored.
NETWORKS = [
    ("resnet_tiny_ops", "resnet_tiny_ops"),
    ("resnet_tiny_ops.cntk25", "resnet_tiny_ops"),
    ("resnet_tiny_ops.split", "resnet_tiny_ops"),
    ("resnet_tiny_ops_with_criterion", "resnet_tiny_ops"),
    ("resnet_tiny_layers", "resnet_tiny_layers"),
    ("resnet_tiny_layers.cntk25", "resnet_tiny_layers"),
    ("alexnet_tiny", "alexnet_tiny"),
    ("float64_convnet", "float64_convnet"),
    ("mlp_splice_slice", "mlp_splice_slice"),
]


def arrays(folder: Path, name: str, kind: str) -> dict[str, np.ndarray]:
    """Read the stored inputs or outputs of a network, by node."""
    prefix = f"{name}.{kind}."
    return {path.name[len(prefix) : -len(".npy")]: np.load(path) for path in folder.glob(f"{prefix}*.npy")}


@pytest.mark.parametrize(("file", "name"), NETWORKS)
@pytest.mark.parametrize("batch", [1, 2, 5])
def test_every_stored_node_equals_what_cntk_computed(file, name, batch):
    """Each node of each file has CNTK's values within 1e-4, for one picture and for more than CNTK was given."""
    outputs = arrays(DATA, name, "out")
    rows = np.arange(batch) % len(next(iter(outputs.values())))
    inputs = {node: array[rows].astype(np.float32) for node, array in arrays(DATA, name, "in").items()}
    found = run((DATA / f"{file}.model").read_bytes(), inputs, tuple(outputs))
    assert outputs
    for node, expected in outputs.items():
        assert relative_error(found[node], expected[rows]) < TOLERANCE, node


@pytest.mark.parametrize("size", ["11x18", "16x16"])
def test_a_network_with_free_sizes_takes_pictures_of_any_size(size):
    """One converted file runs at both sizes for which CNTK's outputs are stored."""
    found = run((DATA / "freedim_convnet.model").read_bytes(), np.load(DATA / f"freedim_convnet.in.{size}.npy"))
    assert relative_error(found, np.load(DATA / f"freedim_convnet.out.{size}.npy")) < TOLERANCE


def test_free_sizes_stay_free_and_fixed_ones_fixed():
    """The ONNX input has the batch in front, and rows and columns as the CNTK model had them."""
    shapes = {}
    for name in ("freedim_convnet", "resnet_tiny_ops"):
        model = onnx.load_from_string(convert_cntk((DATA / f"{name}.model").read_bytes()))
        (value,) = model.graph.input
        assert value.name == "features"
        shapes[name] = [side.dim_param or side.dim_value for side in value.type.tensor_type.shape.dim]
    assert shapes == {"freedim_convnet": ["N", 3, "rows", "cols"], "resnet_tiny_ops": ["N", 3, 64, 64]}


@pytest.mark.parametrize("layer", ["z.x", "rn1.r", "pool1", "z"])
def test_a_layer_is_selected_by_its_cntk_name(layer):
    """select_layer cuts the converted network at a CNTK node and gives what CNTK stored there."""
    converted = convert_cntk((DATA / "resnet_tiny_ops_with_criterion.model").read_bytes())
    model, _ = select_layer(converted, layer, average=False)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    pictures = np.load(DATA / "resnet_tiny_ops.in.features.npy")
    (found,) = session.run(None, {"features": pictures})
    expected = np.load(DATA / f"resnet_tiny_ops.out.{layer}.npy")
    assert relative_error(found.reshape(expected.shape), expected) < TOLERANCE


def test_the_stored_form_still_gives_what_cntk_computed():
    """A converted network that is prepared for the database has CNTK's values at its penultimate layer and at z.x."""
    prepared = prepare_network(convert_cntk((DATA / "resnet_tiny_layers.model").read_bytes()))
    expected = np.load(DATA / "resnet_tiny_layers.out.z.x.npy").reshape(2, -1)
    pictures = np.load(DATA / "resnet_tiny_layers.in.features.npy")
    for layer in ("penultimate", "z.x"):
        model, width = select_layer(prepared, layer)
        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        assert width == expected.shape[1]
        assert relative_error(session.run(None, {"features": pictures})[0], expected) < TOLERANCE


def test_a_node_is_found_by_its_cntk_id():
    """ONNX nodes have CNTK's ids as names, so a node without a name can be named too."""
    model = onnx.load_from_string(convert_cntk((DATA / "resnet_tiny_ops.model").read_bytes()))
    outputs = {node.name: node.output[0] for node in model.graph.node}
    assert outputs["Convolution5"] == "conv1"
    assert outputs["ReLU52"] == "rn1.r"


def test_the_names_of_a_block_and_of_what_is_inside_it_are_both_kept():
    """The mean over the free axes is found as gap, its Block's name, and as its inner function's."""
    model = onnx.load_from_string(convert_cntk((DATA / "freedim_convnet.model").read_bytes()))
    tensors = {name for node in model.graph.node for name in node.output}
    assert {"fc_map", "gap", "_static_axes_subop"} <= tensors


def test_criteria_and_labels_disappear():
    """A trained model's Combine of loss, error and z becomes z of one input, the same graph as without them."""
    pruned, plain = (
        onnx.load_from_string(convert_cntk((DATA / f"resnet_tiny_ops{kind}.model").read_bytes())).graph
        for kind in ("_with_criterion", "")
    )
    assert [value.name for value in pruned.input] == ["features"]
    assert [node.op_type for node in pruned.node] == [node.op_type for node in plain.node]


@pytest.mark.parametrize("output", ["rn1.r", "ReLU52"])
def test_another_output_is_converted_on_request(output):
    """convert_cntk ends at the node that is named, by name or by id."""
    content = (DATA / "resnet_tiny_ops_with_criterion.model").read_bytes()
    (value,) = onnx.load_from_string(convert_cntk(content, output)).graph.output
    assert value.name == "rn1.r"


@pytest.mark.parametrize("path", sorted(DATA.glob("*.model")), ids=lambda path: path.stem)
def test_a_cntk_file_is_recognised_from_its_first_bytes(path):
    """Every file that CNTK wrote is CNTK's, from 16 or from 64 bytes."""
    content = path.read_bytes()
    assert is_cntk(content[:16])
    assert is_cntk(content[:64])


def test_an_onnx_file_called_model_is_not_cntk():
    """ONNX bytes are told apart, also those of the oldest versions, whose first bytes are CNTK's."""
    model = onnx.load_from_string(convert_cntk((DATA / "float64_convnet.model").read_bytes()))
    for version in (1, 2, 3, 8):
        model.ir_version = version
        model.producer_name = "CNTK"
        assert not is_cntk(model.SerializeToString()[:64])
    assert not is_cntk(b"")
    assert not is_cntk(b"PK\x03\x04")


def third_party() -> Path:
    """Find the folder of models that are not ours to copy."""
    folder = os.environ.get("LUNGDB_CNTK_MODELS")
    if not folder:
        pytest.skip("LUNGDB_CNTK_MODELS names no folder with CNTK models that others published")
    return Path(folder)


def test_the_form_of_microsofts_resnets_is_read():
    """A trained ResNet of CNTK 1 that CNTK 2 converted: z, z.x and z.x.x.r are CNTK's, labels are gone."""
    folder, name = third_party(), "resnet20_cifar10_v1converted"
    outputs = arrays(folder, name, "out")
    found = run((folder / f"{name}.model").read_bytes(), arrays(folder, name, "in"), tuple(outputs))
    assert set(outputs) == {"z", "z.x", "z.x.x.r"}
    for node, expected in outputs.items():
        assert relative_error(found[node], expected) < TOLERANCE, node


@pytest.mark.parametrize(("name", "inputs"), [("old_prim3_conv_bn", "in.Images"), ("old_prim7_dense_blocks", "in")])
def test_files_of_the_betas_are_read(name, inputs):
    """Files of CNTK 2's betas, with five inputs of batch normalisation and without later attributes."""
    folder = third_party()
    pictures = np.load(folder / f"{name}.{inputs}.npy").astype(np.float32)
    found = run((folder / f"{name}.model").read_bytes(), pictures)
    assert relative_error(found, np.load(folder / f"{name}.out.npy")) < TOLERANCE
