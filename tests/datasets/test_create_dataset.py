"""CreateDataset: what its members are, when there is a new version, and what is refused."""

from __future__ import annotations

import hashlib
import json

import pytest

from lungdb.database import Connection, run
from tests.support.databases import refused, rows, said


def _members(connection: Connection, name: str, version: int | None = None) -> list[int]:
    found = rows(
        connection,
        "SELECT m.scan_id FROM dbo.dataset_members AS m INNER JOIN dbo.dataset_list AS d "
        "ON d.dataset_version_id = m.dataset_version_id WHERE d.name = ? AND (d.version = ? OR d.is_newest = 1 "
        "AND ? IS NULL) ORDER BY m.position;",
        (name, version, version),
    )
    return [scan for (scan,) in found]


def _create(connection: Connection, name: str, query: str) -> None:
    run(connection, "EXECUTE dbo.CreateDataset @Name = ?, @Query = ?;", (name, query))


def test_the_members_are_those_of_the_query_with_their_hashes(visits: Connection) -> None:
    """In the order of scan_id; the digest is the one that the documentation gives."""
    _create(visits, "some", "SELECT scan_id, idx FROM dbo.scans AS s INNER JOIN dbo.patients AS p "
            "ON p.patient_id = s.patient_id WHERE p.idx IN (3, 5)")  # fmt: skip
    expected = rows(
        visits,
        "SELECT s.scan_id, s.content_sha256 FROM dbo.scans AS s INNER JOIN dbo.patients AS p "
        "ON p.patient_id = s.patient_id WHERE p.idx IN (3, 5) ORDER BY s.scan_id;",
    )
    assert len(expected) == 6
    stored = "SELECT scan_id, content_sha256 FROM dbo.dataset_members ORDER BY position;"
    assert rows(visits, stored) == expected
    text = "".join(f"{scan}:{bytes(digest).hex().upper()}\n" for scan, digest in expected)
    [(members, patients, digest, chosen_by)] = rows(
        visits, "SELECT members, patients, members_sha256, chosen_by FROM dbo.dataset_list WHERE name = N'some';"
    )
    assert (members, patients) == (6, 2)
    assert bytes(digest) == hashlib.sha256(text.encode("utf-16-le")).digest()
    assert json.loads(chosen_by)["query"].endswith("IN (3, 5)")


def test_only_other_members_make_another_version(visits: Connection) -> None:
    """However the same ones are asked for; a version that was there keeps its members."""
    _create(visits, "a", "SELECT scan_id FROM dbo.scans WHERE scan_id IN (2, 1)")
    _create(visits, "a", "SELECT 1 AS scan_id UNION SELECT 2")
    assert rows(visits, "SELECT COUNT(*) FROM dbo.dataset_versions;") == [(1,)]
    _create(visits, "a", "SELECT 3 AS scan_id")
    _create(visits, "a", "SELECT scan_id FROM dbo.scans WHERE scan_id < 3")
    assert [_members(visits, "a", version) for version in (1, 2, 3)] == [[1, 2], [3], [1, 2]]
    assert _members(visits, "a") == [1, 2]


QUERIES = {
    "SELECT scan_id FROM dbo.scans WHERE scan_id <= 3;": [1, 2, 3],
    "SELECT scan_id FROM dbo.scans WHERE scan_id <= 3 -- (no more;": [1, 2, 3],
    "SELECT scan_id FROM dbo.scans WHERE scan_id <= 3 ORDER BY number_images, scan_id DESC ;  ": [1, 2, 3],
    "SELECT TOP (2) scan_id FROM dbo.scans ORDER BY scan_id": [1, 2],
    "SELECT scan_id FROM dbo.scans WHERE scan_id < 5 ORDER BY scan_id OFFSET 1 ROWS": [2, 3, 4],
    "WITH s AS (SELECT scan_id AS n FROM dbo.scans)\n, t AS (SELECT n FROM s WHERE n < 3) -- then\n"
    "select n AS scan_id FROM t order by n": [1, 2],
    "SELECT [scan_id] FROM dbo.scans WHERE N'a;]' <> N'b' AND scan_id = 4 /* ; SELECT */": [4],
    "SELECT 4 AS scan_id UNION ALL SELECT 5 UNION ALL SELECT 4": [4, 5],
    "SELECT CAST(scan_id AS FLOAT) AS scan_id FROM dbo.scans WHERE scan_id = 6": [6],
    "SELECT CAST(scan_id AS NVARCHAR(10)) AS scan_id FROM dbo.scans WHERE scan_id = 6": [6],
}


@pytest.mark.parametrize(("query", "expected"), QUERIES.items())
def test_a_query_may_be_any_select(visits: Connection, query: str, expected: list[int]) -> None:
    """With WITH, ORDER BY, UNION, comments and a semicolon at its end; a scan that it gives twice is taken once."""
    _create(visits, "q", query)
    assert _members(visits, "q") == expected


