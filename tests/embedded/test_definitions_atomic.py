"""Definitions inside a transaction: all of them or none, in the file and in what the session knows."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lungdb.embedded.running.connection import Connection, connect
from tests.embedded.running import error, rows, say, value

BEFORE = """
    CREATE TABLE a (id INT NOT NULL CONSTRAINT pk_a PRIMARY KEY, x INT NULL CONSTRAINT df_x DEFAULT 7, w NVARCHAR(9));
    CREATE TABLE old (id INT NOT NULL PRIMARY KEY, a INT NOT NULL CONSTRAINT fk_a REFERENCES a (id));
    CREATE INDEX ix_w ON a (w);
    INSERT INTO a (id, w) VALUES (1, N'one'), (2, N'two'); INSERT INTO old VALUES (1, 1);
    GO
    CREATE VIEW v AS SELECT id FROM a;
    GO
    CREATE PROCEDURE p AS SELECT 1;
    GO
    CREATE SCHEMA keep;
    GO
"""
# Every definition that the engine has; dynamic where T-SQL wants it first in a batch.
DEFINITIONS = (
    "CREATE TABLE c (i INT IDENTITY(5, 1), u NVARCHAR(4) CONSTRAINT uq_u UNIQUE, CONSTRAINT ck CHECK (i > 0));",
    "CREATE UNIQUE INDEX ix_c ON c (u) WHERE u IS NOT NULL;",
    "ALTER TABLE a ADD q INT NOT NULL CONSTRAINT df_q DEFAULT 3 WITH VALUES;",
    "ALTER TABLE a ADD CONSTRAINT ck_a CHECK (id > 0), CONSTRAINT uq_a UNIQUE (w);",
    "ALTER TABLE a ALTER COLUMN w NVARCHAR(50) NOT NULL;",
    "ALTER TABLE a DROP CONSTRAINT df_x;",
    "ALTER TABLE a DROP COLUMN x;",
    "DROP INDEX ix_w ON a;",
    "DROP TABLE old;",
    "DROP VIEW v;",
    "DROP PROCEDURE p;",
    "EXECUTE (N'CREATE VIEW v2 AS SELECT q FROM a');",
    "EXECUTE (N'CREATE PROCEDURE p2 AS SELECT q FROM a');",
    "EXECUTE (N'CREATE SCHEMA made');",
    "EXECUTE (N'CREATE PROCEDURE made.p3 AS SELECT 3');",
    "DROP SCHEMA keep;",
    "SELECT id, q INTO copied FROM a;",
    "INSERT INTO c (u) VALUES (N'row');",
    "CREATE EXTERNAL LANGUAGE Other FROM (CONTENT = N'x', FILE_NAME = 'y');",
)


def content(path: Path) -> list[tuple[object, ...]]:
    """Return SQLite's schema and every row of a file, as another program reads them."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as raw:
        raw.create_collation("tsql_text", lambda a, b: (a > b) - (a < b))
        found: list[tuple[object, ...]] = list(raw.execute("SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2"))
        for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall():
            found += [(name, *row) for row in raw.execute(f'SELECT * FROM "{name}"')]
    return found


def known(connection: Connection) -> object:
    """Return what the session knows of the catalog."""
    catalog = connection.session.catalog
    return {name: found.definition for name, found in catalog.objects.items()}, dict(catalog.schemas)


@pytest.fixture
def prepared(tmp_path: Path) -> Iterator[Connection]:
    """A database with something of each kind."""
    with connect(tmp_path / "clinic.db") as opened:
        assert say(opened, BEFORE).errors == []
        yield opened


