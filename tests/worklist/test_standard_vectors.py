"""What SimilarPatients keeps for servers with the type VECTOR: standardised as ever, made again when it is out of date.

No engine here has the type. So the vectors are compared by NumPy, the text for such a server is compared with the
syntax of Microsoft's reference, and run with the one function that is not there replaced.
"""

from __future__ import annotations

import json

import numpy as np
import pytest

from lungdb.database import Connection, run
from tests.support.databases import hash_vectors, rows, said

SIMILAR = "EXECUTE dbo.SimilarPatients @PatientIndex = 3, @Limit = 1000;"
DISTANCE = "1 - VECTOR_DISTANCE(''cosine'', CAST(NULLIF(s.vector, N'''') AS VECTOR(', @Bytes / 4, N')), a.vector)"
ASKED = "CAST(vector AS VECTOR(', @Bytes / 4, N'))"
FIRST = "CAST(JSON_VALUE(s.vector, N''$[0]'') AS FLOAT)"


def alter(connection: Connection, *changes: tuple[str, str]) -> None:
    """Change the text of the procedure that chooses the way."""
    [(text,)] = rows(connection, "SELECT OBJECT_DEFINITION(OBJECT_ID(N'internal.CompareStandardVectors'));")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    run(connection, text)


BELIEVE = ("name = N'vector' AND is_user_defined = 0", "name = N'int'")


@pytest.fixture
def vectors(scored: Connection) -> Connection:
    """A database whose procedure believes in the type, and takes the first number of a vector for its likeness."""
    alter(scored, BELIEVE, (DISTANCE, FIRST), (ASKED, "vector"))
    return scored


def kept(connection: Connection) -> dict[int, np.ndarray]:
    """Give the vectors that are kept, by scan."""
    found = rows(connection, "SELECT scan_id, vector FROM dbo.standard_vectors ORDER BY scan_id;")
    return {scan: np.array(json.loads(text)) for scan, text in found if text}


def test_the_dot_products_of_what_is_kept_are_the_similarities(scored: Connection) -> None:
    """Those of the script, for every other patient; nothing is kept where the type is not there."""
    expected = {row[0] + 1: row[3] for row in rows(scored, SIMILAR)}
    assert kept(scored) == {}
    alter(scored, BELIEVE, (DISTANCE, FIRST), (ASKED, "vector"))
    rows(scored, SIMILAR)
    made = kept(scored)
    assert made.keys() == {4, *expected}
    np.testing.assert_allclose([made[scan] @ made[4] for scan in expected], list(expected.values()), atol=1e-6)
    np.testing.assert_allclose([np.linalg.norm(vector) for vector in made.values()], 1, atol=1e-6)


def test_the_most_alike_come_first_and_the_own_patient_is_left_out(vectors: Connection) -> None:
    """In the order of what stands for the likeness, as many as were asked for; a vector that is the mean has 0."""
    found = rows(vectors, SIMILAR)
    first = {scan: vector[0] for scan, vector in kept(vectors).items() if scan != 4}
    order = sorted(first, key=lambda scan: (-first[scan], scan))
    assert [row[0] + 1 for row in found] == order
    np.testing.assert_allclose([row[3] for row in found], [first[scan] for scan in order], atol=1e-7)
    assert rows(vectors, SIMILAR.replace("1000", "2")) == found[:2]
    run(vectors, "UPDATE dbo.standard_vectors SET vector = N'' WHERE scan_id = 9;")
    assert {row[0]: row[3] for row in rows(vectors, SIMILAR)}[8] == 0


def test_it_is_made_again_when_a_vector_changes_and_not_before(vectors: Connection) -> None:
    """By the digest of all: what was put there by hand stays until one is another, or gone."""
    rows(vectors, SIMILAR)
    by_hand = "UPDATE dbo.standard_vectors SET vector = N'[0.5]' WHERE scan_id = 9;"
    run(vectors, by_hand)
    rows(vectors, SIMILAR)
    assert kept(vectors)[9].size == 1
    run(vectors, "UPDATE dbo.pooled_features SET vector = JSON_MODIFY(vector, '$[2]', 40) WHERE scan_id = 7;")
    hash_vectors(vectors)
    rows(vectors, SIMILAR)
    assert {vector.size for vector in kept(vectors).values()} == {12}
    run(vectors, by_hand)
    run(vectors, "DELETE FROM dbo.pooled_features WHERE scan_id = 7;")
    assert 7 not in kept(vectors)
    rows(vectors, SIMILAR)
    assert kept(vectors)[9].size == 12
    [(count,)] = rows(vectors, "SELECT COUNT(DISTINCT space_sha256) FROM dbo.standard_vectors;")
    assert count == 1


