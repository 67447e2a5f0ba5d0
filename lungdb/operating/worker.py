"""Workers beside the server: they make the features of queued scans in their own process, and store them by procedures.

A worker needs no external scripts on the server and no right to a table: dbo.TakeWork leases scans, dbo.ReadWork gives
their slices, `keep_and_generate_features` runs here as it does in the script of dbo.GenerateFeatures, and dbo.StoreWork
stores what came of them, unless the lease has been taken over meanwhile.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Any

import pandas as pd

from lungdb.database import Connection, connect, run
from lungdb.database.retrying import retried
from lungdb.errors import ErrorNumber, LungdbError, SqlError
from lungdb.procedures import keep_and_generate_features, measured

_IDLE_SECONDS = 5.0
_GRACE_SECONDS = 600.0
_SHOWN_COLUMNS = ("scan_id", "layer", "error", "array_rows", "array_cols", "array", "sha256", "pooled")

# Without parameters, because ODBC runs a batch with some as a procedure, at whose end its #temp tables go.
_TABLES = """
CREATE TABLE #job (
    work_id INT NOT NULL, run_id INT NULL, worker NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL,
    network_id INT NOT NULL,
    layer NVARCHAR(256) COLLATE DATABASE_DEFAULT NOT NULL, preprocessing NVARCHAR(32) COLLATE DATABASE_DEFAULT NOT NULL,
    digest VARBINARY(32) NOT NULL, pooling NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL, recompute BIT NOT NULL,
    packages NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NULL, started DATETIME2(3) NOT NULL, total INT NOT NULL,
    done INT NOT NULL, slices INT NOT NULL);
CREATE TABLE #left (work_id INT NOT NULL PRIMARY KEY, left_at DATETIME2(3) NOT NULL);
CREATE TABLE #layers (layer INT NOT NULL PRIMARY KEY, name NVARCHAR(256) COLLATE DATABASE_DEFAULT NOT NULL);
CREATE TABLE #todo (
    scan_id INT NOT NULL PRIMARY KEY, slices INT NOT NULL, bytes BIGINT NOT NULL, is_kept BIT NOT NULL,
    kept_bytes BIGINT NOT NULL);
CREATE TABLE #queue (
    item NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL PRIMARY KEY, position INT NOT NULL, grp INT NOT NULL,
    bytes BIGINT NOT NULL, state VARCHAR(10) COLLATE DATABASE_DEFAULT NOT NULL, attempts INT NOT NULL,
    error_number INT NULL, error NVARCHAR(2000) COLLATE DATABASE_DEFAULT NULL);
CREATE TABLE #chunk (
    scan_id INT NOT NULL PRIMARY KEY, slices INT NOT NULL, is_kept BIT NOT NULL, content_sha256 VARBINARY(32) NOT NULL);
CREATE TABLE #failed (
    scan_id INT NOT NULL PRIMARY KEY, error NVARCHAR(2000) COLLATE DATABASE_DEFAULT NOT NULL, is_new BIT NOT NULL,
    is_gone BIT NOT NULL);
CREATE TABLE #result (
    scan_id INT NULL, layer INT NULL, error NVARCHAR(2000) COLLATE DATABASE_DEFAULT NULL, array_rows INT NULL,
    array_cols INT NULL, array VARCHAR(MAX) COLLATE DATABASE_DEFAULT NULL,
    sha256 VARCHAR(64) COLLATE DATABASE_DEFAULT NULL, pooled NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NULL);
