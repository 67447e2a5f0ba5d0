"""Several sessions on the same features: real processes that share the scans, one of which is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from lungdb.cli.main import main
from lungdb.database import Connection, connect, run
from lungdb.errors import SqlError
from tests.support.databases import copy_to, rows, target_of
from tests.support.searching import wait_until

GENERATE = "EXECUTE dbo.GenerateFeatures @ModelName = N'ResNet_152.model', @Pooling = N'mean,max', @ChunkMegabytes = 1"
FEATURES = "SELECT scan_id, sha256 FROM dbo.features ORDER BY scan_id;"
VECTORS = "SELECT scan_id, pooling, vector_sha256 FROM dbo.pooled_features ORDER BY scan_id, pooling;"
ITEMS = "SELECT item, state, worker, attempts FROM dbo.work_items ORDER BY CAST(item AS INT);"
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def six_file(loaded_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six of the loaded scans; each store is written down, and takes a while."""
    file = copy_to(tmp_path_factory.mktemp("six"), loaded_file)
    with closing(connect(target_of(file))) as connection:
        for table in ("worklist", "scan_images", "scan_labels", "series_choices", "scans"):
            run(connection, f"DELETE FROM dbo.{table} WHERE scan_id > 6;")
        run(connection, "CREATE TABLE dbo.stores (scan_id INT NOT NULL, worker NVARCHAR(128) NOT NULL);")
        [(text,)] = rows(connection, "SELECT OBJECT_DEFINITION(OBJECT_ID(N'internal.SettleItems'));")
        count = (
            "    INSERT INTO dbo.stores (scan_id, worker) SELECT i.position, CAST(SESSION_CONTEXT(N'lungdb_worker') AS "
            "NVARCHAR(128)) FROM #queue AS i WHERE i.state = 'held';\n    UPDATE i\n"
        )
        assert str(text).count("    UPDATE i\n") == 1
        run(connection, str(text).replace("    UPDATE i\n", count))
    return file


@pytest.fixture(scope="module")
def alone(six_file: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[object], list[object]]:
    """What one session alone makes of them, in another database."""
    with closing(connect(target_of(copy_to(tmp_path_factory.mktemp("alone"), six_file)))) as connection:
        run(connection, f"{GENERATE};")
        assert len(rows(connection, VECTORS)) == 12
        return list(rows(connection, FEATURES)), list(rows(connection, VECTORS))


@pytest.fixture
def six(six_file: Path, tmp_path: Path) -> Iterator[Connection]:
    """A connection to a copy to change."""
    with closing(connect(target_of(copy_to(tmp_path, six_file)))) as connection:
        yield connection


