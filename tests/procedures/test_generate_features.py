"""generate_features gives each scan what the network gives for its pictures, and names what it cannot do."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx.reference import ReferenceEvaluator

from lungdb.imaging.codecs import decode_array, decode_vector, encode_slice
from lungdb.imaging.preprocessing import CtSlice, prepare
from lungdb.networks.entry import network_details
from lungdb.procedures import generate_features

ROOT = Path(__file__).parents[2]
COLUMNS = ["scan_id", "layer", "error", "array_rows", "array_cols", "array", "sha256", "pooled"]


def expected_features(
    network: bytes, volume: np.ndarray, preprocessing: str = "lung", size: tuple[int, int] = (224, 224)
) -> np.ndarray:
    """Compute with onnx's own evaluator, picture by picture, layer `vector`."""
    model = onnx.load_from_string(network)
    model.graph.output.append(onnx.helper.make_empty_tensor_value_info("vector"))
    evaluator = ReferenceEvaluator(model)
    normalisation = network_details(network)["normalisation"]
    pictures = prepare([CtSlice(hu) for hu in volume], preprocessing, **normalisation, size=size)
    return np.concatenate([evaluator.run(["vector"], {"image": picture[None]})[0] for picture in pictures])


def arrays(result: pd.DataFrame, layer: int = 1) -> dict[int, np.ndarray]:
    """Read the arrays of a layer in a result by scan."""
    return {
        row.scan_id: decode_array(bytes.fromhex(row.array), row.array_rows, row.array_cols, bytes.fromhex(row.sha256))
        for row in result.itertuples()
        if row.layer == layer
    }


def refusal(arguments: dict, **changes) -> tuple[int, str]:
    """Call with changes; check that a refusal comes with an empty result, and give its number and message."""
    result, provider, notice, number, message = generate_features(**{**arguments, **changes})
    assert number != 0
    assert (len(result), provider, notice) == (0, "", "")
    assert list(result.columns) == COLUMNS
    return number, message


def test_each_scan_gets_the_features_of_its_own_slices(arguments, volumes, network):
    """Three scans of different size in batches of two equal the reference evaluator, one row a triple."""
    result, provider, notice, number, message = generate_features(**arguments)
    assert (notice, number, message) == ("", 0, "")
    assert provider in ("CPUExecutionProvider", "CUDAExecutionProvider")
    assert result["scan_id"].tolist() == list(volumes)
    assert result["layer"].tolist() == [1] * 3
    assert result["error"].tolist() == ["", "", ""]
    assert result["array_cols"].tolist() == [5, 5, 5]
    assert result["array_rows"].tolist() == [3, 1, 2]
    for scan_id, features in arrays(result).items():
        np.testing.assert_allclose(features, expected_features(network, volumes[scan_id]), rtol=1e-4, atol=1e-5)


def test_pooled_vectors_are_those_of_the_array(arguments):
    """mean and max over the triples, as JSON that float32 reads back."""
    result = generate_features(**arguments)[0]
    for row, features in zip(result.itertuples(), arrays(result).values(), strict=True):
        pooled = {name: decode_vector(json.dumps(vector)) for name, vector in json.loads(row.pooled).items()}
        assert list(pooled) == ["mean", "max"]
        np.testing.assert_allclose(pooled["mean"], features.mean(axis=0), rtol=1e-6)
        np.testing.assert_array_equal(pooled["max"], features.max(axis=0))


def test_every_pooling_can_be_asked_for_at_once(arguments):
    """mean_max_std is three times as long; a single triple works too."""
    result = generate_features(**{**arguments, "pooling": "pca1, mean_max_std,mean,max"})[0]
    for text in result["pooled"]:
        assert {name: len(vector) for name, vector in json.loads(text).items()} == {
            "pca1": 5,
            "mean_max_std": 15,
            "mean": 5,
            "max": 5,
        }


def test_seed_preprocessing_is_not_normalised(arguments, volumes, network):
    """Its grey levels go to the network as they are; a scan too small for its crop is the only one that fails."""
    arguments["slices"] = arguments["slices"][arguments["slices"]["scan_id"] != 8]
    result = generate_features(**{**arguments, "preprocessing": "seed"})[0]
    assert result["error"].tolist() == ["", ""]
    assert result["array_rows"].tolist() == [2, 1]
    expected = expected_features(network, volumes[9], "seed")
    np.testing.assert_allclose(arrays(result)[9], expected, rtol=1e-4, atol=1e-3)


