"""Binary columns that a query writes as hexadecimal text: bytes for trusted scripts, that text for all others."""

from __future__ import annotations

import ast
import hashlib
from pathlib import Path
from typing import Any

import pytest

from lungdb.embedded.running.connection import connect
from lungdb.embedded.satellite.trusted import NOBODY, Trusted
from tests.embedded.running import say

SCRIPT = "print([(str(InputDataSet.dtypes.iloc[0]), list(InputDataSet.columns)), InputDataSet.values.tolist()])"
TRUSTED = Trusted(lambda: frozenset((hashlib.sha256(SCRIPT.encode()).digest(),)))

SETUP = """
CREATE TABLE dbo.t (i INT NOT NULL PRIMARY KEY, b VARBINARY(MAX) NULL, f BINARY(3) NULL, n INT NULL, s VARCHAR(9) NULL);
INSERT INTO dbo.t VALUES (1, 0xFF00AB, 0x0102, 7, 'x'), (2, NULL, NULL, NULL, NULL), (3, 0x, 0xABCDEF, 9, 'yz'),
    (4, 0x0A, 0xAA, 1, 'w');
"""
VIEW = "CREATE VIEW dbo.v AS SELECT i, b, CONVERT(VARCHAR(MAX), b, 2) AS hex FROM dbo.t;"
HEX = ["FF00AB", None, "", "0A"]
BYTES = [b"\xff\x00\xab", None, b"", b"\n"]


def seen(path: Path, query: str, trusted: Trusted) -> tuple[list[str], list[list[Any]]]:
    """Return the names and rows that a script is given."""
    with connect(path / "clinic.db", trusted=trusted) as connection:
        if not connection.session.catalog.objects:
            for batch in (SETUP, VIEW):
                assert say(connection, batch).errors == []
        told = say(
            connection,
            "EXECUTE sp_execute_external_script @language = N'Python', @script = ?, @input_data_1 = ?, "
            "@params = N'@k INT', @k = 3;",
            SCRIPT,
            query,
        )
    assert told.errors == []
    (kind, names), rows = ast.literal_eval(told.messages[0].partition("\n")[2])
    assert kind == "object"
    return names, rows


@pytest.mark.parametrize(
    "query",
    [
        "SELECT CONVERT(VARCHAR(MAX), b, 2) AS hex FROM dbo.t ORDER BY i",
        "SELECT CONVERT(VARCHAR(MAX), t.b, 2) AS hex FROM dbo.t AS t WHERE i < 3 OR i = @k OR i = 4 ORDER BY t.i;",
        "SELECT CONVERT(VARCHAR(MAX), b, 2) AS hex FROM dbo.v ORDER BY i",
        "WITH c AS (SELECT i, b FROM dbo.t) SELECT TOP (9) CONVERT(VARCHAR(MAX), c.b, 2) AS hex FROM c ORDER BY i",
    ],
)
def test_a_binary_column_comes_as_bytes(tmp_path: Path, query: str) -> None:
    """NULL and empty values too, under the same name; to another script as upper-case text."""
    assert seen(tmp_path, query, TRUSTED) == (["hex"], [[each] for each in BYTES])
    assert seen(tmp_path, query, NOBODY) == (["hex"], [[each] for each in HEX])


