"""featurize_images gives each picture what the network gives for it, and names what it cannot do."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pandas as pd
import pytest

from lungdb.imaging.codecs import decode_array
from lungdb.networks.entry import network_details
from lungdb.procedures import featurize_images
from tests.support.networks import NORMALISATION

COLUMNS = ["place", "layer", "error", "array_rows", "array_cols", "array", "sha256"]


def file_of(pixels: np.ndarray, suffix: str = ".png") -> bytes:
    """Encode uint8 pixels, blue first, as a file."""
    return bytes(cv2.imencode(suffix, pixels)[1].tobytes())


@pytest.fixture(scope="module")
def pictures():
    """Files by name: colour of three sizes, grey, with alpha, and a JPEG."""
    rng = np.random.default_rng(4)
    noise = {shape: rng.integers(0, 256, shape, dtype=np.uint8) for shape in ((448, 448, 3), (90, 120, 3), (64, 64))}
    with_alpha = rng.integers(0, 256, (300, 224, 4), dtype=np.uint8)
    return {
        "alpha.png": file_of(with_alpha),
        "grey.png": file_of(noise[64, 64]),
        "large.png": file_of(noise[448, 448, 3]),
        "photo.jpg": file_of(cv2.resize(noise[90, 120, 3], (640, 480)), ".jpg"),
        "small.png": file_of(noise[90, 120, 3]),
    }


@pytest.fixture
def arguments(pictures, network):
    """What dbo.FeaturizeImages passes, by name."""
    columns = {
        "place": np.arange(1, len(pictures) + 1, dtype=np.int32),
        "image": [data.hex().upper() for data in pictures.values()],
        "sha256": [hashlib.sha256(data).hexdigest().upper() for data in pictures.values()],
    }
    return {
        "images": pd.DataFrame(columns).astype({"image": object, "sha256": object}),
        "network": network,
        "network_sha256": hashlib.sha256(network).hexdigest().upper(),
        "details": json.dumps(network_details(network)),
        "layers": "penultimate",
        "batch_size": 2,
        "providers": None,
        "threads": None,
    }


def by_hand(data: bytes, network: bytes, channels: slice = slice(None, None, -1)) -> np.ndarray:
    """Decode, cut, resize and normalise with OpenCV and numpy, and run the whole network with ONNX Runtime."""
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels.ndim == 2:
        pixels = np.dstack([pixels] * 3)
    if pixels.shape[2] == 4:
        alpha = pixels[..., 3:] / 255
        pixels = np.rint(pixels[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
    rows, cols = pixels.shape[:2]
    side = min(rows, cols)
    top, left = (rows - side) // 2, (cols - side) // 2
    square = pixels[top : top + side, left : left + side, channels]
    way = cv2.INTER_AREA if side >= 224 else cv2.INTER_LINEAR
    fitted = cv2.resize(np.ascontiguousarray(square), (224, 224), interpolation=way) / 255
    normalised = ((fitted - NORMALISATION["mean"]) / NORMALISATION["std"]).transpose(2, 0, 1)[None].astype(np.float32)
    session = onnxruntime.InferenceSession(network, providers=["CPUExecutionProvider"])
    return session.run(None, {"image": normalised})[0]


def arrays(result: pd.DataFrame) -> dict[int, np.ndarray]:
    """Read the arrays of a result by picture, and check their hashes."""
    return {
        row.place: decode_array(bytes.fromhex(row.array), row.array_rows, row.array_cols, bytes.fromhex(row.sha256))
        for row in result.itertuples(index=False)
    }


def refusal(arguments, **changes) -> tuple[int, str]:
    """Call with changes; check that a refusal comes with an empty result, and give its number and message."""
    result, provider, notice, number, message = featurize_images(**{**arguments, **changes})
    assert number != 0
    assert (len(result), provider, notice) == (0, "", "")
    assert list(result.columns) == COLUMNS
    return number, message


def test_each_picture_gets_the_features_that_a_computation_by_hand_gives(arguments, pictures, network):
    """Colour, grey, transparent, larger and smaller than the network's input, PNG and JPEG; layer `classes`."""
    result, provider, _, number, message = featurize_images(**{**arguments, "layers": "classes"})
    assert (number, message) == (0, "")
    assert provider.endswith("ExecutionProvider")
    assert result["error"].tolist() == [""] * len(pictures)
    assert result["layer"].tolist() == [1] * len(pictures)
    found = arrays(result)
    assert list(found) == list(range(1, len(pictures) + 1))
    for (name, data), features in zip(pictures.items(), found.values(), strict=True):
        np.testing.assert_allclose(features, by_hand(data, network), rtol=1e-3, atol=1e-4, err_msg=name)


