"""unit_vectors and similar_patients against NumPy's own division and products."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from lungdb.procedures import similar_patients, unit_vectors


def make_scans(vectors: list[str]) -> pd.DataFrame:
    """Make the rows of the query in internal.RefreshUnitVectors."""
    ids = np.arange(5, 5 + len(vectors), dtype=np.int32)
    return pd.DataFrame({"scan_id": ids, "vector": pd.Series(vectors, dtype=object)})


def test_vectors_are_brought_to_length_one() -> None:
    """Very long and very short ones too; without a direction they are empty."""
    vectors = [[3.0, 4.0], [1e30, 1e30], [1e-30, 0.0], [0.0, 0.0]]
    result, number, message = unit_vectors(make_scans([*map(json.dumps, vectors), "[1,", "[1,null]"]))
    assert (number, message, result["scan_id"].tolist()) == (0, "", [5, 6, 7, 8, 9, 10])
    assert result["unit"].tolist()[3:] == ["", "", ""]
    units = [np.frombuffer(bytes.fromhex(unit), dtype="<f4") for unit in result["unit"][:3]]
    np.testing.assert_allclose(units, [[0.6, 0.8], [0.5**0.5] * 2, [1, 0]], rtol=1e-7)


def test_the_nearest_directions_come_first() -> None:
    """Equal ones in the order given, as many as asked for."""
    units = np.array([[0, 1], [1, 0], [-1, 0], [1, 0], [0.6, 0.8]], dtype="<f4")
    texts = pd.Series([unit.tobytes().hex().upper() for unit in units], dtype=object)
    others = pd.DataFrame({"scan_id": np.array([9, 8, 7, 6, 5], dtype=np.int32), "unit": texts})
    result, number, _ = similar_patients(others, units[1].tobytes(), 4)
    assert number == 0
    assert result["scan_id"].tolist() == [8, 6, 5, 9]
    np.testing.assert_allclose(result["similarity"], [1, 1, 0.6, 0], atol=1e-7)


def test_nobody_else_gives_no_rows() -> None:
    """The first patient of a database has nobody to be like."""
    others = pd.DataFrame({"scan_id": np.empty(0, np.int32), "unit": pd.Series([], dtype=object)})
    result, number, _ = similar_patients(others, np.float32([1, 0]).tobytes(), 4)
    assert (len(result), number) == (0, 0)


@pytest.mark.parametrize("text", ["0000803F", "no hexadecimal", None])
def test_a_unit_vector_of_another_length_is_refused(text: str | None) -> None:
    """Or one that is none at all."""
    others = pd.DataFrame({"scan_id": np.array([1], dtype=np.int32), "unit": pd.Series([text], dtype=object)})
    assert similar_patients(others, np.float32([1, 0]).tobytes(), 4)[1] == 50116


def test_a_missing_column_is_refused() -> None:
    """By name."""
    assert unit_vectors(pd.DataFrame({"scan_id": [1]}))[1:] == (
        50101, "The input has no column vector. Select scan_id, vector in @input_data_1."
    )  # fmt: skip
    assert similar_patients(pd.DataFrame({"scan_id": [1]}), b"", 1)[1] == 50101
