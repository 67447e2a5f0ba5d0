"""Many arrays of numbers are read as the standard library's json reads them, to the last bit."""

from __future__ import annotations

import json

import numpy as np
import pytest

from lungdb.imaging.codecs import encode_vector
from lungdb.learning.number_text import parse_arrays

NUMBERS = [
    "0", "7", "-3", "-0", "-0.0", "-0e1", "-0.00000000000000000", "0.5",
    "12345678", "12345678.1234567", "99999999.9999999", "123456789.5",
    "0.12345678901234", "0.000012345678", "0.1234567890123456789", "0.30000000000000004", "123456789012345678",
    "9007199254740993", "1e5", "1.5E-07", "-2.25e-3", "1.17549435e-38",
]  # fmt: skip


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_is_that_of_json(number: str) -> None:
    """Alone, and among others that are longer and shorter; the sign of zero is kept."""
    for text in (f"[{number}]", f"[1.25,{number},-3.5e2,{number},0.001]"):
        before, found, after = parse_arrays(["[8.5]", text, "[-4]"])
        assert found is not None
        expected = np.array(json.loads(text), dtype=np.float64)
        assert found.tobytes() == expected.tobytes()
        assert (before.tolist(), after.tolist()) == ([8.5], [-4.0])


@pytest.mark.parametrize(
    "text",
    ["", "[]", "[1", "1]", "[1,,2]", "[1,]", "[.5]", "[5.]", "[1.2.3]", "[--1]", "[-]", "[+1]", "[1-2]", "[1e]",
     "[null]", "[ 1]", "[1:2]", "[1/2]", "[0x10]", "[NaN]", "[1e999]",
     "[007]", "[00]", "[-01]", "[01.5]", "[00.5]", "[-00]", "[012345678901234567]", "[01e5]",
     "[1],[2]", "[1][2]", '["1"]', "[\u0663]",
     "{}", None],
)  # fmt: skip
def test_what_is_no_plain_array_of_finite_numbers_is_left_to_others(text: str | None) -> None:
    """It spoils none of its neighbours."""
    before, found, after = parse_arrays(["[1.5,2]", text, "[-3]"])
    assert found is None
    assert (before.tolist(), after.tolist()) == ([1.5, 2.0], [-3.0])


def test_random_numbers_of_all_lengths_are_those_of_float() -> None:
    """As json reads each text; vectors of float32 read back to the same float32."""
    generator = np.random.default_rng(3)
    values = generator.normal(size=20_000) * 10.0 ** generator.integers(-6, 9, size=20_000)
    texts = [f"{value:.{digits}f}" for value, digits in zip(values, generator.integers(0, 16, 20_000), strict=True)]
    [found] = parse_arrays([f"[{','.join(texts)}]"])
    assert found.tobytes() == np.array(json.loads(f"[{','.join(texts)}]"), dtype=np.float64).tobytes()
    vectors = generator.gamma(0.1, size=(30, 64)).astype(np.float32)
    for vector, found in zip(vectors, parse_arrays([encode_vector(vector) for vector in vectors]), strict=True):
        assert found.astype(np.float32).tobytes() == vector.tobytes()


def test_nothing_is_read_of_nothing() -> None:
    """No text, no array."""
    assert parse_arrays([]) == []
