"""Print what a page of the worklist costs, and similar patients, in a large database; part of `make bench`."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
from databases import target_of
from figures import Figure
from sizes import WHOLE, Sizes

from lungdb.cli.sql import print_table
from lungdb.database import Connection, connect, install, run
from lungdb.imaging.codecs import encode_vector

WIDTH = 512
FIRST = (
    "Anthony",
    "Ana",
    "Bertha",
    "Carlos",
    "Dilek",
    "Émile",
    "Fatima",
    "Hanna",
    "Igor",
    "Kim",
    "Lena",
    "Oskar",
    "Zoë",
)
LAST = ("Adler", "Bauer", "Castillo", "Demir", "Güneş", "Hoffmann", "Novák", "Okafor", "Rossi", "Tanaka", "Weiß")

_MODEL = """
INSERT INTO dbo.networks (name, version, library, model, sha256, details)
VALUES (N'random', 1, N'onnx', 0x00, HASHBYTES('SHA2_256', 0x00), N'{}');
INSERT INTO dbo.feature_sets (network_id, layer, preprocessing, width) VALUES (1, N'none', N'lung', ?);
INSERT INTO dbo.classifiers (name, version, library, feature_set_id, pooling, model, sha256, details)
VALUES (N'lightgbm_sql', 1, N'lightgbm', 1, N'mean', 0x00, HASHBYTES('SHA2_256', 0x00), N'{}');
"""
_NAMES = """
CREATE TABLE #names (kind INT NOT NULL, place INT NOT NULL, name NVARCHAR(40) NOT NULL, PRIMARY KEY (kind, place));
"""
_SCANS = """
CREATE TABLE #numbers (n INT NOT NULL PRIMARY KEY);
WITH digits (d) AS (SELECT d FROM (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) AS v (d))
INSERT INTO #numbers (n)
SELECT n FROM (
    SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d AS n
    FROM digits AS a CROSS JOIN digits AS b CROSS JOIN digits AS c CROSS JOIN digits AS e CROSS JOIN digits AS f) AS q
WHERE n < ?
ORDER BY n;
INSERT INTO dbo.patients (patient_id, idx, display_name, birth_year)
SELECT CONVERT(NVARCHAR(64), HASHBYTES('SHA2_256', CAST(t.n AS NVARCHAR(9))), 2), t.n,
    CASE WHEN t.n % 10 = 0 THEN NULL ELSE CONCAT(a.name, N' ', b.name, N' ', t.n % 97) END, 1930 + t.n % 60
FROM #numbers AS t
INNER JOIN #names AS a ON a.kind = 0 AND a.place = t.n % ?
INNER JOIN #names AS b ON b.kind = 1 AND b.place = t.n % ?;
INSERT INTO dbo.scans (patient_id, is_primary, series_uid, study_uid, study_date, image_rows, image_cols, number_images,
    content_sha256)
SELECT patient_id, 1, patient_id, N'1', DATEADD(DAY, idx * 79 % 7000, CAST('2005-01-01' AS DATE)), 512, 512,
    80 + idx * 31 % 320, 0x00
FROM dbo.patients
ORDER BY idx;
"""
_SCORES = """
INSERT INTO dbo.features (scan_id, feature_set_id, array_rows, array_cols, array, sha256)
SELECT scan_id, 1, 1, 1, 0x00, 0x00 FROM dbo.scans WHERE scan_id % 10 <> 1;
INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector)
SELECT scan_id, 1, N'mean', N'[1]' FROM dbo.features;
INSERT INTO dbo.predictions (scan_id, classifier_id, probability)
SELECT s.scan_id, 1, s.scan_id * 7 % 10007 / 10007.0
FROM dbo.scans AS s
CROSS JOIN (VALUES (0), (1), (2)) AS v (round)
WHERE s.scan_id % 10 BETWEEN 2 AND 7 AND v.round <= s.scan_id % 3
ORDER BY v.round, s.scan_id * 79 % 7000;
INSERT INTO dbo.scan_failures (scan_id, message) SELECT scan_id, N'damaged' FROM dbo.scans WHERE scan_id % 50 = 3;
INSERT INTO dbo.reviews (patient_id, content_sha256, account, suspicion)
SELECT patient_id, content_sha256, N'ana', 1 + scan_id % 5 FROM dbo.scans WHERE scan_id % 40 = 2;
EXECUTE dbo.RefreshWorklist;
"""
_PAGE = "DECLARE @Total INT; EXECUTE dbo.ListPatients {arguments}, @Total = @Total OUTPUT; SELECT @Total;"


def main() -> int:
    """Run the benchmark; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="repetitions of each time (default: 5)")
    with tempfile.TemporaryDirectory() as folder:
        bench(Path(folder), replace(WHOLE, rounds=parser.parse_args().rounds))
    return 0


