"""Scoring all that is not scored, in the background: one run at a time, in chunks, so that it can be stopped.

What it has scored stays whatever becomes of the page: the next run takes what is left. The run log has the run as
score-unscored; where the page was killed it ended without a word.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from lungdb.database import ResultSet
from lungdb.errors import ErrorNumber, LungdbError, SqlError
from lungdb_web.background import reason
from lungdb_web.database import Database, Lane
from lungdb_web.queries import bulk as queries
from lungdb_web.queries.calling import Call
from lungdb_web.queries.installed import Installed

CHUNK = 100
"""Patients that are scored between two looks at whether to stop."""
Recorder = Callable[[str, list[int], str], None]


@dataclass(frozen=True)
class State:
    """How far scoring is.

    Attributes
    ----------
    status : str
        idle, running, stopping, done, stopped or failed.
    account : str
        Who asked for it.
    done, total, failed : int
        Patients that were tried, that were to be when it began, and that could not be scored.
    seconds : float
        Since it began, until it ended.
    message : str
        What ended it, for people, without the patients that it named: every account may see it. Empty where nothing is
        to say.
    """

    status: str = "idle"
    account: str = ""
    done: int = 0
    total: int = 0
    failed: int = 0
    seconds: float = 0.0
    message: str = ""

    @property
    def is_running(self) -> bool:
        """Whether it goes on."""
        return self.status in ("running", "stopping")

    @property
    def percent(self) -> int:
        """How much is done, in percent."""
        return 100 * self.done // self.total if self.total else 0

    @property
    def rate(self) -> float | None:
        """Patients a second; None before the first chunk."""
        return self.done / self.seconds if self.done and self.seconds else None

    @property
    def seconds_left(self) -> int | None:
        """How long it takes at that rate; None where that is not known."""
        return round((self.total - self.done) / self.rate) if self.rate and self.is_running else None


class BulkScoring:
    """Scores what is not scored, one run at a time.

    Parameters
    ----------
    database : Database
        Of whose lane `bulk` a run keeps the one connection as long as it goes on.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._state = State()
        self._begun = 0.0
        self._thread: threading.Thread | None = None

    def state(self) -> State:
        """Say how far it is."""
        with self._lock:
            if self._state.is_running:
                return replace(self._state, seconds=time.monotonic() - self._begun)
            return self._state

    def start(self, account: str, installed: Installed, model: str, record: Recorder) -> bool:
        """Begin a run in the name of an account; False where one goes on already.

        Parameters
        ----------
        record : callable
            Tells the audit of an action with patients and its outcome. What it raises ends the run.
        """
        with self._lock:
            if self._state.is_running:
                return False
            self._stop.clear()
            self._begun = time.monotonic()
            self._state = State("running", account)
            arguments = (account, installed, model, record)
            self._thread = threading.Thread(target=self._run, args=arguments, name="score-unscored", daemon=True)
            self._thread.start()
        return True

    def stop(self) -> None:
        """Have the run end after the chunk that it is at."""
        with self._lock:
            self._stop.set()
            if self._state.status == "running":
                self._state = replace(self._state, status="stopping")

    def wait(self, seconds: float) -> None:
        """Wait until the present run has ended, so long at most."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _run(self, account: str, installed: Installed, model: str, record: Recorder) -> None:
        try:
            with self._connection(account) as call:
                self._score(call, installed, model, record)
        except Exception as error:
            self._end("failed", reason(error, "Scoring all"))

    def _score(self, call: Call, installed: Installed, model: str, record: Recorder) -> None:
        waiting = queries.unscored(call)
        self._change(total=len(waiting))
        run_id = queries.start_run(call, model)
        error: str | None = "It ended early; what was scored stays."
        tried: list[int] = []
        try:
            while len(tried) < len(waiting) and not self._stop.is_set():
                chunk = waiting[len(tried) : len(tried) + CHUNK]
                record("ask_score", chunk, "ok")
                _score_chunk(call, installed, model, chunk, record)
                tried += chunk
                self._change(done=len(tried))
                queries.report_run(call, run_id, len(tried), len(waiting))
            error = None
        finally:
            failed = len({*tried} & {*queries.unscored(call)}) if error is None else 0
            queries.end_run(call, run_id, len(tried) - failed, failed, error)
        self._change(failed=failed)
        self._end("stopped" if len(tried) < len(waiting) else "done", "")

    @contextmanager
    def _connection(self, account: str) -> Iterator[Call]:
        with self._database.connection(account, "bulk") as run_batch:

            def call(sql: str, *parameters: Any, lane: Lane = "bulk") -> list[ResultSet]:
                return run_batch(sql, parameters)

            yield call

    def _change(self, **changed: Any) -> None:
        with self._lock:
            self._state = replace(self._state, **changed)

    def _end(self, status: str, message: str) -> None:
        self._change(status=status, message=message, seconds=time.monotonic() - self._begun)


def _score_chunk(call: Call, installed: Installed, model: str, chunk: list[int], record: Recorder) -> None:
    try:
        queries.score(call, installed, model, chunk)
    except SqlError as error:
        if error.number != ErrorNumber.SOME_FAILED:
            record("score", chunk, "failed")
            raise
        _record_some(call, chunk, record)
    else:
        record("score", chunk, "ok")


def _record_some(call: Call, chunk: list[int], record: Recorder) -> None:
    """Tell the audit of a chunk some of whom are scored which are; all failed where the database does not say."""
    try:
        left = {*queries.unscored(call, chunk[-1])}
    except LungdbError:
        record("score", chunk, "failed")
        raise
    for outcome, patients in (
        ("ok", [index for index in chunk if index not in left]),
        ("failed", [index for index in chunk if index in left]),
    ):
        if patients:
            record("score", patients, outcome)
