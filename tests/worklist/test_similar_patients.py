"""SimilarPatients, against scikit-learn's StandardScaler and cosine_similarity."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from lungdb.database import Connection, run
from tests.support.databases import hash_vectors, refused, rows

pairwise = pytest.importorskip("sklearn.metrics.pairwise")
preprocessing = pytest.importorskip("sklearn.preprocessing")


def similar(connection: Connection, index: int, limit: int = 8) -> list[tuple[Any, ...]]:
    """Call SimilarPatients."""
    return rows(connection, "EXECUTE dbo.SimilarPatients @PatientIndex = ?, @Limit = ?;", (index, limit))


def check(connection: Connection, index: int) -> None:
    """Compare all that it finds with scikit-learn on the stored text."""
    texts = rows(connection, "SELECT scan_id - 1, vector FROM dbo.pooled_features ORDER BY scan_id;")
    stored = {number: json.loads(text) for number, text in texts if any(json.loads(text))}
    scaled = preprocessing.StandardScaler().fit_transform(list(stored.values()))
    vectors = dict(zip(stored, scaled, strict=True))
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
    run(
        scored,
        "INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector) VALUES (12, 1, N'mean', ?);",
        (vector,),
    )
    hash_vectors(scored)
    run(scored, "UPDATE dbo.binary_vectors SET array = 0x00 WHERE scan_id = 20;")
    check(scored, 3)
    assert similar(scored, 3, 1)[0][3] == pytest.approx(1)


def test_vectors_of_another_width_are_left_out_and_counted(scored: Connection) -> None:
    """One of 119 has two numbers in place of twelve; one that is all zero is like nothing, and is not counted."""
    run(scored, "UPDATE dbo.pooled_features SET vector = N'[1,2]' WHERE scan_id = 10;")
    run(scored, "UPDATE dbo.pooled_features SET vector = N'[0,0]' WHERE scan_id = 11;")
    hash_vectors(scored)
    said: list[str] = []
    call = "EXECUTE dbo.SimilarPatients @PatientIndex = 3, @Limit = 1000;"
    found = run(scored, call, on_message=lambda message: said.append(message.text))[-1].rows
    assert not {9, 10} & {row[0] for row in found}
    assert [text for text in said if text.startswith("Left out: 1 scans")]


def test_a_scan_that_is_not_primary_is_compared_with_other_patients(scored: Connection) -> None:
    """It has the vector of patient 9, who comes first, and of its own patient no scan is named."""
    run(
        scored,
        "INSERT INTO dbo.scans (patient_id, is_primary, series_uid, study_uid, image_rows, image_cols, number_images, "
        "content_sha256) SELECT patient_id, 0, N'1.9', N'1.9', 1, 1, 3, content_sha256 FROM dbo.scans "
        "WHERE scan_id = 4; INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector) "
        "SELECT SCOPE_IDENTITY(), feature_set_id, pooling, vector FROM dbo.pooled_features WHERE scan_id = 10;",
    )
    hash_vectors(scored)
    [(second,)] = rows(scored, "SELECT MAX(scan_id) FROM dbo.scans;")
    found = rows(scored, "EXECUTE dbo.SimilarPatients @PatientIndex = 3, @ScanId = ?, @Limit = 1000;", (second,))
    assert found[0][0] == 9
    assert found[0][3] == pytest.approx(1)
    assert 3 not in {row[0] for row in found}
    refused(scored, f"EXECUTE dbo.SimilarPatients @PatientIndex = 4, @ScanId = {second};", 50280)


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
