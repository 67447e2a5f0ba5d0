"""SimilarPatients, against scikit-learn's cosine_similarity."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from lungdb.database import Connection, run
from tests.support.databases import hash_vectors, refused, rows

pairwise = pytest.importorskip("sklearn.metrics.pairwise")


def similar(connection: Connection, index: int, limit: int = 8) -> list[tuple[Any, ...]]:
    """Call SimilarPatients."""
    return rows(connection, "EXECUTE dbo.SimilarPatients @PatientIndex = ?, @Limit = ?;", (index, limit))


def check(connection: Connection, index: int) -> None:
    """Compare all that it finds with scikit-learn on the stored text."""
    texts = rows(connection, "SELECT scan_id - 1, vector FROM dbo.pooled_features ORDER BY scan_id;")
    vectors = {number: np.array(json.loads(text)) for number, text in texts if any(json.loads(text))}
    found = similar(connection, index, 1000)
    assert {row[0] for row in found} == vectors.keys() - {index}
    cosine = pairwise.cosine_similarity([vectors[index]], [vectors[row[0]] for row in found])[0]
    np.testing.assert_allclose([row[3] for row in found], cosine, atol=1e-6)
    assert all(a >= b for a, b in zip(cosine[:-1], cosine[1:] - 1e-6, strict=True))


def test_the_most_similar_come_first(scored: Connection) -> None:
    """All others, and the first of them when fewer are asked for, with score and state."""
    run(scored, "EXECUTE dbo.PredictPatients;")
    check(scored, 3)
    first = similar(scored, 3, 2)
    assert first == similar(scored, 3, 1000)[:2]
    stored = dict(rows(scored, "SELECT scan_id - 1, 100 * probability FROM dbo.predictions;"))
    assert [(row[4], row[5]) for row in first] == [(stored[row[0]], "scored") for row in first]


def test_other_vectors_are_compared_as_soon_as_they_are_stored(scored: Connection) -> None:
    """Changed in place, deleted and made again, all zero, opposite; and damaged bytes are made again."""
    check(scored, 3)
    change = "UPDATE dbo.pooled_features SET vector = ? WHERE scan_id = ?;"
    ((vector,),) = rows(scored, "SELECT vector FROM dbo.pooled_features WHERE scan_id = 4;")
    opposite = json.dumps([-value for value in json.loads(vector)])
    run(scored, change, (opposite, 10))
    run(scored, change, (json.dumps([0] * 12), 11))
    hash_vectors(scored)
    run(scored, "DELETE FROM dbo.pooled_features WHERE scan_id = 12;")
    check(scored, 3)
    assert similar(scored, 3, 1000)[-1][0] == 9
    run(
        scored,
        "INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector) VALUES (12, 1, N'mean', ?);",
        (vector,),
    )
    hash_vectors(scored)
    run(scored, "UPDATE dbo.unit_vectors SET unit = 0x00 WHERE scan_id = 20;")
    check(scored, 3)
    assert similar(scored, 3, 1)[0][3] == pytest.approx(1)


def test_what_cannot_be_compared_is_refused(scored: Connection) -> None:
    """No features, only zeros, an unknown patient or model, a limit that cannot be."""
    refused(scored, "EXECUTE dbo.SimilarPatients @PatientIndex = 120;", 50107)
    refused(scored, "EXECUTE dbo.SimilarPatients @PatientIndex = 0, @ModelName = N'none';", 50108)
    refused(scored, "EXECUTE dbo.SimilarPatients @PatientIndex = 0, @Limit = 0;", 50101)
    run(scored, "UPDATE dbo.pooled_features SET vector = N'[0,0,0]' WHERE scan_id = 1;")
    hash_vectors(scored)
    run(scored, "DELETE FROM dbo.pooled_features WHERE scan_id = 2; EXECUTE dbo.SimilarPatients @PatientIndex = 5;")
    refused(scored, "EXECUTE dbo.SimilarPatients @PatientIndex = 0;", 50200)
    assert "GenerateFeatures" in refused(scored, "EXECUTE dbo.SimilarPatients @PatientIndex = 1;", 50109)
