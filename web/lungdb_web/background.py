"""What takes longer than a request may: one piece of work at a time, in a thread, watched from any page."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from lungdb.errors import LungdbError, SqlError
from lungdb_web.logs import log_failure
from lungdb_web.turns import TooBusy
from lungdb_web.unnamed import unnamed

_LOG = logging.getLogger("lungdb_web")
_MOST_SAID = 2000


@dataclass(frozen=True)
class Job:
    """A piece of work, as it stands; times in UTC.

    Attributes
    ----------
    title : str
        What it is, for people.
    account : str
        Whose it is.
    state : str
        running, done or failed.
    said : str
        What it said last, without the patients that it named; of one that failed the error.
    """

    title: str
    account: str
    state: str
    said: str
    started_at: datetime
    ended_at: datetime | None = None


Say = Callable[[str], None]
Work = Callable[[Say], None]


class Background:
    """Does one piece of work at a time and remembers the last. What is at work when the server ends, ends with it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._job: Job | None = None
        self._thread: threading.Thread | None = None

    @property
    def job(self) -> Job | None:
        """The work that goes on, else the last one; None before the first."""
        with self._lock:
            return self._job

    def start(self, title: str, account: str, work: Work) -> None:
        """Begin a piece of work.

        Parameters
        ----------
        work : callable
            Is given a function that it tells how far it is.

        Raises
        ------
        TooBusy
            Another one goes on.
        """
        with self._lock:
            if self._job is not None and self._job.state == "running":
                raise TooBusy(f"{self._job.title} goes on. Wait until it has ended, and try again.")
            self._job = Job(title, account, "running", "begun", _now())
            self._thread = threading.Thread(target=self._do, args=(work,), name="background", daemon=True)
            self._thread.start()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until what goes on has ended, so many seconds at most."""
        thread = self._thread
        if thread is not None:
            thread.join(seconds)

    def _do(self, work: Work) -> None:
        try:
            work(self._say)
        except Exception as error:
            self._end("failed", reason(error, "Work in the background"))
        else:
            self._end("done")

    def _say(self, said: str) -> None:
        with self._lock:
            if self._job is not None:
                self._job = replace(self._job, said=unnamed(said)[:_MOST_SAID])

    def _end(self, state: str, said: str | None = None) -> None:
        with self._lock:
            if self._job is not None:
                told = self._job.said if said is None else unnamed(said)[:_MOST_SAID]
                self._job = replace(self._job, state=state, said=told, ended_at=_now())


def reason(error: Exception, what: str) -> str:
    """Say for people what ended work in a thread, and tell the log, which names no patient, what it needs to know.

    Parameters
    ----------
    what : str
        The work, as the log calls it.
    """
    if isinstance(error, SqlError):
        _LOG.error("%s ended by error %s in %s.", what, error.number, error.procedure)
        return unnamed(error.message)
    if isinstance(error, LungdbError):
        return unnamed(str(error))
    log_failure(_LOG, what, error)
    return "It could not go on. Tell the administrator, who finds more in the server's log."


def _now() -> datetime:
    return datetime.now(timezone.utc).replace(tzinfo=None)