def test_features_do_not_depend_on_batch_size_threads_or_other_scans(arguments):
    """Bit for bit, so that a run in other chunks, or killed and resumed, gives the same."""
    whole = generate_features(**{**arguments, "batch_size": 1024})[0]
    for changes in ({"batch_size": 1}, {"threads": 1}, {"threads": 3}):
        pd.testing.assert_frame_equal(generate_features(**{**arguments, **changes})[0], whole)
    alone = [
        generate_features(**{**arguments, "slices": rows.reset_index(drop=True)})[0]
        for _, rows in arguments["slices"].groupby("scan_id")
    ]
    pd.testing.assert_frame_equal(pd.concat(alone, ignore_index=True), whole)


def test_numbers_may_arrive_as_any_numeric_type(arguments):
    """Runtimes give int32, int64 or, for what may be NULL, float64."""
    whole = generate_features(**arguments)[0]
    for dtype in (np.int64, np.float64):
        changed = arguments["slices"].copy()
        for column in ("scan_id", "slice_index", "number_images", "image_rows", "image_cols"):
            changed[column] = changed[column].astype(dtype)
        pd.testing.assert_frame_equal(generate_features(**{**arguments, "slices": changed})[0], whole)


def test_the_result_is_what_sql_server_takes(arguments):
    """Column dtypes of the contract, plain int and str as OUTPUT values."""
    result, *outputs = generate_features(**arguments)
    assert [str(dtype) for dtype in result.dtypes] == [
        "int32",
        "int32",
        "object",
        "int32",
        "int32",
        *["object"] * 3,
    ]
    assert [type(value) for value in outputs] == [str, str, int, str]
    assert {type(value) for value in result["array"]} == {str}


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("pixels", None, "Slice 2: The pixels or their SHA-256 are not hexadecimal"),
        ("pixels", "zz", "not hexadecimal"),
        ("pixels", "", "Slice 2: The pixels"),
        ("pixels", "1F8B08", "Slice 2: The pixels"),
        ("pixels_sha256", "00" * 32, "not those that were loaded"),
        ("pixels_sha256", "zz", "not hexadecimal"),
        ("pixels_sha256", None, "not hexadecimal"),
        ("image_rows", 97, "do not hold 97 x 120 values"),
        ("rescale_slope", 0.0, "rescaling"),
        ("rescale_slope", np.nan, "rescaling"),
        ("slice_index", None, None),
    ],
)
def test_a_scan_that_fails_is_named_and_the_others_go_on(arguments, column, value, message):
    """Damage to the third slice of the first scan leaves the other scans' rows as they were."""
    good = generate_features(**arguments)[0]
    changed = arguments["slices"].copy()
    if message is None:
        changed = changed.drop(index=2).reset_index(drop=True)
        message = "Of 7 slices 6 are stored"
    else:
        changed.loc[2, column] = value
    result, _, _, number, _ = generate_features(**{**arguments, "slices": changed})
    assert number == 0
    failed = result.iloc[0]
    assert message in failed["error"]
    assert failed[["scan_id", "layer", "array_rows", "array", "pooled"]].tolist() == [3, 0, 0, "", "{}"]
    pd.testing.assert_frame_equal(result.iloc[1:], good.iloc[1:])


def test_a_missing_last_slice_is_noticed(arguments):
    """number_images says how many there should be."""
    result = generate_features(**{**arguments, "slices": arguments["slices"].iloc[:-1]})[0]
    assert result["error"].tolist()[:2] == ["", ""]
    assert "Of 4 slices 3 are stored" in result["error"].iloc[2]


def test_features_that_are_not_finite_fail_the_scan(arguments, network):
    """A network that overflows must not write NaN as features."""
    model = onnx.load_from_string(network)
    kernel = onnx.numpy_helper.to_array(model.graph.initializer[0]) * np.float32(1e38)
    model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(kernel, "kernel"))
    content = model.SerializeToString()
    result = generate_features(
        **{**arguments, "network": content, "network_sha256": hashlib.sha256(content).hexdigest()}
    )[0]
    assert all("NaN or infinity" in error for error in result["error"])


def test_providers_are_taken_from_a_list_with_commas(arguments):
    """As the setting holds them, and the one that ran is named."""
    result, provider, _, number, _ = generate_features(**{**arguments, "providers": " CPUExecutionProvider "})
    assert (provider, number, len(result)) == ("CPUExecutionProvider", 0, 3)


def test_rows_out_of_order_are_refused(arguments):
    """Another order would give other triples without a word."""
    for shuffled in (
        arguments["slices"].iloc[::-1],
        arguments["slices"].iloc[[0, 2, 1, 3]],
        arguments["slices"].iloc[[0, 1, 1, 2]],
        arguments["slices"].iloc[[0, 1, 7, 2]],
    ):
        assert refusal(arguments, slices=shuffled)[0] == 50119


