"""binary_vectors and similar_patients against NumPy's own bytes and scikit-learn's scaling."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from lungdb.procedures import binary_vectors, similar_patients


def make_scans(vectors: list[str]) -> pd.DataFrame:
    """Make the rows of the query in internal.RefreshBinaryVectors."""
    ids = np.arange(5, 5 + len(vectors), dtype=np.int32)
    return pd.DataFrame({"scan_id": ids, "vector": pd.Series(vectors, dtype=object)})


def make_others(vectors: NDArray[np.float32]) -> pd.DataFrame:
    """Make the rows of the query in dbo.SimilarPatients."""
    texts = pd.Series([vector.astype("<f4").tobytes().hex().upper() for vector in vectors], dtype=object)
    return pd.DataFrame({"scan_id": np.arange(len(vectors), dtype=np.int32), "array": texts})


def test_vectors_are_read_as_their_text_says() -> None:
    """Very long and very short ones too; what is all zero or cannot be read is empty."""
    vectors = [[3.0, 4.1], [1e30, 1e30], [1e-30, 0.0], [0.0, 0.0]]
    result, number, message = binary_vectors(make_scans([*map(json.dumps, vectors), "[1,", "[1,null]"]))
    assert (number, message, result["scan_id"].tolist()) == (0, "", [5, 6, 7, 8, 9, 10])
    assert result["array"].tolist()[3:] == ["", "", ""]
    assert [bytes.fromhex(array) for array in result["array"][:3]] == [np.float32(v).tobytes() for v in vectors[:3]]


def test_the_most_alike_come_first_by_the_angle_of_standardised_vectors() -> None:
    """A feature that never varies, and one that is a thousand times as large as the others, hide nothing."""
    scaler = pytest.importorskip("sklearn.preprocessing").StandardScaler()
    vectors = np.random.default_rng(3).normal(size=(40, 6)).astype(np.float32)
    vectors = vectors * np.float32([1, 1, 1, 1000, 1, 0]) + np.float32([100, 0, 0, 5000, 0, 7])
    result, number, _ = similar_patients(make_others(vectors[1:]), vectors[0].tobytes(), 5)
    scaled = scaler.fit_transform(vectors.astype(np.float64))[:, :5]
    scaled /= np.linalg.norm(scaled, axis=1, keepdims=True)
    expected = scaled[1:] @ scaled[0]
    assert number == 0
    assert result["scan_id"].tolist() == np.argsort(-expected)[:5].tolist()
    np.testing.assert_allclose(result["similarity"], np.sort(expected)[::-1][:5], atol=1e-6)
    assert np.ptp(vectors[1:] @ vectors[0] / np.linalg.norm(vectors[1:], axis=1) / np.linalg.norm(vectors[0])) < 0.2


def test_a_few_vectors_are_compared_as_they_are() -> None:
    """Equal ones in the order given, as many as asked for."""
    vectors = np.array([[0, 1], [5, 0], [-1, 0], [1, 0], [0.6, 0.8]], dtype=np.float32)
    result, number, _ = similar_patients(make_others(vectors), vectors[3].tobytes(), 4)
    assert number == 0
    assert result["scan_id"].tolist() == [1, 3, 4, 0]
    np.testing.assert_allclose(result["similarity"], [1, 1, 0.6, 0], atol=1e-7)


def test_a_vector_that_is_the_mean_is_like_nothing() -> None:
    """It has no direction from the mean, so its cosine with all others is 0, and no error."""
    vectors = np.array([[1, 2], [-1, -2]] * 8, dtype=np.float32)
    result, number, _ = similar_patients(make_others(vectors), np.zeros(2, np.float32).tobytes(), 3)
    assert (number, result["similarity"].tolist()) == (0, [0, 0, 0])


def test_nobody_else_gives_no_rows() -> None:
    """The first patient of a database has nobody to be like."""
    result, number, _ = similar_patients(make_others(np.empty((0, 2), np.float32)), np.float32([1, 0]).tobytes(), 4)
    assert (len(result), number) == (0, 0)


@pytest.mark.parametrize("text", ["0000803F", "no hexadecimal", None])
def test_a_vector_of_another_length_is_refused(text: str | None) -> None:
    """Or one that is none at all."""
    others = pd.DataFrame({"scan_id": np.array([1], dtype=np.int32), "array": pd.Series([text], dtype=object)})
    assert similar_patients(others, np.float32([1, 0]).tobytes(), 4)[1] == 50116


def test_a_missing_column_is_refused() -> None:
    """By name."""
    assert binary_vectors(pd.DataFrame({"scan_id": [1]}))[1:] == (
        50101, "The input has no column vector. Select scan_id, vector in @input_data_1."
    )  # fmt: skip
    assert similar_patients(pd.DataFrame({"scan_id": [1]}), b"", 1)[1] == 50101
