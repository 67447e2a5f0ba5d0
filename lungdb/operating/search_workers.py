"""The processes that work on a search of models: each tries trials on a connection of its own until none is left."""

from __future__ import annotations

import _thread
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
import uuid
from contextlib import suppress
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Literal

from lungdb.database import Connection, run
from lungdb.database.site import open_database
from lungdb.errors import LungdbError

State = Literal["running", "training", "done", "failed"]

_GRACE_SECONDS = 10.0  # for a worker to close its connection after Ctrl-C

_FIND = """
DECLARE @Given INT = ?;
SELECT MIN(search_id) FROM dbo.searches
WHERE search_id = @Given OR (@Given IS NULL AND state IN ('running', 'training'));
"""
_MAKE = """
DECLARE @Id INT;
EXECUTE dbo.SearchModels @ModelName = ?, @Trials = ?, @Dataset = ?, @DatasetVersion = ?, @Horizon = ?,
    @SearchId = @Id OUTPUT;
SELECT @Id;
"""
_STATE = "SELECT state FROM dbo.searches WHERE search_id = ?;"
_RELEASE = "EXECUTE dbo.ReleaseTrials @SearchId = ?, @Worker = ?, @IsAttempt = ?;"
_WORK = "EXECUTE dbo.RunSearch @SearchId = ?, @Worker = ?, @LeaseSeconds = ?;"


def make_search(
    target: str,
    model: str,
    trials: int | None = None,
    dataset: str | None = None,
    version: int | None = None,
    horizon: int | None = None,
) -> int:
    """Make a search by dbo.SearchModels and give its number.

    Parameters
    ----------
    target : str
        As `lungdb.database.connect` takes it.
    model : str
        Name to store the best model under.
    trials : int, optional
        How many to draw; None is the procedure's default.
    dataset, version : str and int, optional
        Data set of scans, and its version where the newest is not meant.
    horizon : int, optional
        Days of the labels of scans; None takes the labels of patients.

    Raises
    ------
    SqlError
        The search cannot be made; the procedure says why.
    """
    with open_database(target) as connection:
        given = (model, trials, dataset, version, horizon)
        return int(
            run(connection, _MAKE, given, on_message=lambda message: print(message.text, flush=True))[-1].scalar()
        )


def work_on(target: str, number: int | None, workers: int, lease_seconds: int) -> State:
    """Work on a search that dbo.SearchModels has made, with several processes, until they end.

    Ctrl-C stops them, frees what they held, and is raised again.

    Parameters
    ----------
    target : str
        As `lungdb.database.connect` takes it.
    number : int or None
        Number of the search; None is the oldest that is not finished.
    workers : int
        Processes, each with a connection and one thread.
    lease_seconds : int
        After so many seconds the trials of a worker that was killed are free again.

    Returns
    -------
    str
        In which state the search then is.

    Raises
    ------
    LungdbError
        There is no such search.
    """
    with open_database(target) as connection:
        search = _find(connection, number)
        _run_workers(connection, target, search, workers, lease_seconds)
        state: State = run(connection, _STATE, (search,))[0].scalar()
    return state


def work(target: str, search: int, worker: str, lease_seconds: int) -> None:
    """Be one worker: run dbo.RunSearch on a connection of its own, saying what it says; the exit status is 0, 1 or 130.

    Parameters
    ----------
    target : str
        As `lungdb.database.connect` takes it.
    search : int
        Number of the search.
    worker : str
        Name that no other worker has.
    lease_seconds : int
        For `@LeaseSeconds`.
    """
    interrupts = []
    orphaned = threading.Event()

    def interrupt(*_: object) -> None:
        interrupts.append(True)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    threading.Thread(target=_end_with_parent, args=(orphaned,), daemon=True).start()
    try:
        with open_database(target) as connection:
            run(
                connection,
                _WORK,
                (search, worker, lease_seconds),
                on_message=lambda message: print(message.text, flush=True),
            )
    except LungdbError as error:
        # One that came of Ctrl-C, such as a lock that was waited for no longer, is no news.
        if interrupts:
            sys.exit(130)
        print(error, file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        if orphaned.is_set():  # otherwise the command does it
            with suppress(LungdbError), open_database(target) as connection:
                _release(connection, search, worker, is_attempt=False)
        sys.exit(130)  # the command itself says so


def _end_with_parent(orphaned: threading.Event) -> None:
    """Interrupt this process when the command that started it is gone, killed or not; end it if that takes too long."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    parent.join()
    orphaned.set()
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        _thread.interrupt_main()
    time.sleep(_GRACE_SECONDS)
    os._exit(130)


def _find(connection: Connection, number: int | None) -> int:
    """Give the number of the search to work on; LungdbError when there is none."""
    search = run(connection, _FIND, (number,))[0].scalar()
    if search is None:
        which = "no search that is not finished" if number is None else f"no search {number}"
        raise LungdbError(f"There is {which} in the database. Make one with EXECUTE dbo.SearchModels.")
    return int(search)


def _run_workers(connection: Connection, target: str, search: int, workers: int, lease_seconds: int) -> None:
    context = multiprocessing.get_context("spawn")
    host, run_name = socket.gethostname()[:60], uuid.uuid4().hex[:8]
    names = [f"{host}-{run_name}-{number}" for number in range(1, workers + 1)]
    processes = [
        context.Process(target=work, args=(target, search, name, lease_seconds), name=name, daemon=True)
        for name in names
    ]
    try:
        for process in processes:
            process.start()
        waiting: dict[object, BaseProcess] = {process.sentinel: process for process in processes}
        while waiting:
            for sentinel in wait([process.sentinel for process in waiting.values()]):
                ended = waiting.pop(sentinel)
                ended.join()
                if ended.exitcode != 0:
                    _release(connection, search, ended.name, is_attempt=True)
    except KeyboardInterrupt:
        for process in processes:
            if process.pid is not None:
                process.join(_GRACE_SECONDS)
                process.terminate()
                process.join()
            _release(connection, search, process.name, is_attempt=False)
        raise


def _release(connection: Connection, search: int, worker: str, *, is_attempt: bool) -> None:
    """Free what a worker that has ended held, so that nobody waits for its lease."""
    run(connection, _RELEASE, (search, worker, int(is_attempt)))