def test_no_rows_give_no_features(arguments):
    """An empty chunk is no error."""
    result, _, _, number, _ = generate_features(**{**arguments, "slices": arguments["slices"].iloc[:0]})
    assert (len(result), number) == (0, 0)


@pytest.mark.parametrize(
    ("changes", "number", "message"),
    [
        ({"preprocessing": "lungs"}, 50101, "'lungs' is not supported. Supported values are lung and seed"),
        ({"pooling": "mean,median"}, 50101, "'median' is not supported"),
        ({"pooling": ""}, 50101, "'' is not supported"),
        ({"batch_size": 0}, 50101, "batch size 0"),
        ({"batch_size": 1025}, 50101, "batch size 1025"),
        ({"providers": "CUDAExecutionProvidr"}, 50101, "'CUDAExecutionProvidr' is not supported. Did you mean CUDA"),
        ({"threads": 0}, 50101, "threads 0"),
        ({"network_sha256": "AB" * 32}, 50105, "network's bytes have the SHA-256"),
        ({"layers": "relu,,conv"}, 50101, "one is empty or named twice"),
        ({"layers": "relu, relu"}, 50101, "one is empty or named twice"),
        ({"layers": "relu,relut"}, 50115, "Did you mean relu"),
        ({"layers": "relut"}, 50115, "Did you mean relu"),
        ({"details": "not json"}, 50116, "details are not a JSON object"),
        ({"details": "{}"}, 50116, "normalisation null is not usable"),
    ],
)
def test_an_argument_that_cannot_be_used_is_refused(arguments, changes, number, message):
    """With the documented number, the value, and nothing half-done."""
    found, text = refusal(arguments, **changes)
    assert found == number
    assert message in text


def as_arguments(network: bytes) -> dict:
    """Give what dbo.GenerateFeatures passes of a network."""
    return {
        "network": network,
        "network_sha256": hashlib.sha256(network).hexdigest(),
        "details": json.dumps(network_details(network)),
    }


@pytest.mark.parametrize("preprocessing", ["lung", "seed"])
@pytest.mark.parametrize("size", [(160, 160), (227, 227), (96, 130)])
def test_pictures_have_the_size_that_the_network_reads(arguments, make_network, volumes, preprocessing, size):
    """AlexNet's 227, small ones, and rows other than columns."""
    network = make_network(*size)
    arguments["slices"] = arguments["slices"][arguments["slices"]["scan_id"] == 9]
    result = generate_features(**{**arguments, **as_arguments(network), "preprocessing": preprocessing})[0]
    expected = expected_features(network, volumes[9], preprocessing, size)
    np.testing.assert_allclose(arrays(result)[9], expected, rtol=1e-4, atol=1e-3)


def test_free_rows_and_columns_are_those_of_the_details(arguments, make_network, volumes):
    """A network for pictures of any size gets the size that was recorded for it."""
    network = make_network("rows", "cols")
    details = {**network_details(network), "input": {"name": "image", "channels": 3, "height": 72, "width": 104}}
    changes = {**as_arguments(network), "details": json.dumps(details)}
    found = arrays(generate_features(**{**arguments, **changes})[0])
    for scan_id, features in found.items():
        expected = expected_features(network, volumes[scan_id], size=(72, 104))
        np.testing.assert_allclose(features, expected, rtol=1e-4, atol=1e-5)


def test_details_of_earlier_versions_are_read(arguments):
    """They have no layers and no channel order; without an input the size is 224."""
    whole = generate_features(**arguments)[0]
    old = json.loads(arguments["details"])
    old = {"normalisation": old["normalisation"], "penultimate": "vector", "width": 5}
    pd.testing.assert_frame_equal(generate_features(**{**arguments, "details": json.dumps(old)})[0], whole)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"input": {"height": 0, "width": 224}}, "height and width"),
        ({"input": {"height": 224.0, "width": "224"}}, "height and width"),
        ({"input": {"height": 224, "width": 10**6}}, "height and width"),
        ({"input": [3, 224, 224]}, "height and width"),
        ({"layers": ["stem"]}, "layers as names of tensors"),
        ({"layers": {"stem": 3}}, "layers as names of tensors"),
    ],
)
def test_details_that_make_no_sense_are_refused(arguments, part, message):
    """They may have been written by hand."""
    details = json.dumps({**json.loads(arguments["details"]), **part})
    number, text = refusal(arguments, details=details)
    assert number == 50116
    assert message in text


