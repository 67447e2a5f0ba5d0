"""The quick reader of vectors reads what the codec reads, and refuses what it refuses."""

import numpy as np
import pytest

from lungdb.errors import LungdbError
from lungdb.imaging.codecs import decode_vector, encode_vector
from lungdb.learning.vectors import read_vector


def test_every_float32_is_read_back():
    """Random bit patterns, subnormal and extreme ones among them."""
    values = np.random.default_rng(1).integers(0, 2**32, 20_000, dtype=np.uint32).view(np.float32)
    values = np.append(values[np.isfinite(values)], np.array([0, 1e-45, 3.4028235e38, -1.17549435e-38], np.float32))
    np.testing.assert_array_equal(read_vector(encode_vector(values)).view(np.uint32), values.view(np.uint32))


@pytest.mark.parametrize("text", ["[]", "[1]", "[1, -2.5e-3,3 ]", " [1,2]\n", "[0.1,1e-320]"])
def test_other_json_arrays_are_read_as_the_codec_reads_them(text):
    """Spaces and empty arrays too."""
    np.testing.assert_array_equal(read_vector(text), decode_vector(text))


@pytest.mark.parametrize(
    "text",
    ["", "[", "{}", "[1,2", "[1,,2]", "[1,]", "[,1]", "[1 2]", "[nan]", "[NaN]", "[Infinity]", "[1e39]", '["1"]',
     "[[1]]", "[1,null]", "[true]", "[x]", "1,2", None, 3, "[1e999]", "[1;2]"],
)  # fmt: skip
def test_what_is_no_vector_is_refused(text):
    """As by the codec."""
    with pytest.raises(LungdbError):
        read_vector(text)
