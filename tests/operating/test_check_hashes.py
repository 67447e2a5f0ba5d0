"""CheckHashes: every kind of damaged bytes is found in T-SQL, with its scan; a whole database has none."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lungdb.database import Connection, connect, run
from lungdb.errors import SqlError
from tests.support.databases import copy_to, refused, rows, target_of

CHECK = "EXECUTE dbo.CheckHashes;"
PICTURE = "INSERT INTO dbo.images (name, image, sha256) VALUES (N'a.png', 0x0102, HASHBYTES('SHA2_256', 0x0102));"
PLAIN = bytes(range(200)) * 2


@pytest.fixture(scope="module")
def hashed_file(done_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the job fills, with a picture and vectors in float32 besides."""
    file = copy_to(tmp_path_factory.mktemp("hashed"), done_file)
    with closing(connect(target_of(file))) as connection:
        run(connection, f"{PICTURE} EXECUTE dbo.SimilarPatients @PatientIndex = 1;")
    return file


@pytest.fixture
def database(hashed_file: Path, tmp_path: Path) -> Iterator[Connection]:
    """A copy of it to damage."""
    with closing(connect(target_of(copy_to(tmp_path, hashed_file)))) as connection:
        yield connection


def test_a_whole_database_has_no_difference(database: Connection) -> None:
    """All slices, arrays, vectors, networks, models and pictures are counted; the run is in the log."""
    found = {kind: (checked, differing) for kind, checked, differing, _ in rows(database, CHECK)}
    counted = {
        "slices": "SELECT COUNT(*) FROM dbo.scan_images;",
        "orders of slices": "SELECT COUNT(*) FROM dbo.scans;",
        "feature arrays": "SELECT COUNT(*) FROM dbo.features;",
        "vectors": "SELECT COUNT(*) FROM dbo.pooled_features;",
        "vectors in float32": "SELECT COUNT(*) FROM dbo.binary_vectors;",
        "networks": "SELECT COUNT(*) FROM dbo.networks;",
        "models": "SELECT COUNT(*) FROM dbo.classifiers;",
        "pictures": "SELECT COUNT(*) FROM dbo.images;",
    }
    for kind, sql in counted.items():
        assert found[kind] == (rows(database, sql)[0][0], 0), kind
        assert found[kind][0] > 0, kind
    assert {differing for _, differing in found.values()} == {0}
    last = rows(database, "SELECT TOP (1) procedure_name, status, done FROM dbo.runs ORDER BY run_id DESC;")[0]
    assert last == ("CheckHashes", "done", found["orders of slices"][0])


DAMAGE = {
    "a slice of other size": (
        "UPDATE dbo.scan_images SET pixels = COMPRESS(0x0102) WHERE scan_id = 4 AND slice_index = 2;",
        "1 slices, the first of scan_id 4",
    ),
    "a slice that is no gzip": (
        "UPDATE dbo.scan_images SET pixels = 0x0102 WHERE scan_id = 3 AND slice_index = 0;",
        "1 slices, the first of scan_id 3",
    ),
    "a slice that is cut": (
        "UPDATE dbo.scan_images SET pixels = SUBSTRING(pixels, 1, DATALENGTH(pixels) - 9) "
        "WHERE scan_id = 3 AND slice_index = 0;",
        "1 slices, the first of scan_id 3",
    ),
    "a slice that is gone": (
        "DELETE FROM dbo.scan_images WHERE scan_id = 2 AND slice_index = 1;",
        "1 orders of slices, the first of scan_id 2",
    ),
    "all slices of a scan gone": (
        "DELETE FROM dbo.scan_images WHERE scan_id = 2;",
        "1 orders of slices, the first of scan_id 2",
    ),
    "slices in another order": (
        "UPDATE dbo.scans SET content_sha256 = HASHBYTES('SHA2_256', 0x00) WHERE scan_id = 5;",
        "1 orders of slices, the first of scan_id 5",
    ),
    "a feature array": (
        "UPDATE dbo.features SET array = CONVERT(VARBINARY(MAX), CONCAT(CONVERT(VARCHAR(MAX), SUBSTRING(array, 1, "
        "DATALENGTH(array) - 1), 2), '7E'), 2) WHERE scan_id = 6;",
        "1 feature arrays, the first of scan_id 6",
    ),
    "two vectors": (
        "UPDATE dbo.pooled_features SET vector = CONCAT(vector, N' ') WHERE scan_id = 6;",
        "2 vectors, the first of scan_id 6",
    ),
    "a vector without a hash": (
        "UPDATE dbo.pooled_features SET vector_sha256 = NULL WHERE scan_id = 7 AND pooling = N'max';",
        "1 vectors, the first of scan_id 7",
    ),
    "a vector in float32": (
        "UPDATE dbo.binary_vectors SET array = 0x00 WHERE scan_id = 1;",
        "1 vectors in float32, the first of scan_id 1",
    ),
    "a network": ("UPDATE dbo.networks SET model = 0x01;", "1 networks, the first of number 1"),
    "a model": ("UPDATE dbo.classifiers SET model = 0x01;", "1 models, the first of number 1"),
    "a picture": ("UPDATE dbo.images SET image = 0x01;", "1 pictures, the first of number 1"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_found_and_named_by_numbers(database: Connection, damage: str) -> None:
    """The error counts and gives the first number, and the run failed; nothing of the database is changed."""
    sql, expected = DAMAGE[damage]
    run(database, sql)
    message = refused(database, CHECK, 50472)
    assert expected in message
    assert rows(database, "SELECT TOP (1) status, message FROM dbo.runs ORDER BY run_id DESC;") == [("failed", message)]


@pytest.mark.parametrize(("pixels", "is_whole"), [(PLAIN, True), (PLAIN[:-1] + b"\x00", False)])
def test_pixels_of_the_older_encoding_are_hashed(installed: Connection, pixels: bytes, is_whole: bool) -> None:
    """The hash is of hashlib, over the pixels as they are; one byte other is found."""
    digest = hashlib.sha256(PLAIN).digest()
    run(
        installed,
        "INSERT INTO dbo.patients (patient_id, idx) VALUES (N'p', 0);"
        "INSERT INTO dbo.scans (patient_id, is_primary, series_uid, study_uid, image_rows, image_cols, number_images, "
        "content_sha256) VALUES (N'p', 1, N'1', N'2', 10, 20, 1, ?);"
        "INSERT INTO dbo.scan_images (scan_id, slice_index, instance_uid, rescale_slope, rescale_intercept, pixels, "
        "pixels_sha256) VALUES (1, 0, N'3', 1, 0, ?, ?);",
        (hashlib.sha256(digest).digest(), gzip.compress(pixels), digest),
    )
    if is_whole:
        assert ("slices", 1, 0, None) in rows(installed, CHECK)
    else:
        assert "1 slices, the first of scan_id 1" in refused(installed, CHECK, 50472)


def test_a_number_of_scans_is_drawn(database: Connection) -> None:
    """So many and no more; 0 is refused, and so is a transaction, which would keep the log from others."""
    found = {row[0]: row[1] for row in rows(database, "EXECUTE dbo.CheckHashes @Scans = 3;")}
    assert found["orders of slices"] == 3
    refused(database, "EXECUTE dbo.CheckHashes @Scans = 0;", 50101)
    run(database, "BEGIN TRANSACTION;")
    with pytest.raises(SqlError) as caught:
        run(database, CHECK)
    assert caught.value.number == 50100
