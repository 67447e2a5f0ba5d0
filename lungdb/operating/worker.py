"""Workers beside the server: they make queued features in their own process, and store them by procedures.

A worker needs no external scripts on the server and no right to a table: dbo.TakeWork leases scans or pictures,
dbo.ReadWork gives them, the function runs here that the script of dbo.GenerateFeatures or dbo.FeaturizeImages calls,
and dbo.StoreWork stores what came of them, unless the lease has been taken over meanwhile.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from typing import Any

import pandas as pd

from lungdb.database import Connection, connect, run
from lungdb.database.retrying import retried
from lungdb.errors import ErrorNumber, LungdbError, SqlError
from lungdb.operating.work_kinds import COMMON_TABLES, DROP_TABLES, PICTURES, SCANS, Kind

_IDLE_SECONDS = 5.0
_GRACE_SECONDS = 600.0

_RELEASE = "EXECUTE dbo.ReleaseWork @Message = ?, @ErrorNumber = ?;"
_STORE = "EXECUTE dbo.StoreWork @Provider = ?, @CpuSeconds = ?, @PeakMegabytes = ?;"
_QUEUE_IMAGES = "EXECUTE dbo.QueueImages @ModelName = ?, @Layer = ?;"
_QUEUE = "EXECUTE dbo.QueueFeatures @ModelName = ?, @Layer = ?, @Preprocessing = ?, @Pooling = ?;"


@dataclass(frozen=True)
class WorkOptions:
    """How a worker works.

    Attributes
    ----------
    waits : bool
        Whether to wait for more work when there is none.
    batch_size : int
        Triples of slices, or pictures, in one run of the network.
    chunk_megabytes : int
        Megabytes of stored slices, or of pictures and their features, to lease at once.
    """

    waits: bool
    batch_size: int
    chunk_megabytes: int


class Stop:
    """Whether to end after the present chunk, as Ctrl-C and SIGTERM ask for."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.status = 0

    def ask(self, number: int = signal.SIGINT, _: object = None) -> None:
        """Ask for it; a signal's handler."""
        self.status = 128 + number
        self.asked.set()


def work(target: str, options: WorkOptions, say: Callable[[str], None], stop: Stop) -> bool:
    """Work on queued features until none are left, or until asked to stop.

    Parameters
    ----------
    target : str
        As `lungdb.database.connect` takes it.
    options : WorkOptions
        How to work.
    say : callable
        Called with what the procedures say.
    stop : Stop
        Asked for, the worker ends when its chunk is stored.

    Raises
    ------
    LungdbError
        The database cannot be reached, its settings allow no work, or it was lost more often than is worth trying.

    Returns
    -------
    bool
        Whether this machine could do what it met; what it could not it has left to others.
    """
    networks: dict[str, bytes] = {}
    came: Counter[str] = Counter()

    def session() -> None:
        connection = connect(target, create=False)
        try:
            run(connection, "SET NOCOUNT ON; SET XACT_ABORT ON;")
            run(connection, COMMON_TABLES)
            run(connection, SCANS.tables)
            _work_in(connection, networks, came, options, say, stop)
        finally:
            with suppress(LungdbError):  # of a lost connection the server frees what it held
                run(connection, "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION;")
            connection.close()

    # A session begins anew: what it held is free, what it stored is stored.
    # One that waits for weeks meets more that passes than one call may: a chunk that is stored and an answer that
    # there is nothing to do begin the count anew.
    retried(session, say=say, progress=came.total)
    return came["left"] == 0


def _work_in(
    connection: Connection,
    networks: dict[str, bytes],
    came: Counter[str],
    options: WorkOptions,
    say: Callable[[str], None],
    stop: Stop,
) -> None:
    kind, nothing = SCANS, 0
    while not stop.asked.is_set():
        found = _take(connection, kind, came, options, say)
        if not found:
            came["answers"] += 1
            nothing += 1
            kind = PICTURES if kind is SCANS else SCANS
            run(connection, DROP_TABLES)
            run(connection, kind.tables)
            if nothing == 2:
                if not options.waits:
                    break
                say("No work is left; waiting for more.")
            if nothing % 2 == 0:
                stop.asked.wait(_IDLE_SECONDS)
        elif found[0]["items"] > 0:
            nothing = 0
            try:
                _make(connection, kind, found[0], networks, options.batch_size, say)
            except SqlError as error:
                if error.number not in list(ErrorNumber):
                    raise
                _give_back(connection, error, came, say)
            except LungdbError as error:
                _give_back(connection, error, came, say)
            came["chunks"] += 1
    run(connection, "EXECUTE dbo.ReleaseWork;")