"""
_INSERT = f"INSERT INTO #result ({', '.join(_SHOWN_COLUMNS)}) VALUES (?, ?, ?, ?, ?, ?, ?, ?);"

_RELEASE = "EXECUTE dbo.ReleaseWork @Message = ?, @ErrorNumber = ?;"
_STORE = "EXECUTE dbo.StoreWork @Provider = ?, @CpuSeconds = ?, @PeakMegabytes = ?;"
_QUEUE = "EXECUTE dbo.QueueFeatures @ModelName = ?, @Layer = ?, @Preprocessing = ?, @Pooling = ?;"


@dataclass(frozen=True)
class WorkOptions:
    """How a worker works.

    Attributes
    ----------
    waits : bool
        Whether to wait for more work when there is none.
    batch_size : int
        Triples of slices in one run of the network.
    chunk_megabytes : int
        Megabytes of stored slices to lease at once.
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
            run(connection, _TABLES)
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
    idle = False
    while not stop.asked.is_set():
        try:
            found = _call(connection, f"EXECUTE dbo.TakeWork @ChunkMegabytes = {options.chunk_megabytes};", say)
        except SqlError as error:
            if error.number != ErrorNumber.WORK_DELETED:
                raise
            _give_back(connection, error, came, say)
            continue
        if not found:
            if not options.waits:
                return
            if not idle:
                say("No work is left; waiting for more.")
            idle = True
            came["answers"] += 1
            stop.asked.wait(_IDLE_SECONDS)
        elif found[0]["scans"] > 0:
            idle = False
            try:
                _make(connection, found[0], networks, options.batch_size, say)
            except SqlError as error:
                if error.number not in list(ErrorNumber):
                    raise
                _give_back(connection, error, came, say)
            except LungdbError as error:
                _give_back(connection, error, came, say)
            came["chunks"] += 1
    run(connection, "EXECUTE dbo.ReleaseWork;")


def _give_back(connection: Connection, error: LungdbError, came: Counter[str], say: Callable[[str], None]) -> None:
    """Free what is held, and let the database say what becomes of the work; another is taken then."""
    number = error.number if isinstance(error, SqlError) else None
    message = error.message if isinstance(error, SqlError) else str(error)
    came[_call(connection, _RELEASE, say, (message, number))[0]["outcome"]] += 1


def _make(
    connection: Connection,
    job: dict[str, Any],
    networks: dict[str, bytes],
    batch_size: int,
    say: Callable[[str], None],
) -> None:
    sha256 = str(job["sha256"])
    if sha256 not in networks:
        networks.clear()
        networks[sha256] = bytes(run(connection, "EXECUTE dbo.ReadWork @Network = 1;")[-1].scalar())
    slices = run(connection, "EXECUTE dbo.ReadWork;")[-1]
    result, provider, notice, number, message, _, cpu_seconds, peak_megabytes = measured(
        keep_and_generate_features,
        pd.DataFrame(slices.records(), columns=list(slices.columns)),
        networks[sha256],
        sha256,
        job["details"],
        job["layer"],
        job["preprocessing"],
        job["pooling"],
        batch_size,
        job["providers"],
        job["threads"],
        0,
        job["steps"],
        job["packages"],
    )
    if number:
        raise SqlError(number, message)
    if notice:
        say(notice)
    rows = [tuple(_plain(value) for value in row) for row in result[list(_SHOWN_COLUMNS)].itertuples(index=False)]
    if rows:
        connection.cursor().executemany(_INSERT, rows)
    run(connection, _STORE, (provider, cpu_seconds, peak_megabytes), lambda each: say(each.text))


def _call(
    connection: Connection, sql: str, say: Callable[[str], None], parameters: tuple[Any, ...] = ()
) -> list[dict[str, Any]]:
    results = run(connection, sql, parameters, on_message=lambda message: say(message.text))
    return results[-1].records() if results else []


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def queue_features(target: str, network: str, layer: str | None, preprocessing: str, pooling: str) -> int:
    """Queue the scans that lack features, by dbo.QueueFeatures; return how many are open.

    Raises
    ------
    LungdbError
        The database cannot be reached, or the procedure refuses.
    """
    with closing(connect(target, create=False)) as connection:
        return int(run(connection, _QUEUE, (network, layer, preprocessing, pooling))[-1].records()[0]["open"])


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
    _listen(stop)
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
    if stop.asked.is_set():
        return stop.status
    return int(any(process.exitcode != 0 for process in processes))


def _listen(stop: Stop) -> None:
    signal.signal(signal.SIGINT, stop.ask)
    signal.signal(signal.SIGTERM, stop.ask)


def _stop_with_parent(stop: Stop) -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        stop.ask()


def _exit_as_worker(target: str, options: WorkOptions) -> None:
    sys.exit(_be_worker(target, options))


def _be_worker(target: str, options: WorkOptions) -> int:
    stop = Stop()
    _listen(stop)
    threading.Thread(target=_stop_with_parent, args=(stop,), daemon=True).start()
    try:
        could = work(target, options, lambda text: print(text, flush=True), stop)
    except LungdbError as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    return stop.status or int(not could)
