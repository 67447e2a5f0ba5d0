"""The page's connections: whose name they bear, and what happens when the database goes away and comes back."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from lungdb.database import DatabaseUnavailable, Pool, connect, run
from lungdb.errors import LungdbError, SqlError
from tests.support.databases import target_of

WHO = "SELECT CAST(SESSION_CONTEXT(N'user') AS NVARCHAR(128)) AS name;"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A database file with one empty table, in a folder of its own."""
    made = tmp_path / "pool" / "small.db"
    made.parent.mkdir()
    with closing(connect(target_of(made))) as connection:
        run(connection, "CREATE TABLE dbo.notes (number INT NOT NULL);")
    return made


@pytest.fixture
def pool(file: Path) -> Iterator[Pool]:
    """Two connections at most, for which nobody waits long."""
    made = Pool(target_of(file), size=2, wait=0.2)
    yield made
    made.close()


def name_in(pool: Pool, user: str | None) -> object:
    """Ask the database for whom it is asked."""
    with pool.connection(user) as connection:
        return run(connection, WHO)[0].scalar()


def move(file: Path, away: Path) -> None:
    """Move a database to another folder, with the files that SQLite keeps beside it."""
    away.mkdir(exist_ok=True)
    for part in file.parent.glob(f"{file.name}*"):
        part.rename(away / part.name)


def test_a_connection_bears_the_name_of_whoever_borrows_it(pool: Pool) -> None:
    """The name of the last borrower must not stay: scores would be stored as another's."""
    assert [name_in(pool, user) for user in ("ana", "rob", None, "ana")] == ["ana", "rob", None, "ana"]


def test_connections_are_lent_up_to_the_size_of_the_pool(pool: Pool) -> None:
    """A third borrower is told to come later; when one is given back, it is lent again."""
    with pool.connection("ana"), pool.connection("rob"), pytest.raises(DatabaseUnavailable, match=r"for 0\.2 seconds"):
        name_in(pool, "tess")
    assert name_in(pool, "tess") == "tess"