def test_what_a_vector_cannot_hold_is_compared_by_the_script(scored: Connection) -> None:
    """Wider features, a scan that is not primary, fewer than ten scans: the same rows as without the type."""
    expected = rows(scored, SIMILAR)
    alter(scored, BELIEVE, ("4 * 1998", "4 * 11"))
    assert rows(scored, SIMILAR) == expected
    alter(scored, ("4 * 11", "4 * 1998"))
    run(scored, "DELETE FROM dbo.pooled_features WHERE scan_id > 9;")
    assert len(rows(scored, SIMILAR)) == 8
    assert kept(scored) == {}
    run(scored, "UPDATE dbo.scans SET is_primary = 0 WHERE scan_id = 4;")
    assert len(rows(scored, "EXECUTE dbo.SimilarPatients @PatientIndex = 3, @ScanId = 4;")) == 8


def test_the_text_for_such_a_server_is_in_the_syntax_of_the_reference(scored: Connection) -> None:
    """VECTOR_DISTANCE ( distance_metric , vector1 , vector2 ), both of the type, by CAST from JSON text."""
    alter(scored, BELIEVE, ("EXECUTE (@Composed);", "PRINT @Composed;"))
    text = said(scored, SIMILAR)
    assert "VECTOR_DISTANCE('cosine', CAST(NULLIF(s.vector, N'') AS VECTOR(12)), a.vector)" in text
    assert "(SELECT CAST(vector AS VECTOR(12)) AS vector FROM #standard WHERE is_asked = 1) AS a" in text
    assert "SELECT TOP (1000) c.scan_id" in text


def test_a_feature_that_does_not_vary_keeps_its_place_and_counts_nothing(vectors: Connection) -> None:
    """A VECTOR has the width of the features; the cosines are those without the feature."""
    found = rows(vectors, "SELECT scan_id, vector FROM dbo.pooled_features WHERE feature_set_id = 1 ORDER BY scan_id;")
    run(vectors, "UPDATE dbo.pooled_features SET vector = JSON_MODIFY(vector, '$[5]', 0.25);")
    hash_vectors(vectors)
    rows(vectors, SIMILAR)
    made = kept(vectors)
    assert {vector.size for vector in made.values()} == {12}
    assert all(vector[5] == 0 for vector in made.values())
    stored = np.delete([np.array(json.loads(text)) for scan, text in found if scan in made], 5, axis=1)
    standardised = (stored - stored.mean(axis=0)) / stored.std(axis=0)
    expected = standardised / np.linalg.norm(standardised, axis=1, keepdims=True)
    np.testing.assert_allclose(np.delete(list(made.values()), 5, axis=1), expected, atol=1e-5)


def test_where_the_server_refuses_the_text_python_compares_and_it_is_said(scored: Connection) -> None:
    """The embedded engine knows no VECTOR_DISTANCE: the same rows, and a message."""
    expected = rows(scored, SIMILAR)
    alter(scored, BELIEVE)
    assert "VECTOR_DISTANCE was refused" in said(scored, SIMILAR)
    assert rows(scored, SIMILAR) == expected


def test_vectors_of_another_space_are_not_compared(scored: Connection) -> None:
    """Rows that another session leaves under its digest: Python compares what is stored now."""
    expected = rows(scored, SIMILAR)
    other = "UPDATE dbo.standard_vectors SET space_sha256 = 0x01, vector = N'[1]' WHERE scan_id = 9;"
    alter(scored, BELIEVE, (DISTANCE, FIRST), (ASKED, "vector"), ("@Sha256 OUTPUT;", f"@Sha256 OUTPUT;\n    {other}"))
    assert rows(scored, SIMILAR) == expected
