"""Ctrl-C while SQLite calls Python."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable, Iterator
from types import FrameType

import pytest

from lungdb.embedded.running.connection import Connection
from tests.embedded.running import rows, say

QUERY = """SELECT a.i, UPPER(a.n) + b.n AS x FROM dbo.t AS a JOIN dbo.t AS b ON LEFT(a.n, 2) <= SUBSTRING(b.n, 1, 2)
WHERE a.n >= N'ab 1' AND CAST(a.i AS NVARCHAR(10)) + N'1' = CONCAT(a.i, N'1') AND b.n > a.n ORDER BY x"""


@pytest.fixture
def moments() -> Iterator[Callable[[float, float], None]]:
    """Give what raises KeyboardInterrupt at a random moment between two numbers of seconds from now."""
    if not hasattr(signal, "setitimer"):
        pytest.skip("Windows has no setitimer")

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    generator = random.Random(7)
    before = signal.signal(signal.SIGALRM, interrupt)
    yield lambda least, most: signal.setitimer(signal.ITIMER_REAL, generator.uniform(least, most)) and None
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_ctrl_c_at_any_moment_is_ctrl_c(connection: Connection, moments: Callable[[float, float], None]) -> None:
    """The signal arrives inside functions and comparisons too; no error of SQL Server takes its place."""
    values = ", ".join(f"({i}, N'Ab {i * 7919 % 1000}')" for i in range(120))
    assert (
        say(connection, f"CREATE TABLE dbo.t (i INT, n NVARCHAR(50)); INSERT INTO dbo.t VALUES {values};").errors == []
    )
    interrupted = 0
    while interrupted < 200:
        try:
            moments(0.001, 0.021)
            said = say(connection, QUERY)
            moments(0, 0)
            assert said.errors == []
        except KeyboardInterrupt:
            interrupted += 1
    assert rows(connection, "SELECT COUNT(*) FROM dbo.t") == [(120,)]


def test_ctrl_c_in_the_comparisons_of_a_key_is_no_double_row(
    connection: Connection, moments: Callable[[float, float], None]
) -> None:
    """sqlite3 takes texts for equal whose comparison was interrupted, and forgets why."""
    values = ", ".join(f"(N'Ab {i * 7919 % 1000}')" for i in range(1000))
    made = "CREATE TABLE dbo.s (n NVARCHAR(50)); CREATE TABLE dbo.t (n NVARCHAR(50) NOT NULL UNIQUE);"
    assert say(connection, f"{made} INSERT INTO dbo.s VALUES {values};").errors == []
    interrupted = 0
    while interrupted < 100:
        try:
            moments(0.0005, 0.01)
            said = say(connection, "INSERT INTO dbo.t SELECT n FROM dbo.s;")
            moments(0, 0)
            assert said.errors == []
        except KeyboardInterrupt:
            interrupted += 1
        # The signal may come when all is committed, but never leaves a part.
        assert rows(connection, "SELECT COUNT(*) FROM dbo.t")[0][0] in (0, 1000)
        rows(connection, "DELETE FROM dbo.t; SELECT 1;")