@pytest.mark.parametrize(
    "query",
    [
        "SELECT hex FROM dbo.v ORDER BY i",
        "SELECT CONVERT(VARCHAR(MAX), b, 2) AS hex FROM dbo.t ORDER BY hex",
        "SELECT CONVERT(VARCHAR(MAX), b, 2) FROM dbo.t ORDER BY 1",
        "SELECT DISTINCT CONVERT(VARCHAR(MAX), b, 2) AS hex FROM dbo.t",
        "SELECT CONVERT(VARCHAR(MAX), b, 2) AS hex FROM dbo.t GROUP BY CONVERT(VARCHAR(MAX), b, 2)",
        "SELECT CONVERT(VARCHAR(MAX), b, 2) AS hex FROM dbo.t UNION ALL SELECT 'FF' WHERE 1 = 0",
        "SELECT h FROM (SELECT CONVERT(VARCHAR(MAX), b, 2) AS h, i FROM dbo.t) AS q ORDER BY i",
        "WITH c AS (SELECT i, CONVERT(VARCHAR(MAX), b, 2) AS h FROM dbo.t) SELECT h FROM c ORDER BY i",
        "SELECT CONVERT(VARCHAR(MAX), b, 1) AS hex FROM dbo.t ORDER BY i",
        "SELECT CONVERT(VARCHAR(64), b, 2) AS hex FROM dbo.t ORDER BY i",
        "SELECT CONVERT(NVARCHAR(MAX), b, 2) AS hex FROM dbo.t ORDER BY i",
        "SELECT TRY_CONVERT(VARCHAR(MAX), b, 2) AS hex FROM dbo.t ORDER BY i",
        "SELECT CONVERT(VARCHAR(MAX), b, 2) + '' AS hex FROM dbo.t ORDER BY i",
        "SELECT LOWER(CONVERT(VARCHAR(MAX), b, 2)) AS hex FROM dbo.t ORDER BY i",
        "SELECT CONVERT(VARCHAR(MAX), n, 2) AS hex FROM dbo.t ORDER BY i",
        "SELECT CONVERT(VARCHAR(MAX), s, 2) AS hex FROM dbo.t ORDER BY i",
        "SELECT CONVERT(VARCHAR(MAX), b, 2) AS hex, * FROM dbo.v WHERE 1 = 0",
    ],
)
def test_any_other_form_comes_as_it_is(tmp_path: Path, query: str) -> None:
    """To a trusted script as to another."""
    query = query.replace("hex, *", "hex, v.i")
    assert seen(tmp_path, query, TRUSTED) == seen(tmp_path, query, NOBODY)


def test_several_columns_are_told_apart(tmp_path: Path) -> None:
    """Where one of them is no binary, all come as text; columns beside them keep their types and places."""
    query = "SELECT {} FROM dbo.t WHERE b IS NOT NULL ORDER BY i"
    hexes = [f"CONVERT(VARCHAR(MAX), {name}, 2) AS {name}" for name in "bfn"]
    names, rows = seen(tmp_path, query.format(", ".join([hexes[0], "i", hexes[1], "s"])), TRUSTED)
    assert names == ["b", "i", "f", "s"]
    assert rows == [
        [b"\xff\x00\xab", 1, b"\x01\x02\x00", "x"],
        [b"", 3, b"\xab\xcd\xef", "yz"],
        [b"\n", 4, b"\xaa\x00\x00", "w"],
    ]
    mixed = query.format(f"{hexes[0]}, {hexes[2]}")
    assert seen(tmp_path, mixed, TRUSTED)[1] == [["FF00AB", "7"], ["", "9"], ["0A", "1"]]


def test_blocks_of_large_values_come_whole(tmp_path: Path) -> None:
    """More than the process is sent at once, of every byte, with NULLs between."""
    script = "import hashlib\nprint([each and hashlib.sha256(each).hexdigest() for each in InputDataSet['x']])"
    values = [bytes(range(256)) * (4000 * size) if size else None for size in (1, 0, 9, 1, 30, 0)]
    expected = [each and hashlib.sha256(each).hexdigest() for each in values]
    trusted = Trusted(lambda: frozenset((hashlib.sha256(script.encode()).digest(),)))
    with connect(tmp_path / "clinic.db", trusted=trusted) as connection:
        say(connection, "CREATE TABLE dbo.t (i INT IDENTITY PRIMARY KEY, b VARBINARY(MAX) NULL)")
        for each in values:
            say(connection, "INSERT INTO dbo.t (b) VALUES (?)", each)
        told = say(
            connection,
            "EXECUTE sp_execute_external_script @language = N'Python', @script = ?, "
            "@input_data_1 = N'SELECT CONVERT(VARCHAR(MAX), b, 2) AS x FROM dbo.t ORDER BY i';",
            script,
        )
    assert told.errors == []
    assert ast.literal_eval(told.messages[0].partition("\n")[2]) == expected