def bench(folder: Path, sizes: Sizes) -> list[Figure]:
    """Print both tables and give the figures; `folder` is for databases of the embedded engine."""
    patients, rounds = sizes.worklist_patients, sizes.rounds
    with closing(connect(target_of(folder / "worklist.db"))) as connection:
        install(connection)
        _fill(connection, patients)
        print(f"\nListPatients, a page of 50 of {patients} patients with the total, {rounds} times each page:\n")
        cases = {name: _pages(connection, arguments, rounds) for name, arguments in _cases(patients).items()}
        rows = [(name, *_milliseconds(times)) for name, times in cases.items()]
        print_table(("pages", "median, ms", "95th percentile, ms", "longest, ms"), rows)
    with closing(connect(target_of(folder / "similar.db"))) as connection:
        install(connection)
        _fill_vectors(connection, sizes.similar_scans)
        print(f"\nSimilarPatients, {sizes.similar_scans} scans × {WIDTH} features:\n")
        first, *later = [_seconds(connection, f"EXECUTE dbo.SimilarPatients {index};") for index in range(rounds + 1)]
        print_table(("first call, s", "median of later ones, s"), [(f"{first:.2f}", f"{np.median(later):.2f}")])
    pages = [
        Figure(f"a page of the worklist of {patients} patients: {name}", "", f"{late} ms (95th percentile)")
        for name, _, late, _ in rows
    ]
    what = f"the scans most similar to one of {sizes.similar_scans}"
    return [*pages, Figure(what, f"the first call: {first:.2f} s", f"{np.median(later):.2f} s")]


def _cases(patients: int) -> dict[str, list[str]]:
    """Give the arguments of the pages by kind: each order in both directions, first, middle and last page."""
    orders = [
        f"@Sort = N'{sort}', @Descending = {descending}"
        for sort in ("index", "name", "date", "slices", "probability", "scored", "work")
        for descending in (0, 1)
    ]
    states = ("no features", "not scored", "scored", "failed")
    searches = ("an", "a", "Kim", "s", "ünal", "zoë", "nobody", "4711", "0f3", "%", "[a", "'")
    deep = (0, patients // 20, patients // 2 - 50, patients - 50)
    return {
        "every order, at four depths": [f"{order}, @Offset = {offset}" for order in orders for offset in deep],
        "every state, every order, at two depths": [
            f"@State = N'{state}', {order}, @Offset = {offset}"
            for state in states
            for order in orders
            for offset in (0, patients // 11)
        ],
        "twelve searches, every order, at two depths": [
            f"@Search = N'{text.replace(chr(39), chr(39) * 2)}', {order}, @Offset = {offset}"
            for text in searches
            for order in orders
            for offset in (0, patients // 5)
        ],
        "what a reader has not reviewed, every order": [
            f"@Reader = N'ana', @Unread = 1, {order}, @Offset = {offset}"
            for order in orders
            for offset in (0, patients // 5)
        ],
        "searches in a state": [
            f"@Search = N'{text}', @State = N'{state}', {order}"
            for text in ("an", "a", "s")
            for state in states
            for order in orders
        ],
    }


def _fill(connection: Connection, patients: int) -> None:
    run(connection, f"BEGIN TRANSACTION; {_NAMES}")
    for kind, names in enumerate((FIRST, LAST)):
        for place, name in enumerate(names):
            run(connection, "INSERT INTO #names (kind, place, name) VALUES (?, ?, ?);", (kind, place, name))
    run(connection, _MODEL, (1,))
    run(connection, _SCANS, (patients, len(FIRST), len(LAST)))
    run(connection, f"{_SCORES} COMMIT TRANSACTION;")


def _fill_vectors(connection: Connection, scans: int) -> None:
    rng = np.random.default_rng(0)
    run(
        connection,
        f"BEGIN TRANSACTION; {_NAMES} INSERT INTO #names (kind, place, name) VALUES (0, 0, N'a'), (1, 0, N'b');",
    )
    run(connection, _MODEL, (WIDTH,))
    run(connection, _SCANS, (scans, 1, 1))
    run(
        connection,
        "INSERT INTO dbo.features (scan_id, feature_set_id, array_rows, array_cols, array, sha256) "
        "SELECT scan_id, 1, 1, 1, 0x00, 0x00 FROM dbo.scans;",
    )
    statement = "INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector) VALUES (?, 1, N'mean', ?);"
    with closing(connection.cursor()) as cursor:
        cursor.executemany(
            statement,
            [(scan, encode_vector(rng.gamma(1, size=WIDTH).astype(np.float32))) for scan in range(1, scans + 1)],
        )
    run(connection, "UPDATE dbo.pooled_features SET vector_sha256 = HASHBYTES('SHA2_256', vector); COMMIT TRANSACTION;")


def _pages(connection: Connection, pages: list[str], rounds: int) -> list[float]:
    return [
        1000 * _seconds(connection, _PAGE.format(arguments=arguments)) for arguments in pages for _ in range(rounds)
    ]


def _seconds(connection: Connection, call: str) -> float:
    started = time.perf_counter()
    run(connection, call)
    return time.perf_counter() - started


def _milliseconds(times: list[float]) -> tuple[str, str, str]:
    return f"{np.median(times):.0f}", f"{np.percentile(times, 95):.0f}", f"{max(times):.0f}"


if __name__ == "__main__":
    sys.exit(main())
