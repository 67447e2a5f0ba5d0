"""Ctrl-C while SQLite calls Python."""

from __future__ import annotations

import random
import signal
from types import FrameType

import pytest

from lungdb.embedded.running.connection import Connection
from tests.embedded.running import rows, say

QUERY = """SELECT a.i, UPPER(a.n) + b.n AS x FROM dbo.t AS a JOIN dbo.t AS b ON LEFT(a.n, 2) <= SUBSTRING(b.n, 1, 2)
WHERE a.n >= N'ab 1' AND CAST(a.i AS NVARCHAR(10)) + N'1' = CONCAT(a.i, N'1') AND b.n > a.n ORDER BY x"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="Windows has no setitimer")
def test_ctrl_c_at_any_moment_is_ctrl_c(connection: Connection) -> None:
    """The signal arrives inside functions and comparisons too; no error of SQL Server takes its place."""
    values = ", ".join(f"({i}, N'Ab {i * 7919 % 1000}')" for i in range(120))
    assert (
        say(connection, f"CREATE TABLE dbo.t (i INT, n NVARCHAR(50)); INSERT INTO dbo.t VALUES {values};").errors == []
    )
    interrupted = 0

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    moments = random.Random(7)
    try:
        while interrupted < 200:
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.001 + 0.02 * moments.random())
                said = say(connection, QUERY)
                signal.setitimer(signal.ITIMER_REAL, 0)
                assert said.errors == []
            except KeyboardInterrupt:
                interrupted += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert rows(connection, "SELECT COUNT(*) FROM dbo.t") == [(120,)]