def test_a_network_for_blue_first_gets_blue_first(arguments, pictures, network):
    """The order is told by details.input.channel_order; without it, it is red, green, blue."""
    details = json.loads(arguments["details"])
    details["input"]["channel_order"] = "bgr"
    result = featurize_images(**{**arguments, "layers": "classes", "details": json.dumps(details)})[0]
    expected = by_hand(pictures["large.png"], network, slice(None))
    np.testing.assert_allclose(arrays(result)[3], expected, rtol=1e-3, atol=1e-4)
    del details["input"]["channel_order"]
    result = featurize_images(**{**arguments, "layers": "classes", "details": json.dumps(details)})[0]
    expected = by_hand(pictures["large.png"], network)
    np.testing.assert_allclose(arrays(result)[3], expected, rtol=1e-3, atol=1e-4)


def test_two_layers_come_from_one_pass(arguments):
    """A row each, in the order asked for, equal to what each gives alone."""
    both = featurize_images(**{**arguments, "layers": "classes, penultimate"})[0]
    assert both["layer"].tolist() == [1, 2] * 5
    for number, (layer, width) in enumerate((("classes", 2), ("penultimate", 5)), start=1):
        alone = arrays(featurize_images(**{**arguments, "layers": layer})[0])
        together = arrays(both[both["layer"] == number])
        for name, array in alone.items():
            assert array.shape == (1, width)
            np.testing.assert_allclose(together[name], array, rtol=1e-5, atol=1e-6)


def test_features_do_not_depend_on_batch_size_or_threads(arguments):
    """Beyond the rounding of float32."""
    whole = arrays(featurize_images(**{**arguments, "batch_size": 1024})[0])
    for changes in ({"batch_size": 1}, {"threads": 1}, {"threads": 3, "batch_size": 3}):
        for place, array in arrays(featurize_images(**{**arguments, **changes})[0]).items():
            np.testing.assert_allclose(array, whole[place], rtol=1e-5, atol=1e-6)


def test_the_result_is_what_sql_server_takes(arguments):
    """Column dtypes of the contract, plain int and str as OUTPUT values; no pictures give no rows of the same kind."""
    for images in (arguments["images"], arguments["images"][:0]):
        result, *outputs = featurize_images(**{**arguments, "images": images})
        assert list(result.columns) == COLUMNS
        assert [str(dtype) for dtype in result.dtypes] == ["int32"] * 2 + ["object"] + ["int32"] * 2 + ["object"] * 2
        assert [type(value) for value in outputs] == [str, str, int, str]
        assert len(result) == len(images)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("image", "89504E47", "SHA-256"),
        ("image", "no hex", "not hexadecimal"),
        ("image", None, "not hexadecimal"),
        ("sha256", "00" * 32, "SHA-256"),
        ("sha256", None, "SHA-256"),
    ],
)
def test_a_picture_that_fails_is_one_row_and_the_others_go_on(arguments, column, value, message):
    """Damaged bytes, a wrong hash: the error says so, and the other four have features."""
    whole = arrays(featurize_images(**arguments)[0])
    arguments["images"].loc[2, column] = value
    result, _, _, number, _ = featurize_images(**{**arguments, "layers": "penultimate"})
    assert number == 0
    failed = result[result["error"] != ""]
    assert failed[["place", "layer", "array_rows", "array_cols", "array", "sha256"]].to_numpy().tolist() == [
        [3, 0, 0, 0, "", ""]
    ]
    assert message in failed["error"].iloc[0]
    good = arrays(result[result["error"] == ""])
    assert set(good) == set(whole) - {3}
    for place, array in good.items():
        np.testing.assert_allclose(array, whole[place], rtol=1e-5, atol=1e-6)