@pytest.fixture
def start(six: Connection, tmp_path: Path) -> Iterator[Start]:
    """Give a function that starts a command on the database, in a group of its own; what is left is killed."""
    started: list[subprocess.Popen[str]] = []
    [file] = tmp_path.glob("*.db")

    def begin(command: str, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "lungdb.cli.main", command, "-d", target_of(file), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def test_signals_mean_afterwards_what_they_meant_before(six_file: Path, tmp_path: Path) -> None:
    """A worker that runs in a process with other things to do hands Ctrl-C and SIGTERM back."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert main(["work", "-d", target_of(copy_to(tmp_path, six_file))]) == 0
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def _states(connection: Connection) -> list[str]:
    return [state for (state,) in rows(connection, "SELECT state FROM dbo.work_items;")]


def _is_stored_once(connection: Connection, alone: tuple[list[object], list[object]]) -> None:
    assert (rows(connection, FEATURES), rows(connection, VECTORS)) == alone
    stores = rows(connection, "SELECT scan_id FROM dbo.stores ORDER BY scan_id;")
    assert stores == [(scan,) for scan in range(1, 7)]
    for table in ("work", "work_items", "work_sessions"):
        assert rows(connection, f"SELECT COUNT(*) FROM dbo.{table};") == [(0,)]


def test_three_sessions_of_which_one_is_killed_make_each_scan_once(
    six: Connection, start: Start, alone: tuple[list[object], list[object]]
) -> None:
    """SIGKILL while it holds scans: the others take them, the bytes are those of one session alone, nothing is left."""
    first = start("sql", "-q", f"{GENERATE};")
    wait_until(lambda: "leased" in _states(six))
    [(victim,)] = rows(six, "SELECT DISTINCT worker FROM dbo.work_items WHERE state = 'leased';")
    os.killpg(first.pid, signal.SIGSTOP)
    others = [start("sql", "-q", f"{GENERATE};") for _ in range(2)]
    wait_until(lambda: len(rows(six, "SELECT worker FROM dbo.work_sessions;")) == 3)
    held = [item for item, state, worker, _ in rows(six, ITEMS) if state == "leased" and worker == victim]
    os.killpg(first.pid, signal.SIGKILL)
    said = [other.communicate(timeout=120) for other in others]
    assert [other.returncode for other in others] == [0, 0], said
    _is_stored_once(six, alone)
    assert held
    stored_by = {str(scan): worker for scan, worker in rows(six, "SELECT scan_id, worker FROM dbo.stores;")}
    assert all(stored_by[item] != victim for item in held)
    runs = rows(
        six,
        "SELECT status, done, total, failed FROM dbo.runs "
        "WHERE procedure_name = N'GenerateFeatures' AND status = 'done';",
    )
    assert len(runs) == 2
    assert all(done == total and failed == 0 for _, done, total, failed in runs)


def test_a_lease_that_another_took_over_stores_nothing(six: Connection, tmp_path: Path) -> None:
    """What happens when a lease ends while its script runs: the session says so, and the other's result stays."""
    [(text,)] = rows(six, "SELECT OBJECT_DEFINITION(OBJECT_ID(N'internal.StoreFeatures'));")
    taken = (
        "    UPDATE dbo.work_items SET state = 'done', attempts = attempts + 1, worker = N'another' "
        "WHERE work_id = @WorkId AND item = N'2' AND attempts = 1;\n    BEGIN TRANSACTION;\n"
    )
    run(six, str(text).replace("    BEGIN TRANSACTION;\n", taken, 1))
    said: list[str] = []
    run(six, f"{GENERATE};", on_message=lambda message: said.append(message.text))
    assert rows(six, "SELECT scan_id FROM dbo.stores ORDER BY scan_id;") == [(1,), (3,), (4,), (5,), (6,)]
    assert rows(six, "SELECT scan_id FROM dbo.features WHERE scan_id = 2;") == []
    assert any(text.startswith("1 scans of this chunk are not stored here: their lease has ended") for text in said)
    assert any(text == "6 of 6 scans done, 1 of them by other sessions meanwhile." for text in said)
    assert rows(
        six, "SELECT status, done, total, failed FROM dbo.runs WHERE procedure_name = N'GenerateFeatures';"
    ) == [("done", 6, 6, 0)]


def test_workers_beside_the_server_of_which_one_is_killed_make_what_was_queued(
    six: Connection, start: Start, alone: tuple[list[object], list[object]]
) -> None:
    """SIGKILL while it holds scans: two others make the rest, and the bytes are those of GenerateFeatures."""
    queue = ("--network", "ResNet_152.model", "--pooling", "max,mean")
    first = start("work", *queue, "--chunk-megabytes", "1")
    wait_until(lambda: "leased" in _states(six))
    os.killpg(first.pid, signal.SIGKILL)
    process = start("work", "--workers", "2", "--chunk-megabytes", "1")
    said, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert "6 of 6 scans done" in said
    _is_stored_once(six, alone)


def test_a_worker_that_is_terminated_frees_what_it_holds(six: Connection, start: Start) -> None:
    """SIGTERM to one that waits for work: status 143, and nothing is held or left."""
    process = start("work", "--idle", "wait")
    assert process.stdout is not None
    assert process.stdout.readline() == "No work is left; waiting for more.\n"
    process.terminate()
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (143, "")
    assert rows(six, "SELECT COUNT(*) FROM dbo.work_sessions;") == [(0,)]


def test_only_a_worker_can_call_what_workers_call(six: Connection) -> None:
    """50463 where the worker's tables are not there, and nothing is leased."""
    run(six, "EXECUTE dbo.QueueFeatures @ModelName = N'ResNet_152.model';")
    for call in ("TakeWork", "ReadWork", "StoreWork", "ReleaseWork"):
        with pytest.raises(SqlError) as caught:
            run(six, f"EXECUTE dbo.{call};")
        assert caught.value.number == 50463
    assert set(_states(six)) == {"open"}


def test_a_worker_goes_on_after_work_that_nobody_can_do(six: Connection, start: Start) -> None:
    """Of a layer that the network turns out not to have: failed with the sentence of the network, the other is made."""
    run(six, "DELETE FROM dbo.network_layers;")  # as of a network that was loaded before they were listed
    run(six, "EXECUTE dbo.QueueFeatures @ModelName = N'ResNet_152.model', @Layer = N'typo';")
    run(six, "EXECUTE dbo.QueueFeatures @ModelName = N'ResNet_152.model', @Pooling = N'max';")
    said, errors = (process := start("work")).communicate(timeout=120)
    assert (process.returncode, errors) == (0, "")
    assert "Work 1 is set aside with the 6 items that were open: The network has no layer 'typo'." in said
    assert len(rows(six, "SELECT scan_id FROM dbo.pooled_features WHERE pooling = N'max';")) == 6
    assert rows(six, "SELECT DISTINCT work_id, state, error_number FROM dbo.work_items;") == [(1, "failed", 50115)]


def test_what_a_worker_lacks_is_left_to_others(six: Connection, start: Start) -> None:
    """A provider that its ONNX Runtime does not know: exit status 1, a sentence, and the scans are open and untried."""
    run(six, "EXECUTE dbo.QueueFeatures @ModelName = N'ResNet_152.model';")
    run(six, "UPDATE dbo.settings SET value = N'nosuch' WHERE name = N'providers';")
    said, errors = (process := start("work")).communicate(timeout=120)
    assert (process.returncode, errors) == (1, "")
    assert "Work 1 cannot be done on this machine and is left to others: The provider 'nosuch' is not supported" in said
    assert rows(six, "SELECT DISTINCT state, attempts FROM dbo.work_items;") == [("open", 0)]
    run(six, "UPDATE dbo.settings SET value = NULL WHERE name = N'providers';")
    process = start("work")
    process.communicate(timeout=120)
    assert process.returncode == 0
    assert len(rows(six, VECTORS)) == 6
