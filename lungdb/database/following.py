"""Progress from a second connection, where messages come only when a batch has ended: over ODBC.

The procedures with progress write it to dbo.run_steps as well. A thread reads them there while the batch runs.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

from lungdb.database.connection import Connection, connect
from lungdb.database.run import run
from lungdb.errors import LungdbError, Message

SECONDS = 1.0


class Follower:
    """Hands on what the procedures of a session say, once each.

    Parameters
    ----------
    target : str
        Where the session is: a connection of the follower's own is opened to it when the first `seconds` are over, so
        that what is quick costs none.
    session_id : int
        @@SPID of the session.
    since : str
        The time in UTC from which its calls count, as style 126 writes it: numbers of sessions are used again.
    hand_on : callable
        Called with each text, from the follower's thread.
    seconds : float
        How often to read.
    """

    def __init__(
        self, target: str, session_id: int, since: str, hand_on: Callable[[str], None], seconds: float = SECONDS
    ) -> None:
        self._target = target
        self._session = (session_id, since)
        self._hand_on = hand_on
        self._seconds = seconds
        self._place = (0, 0)
        self._said: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Follower:
        """Start."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._ended.set()
        self._thread.join()

    def has_said(self, message: Message) -> bool:
        """Whether a message that came at last was handed on before; each text counts for one message."""
        with self._lock:
            known = self._said[message.text] > 0
            self._said[message.text] -= known
        return known

    def _follow(self) -> None:
        # No such procedure, no right to it, no further connection: progress is not worth an error.
        with suppress(LungdbError):
            if self._ended.wait(self._seconds):
                return
            with closing(connect(self._target, create=False)) as connection:
                self._hand_on_steps(connection)
                while not self._ended.wait(self._seconds):
                    self._hand_on_steps(connection)

    def _hand_on_steps(self, connection: Connection) -> None:
        call = "EXECUTE dbo.ReadRunSteps @SessionId = ?, @Since = ?, @AfterRun = ?, @AfterStep = ?;"
        (found,) = run(connection, call, (*self._session, *self._place))
        for run_id, step, text in found.rows:
            self._place = run_id, step
            with self._lock:
                self._said[text] += 1
            self._hand_on(text)


@contextmanager
def following(
    target: str, connection: Connection, hand_on: Callable[[str], None]
) -> Iterator[Callable[[Message], bool]]:
    """Hand on what procedures of a connection say while they work, if its messages come late.

    Parameters
    ----------
    target : str
        What `connection` was opened with.
    connection : Connection
        The one that is followed; not in use at this moment.
    hand_on : callable
        Called with each text, from another thread.

    Yields
    ------
    callable
        Tells of a message of `connection` whether it was handed on before.
    """
    if connection.says_at_once:
        yield lambda message: False
        return
    (session,) = run(connection, "SELECT @@SPID AS id, CONVERT(NVARCHAR(30), SYSUTCDATETIME(), 126) AS since;")[0].rows
    with Follower(target, int(session[0]), str(session[1]), hand_on) as follower:
        yield follower.has_said