def test_several_layers_give_what_each_gives_alone(arguments):
    """Bit for bit, scan by scan, in the order asked for, under the names asked for."""
    details = json.dumps({**json.loads(arguments["details"]), "layers": {"stem": "conv"}})
    together = generate_features(**{**arguments, "details": details, "layers": " relu,stem , penultimate"})[0]
    assert together["scan_id"].tolist() == [3, 3, 3, 8, 8, 8, 9, 9, 9]
    assert together["layer"].tolist() == [1, 2, 3] * 3
    for number, layer in enumerate(("relu", "stem", "penultimate"), start=1):
        alone = generate_features(**{**arguments, "details": details, "layers": layer})[0]
        rows = together[together["layer"] == number].assign(layer=np.int32(1)).reset_index(drop=True)
        pd.testing.assert_frame_equal(rows, alone)
    by_tensor = generate_features(**{**arguments, "layers": "conv"})[0]
    assert by_tensor["array"].tolist() == together.loc[together["layer"] == 2, "array"].tolist()


def test_a_scan_that_fails_is_one_row_whatever_the_layers(arguments):
    """Its error is that of the scan; the other scans have a row a layer."""
    arguments["slices"].loc[2, "pixels"] = "zz"
    result = generate_features(**{**arguments, "layers": "relu,penultimate"})[0]
    assert result["scan_id"].tolist() == [3, 8, 8, 9, 9]
    assert result["layer"].tolist() == [0, 1, 2, 1, 2]
    assert "not hexadecimal" in result["error"].iloc[0]


def test_another_provider_than_wanted_is_noticed(arguments):
    """The setting may name a GPU that this machine lacks; the notice comes with every call, also of a kept session."""
    wanted = "TensorrtExecutionProvider,DmlExecutionProvider,CPUExecutionProvider"
    for _ in range(2):
        result, provider, notice, number, _ = generate_features(**{**arguments, "providers": wanted})
        assert (len(result), number) == (3, 0)
        assert provider in wanted
        assert ("TensorrtExecutionProvider " in notice) == (provider != "TensorrtExecutionProvider")


LIMITED = """
import json, resource, sys
import pandas as pd
from lungdb.procedures import generate_features

arguments = json.load(sys.stdin)
arguments["slices"] = pd.DataFrame(arguments["slices"])
arguments["network"] = bytes.fromhex(arguments["network"])
with open("/proc/self/statm") as file:
    limit = int(file.read().split()[0]) * resource.getpagesize() + 300 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
result, *outputs = generate_features(**arguments)
print(json.dumps([len(result), *outputs]))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits the memory as Linux does")
def test_too_little_memory_is_refused_with_what_to_do(arguments, make_network):
    """Two pictures of 4096 × 4096 take 400 MB where the process may have 300 more."""
    network = make_network("rows", "cols")
    details = {**network_details(network), "input": {"height": 4096, "width": 4096}}
    changes = {**as_arguments(network), "network": network.hex(), "details": json.dumps(details), "threads": 1}
    slices = arguments["slices"].to_dict("list")
    sent = json.dumps({**arguments, **changes, "slices": slices})
    command = [sys.executable, "-c", LIMITED]
    done = subprocess.run(command, input=sent, capture_output=True, text=True, check=True, cwd=ROOT)
    rows, provider, notice, number, message = json.loads(done.stdout)
    assert (rows, provider, notice, number) == (0, "", "", 50116)
    assert message.startswith("The memory does not hold the slices")


def test_bytes_that_are_no_network_are_refused(arguments):
    """Right hash, wrong content."""
    changes = {"network": b"not a network", "network_sha256": hashlib.sha256(b"not a network").hexdigest()}
    assert refusal(arguments, **changes)[0] == 50116


def test_a_missing_column_is_refused(arguments):
    """A query that was changed says which column it lacks."""
    number, message = refusal(arguments, slices=arguments["slices"].drop(columns="rescale_slope"))
    assert number == 50101
    assert "no column rescale_slope" in message


def test_slices_of_the_procedure_of_an_earlier_version_are_read(arguments, slices, volumes):
    """Its query knew no column encoding, and all slices were encoded in the one way that there was: same features."""
    expected = generate_features(**arguments)[0]
    index = list(zip(slices["scan_id"], slices["slice_index"], strict=True))
    old = slices.drop(columns="encoding")
    old["pixels"] = [encode_slice(volumes[scan][number])[0].hex().upper() for scan, number in index]
    found = generate_features(**{**arguments, "slices": old})
    assert found[3:] == (0, "")
    pd.testing.assert_frame_equal(found[0], expected)


def test_a_layer_by_node_name_gives_its_spatial_mean(arguments, volumes, network):
    """The layer before the average gives the same as the average."""
    by_name = arrays(generate_features(**{**arguments, "layers": "activation"})[0])
    assert list(by_name) == list(volumes)
    for scan_id, features in by_name.items():
        np.testing.assert_allclose(features, expected_features(network, volumes[scan_id]), rtol=1e-4, atol=1e-5)
