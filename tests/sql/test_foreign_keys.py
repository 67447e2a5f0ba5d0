"""Every foreign key has an index for its columns, so that deleting what it refers to reads no whole table."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from lungdb.database import connect, install, run, run_script
from lungdb.database.batches import split_batches
from lungdb.database.generator import build_install_sql
from lungdb.embedded.syntax.statement_tree import CreateIndex, CreateTable
from lungdb.embedded.syntax.statements import parse_batch
from tests.old_schema import old_sources
from tests.sql.gates.check import SQL

INDEXES = """
SELECT o.name, i.name
FROM sys.indexes AS i
INNER JOIN sys.objects AS o ON o.object_id = i.object_id
WHERE o.is_ms_shipped = 0 AND i.name IS NOT NULL
ORDER BY o.name, i.name;
"""


def _uncovered(text: str) -> list[str]:
    """Name the foreign keys whose columns begin no key and no index of all rows."""
    found: list[CreateTable] = []
    begins: dict[str, list[tuple[str, ...]]] = {}
    for batch, _ in split_batches(text):
        for statement in parse_batch(batch).statements:
            if isinstance(statement, CreateTable):
                found.append(statement)
                begins.setdefault(statement.name[-1], []).extend(key.columns for key in statement.definition.keys)
            elif isinstance(statement, CreateIndex) and statement.index.filter is None:
                begins.setdefault(statement.table[-1], []).append(tuple(name for name, _ in statement.index.columns))
    return [
        foreign.name
        for table in found
        for foreign in table.definition.foreign_keys
        if not any(set(columns[: len(foreign.columns)]) == {*foreign.columns} for columns in begins[table.name[-1]])
    ]


@pytest.mark.parametrize("path", sorted((SQL / "tables").glob("*.sql")), ids=lambda path: path.stem)
def test_the_columns_of_every_foreign_key_begin_an_index(path: Path) -> None:
    """Of the primary key, a unique constraint, or an index of its own without a filter."""
    assert not _uncovered(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("index", "wanting"),
    [
        ("", ["FK_a"]),
        ("CREATE INDEX IX_a ON dbo.a (y);", ["FK_a"]),
        ("CREATE INDEX IX_a ON dbo.a (y, x);", ["FK_a"]),
        ("CREATE INDEX IX_a ON dbo.a (x) WHERE y = 1;", ["FK_a"]),
        ("CREATE INDEX IX_a ON dbo.a (x, y);", []),
    ],
)
def test_a_foreign_key_without_an_index_is_found(index: str, wanting: list[str]) -> None:
    """One on other columns, with them in another place, or of some rows only, is none."""
    table = "CREATE TABLE dbo.a (x INT NULL, y INT NULL, CONSTRAINT FK_a FOREIGN KEY (x) REFERENCES dbo.b (x));\n"
    assert _uncovered(table + index) == wanting


def test_an_upgraded_database_has_the_indexes_of_a_new_one(tmp_path: Path) -> None:
    """By table and name, whichever version it comes from."""
    found = []
    for version in (None, 1, 2):
        with closing(connect(f"sqlite:///{tmp_path / f'{version}.db'}")) as connection:
            if version is not None:
                run_script(connection, build_install_sql(old_sources(tmp_path / f"old {version}", version)))
            install(connection)
            found.append(run(connection, INDEXES)[0].rows)
    assert len(found[0]) > 50
    assert found[0] == found[1] == found[2]
