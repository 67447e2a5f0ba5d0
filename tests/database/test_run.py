"""connect() and run() on the embedded engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lungdb.database import Connection, connect, run, run_script
from lungdb.errors import LungdbError, SqlError


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    """An empty database."""
    with closing(connect(f"sqlite:///{(tmp_path / 'clinic.db').as_posix()}")) as opened:
        yield opened


def test_results_and_messages_come_in_order(connection: Connection) -> None:
    """Every result set is returned, and every message handed on, whatever stands between them."""
    said: list[str] = []
    results = run(
        connection,
        "PRINT N'one'; SELECT 1 AS a; RAISERROR(N'two', 0, 1) WITH NOWAIT; SELECT ? AS b, ? AS c; PRINT N'three';",
        (2, "x"),
        on_message=lambda message: said.append(message.text),
    )
    assert [(result.columns, result.rows) for result in results] == [(("a",), [(1,)]), (("b", "c"), [(2, "x")])]
    assert said == ["one", "two", "three"]


def test_an_error_after_the_first_result_is_raised(connection: Connection) -> None:
    """The rest of a batch is drained, so its error is not lost, nor the message before it."""
    said: list[str] = []
    with pytest.raises(SqlError) as caught:
        run(
            connection,
            "SELECT 1 AS a; PRINT N'before'; THROW 50123, N'late', 1;",
            on_message=lambda message: said.append(message.text),
        )
    assert (caught.value.number, caught.value.message) == (50123, "late")
    assert said == ["before"]


def test_a_script_is_run_batch_by_batch(connection: Connection) -> None:
    """GO ends a batch, and the first error ends the script."""
    script = "CREATE TABLE dbo.t (a INT NOT NULL);\nGO\nINSERT INTO dbo.t (a) VALUES (1);\nGO\nSELECT a FROM dbo.t;\n"
    assert run_script(connection, script)[-1].rows == [(1,)]
    with pytest.raises(SqlError):
        run_script(connection, "INSERT INTO dbo.t (a) VALUES (NULL);\nGO\nINSERT INTO dbo.t (a) VALUES (2);\n")
    assert run(connection, "SELECT COUNT(*) FROM dbo.t;")[0].rows == [(1,)]


def test_the_one_value_of_a_result_is_its_scalar(connection: Connection) -> None:
    """NULL is a value too."""
    number, nothing, text = run(connection, "SELECT 6 * 7 AS n; SELECT CAST(NULL AS INT) AS n; SELECT N'Ruíz' AS name;")
    assert (number.scalar(), nothing.scalar(), text.scalar()) == (42, None, "Ruíz")


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("SELECT 1 AS a WHERE 1 = 0;", "0 rows and 1 columns"),
        ("SELECT 1 AS a UNION ALL SELECT 1;", "2 rows and 1 columns"),
        ("SELECT 1 AS a, 2 AS b;", "1 rows and 2 columns"),
    ],
)
def test_a_result_of_another_shape_has_no_scalar(connection: Connection, sql: str, says: str) -> None:
    """Rather than the first value of several, or none for a row that is not there."""
    (result,) = run(connection, sql)
    with pytest.raises(ValueError, match=says):
        result.scalar()


def test_records_are_rows_by_column_name_in_their_order(connection: Connection) -> None:
    """Columns and rows stay where they were; no row gives none."""
    some, none = run(
        connection,
        "SELECT N'b' AS name, 2 AS size UNION ALL SELECT N'a', NULL ORDER BY name DESC; SELECT 1 AS a WHERE 1 = 0;",
    )
    assert some.records() == [{"name": "b", "size": 2}, {"name": "a", "size": None}]
    assert [list(record) for record in some.records()] == [["name", "size"], ["name", "size"]]
    assert none.records() == []


@pytest.mark.parametrize("sql", ["SELECT 1 AS a, 2 AS a;", "SELECT 1, 2;"])
def test_columns_that_share_a_name_give_no_records(connection: Connection, sql: str) -> None:
    """A mapping would lose one of them; two without a name share it."""
    (result,) = run(connection, sql)
    with pytest.raises(ValueError, match="no names of their own"):
        result.records()


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("postgres://x", "not understood"),
        ("sqlite:///", "names no file"),
        ("sqlite:////nowhere/at/all/x.db", "does not exist"),
    ],
)
def test_a_target_that_cannot_be_is_refused(target: str, says: str) -> None:
    """The error says what is wrong and shows no password."""
    with pytest.raises(LungdbError, match=says):
        connect(target)