def test_threads_never_share_a_connection(file: Path) -> None:
    """Each reads its own name back, however they alternate."""
    pool, wrong = Pool(target_of(file), size=3), []

    def work(name: str) -> None:
        wrong.extend(found for _ in range(25) if (found := name_in(pool, name)) != name)

    threads = [threading.Thread(target=work, args=(f"user {number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pool.close()
    assert wrong == []


def test_a_refusal_leaves_the_connection_usable_without_its_transaction(pool: Pool) -> None:
    """Else the next borrower would write into it, and lose the rows with it."""
    refused = "BEGIN TRANSACTION; INSERT INTO dbo.notes (number) VALUES (1); THROW 50101, N'no', 1;"
    with pytest.raises(SqlError, match="no"), pool.connection("ana") as connection:
        run(connection, refused)
    with pool.connection("ana") as connection:
        assert run(connection, "SELECT @@TRANCOUNT AS n, (SELECT COUNT(*) FROM dbo.notes) AS m;")[0].rows == [(0, 0)]


def test_an_idle_connection_that_refuses_is_replaced(pool: Pool) -> None:
    """Drivers say of a dead one what they like; here a name that cannot be changed any more makes it refuse."""
    with pool.connection("ana") as connection:
        run(connection, "EXECUTE sp_set_session_context @key = N'user', @value = N'eve', @read_only = 1;")
    assert name_in(pool, "ana") == "ana"
    assert name_in(pool, "rob") == "rob"


def test_a_refusal_after_which_nothing_can_be_rolled_back_means_that_the_database_is_away(pool: Pool) -> None:
    """Whatever the error said, the connection is lost; it is not lent again."""

    def refused_and_cut_off() -> None:
        with pool.connection("ana") as connection:
            connection.close()
            raise SqlError(0, "Something that no list of errors has.")

    with pytest.raises(DatabaseUnavailable):
        refused_and_cut_off()
    assert name_in(pool, "ana") == "ana"


def test_no_lock_is_waited_for_without_end(pool: Pool) -> None:
    """SQL Server's default, -1, would hold a reader's thread as long as somebody else writes."""
    with pool.connection("ana") as connection:
        assert run(connection, "SELECT @@LOCK_TIMEOUT AS milliseconds;")[0].rows == [(15000,)]


def test_an_interrupted_borrower_gives_no_connection_back(pool: Pool) -> None:
    """What it left running is unknown; the place in the pool is free again all the same."""

    def interrupted() -> None:
        with pool.connection("ana") as connection:
            run(connection, "BEGIN TRANSACTION;")
            raise KeyboardInterrupt

    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            interrupted()
    with pool.connection("ana") as connection:
        assert run(connection, "SELECT @@TRANCOUNT AS n;")[0].rows == [(0,)]


def test_a_database_that_was_moved_away_is_unavailable_until_it_is_back(pool: Pool, file: Path) -> None:
    """An open file would answer on; and none may be made in its place."""
    assert name_in(pool, "ana") == "ana"
    away = file.parents[1] / "away"
    move(file, away)
    for _ in range(2):
        with pytest.raises(DatabaseUnavailable):
            name_in(pool, "ana")
    assert list(file.parent.iterdir()) == []
    move(away / file.name, file.parent)
    assert name_in(pool, "ana") == "ana"


def test_a_database_put_in_place_of_another_is_the_one_that_answers(pool: Pool, file: Path) -> None:
    """As after a restore: connections to the old file must not be lent."""
    with pool.connection("ana") as connection:
        assert run(connection, "SELECT COUNT(*) AS n FROM dbo.notes;")[0].rows == [(0,)]
    other = file.parent / "other.db"
    with closing(connect(target_of(other))) as connection:
        run(connection, "CREATE TABLE dbo.notes (number INT NOT NULL); INSERT INTO dbo.notes VALUES (1), (2);")
    move(file, file.parents[1] / "away")
    other.rename(file)
    with pool.connection("ana") as connection:
        assert run(connection, "SELECT COUNT(*) AS n FROM dbo.notes;")[0].rows == [(2,)]


def test_an_error_from_a_file_that_has_gone_meanwhile_means_that_the_database_is_away(pool: Pool, file: Path) -> None:
    """What an open file says after it was moved is no fault of the statement."""

    def refused_after_a_move() -> None:
        with pool.connection("ana") as connection:
            move(file, file.parents[1] / "away")
            run(connection, "THROW 50101, N'no', 1;")

    with pytest.raises(DatabaseUnavailable):
        refused_after_a_move()


def test_a_missing_file_is_not_made_unless_asked_for(tmp_path: Path) -> None:
    """connect() makes one by default, as `lungdb install` needs."""
    target = target_of(tmp_path / "new.db")
    with pytest.raises(LungdbError, match=r"new\.db"):
        connect(target, create=False)
    assert not (tmp_path / "new.db").exists()
    connect(target).close()
    assert (tmp_path / "new.db").exists()


def test_the_page_answers_503_while_the_database_is_away_and_works_when_it_is_back(
    signed_in: FlaskClient, web_database: Path
) -> None:
    """Without a restart, and still signed in; a probe sees it too."""
    assert (signed_in.get("/health").status_code, signed_in.get("/").status_code) == (200, 200)
    away = web_database.parent / "away"
    move(web_database, away)
    for path in ("/", "/patients/0", "/health"):
        answer = signed_in.get(path)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert str(web_database.parent) not in answer.text
    assert not web_database.exists()
    move(away / web_database.name, web_database.parent)
    assert (signed_in.get("/health").status_code, signed_in.get("/").status_code) == (200, 200)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Let another process keep a database file locked, as a script with an open transaction does."""
    script = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); "
        "c.execute('BEGIN EXCLUSIVE'); print('locked', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "locked\n"
        yield
        process.stdin.close()


def test_a_database_that_others_write_to_answers_probes_and_what_cannot_be_recorded_is_told_soon(
    app: Flask, signed_in: FlaskClient, web_database: Path
) -> None:
    """A view waits two seconds for its row of the audit, where others wait fifteen; it is busy, not gone."""
    database = app.extensions["lungdb"].database
    for lane, milliseconds in (("audit", 2000), ("pages", 15000)):
        assert database.call("SELECT @@LOCK_TIMEOUT AS milliseconds;", (), None, lane)[0].rows == [(milliseconds,)]
    with locked(web_database):
        assert (signed_in.get("/health").status_code, signed_in.get("/health").text) == (200, "ok\n")
        refused = signed_in.get("/patients/0")
        assert refused.status_code == 503
        assert "busy" in refused.text
        assert "cannot be reached" not in refused.text
    assert signed_in.get("/patients/0").status_code == 200
