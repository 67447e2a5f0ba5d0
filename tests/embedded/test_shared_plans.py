"""Plans that sessions share: found where the catalog is the same, made anew where it is not."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from lungdb.embedded.running.connection import Connection, connect
from tests.embedded.running import error, rows, say, value

TABLE = "CREATE TABLE seen (a INT NOT NULL, b NVARCHAR(9)); INSERT INTO seen (a, b) VALUES (1, N'x');"
READ = "SELECT * FROM seen ORDER BY a;"


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Two folders for databases of one name."""
    found = [tmp_path / name for name in ("one", "two")]
    for folder in found:
        folder.mkdir()
    return found


def _plans(connection: Connection, text: str) -> list[object]:
    return [*connection.session.unit(text).shared_plans.values()]


def test_a_copy_of_a_file_and_a_second_session_find_the_plan(folders: list[Path]) -> None:
    """It is the same object until one of them changes its catalog, and each reads its own rows."""
    with ExitStack() as opened:
        first = opened.enter_context(connect(folders[0] / "clinic.db"))
        say(first, TABLE)
        assert rows(first, READ) == [(1, "x")]
        (plan,) = _plans(first, READ)
        beside = opened.enter_context(connect(folders[0] / "clinic.db"))
        assert rows(beside, READ) == [(1, "x")]
        assert _plans(beside, READ) == [plan]
        first.close()
        beside.close()
        shutil.copy(folders[0] / "clinic.db", folders[1] / "clinic.db")
        copy = opened.enter_context(connect(folders[1] / "clinic.db"))
        say(copy, "INSERT INTO seen (a) VALUES (2);")
        assert rows(copy, READ) == [(1, "x"), (2, None)]
        assert _plans(copy, READ)[0] is plan
        say(copy, "ALTER TABLE seen ADD c INT NULL;")
        assert rows(copy, READ) == [(1, "x", None), (2, None, None)]
        assert _plans(copy, READ)[0] is not plan
        again = opened.enter_context(connect(folders[0] / "clinic.db"))
        assert rows(again, READ) == [(1, "x")]


def test_databases_with_other_tables_of_the_same_name_do_not_mix(folders: list[Path]) -> None:
    """Columns, their order and their types are those of the database that is asked, call after call."""
    with connect(folders[0] / "clinic.db") as one, connect(folders[1] / "clinic.db") as two:
        say(one, TABLE)
        say(two, "CREATE TABLE seen (b DECIMAL(9, 2), a INT NOT NULL); INSERT INTO seen (b, a) VALUES (2.5, 3);")
        for _ in range(3):
            assert rows(one, READ) == [(1, "x")]
            assert [str(each) for each in rows(two, READ)[0]] == ["2.50", "3"]
            assert value(one, "SELECT SUM(a) FROM seen WHERE b LIKE N'x';") == 1
            assert value(two, "SELECT SUM(a) FROM seen WHERE b LIKE N'x';") is None


def test_what_was_rolled_back_is_not_planned_for(folders: list[Path]) -> None:
    """A plan of a transaction that is undone is of no use behind it; that of before is right again."""
    with connect(folders[0] / "clinic.db") as connection:
        say(connection, TABLE)
        before = rows(connection, READ)
        say(connection, "BEGIN TRANSACTION; ALTER TABLE seen ADD c INT NOT NULL DEFAULT 7;")
        assert rows(connection, READ) == [(1, "x", 7)]
        say(connection, "ROLLBACK TRANSACTION;")
        assert rows(connection, READ) == before
        say(connection, "DROP TABLE seen;")
        assert "seen" in str(error(connection, READ))


def test_names_of_the_database_are_those_of_the_session(folders: list[Path]) -> None:
    """A file by another name is another database: clinic.dbo.seen is not found there, though all else is equal."""
    text = "SELECT a FROM clinic.dbo.seen;"
    with connect(folders[0] / "clinic.db") as connection:
        say(connection, TABLE)
        assert rows(connection, text) == [(1,)]
    shutil.copy(folders[0] / "clinic.db", folders[1] / "ward.db")
    with connect(folders[1] / "ward.db") as other:
        assert "clinic.dbo.seen" in str(error(other, text))
        assert rows(other, "SELECT a FROM ward.dbo.seen;") == [(1,)]


def test_local_tables_keep_their_plans_to_their_session(folders: list[Path]) -> None:
    """#temp tables of one name with other columns, in sessions side by side."""
    with connect(folders[0] / "clinic.db") as one, connect(folders[0] / "clinic.db") as two:
        say(one, "CREATE TABLE #t (a INT); INSERT INTO #t (a) VALUES (5);")
        say(two, "CREATE TABLE #o (z INT); CREATE TABLE #t (b NVARCHAR(5), a INT); INSERT INTO #t (b) VALUES (N'q');")
        for _ in range(2):
            assert rows(one, "SELECT * FROM #t;") == [(5,)]
            assert rows(two, "SELECT * FROM #t;") == [("q", None)]
        assert _plans(one, "SELECT * FROM #t;") == []


def test_threads_plan_the_same_at_once(folders: list[Path]) -> None:
    """Eight sessions on one file, each asking forty things that none has planned."""
    with connect(folders[0] / "clinic.db") as connection:
        say(connection, TABLE)

    def ask(_: int) -> list[int]:
        with connect(folders[0] / "clinic.db") as own:
            return [int(value(own, f"SELECT a + {number} FROM seen;")) for number in range(40)]

    with ThreadPoolExecutor(8) as pool:
        assert all(found == [*range(1, 41)] for found in pool.map(ask, range(8)))
