"""`lungdb search`: work on a search made by dbo.SearchModels, with several processes."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import socket
import sys
import uuid
from collections.abc import Sequence
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess

from lungdb.cli.support import add_database_argument, open_database
from lungdb.config import load_settings
from lungdb.database import Connection, run
from lungdb.errors import LungdbError

_LONGEST_LEASE = 86_400
_GRACE_SECONDS = 10.0  # for a worker to close its connection after Ctrl-C


def main(argv: Sequence[str]) -> int:
    """Run the command; returns 0 when the search is finished, 1 when a worker ended before it was."""
    parser = argparse.ArgumentParser(
        prog="lungdb search",
        description="Work on a search that dbo.SearchModels has made: try its trials, then train the best. Ctrl-C "
        "stops it, and the same command goes on where it stopped. Workers may join from other machines.",
    )
    parser.add_argument(
        "search", nargs="?", type=int, metavar="SEARCH", help="its number; default: the oldest that is not finished"
    )
    add_database_argument(parser)
    parser.add_argument(
        "-w",
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="processes, each with a connection and one thread (default: one for each processor)",
    )
    parser.add_argument(
        "--lease-seconds",
        type=int,
        default=300,
        metavar="S",
        help="seconds after which the trials of a worker that was killed are free again (default: 300)",
    )
    options = parser.parse_args(argv)
    if options.workers < 1:
        parser.error(f"--workers {options.workers} is too few; give 1 or more")
    if not 1 <= options.lease_seconds <= _LONGEST_LEASE:
        parser.error(f"--lease-seconds {options.lease_seconds} is not supported; give 1 to {_LONGEST_LEASE}")

    target = options.database or load_settings().database
    with open_database(target) as connection:
        search = _find(connection, options.search)
        return _run_workers(connection, target, search, options.workers, options.lease_seconds)


def _find(connection: Connection, number: int | None) -> int:
    """Give the number of the search to work on; LungdbError when there is none."""
    [found] = run(
        connection,
        "DECLARE @Given INT = ?; SELECT MIN(search_id) FROM dbo.searches "
        "WHERE search_id = @Given OR (@Given IS NULL AND state IN ('running', 'training'));",
        (number,),
    )
    search = found.rows[0][0]
    if search is None:
        which = "no search that is not finished" if number is None else f"no search {number}"
        raise LungdbError(f"There is {which} in the database. Make one with EXECUTE dbo.SearchModels.")
    return int(search)


def _run_workers(connection: Connection, target: str, search: int, workers: int, lease_seconds: int) -> int:
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
    [state] = run(connection, "SELECT state FROM dbo.searches WHERE search_id = ?;", (search,))
    if state.rows == [("done",)]:
        return 0
    if state.rows != [("failed",)]:
        print("The workers ended before the search was finished. Run the command again to go on.", file=sys.stderr)
    return 1


def _release(connection: Connection, search: int, worker: str, *, is_attempt: bool) -> None:
    """Free what a worker that has ended held, so that nobody waits for its lease."""
    run(
        connection,
        "EXECUTE dbo.ReleaseTrials @SearchId = ?, @Worker = ?, @IsAttempt = ?;",
        (search, worker, int(is_attempt)),
    )


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

    def interrupt(*_: object) -> None:
        interrupts.append(True)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    try:
        with open_database(target) as connection:
            run(
                connection,
                "EXECUTE dbo.RunSearch @SearchId = ?, @Worker = ?, @LeaseSeconds = ?;",
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
        sys.exit(130)  # the command itself says so