WRONG = [
    ("SELECT idx FROM dbo.patients", 50270, "neither a column scan_id nor a column name"),
    ("SELECT patient_id AS scan_id FROM dbo.patients", 50270, "gives 60 rows of 60 whose scan_id is NULL or no whole"),
    ("SELECT NULL AS scan_id", 50270, "1 rows of 1"),
    ("SELECT 1.5 AS scan_id", 50270, "1 rows of 1"),
    ("SELECT 900 AS scan_id UNION SELECT 1", 50271, "scan_id 900"),
    ("SELECT N'nobody.png' AS name", 50271, "1 pictures"),
    ("SELECT scan_id FROM dbo.scans WHERE 1 = 0", 50272, "0 were found"),
    ("SELECT scan_id FROM dbo.nothing", 50270, "dbo.nothing"),
    ("SELECT scan_id FRM dbo.scans", 50270, "cannot be used"),
    ("DELETE FROM dbo.labels", 50270, "DELETE"),
    ("SELECT 1 AS scan_id; DELETE FROM dbo.labels", 50270, "more than one statement"),
    ("SELECT 1 AS scan_id) AS q; DELETE FROM dbo.labels; SELECT 1 FROM (SELECT 1 AS x", 50270, "parentheses"),
    ("SELECT 1 AS scan_id WHERE N'x' <> N'", 50270, "does not end"),
]


@pytest.mark.parametrize(("query", "number", "words"), WRONG)
def test_a_query_that_gives_no_scans_is_refused(visits: Connection, query: str, number: int, words: str) -> None:
    """With its number and what to do, and nothing changes."""
    text = query.replace("'", "''")
    assert words in refused(visits, f"EXECUTE dbo.CreateDataset @Name = N'q', @Query = N'{text}';", number)


ARGUMENTS = {
    "@Query = N'SELECT 1 AS scan_id'": "@Name",
    "@Name = N'a'": "Give @Query, @From, @Part or @Sample",
    "@Name = N'a', @Query = N' '": "@Query",
    "@Name = N'a', @Part = N'both'": "'both' for the parameter @Part",
    "@Name = N'a', @Sample = 1.5": "1.5 for the parameter @Sample",
    "@Name = N'a', @Sample = 0": "@Sample",
    "@Name = N'a', @Sample = 61": "more than the 60 patients",
    "@Name = N'a', @Sample = 0.5, @Seed = -1": "@Seed",
    "@Name = N'a', @Query = N'SELECT 1 AS scan_id', @From = N'b'": "Both @Query and @From",
    "@Name = N'a', @Part = N'test', @FromVersion = 1": "@FromVersion",
}


@pytest.mark.parametrize(("arguments", "words"), ARGUMENTS.items())
def test_arguments_that_make_no_sense_are_refused(visits: Connection, arguments: str, words: str) -> None:
    """Each is named with its value."""
    assert words in refused(visits, f"EXECUTE dbo.CreateDataset {arguments};", 50101)


def test_an_unknown_set_or_version_is_refused(visits: Connection) -> None:
    """The names and versions that are there are told."""
    _create(visits, "there", "SELECT 1 AS scan_id")
    message = refused(visits, "EXECUTE dbo.CreateDataset @Name = N'a', @From = N'100%';", 50171)
    assert "'100%'" in message
    assert "there" in message
    message = refused(visits, "EXECUTE dbo.CreateDataset @Name = N'a', @From = N'there', @FromVersion = 7;", 50171)
    assert "from 1 to 1" in message


def test_a_sample_is_of_patients_and_follows_from_the_seed_alone(visits: Connection) -> None:
    """All chosen scans of a patient come along; a share of half is half of the patients."""
    _create(visits, "all", "SELECT scan_id FROM dbo.scans")
    run(visits, "EXECUTE dbo.CreateDataset @Name = N'half', @From = N'all', @Sample = 0.5;")
    scans = "SELECT patient_id, COUNT(*) FROM dbo.scans WHERE scan_id IN (SELECT m.scan_id FROM dbo.dataset_members AS "
    scans += "m INNER JOIN dbo.dataset_list AS d ON d.dataset_version_id = m.dataset_version_id WHERE d.name = ?) "
    half = rows(visits, f"{scans} GROUP BY patient_id;", ("half",))
    assert len(half) == 30
    assert {count for _, count in half} == {3}
    run(visits, "EXECUTE dbo.CreateDataset @Name = N'again', @From = N'all', @Sample = 30;")
    assert _members(visits, "again") == _members(visits, "half")
    run(visits, "EXECUTE dbo.CreateDataset @Name = N'other', @From = N'all', @Sample = 0.5, @Seed = 2;")
    assert _members(visits, "other") != _members(visits, "half")


def test_a_part_has_the_patients_of_the_splits(visits: Connection) -> None:
    """Both parts together are the primary scans of all patients, and no patient is in both."""
    for part in ("train", "test"):
        run(visits, "EXECUTE dbo.CreateDataset @Name = ?, @Part = ?;", (part, part))
        assert _members(visits, part) == [
            scan
            for (scan,) in rows(
                visits,
                "SELECT s.scan_id FROM dbo.scans AS s INNER JOIN dbo.splits AS p ON p.patient_id = s.patient_id "
                "WHERE p.part = ? AND s.is_primary = 1 ORDER BY s.scan_id;",
                (part,),
            )
        ]
    both = rows(visits, "SELECT COUNT(DISTINCT scan_id), COUNT(*) FROM dbo.dataset_members;")
    assert both == [(60, 60)]