def test_a_picture_that_cannot_be_decoded_fails_with_its_right_hash(arguments, pictures):
    """Bytes that are what was stored, but no whole picture."""
    data = pictures["large.png"][:-30]
    arguments["images"].loc[2, "image"] = data.hex()
    arguments["images"].loc[2, "sha256"] = hashlib.sha256(data).hexdigest()
    errors = featurize_images(**arguments)[0]["error"].tolist()
    assert [bool(error) for error in errors] == [False, False, True, False, False]
    assert "cut off or damaged" in errors[2]


@pytest.mark.parametrize(
    ("changes", "number", "text"),
    [
        ({"batch_size": 0}, 50101, "batch size 0"),
        ({"batch_size": 1025}, 50101, "1025"),
        ({"layers": "vectr"}, 50115, "vector"),
        ({"layers": "penultimate,penultimate"}, 50101, "twice"),
        ({"network_sha256": "00" * 32}, 50105, "SHA-256"),
        ({"network": b"", "network_sha256": hashlib.sha256(b"").hexdigest()}, 50116, "ONNX"),
        ({"details": "[]"}, 50116, "details"),
        ({"images": pd.DataFrame({"place": [1]})}, 50101, "image, sha256"),
    ],
)
def test_a_bad_call_is_refused(arguments, changes, number, text):
    """With its number, what is wrong, and no rows."""
    found, message = refusal(arguments, **changes)
    assert found == number
    assert text in message


def test_an_unknown_channel_order_is_refused(arguments):
    """Rather than taken for one of the two."""
    details = json.loads(arguments["details"])
    details["input"]["channel_order"] = "grb"
    number, message = refusal(arguments, details=json.dumps(details))
    assert number == 50116
    assert "'grb'" in message


def test_features_that_are_not_finite_are_an_error_of_their_picture(arguments):
    """Values near float32's largest overflow in the network's sums; nothing of that is handed on."""
    details = json.loads(arguments["details"])
    details["normalisation"]["std"] = [3e-39] * 3
    result = featurize_images(**{**arguments, "details": json.dumps(details)})[0]
    assert {error[:31] for error in result["error"]} == {"The network gives NaN or infinit"[:31]}
    assert set(result["array"]) == {""}


LIMITED = """
import json, resource, sys
import pandas as pd
from lungdb.procedures import featurize_images

arguments = json.load(sys.stdin)
arguments["images"] = pd.DataFrame(arguments["images"])
arguments["network"] = bytes.fromhex(arguments["network"])
with open("/proc/self/statm") as file:
    limit = int(file.read().split()[0]) * resource.getpagesize() + 400 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
result, *outputs = featurize_images(**arguments)
print(json.dumps([len(result), *outputs]))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits the memory as Linux does")
def test_too_little_memory_is_refused_with_what_to_do(arguments, network):
    """A thousand pictures of 224 × 224 take 600 MB where the process may have 400 more."""
    images = pd.concat([arguments["images"][1:2]] * 1000, ignore_index=True)
    changes = {"images": images.to_dict("list"), "network": network.hex(), "batch_size": 1024, "threads": 1}
    done = subprocess.run(
        [sys.executable, "-c", LIMITED],
        input=json.dumps({**arguments, **changes}),
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    rows, provider, notice, number, message = json.loads(done.stdout)
    assert (rows, provider, notice, number) == (0, "", "", 50116)
    assert message.startswith("The memory does not hold the pictures")