def _take(
    connection: Connection, kind: Kind, came: Counter[str], options: WorkOptions, say: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Lease items; a work that somebody has dropped meanwhile is left for the next one."""
    sql = f"EXECUTE dbo.TakeWork @ChunkMegabytes = {options.chunk_megabytes}, @Pictures = {int(kind.pictures)};"
    while True:
        try:
            return _call(connection, sql, say)
        except SqlError as error:
            if error.number != ErrorNumber.WORK_DELETED:
                raise
            _give_back(connection, error, came, say)


def _give_back(connection: Connection, error: LungdbError, came: Counter[str], say: Callable[[str], None]) -> None:
    """Free what is held, and let the database say what becomes of the work; another is taken then."""
    number = error.number if isinstance(error, SqlError) else None
    message = error.message if isinstance(error, SqlError) else str(error)
    came[_call(connection, _RELEASE, say, (message, number))[0]["outcome"]] += 1


def _make(
    connection: Connection,
    kind: Kind,
    job: dict[str, Any],
    networks: dict[str, bytes],
    batch_size: int,
    say: Callable[[str], None],
) -> None:
    sha256 = str(job["sha256"])
    if sha256 not in networks:
        networks.clear()
        networks[sha256] = bytes(run(connection, "EXECUTE dbo.ReadWork @Network = 1;")[-1].scalar())
    given = run(connection, "EXECUTE dbo.ReadWork;")[-1]
    result, provider, notice, number, message, cpu_seconds, peak_megabytes = kind.make(
        pd.DataFrame(given.records(), columns=list(given.columns)), networks[sha256], sha256, job, batch_size
    )
    if number:
        raise SqlError(number, message)
    if notice:
        say(notice)
    rows = [tuple(_plain(value) for value in row) for row in result[list(kind.columns)].itertuples(index=False)]
    if rows:
        connection.cursor().executemany(kind.insert, rows)
    run(connection, _STORE, (provider, cpu_seconds, peak_megabytes), lambda each: say(each.text))


def _call(
    connection: Connection, sql: str, say: Callable[[str], None], parameters: tuple[Any, ...] = ()
) -> list[dict[str, Any]]:
    results = run(connection, sql, parameters, on_message=lambda message: say(message.text))
    return results[-1].records() if results else []


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def queue_features(target: str, network: str, layer: str | None, preprocessing: str | None, pooling: str | None) -> int:
    """Queue the scans that lack features, by dbo.QueueFeatures; return how many are open.

    Raises
    ------
    LungdbError
        The database cannot be reached, or the procedure refuses.
    """
    with closing(connect(target, create=False)) as connection:
        return int(run(connection, _QUEUE, (network, layer, preprocessing, pooling))[-1].records()[0]["open"])


def queue_images(target: str, network: str, layer: str | None) -> int:
    """Queue the pictures that lack features, by dbo.QueueImages; return how many are open.

    Raises
    ------
    LungdbError
        The database cannot be reached, or the procedure refuses.
    """
    with closing(connect(target, create=False)) as connection:
        return int(run(connection, _QUEUE_IMAGES, (network, layer))[-1].records()[0]["open"])


def run_workers(target: str, workers: int, options: WorkOptions) -> int:
    """Work with several processes, each with a connection of its own; Ctrl-C and SIGTERM end them after their chunks.

    Returns
    -------
    int
        The exit status: 0, 1 where a worker failed, 130 after Ctrl-C, 143 after SIGTERM.
    """
    if workers == 1:
        return _be_worker(target, options)
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_exit_as_worker, args=(target, options), daemon=True) for _ in range(workers)]
    stop = Stop()
    with listening(stop):
        _wait_for(processes, stop)
    if stop.asked.is_set():
        return stop.status
    return int(any(process.exitcode != 0 for process in processes))


def _wait_for(processes: list[SpawnProcess], stop: Stop) -> None:
    """Start workers, wait until the last has ended, and end them when that is asked for."""
    for process in processes:
        process.start()
    asked_at: float | None = None
    while running := [process for process in processes if process.is_alive()]:
        wait([process.sentinel for process in running], timeout=0.5)
        if not stop.asked.is_set():
            continue
        if asked_at is None:
            asked_at = time.monotonic()
            for process in running:
                process.terminate()
        elif time.monotonic() > asked_at + _GRACE_SECONDS:
            for process in running:
                process.kill()


@contextmanager
def listening(stop: Stop) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM ask for a stop while the block runs; they mean afterwards what they meant before."""
    before = {number: signal.signal(number, stop.ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop_with_parent(stop: Stop) -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        stop.ask()


def _exit_as_worker(target: str, options: WorkOptions) -> None:
    sys.exit(_be_worker(target, options))


def _be_worker(target: str, options: WorkOptions) -> int:
    stop = Stop()
    threading.Thread(target=_stop_with_parent, args=(stop,), daemon=True).start()
    try:
        with listening(stop):
            could = work(target, options, lambda text: print(text, flush=True), stop)
    except LungdbError as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    return stop.status or int(not could)