def test_pictures_make_a_set_of_their_own_kind(visits: Connection) -> None:
    """It is of no use where scans are needed."""
    run(visits, "INSERT INTO dbo.images (name, image, label, sha256) VALUES (N'b.png', 0x01, 1, 0x0B), "
        "(N'a.png', 0x02, 0, 0x0A);")  # fmt: skip
    _create(visits, "pictures", "SELECT name FROM dbo.images WHERE label IS NOT NULL")
    assert rows(visits, "SELECT image_name, content_sha256 FROM dbo.dataset_members ORDER BY position;") == [
        ("a.png", b"\x0a"),
        ("b.png", b"\x0b"),
    ]
    message = refused(visits, "EXECUTE dbo.TrainLungCancerModel @Dataset = N'pictures';", 50273)
    assert "one of images" in message
    refused(visits, "EXECUTE dbo.CreateDataset @Name = N'pictures', @Sample = 2;", 50273)


def test_a_name_is_of_one_kind_of_data_set(visits: Connection) -> None:
    """Examples of the T-SQL networks have their names in the same list."""
    run(visits, "INSERT INTO dbo.examples (dataset, example_id, feature_index, value) VALUES (N'xor', 0, 0, 1);")
    refused(visits, "EXECUTE dbo.CreateDataset @Name = N'xor', @Sample = 2;", 50273)
    run(visits, "EXECUTE dbo.CreateDataset @Name = N'scans', @Sample = 2;")
    run(visits, "INSERT INTO dbo.examples (dataset, example_id, feature_index, value) VALUES (N'scans', 0, 0, 1);")
    refused(visits, "EXECUTE dbo.TrainNetworkSql @ModelName = N'n', @Dataset = N'scans';", 50273)
    assert ("xor", "examples") in rows(visits, "SELECT name, kind FROM dbo.dataset_list;")


def test_a_set_with_scans_that_were_replaced_is_refused_until_it_is_made_again(visits: Connection) -> None:
    """By training and by featurizing; ListDatasets counts them."""
    query = "SELECT scan_id FROM dbo.scans WHERE scan_id < 130"
    _create(visits, "d", query)
    run(visits, "UPDATE dbo.scans SET content_sha256 = 0x01 WHERE scan_id = 7;")
    run(visits, "INSERT INTO dbo.networks (name, version, library, model, sha256, details) VALUES "
        "(N'n', 1, N'onnx', 0x01, HASHBYTES('SHA2_256', 0x01), N'{}');")  # fmt: skip
    for call in ("TrainLungCancerModel", "GenerateFeatures @ModelName = N'n',"):
        call = f"EXECUTE dbo.{call} @Dataset = N'd';"
        assert "scan_id 7." in refused(visits, call, 50274)
    assert [row[5] for row in rows(visits, "EXECUTE dbo.ListDatasets @Name = N'd';")] == [1]
    _create(visits, "d", query)
    assert [row[5] for row in rows(visits, "EXECUTE dbo.ListDatasets @Name = N'd';")] == [0, 1]
    assert "1 scans" not in said(visits, "EXECUTE dbo.TrainLungCancerModel @Dataset = N'd';")


def test_a_set_that_a_training_refers_to_is_not_deleted(visits: Connection) -> None:
    """Without its model it is, and its name is free again."""
    _create(visits, "d", "SELECT scan_id FROM dbo.scans")
    run(visits, "EXECUTE dbo.TrainLungCancerModel @ModelName = N'm', @Dataset = N'd';")
    assert "1 trainings" in refused(visits, "EXECUTE dbo.DeleteDataset @Name = N'd';", 50275)
    run(visits, "EXECUTE dbo.DeleteModel @ModelName = N'm', @Version = 1;")
    run(visits, "EXECUTE dbo.DeleteDataset @Name = N'd';")
    assert rows(visits, "SELECT COUNT(*) FROM dbo.datasets;") == [(0,)]
    assert rows(visits, "SELECT COUNT(*) FROM dbo.dataset_members;") == [(0,)]
    refused(visits, "EXECUTE dbo.DeleteDataset @Name = N'd';", 50171)


def test_a_floating_scan_id_keeps_all_its_digits(visits: Connection) -> None:
    """Whole ones are members, however many digits; a fraction in the eighth place is none."""
    _create(visits, "whole", "SELECT CAST(scan_id AS FLOAT) AS scan_id FROM dbo.scans WHERE scan_id <= 12")
    assert _members(visits, "whole") == list(range(1, 13))
    run(visits, "CREATE TABLE dbo.given (scan_id FLOAT NOT NULL); INSERT INTO dbo.given VALUES (1.0000001);")
    query = "EXECUTE dbo.CreateDataset @Name = N'a', @Query = N'SELECT scan_id FROM dbo.given';"
    assert "1 rows of 1" in refused(visits, query, 50270)
    run(visits, "UPDATE dbo.given SET scan_id = 1234567;")
    assert "scan_id 1234567." in refused(visits, query, 50271)
