"""Every column of every table has a description, as SSMS shows it: the comment beside it in the table's file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lungdb.database import Connection, connect, install, run
from lungdb.database.generator import read_sources
from lungdb.database.helping import column_comments, describing_batch
from tests.old_schema import unpack_schema_9
from tests.sql.gates.check import SQL
from tests.sql.gates.dotnet import NO_RUNTIME, has_runtime_wheel
from tests.sql.gates.parser import parse
from tests.support.databases import rows

DESCRIBED = """
SELECT t.name, c.name, CAST(p.value AS NVARCHAR(MAX))
FROM sys.tables AS t
INNER JOIN sys.columns AS c ON c.object_id = t.object_id
LEFT JOIN sys.extended_properties AS p
    ON p.class = 1 AND p.major_id = t.object_id AND p.minor_id = c.column_id AND p.name = N'MS_Description'
WHERE t.schema_id = SCHEMA_ID(N'dbo')
ORDER BY t.name, c.column_id;
"""
SET = (
    "EXECUTE sys.sp_{what}extendedproperty @name = N'{name}', @value = N'{value}', @level0type = N'SCHEMA', "
    "@level0name = N'dbo', @level1type = N'TABLE', @level1name = N'labels', @level2type = N'COLUMN', "
    "@level2name = N'{column}';"
)
TABLES = sorted((SQL / "tables").glob("*.sql"))
TRUTH = "1 cancer, 0 none; or one of more classes, counted from 0"


def _texts(connection: Connection) -> dict[tuple[str, str], str | None]:
    return {(table, column): text for table, column, text in rows(connection, DESCRIBED)}


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """A database of schema version 9 over which this version was installed."""
    with closing(connect(f"sqlite:///{unpack_schema_9(tmp_path_factory.mktemp('described'))}")) as connection:
        install(connection)
        yield connection


def test_every_column_of_every_table_is_described(
    installed: Connection, sql_only_file: Path, upgraded: Connection
) -> None:
    """By either installer, and in an upgraded database, whose new columns stand behind the others."""
    found = _texts(installed)
    assert {table for table, _ in found} == {path.stem for path in TABLES}
    assert [place for place, text in found.items() if not text] == []
    assert found["labels", "label"] == TRUTH
    with closing(connect(f"sqlite:///{sql_only_file}")) as alone:
        assert _texts(alone) == found
    assert _texts(upgraded) == found


def test_no_description_is_cut(installed: Connection) -> None:
    """All are far shorter than what is kept of one."""
    texts = [text or "" for text in _texts(installed).values()]
    texts += [
        str(value) for (value,) in rows(installed, "SELECT CAST(value AS NVARCHAR(MAX)) FROM sys.extended_properties;")
    ]
    assert max(map(len, texts)) < 1500


@pytest.mark.skipif(not has_runtime_wheel(), reason=NO_RUNTIME)
@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_a_description_is_the_comment_that_microsofts_parser_sees_beside_the_column(path: Path) -> None:
    """Of each column that it finds, in order; what goes on in lines below follows."""
    script = parse(path.read_text(encoding="utf-8"))
    comments = {token.line: token.text[2:].strip() for token in script.tokens if token.kind == "SingleLineComment"}
    seen = [
        (column.parts["ColumnIdentifier"][0].text("Value"), comments[column.line])
        for made in script.find("CreateTableStatement")
        for column in made.find("ColumnDefinition")
    ]
    found = column_comments(path.read_text(encoding="utf-8"))
    assert list(found) == [name for name, _ in seen]
    assert [name for name, begins in seen if not found[name].startswith(begins)] == []


def test_a_comment_goes_on_below_and_a_column_without_one_is_left_out() -> None:
    """A default on a line of its own and a comment above belong to no description."""
    text = (
        "-- A thing.\nCREATE TABLE dbo.things (\n"
        "    a INT NOT NULL, -- one and\n                    -- two\n"
        "    b INT NOT NULL -- it's three\n        CONSTRAINT DF_things_b DEFAULT 0,\n"
        "    c INT NULL,\n    ab INT NULL, -- four -- five\n"
        "    CONSTRAINT PK_things PRIMARY KEY (a) -- six\n);\n"
    )
    assert column_comments(text) == {"a": "one and two", "b": "it's three", "ab": "four -- five"}


def test_installing_again_puts_other_texts_right_and_leaves_others_properties(installed: Connection) -> None:
    """One that differs in the case of a letter alone too; what somebody else says of a column stays."""
    before = _texts(installed)
    run(installed, SET.format(what="update", name="MS_Description", value=TRUTH.upper(), column="label"))
    run(installed, SET.format(what="update", name="MS_Description", value="old", column="source"))
    run(installed, SET.format(what="add", name="Owner", value="Ana", column="label"))
    assert _texts(installed) != before
    install(installed)
    assert _texts(installed) == before
    owners = "SELECT CAST(value AS NVARCHAR(99)) FROM sys.extended_properties WHERE name = N'Owner';"
    assert rows(installed, owners) == [("Ana",)]


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Connection]:
    """A database without tables."""
    with closing(connect(f"sqlite:///{tmp_path / 'empty.db'}")) as connection:
        yield connection


def test_tables_and_columns_that_are_not_there_are_left_out(empty: Connection) -> None:
    """Of one table with two of its columns, and one of somebody's, just those are described."""
    batch = describing_batch(read_sources(SQL))
    run(empty, batch)
    assert rows(empty, "SELECT name FROM sys.extended_properties;") == []
    run(
        empty,
        "CREATE TABLE dbo.labels (cohort INT NULL, label TINYINT NOT NULL, patient_id NVARCHAR(64) NOT NULL);",
    )
    run(empty, batch)
    assert _texts(empty) == {
        ("labels", "cohort"): None, ("labels", "label"): TRUTH, ("labels", "patient_id"): "patient whose truth it is"
    }  # fmt: skip
    assert len(rows(empty, "SELECT name FROM sys.extended_properties;")) == 3