@pytest.mark.parametrize(
    "ending",
    [
        "ROLLBACK;",
        "SET XACT_ABORT ON; INSERT INTO a (id, w) VALUES (1, N'twice');",
        "SET XACT_ABORT ON; CREATE TABLE a (id INT);",
        "SET XACT_ABORT ON; THROW 50001, N'enough', 1;",
        "SELECT CAST(N'no number' AS INT);",
        "BEGIN TRY; SELECT 1 / 0; END TRY BEGIN CATCH ROLLBACK; END CATCH;",
        "SET XACT_ABORT ON; EXECUTE (N'CREATE TABLE c (again INT)');",
    ],
)
def test_every_definition_is_undone_with_its_transaction(prepared: Connection, tmp_path: Path, ending: str) -> None:
    """The file's schema and rows, and the session's catalog, are those from before; another session agrees."""
    before, catalog = content(tmp_path / "clinic.db"), known(prepared)
    say(prepared, f"BEGIN TRANSACTION; {' '.join(DEFINITIONS)} {ending}")
    assert value(prepared, "SELECT @@TRANCOUNT;") == 0
    assert content(tmp_path / "clinic.db") == before
    assert known(prepared) == catalog
    assert error(prepared, "SELECT q FROM a;").number == 207
    assert rows(prepared, "EXECUTE p; SELECT x FROM a;") == [(7,), (7,)]
    with connect(tmp_path / "clinic.db") as other:
        assert known(other) == catalog
    assert say(prepared, f"BEGIN TRANSACTION; {' '.join(DEFINITIONS)} COMMIT;").errors == []
    assert rows(prepared, "EXECUTE p2; SELECT q FROM copied;") == [(3,), (3,)]


def test_a_savepoint_takes_back_the_definitions_after_it(prepared: Connection, tmp_path: Path) -> None:
    """Those before it stay and are committed."""
    first, second = DEFINITIONS[:3], DEFINITIONS[3:]
    said = say(
        prepared,
        f"BEGIN TRANSACTION; {' '.join(first)} SAVE TRANSACTION s; {' '.join(second)} ROLLBACK TRANSACTION s; COMMIT;",
    )
    assert said.errors == []
    with connect(tmp_path / "fresh.db") as fresh:
        say(fresh, BEFORE + " ".join(first))
        assert known(prepared) == known(fresh)
    assert rows(prepared, "SELECT x, q FROM a; ") == [(7, 3), (7, 3)]


def test_a_kill_leaves_a_transaction_whole_or_not_at_all(
    prepared: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files as they are on the disk after each statement of SQLite hold everything or nothing of it."""
    file = tmp_path / "clinic.db"
    storage = prepared.session.storage
    execute = storage.execute
    copies: list[Path] = []

    def copying(sql: str, values: object = ()) -> object:
        cursor = execute(sql, values)  # type: ignore[arg-type]
        copy = tmp_path / f"copy{len(copies)}.db"
        shutil.copyfile(file, copy)
        shutil.copyfile(f"{file}-wal", f"{copy}-wal")
        copies.append(copy)
        return cursor

    before = content(file)
    monkeypatch.setattr(storage, "execute", copying)
    assert say(prepared, f"BEGIN TRANSACTION; {' '.join(DEFINITIONS)} COMMIT;").errors == []
    monkeypatch.undo()
    after = content(file)
    found = [content(copy) for copy in copies]
    assert before != after
    assert len(found) > 50
    changed = next(place for place, each in enumerate(found) if each != before)
    assert all(each == after for each in found[changed:])


def test_a_full_disk_takes_the_definitions_with_it(prepared: Connection) -> None:
    """SQLite may end the transaction by itself then; the session knows that its tables are gone."""
    catalog = known(prepared)
    (pages,) = prepared.session.storage.execute("PRAGMA page_count").fetchone()
    prepared.session.storage.execute(f"PRAGMA max_page_count = {pages + 20}")
    said = say(
        prepared,
        "BEGIN TRANSACTION; CREATE TABLE big (t NVARCHAR(MAX)); "
        "INSERT INTO big SELECT REPLICATE(CAST(N'x' AS NVARCHAR(MAX)), 1000000);",
    )
    assert [each.number for each in said.errors] == [1105]
    assert value(prepared, "SELECT @@TRANCOUNT;") == 0
    assert known(prepared) == catalog
