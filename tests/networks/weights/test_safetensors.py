"""Files that break the rules of safetensors are refused in a sentence."""

import json

import numpy as np
import pytest

from lungdb.errors import LungdbError
from lungdb.networks.weights import read_weights


def entry(begin, end, shape=(2,), kind="F32"):
    """Make an entry of a header."""
    return {"dtype": kind, "shape": list(shape), "data_offsets": [begin, end]}


def file(header, data=bytes(16)):
    """Make a file of a header, given as what JSON can say or as text."""
    text = (header if isinstance(header, str) else json.dumps(header)).encode()
    return len(text).to_bytes(8, "little") + text + data


def test_a_file_made_by_the_rules_is_read():
    """In the order of offsets, whatever the order of names; metadata is no weight."""
    data = np.array([1, 2, 3, 4], "<f4").tobytes()
    weights = read_weights(file({"b": entry(8, 16), "__metadata__": {"format": "pt"}, "a": entry(0, 8)}, data))
    assert {name: array.tolist() for name, array in weights.items()} == {"a": [1, 2], "b": [3, 4]}


@pytest.mark.filterwarnings("error")
def test_numbers_beyond_float32_are_read_as_infinity_and_nan():
    """Without a warning, also for a NaN that signals; building a network refuses them by name."""
    data = np.array([1e300], "<f8").tobytes() + (0x7FF0000000000001).to_bytes(8, "little")
    weights = read_weights(file({"a": entry(0, 16, kind="F64")}, data))
    np.testing.assert_array_equal(weights["a"], [np.inf, np.nan])


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"a": entry(0, 8), "b": entry(4, 16, (3,))}, "'b' begins at byte 4 where 8 is expected"),
        ({"a": entry(0, 4, (1,)), "b": entry(8, 16)}, "'b' begins at byte 8 where 4 is expected"),
        ({"a": entry(0, 8)}, "8 bytes belong to no weight"),
        ({"a": entry(0, 24, (6,))}, "'a' ends after the file"),
        ({"a": entry(0, 16, (5,))}, "'a' has 16 bytes"),
        ({"a": entry(8, 0)}, "entry of 'a'"),
        ({"a": entry(-8, 8)}, "entry of 'a'"),
        ({"a": entry(0.0, 16.0)}, "entry of 'a'"),
        ({"a": entry(False, 16)}, "entry of 'a'"),
        ({"a": {"dtype": "F32", "shape": [4]}}, "entry of 'a'"),
        ({"a": 3}, "entry of 'a'"),
        ({"a": entry(0, 16, (True, 4))}, "shape of 'a' is impossible"),
        ({"a": entry(0, 16, (-2, -2))}, "shape of 'a' is impossible"),
        ({"a": entry(0, 16, (1,) * 9)}, "shape of 'a' is impossible"),
        ({"a": entry(0, 16, (2**20, 2**20))}, "describes more than 1?[0-9][0-9] numbers"),
        ({"a": entry(0, 0, (0, 2**29)), "b": entry(0, 16, (4,))}, "'a' is empty"),
        ({"a": entry(0, 16, (4,), "I32")}, "kind I32"),
        ({"a": entry(0, 16, (16,), "F8_E4M3")}, "kind F8_E4M3"),
        ('{"a": {}, "a": {}}', "not the JSON"),
        ("{nothing", "not the JSON"),
        ('{"a": NaN}', "not the JSON"),
        ("{" * 100_000, "not the JSON"),
        ('{"a":' * 100_000, "not the JSON"),
        ('{"a": ' + "9" * 3_000_000 + "}", "not the JSON"),
        ('{"a": 0' + " " * (5 << 20) + "}", "header claims"),
    ],
)
def test_a_file_that_breaks_the_rules_is_refused(header, message):
    """Overlaps, gaps, ends outside, shapes and kinds that do not fit, and JSON made to exhaust its reader."""
    with pytest.raises(LungdbError, match=message):
        read_weights(file(header))
