"""The pool of processes for external scripts: who is lent which, and what ends when."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lungdb.embedded.running.connection import Connection, connect
from lungdb.embedded.satellite.calls import Satellite, ScriptParameter, ScriptResult
from lungdb.embedded.satellite.pool import IDLE, POOL
from lungdb.embedded.values.types import INT
from lungdb.errors import SqlError
from tests.embedded.running import error, rows, say
from tests.embedded.scripts import call, execution, printed, reason, run_python, wait_for_end

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="parents fork on Linux only")

_PARENT = "import os\nprint(os.getppid())"


@pytest.fixture
def satellite() -> Iterator[Satellite]:
    """The scripts of one connection."""
    satellite = Satellite()
    yield satellite
    satellite.close()


@pytest.fixture
def open_database(tmp_path: Path) -> Iterator[Callable[[], Connection]]:
    """Open connections to one file."""
    with contextlib.ExitStack() as opened:
        yield lambda: opened.enter_context(connect(tmp_path / "clinic.db"))


def parent_of(satellite: Satellite) -> int:
    """Return the process that forks for the next call."""
    return int(printed(call(satellite, _PARENT)[0]))


# Three times what sockets and buffers between two processes hold, so that the script waits for whoever reads.
MANY_ROWS = execution("""
import os
import pandas as pd
open(note, "w").write(f"{os.getpid()} ")
OutputDataSet = pd.DataFrame({"x": range(1_000_000)})
""")
WAITS_FOR_A_FILE = execution("""
import os, time
import pandas as pd
open(note, "w").write(f"{os.getpid()} ")
while not os.path.exists(note + ".go"):
    time.sleep(0.05)
OutputDataSet = pd.DataFrame({"x": range(5)})
""")


HOLDS_THE_INTERPRETER = execution("""
import ctypes, os
open(note, "w").write(f"{os.getpid()} ")
ctypes.PyDLL(None).pause()
""")


def noted(note: Path) -> int:
    """Wait for a script to note its process."""
    deadline = time.monotonic() + 60
    while not (note.exists() and note.read_text().endswith(" ")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return int(note.read_text())


def is_alive(process: int) -> bool:
    """Tell whether a process runs."""
    return Path(f"/proc/{process}").exists()


@contextlib.contextmanager
def waiting_call(open_database: Callable[[], Connection], note: Path) -> Iterator[int]:
    """Run a call in a thread until the block ends, and see that it then gives all its rows."""
    connection = open_database()
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(rows, connection, WAITS_FOR_A_FILE, str(note))
        try:
            yield noted(note)
        finally:
            note.with_name(f"{note.name}.go").touch()
        assert running.result(timeout=60) == [(number,) for number in range(5)]


def test_a_connection_that_closes_and_a_call_that_is_aborted_harm_no_other_call(
    open_database: Callable[[], Connection], tmp_path: Path
) -> None:
    """Both end their own script, at once; a third goes on, and the aborted one's connection as well."""
    closing, aborting = open_database(), open_database()
    with waiting_call(open_database, tmp_path / "other") as other:
        begun = []
        for name, connection in (("closing", closing), ("aborting", aborting)):
            cursor = connection.cursor().execute(MANY_ROWS, (str(tmp_path / name),))
            assert cursor.fetchone() == (0,)
            begun.append((noted(tmp_path / name), cursor))
        (closed, _), (aborted, cursor) = begun
        assert len({closed, aborted, other}) == 3
        closing.close()
        assert not is_alive(closed)
        assert is_alive(aborted)
        cursor.close()
        assert not is_alive(aborted)
        assert is_alive(other)
        assert len(rows(aborting, MANY_ROWS, str(tmp_path / "again"))) == 1_000_000
        assert is_alive(other)


@pytest.mark.parametrize("batch", [WAITS_FOR_A_FILE, HOLDS_THE_INTERPRETER], ids=["waits", "holds the interpreter"])
def test_ctrl_c_ends_the_call_that_it_interrupts_and_no_other(
    open_database: Callable[[], Connection], tmp_path: Path, batch: str
) -> None:
    """A script that would run for ever, even one that lets no other thread of its own run, beside a thread's call."""
    connection = open_database()
    note = tmp_path / "interrupted"

    def interrupt() -> None:
        noted(note)
        # To the thread that waits: what is sent to the process may wake another one.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    with waiting_call(open_database, tmp_path / "other") as other:
        interrupting = threading.Thread(target=interrupt)
        interrupting.start()
        with pytest.raises(KeyboardInterrupt):
            connection.execute(batch, (str(note),))
        interrupting.join()
        assert not is_alive(noted(note))
        assert is_alive(other)
        assert say(connection, MANY_ROWS, str(tmp_path / "next")).errors == []


def test_a_second_connection_starts_no_second_parent(open_database: Callable[[], Connection]) -> None:
    """The one that served the first connection's call serves its call too, though the first has closed."""
    script = execution("import os\nimport pandas as pd\nOutputDataSet = pd.DataFrame({'x': [os.getppid()]})")
    first, second = open_database(), open_database()
    parents = rows(first, script, "")
    first.close()
    assert rows(second, script, "") == parents


def test_calls_at_once_have_each_their_parent(satellite: Satellite) -> None:
    """The second call's rows come while the first's are being read."""
    script = "import os\nimport pandas as pd\nOutputDataSet = pd.DataFrame({'x': [os.getppid()] * 1_000_000})"
    outer = satellite.run(script, [], [])
    result = next(outer)
    assert isinstance(result, ScriptResult)
    first = next(result.rows)
    assert parent_of(satellite) != first[0]
    assert sum(1 for _ in result.rows) == 1_000_000 - 1


def test_many_threads_share_the_pool_and_a_bounded_number_stays(tmp_path: Path) -> None:
    """Each call gets its own answer; the parents beyond those that are kept end."""
    together = threading.Barrier(IDLE + 2)

    def work(number: int) -> set[int]:
        satellite = Satellite()
        parents = set()
        for each in range(3):
            together.wait()
            events = satellite.run(
                "import os\nn = n * 2\nimport pandas as pd\nOutputDataSet = pd.DataFrame({'x': [os.getppid()]})",
                [],
                [],
                [ScriptParameter("n", INT, 10 * number + each, True)],
            )
            result = next(events)
            assert isinstance(result, ScriptResult)
            together.wait()  # so that all calls are open at once
            ((parent,),) = list(result.rows)
            assert list(events) == []
            assert result.outputs == {"n": 2 * (10 * number + each)}
            parents.add(int(str(parent)))
        satellite.close()
        return parents

    with ThreadPoolExecutor(IDLE + 2) as threads:
        used = set().union(*threads.map(work, range(IDLE + 2)))
    kept = {each.pid for each in POOL._idle}
    assert len(used) >= IDLE + 2
    assert len(kept) <= IDLE
    assert all(wait_for_end(each) for each in used - kept)


def test_a_changed_environment_gets_another_parent(satellite: Satellite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Libraries read it when they are loaded; when it is as before, so is the parent."""
    script = "import os\nprint(os.getppid(), os.environ.get('LUNGDB_TEST'))"
    before = printed(call(satellite, script)[0]).split()
    monkeypatch.setenv("LUNGDB_TEST", "7")
    changed = printed(call(satellite, script)[0]).split()
    assert (before[1], changed[1]) == ("None", "7")
    assert before[0] != changed[0]
    monkeypatch.delenv("LUNGDB_TEST")
    assert printed(call(satellite, script)[0]).split() == before


@pytest.mark.parametrize("script", ["import os; os._exit(3)", "raise ValueError", "raise SystemExit"])
def test_a_parent_outlives_a_script_that_ends_badly(satellite: Satellite, script: str) -> None:
    """The next call need not wait for a new one."""
    parent = parent_of(satellite)
    reason(satellite, script, number=39012 if "_exit" in script else 39004)
    assert parent_of(satellite) == parent


def test_a_parent_outlives_a_call_that_is_not_read_to_its_end(satellite: Satellite) -> None:
    """Only the script ends."""
    parent = parent_of(satellite)
    script = "import pandas as pd\nOutputDataSet = pd.DataFrame({'x': range(1_000_000)})"
    events = satellite.run(script, [], [])
    next(events)
    satellite.close()
    assert parent_of(satellite) == parent


def test_rows_that_are_asked_for_after_their_call_has_ended_are_an_error(satellite: Satellite) -> None:
    """Whoever has the process by then is not disturbed."""
    parent = parent_of(satellite)
    events = satellite.run("import pandas as pd\nOutputDataSet = pd.DataFrame({'x': range(1_000_000)})", [], [])
    result = next(events)
    assert isinstance(result, ScriptResult)
    satellite.close()
    following = satellite.run("import pandas as pd\nOutputDataSet = pd.DataFrame({'x': range(1_000_000)})", [], [])
    taken = next(following)
    assert isinstance(taken, ScriptResult)
    with pytest.raises(SqlError) as caught:
        list(result.rows)
    assert caught.value.number == 39012
    assert len(list(taken.rows)) == 1_000_000
    assert list(following) == []
    assert parent_of(satellite) == parent


def test_what_a_script_has_started_ends_with_its_call(satellite: Satellite) -> None:
    """A process in the background holds neither the call up nor its directory."""
    messages = call(satellite, "import subprocess\nprint(subprocess.Popen(['sleep', '600']).pid)")[0]
    assert wait_for_end(int(printed(messages)))


def end_now(process: int) -> None:
    """Kill a process and see that it is gone."""
    os.kill(process, signal.SIGKILL)
    assert wait_for_end(process)


def test_a_parent_that_is_killed_between_calls_is_replaced(satellite: Satellite) -> None:
    """The call that would have got it gets another one, and nothing of the old one is left."""
    where = "import os\nprint(os.getppid(), os.path.dirname(os.getcwd()))"
    parent, directory = printed(call(satellite, where)[0]).split()
    end_now(int(parent))
    assert parent_of(satellite) != int(parent)
    assert not Path(directory).exists()


def test_a_parent_that_is_killed_takes_its_script_with_it(
    open_database: Callable[[], Connection], tmp_path: Path
) -> None:
    """Its call is an error, and the next one works."""
    connection = open_database()
    note = tmp_path / "note"
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(error, connection, WAITS_FOR_A_FILE, str(note))
        script = noted(note)
        end_now(int(Path(f"/proc/{script}/stat").read_text().rpartition(")")[2].split()[1]))
        assert running.result(timeout=60).number == 39012
    assert wait_for_end(script)
    assert say(connection, MANY_ROWS, str(note)).errors == []


def test_a_batch_without_a_script_starts_nothing(
    open_database: Callable[[], Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A parent is started by a script, or by a procedure that mentions one."""
    monkeypatch.setenv("LUNGDB_TEST", "a parent of its own")
    connection = open_database()
    before = set(POOL._all)
    say(connection, "CREATE PROCEDURE plain AS SELECT 1")
    say(
        connection,
        "CREATE PROCEDURE scripted AS IF 1 = 0 "
        "EXECUTE sp_execute_external_script @language = N'Python', @script = N'pass'",
    )
    assert rows(connection, "EXECUTE plain") == [(1,)]
    assert set(POOL._all) == before
    rows(connection, "EXECUTE scripted")
    assert len(set(POOL._all) - before) == 1


def test_a_forked_process_has_a_pool_of_its_own() -> None:
    """It uses other parents; those of the process that it comes from, and a call that is open there, go on."""
    engine = run_python("""
        import subprocess
        from lungdb.embedded.satellite.pool import POOL
        satellite = Satellite()
        def parent():
            *_, result = (event for event in satellite.run(
                "import os; x = os.getppid()", [], [], [ScriptParameter("x", INT, None, True)]))
            return result.outputs["x"]
        own = parent()
        events = satellite.run(
            "import pandas as pd\\nOutputDataSet = pd.DataFrame({'x': range(1_000_000)})", [], [])
        result = next(events)
        next(result.rows)
        child = os.fork()
        if child == 0:
            satellite.close()
            events.close()
            print(len(POOL._all), parent() == own, flush=True)
            sys.exit(7)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), sum(1 for _ in result.rows), list(events), parent() == own)
    """)
    output, _ = engine.communicate(timeout=120)
    assert output.splitlines() == ["0 False", "7 999999 [] True"]


@pytest.mark.parametrize("is_killed", [False, True])
def test_idle_parents_end_with_the_process_that_started_them(is_killed: bool) -> None:
    """By themselves where it is killed, although a process that it has forked lives on; their directory goes too."""
    engine = run_python("""
        satellite = Satellite()
        for event in satellite.run(
            "import os; p = os.getppid(); d = os.path.dirname(os.getcwd())", [], [],
            [ScriptParameter("p", INT, None, True), ScriptParameter("d", nvarchar(400), None, True)],
        ):
            found = event.outputs
        child = os.fork()
        if child == 0:
            import time
            time.sleep(600)
        print(found["p"], child, found["d"], flush=True)
        sys.stdin.read()
    """)
    assert engine.stdout is not None
    parent, child, directory = engine.stdout.readline().split()
    try:
        assert is_alive(int(parent))
        if is_killed:
            engine.kill()
        else:
            assert engine.stdin is not None
            engine.stdin.close()
        engine.wait(timeout=60)
        assert wait_for_end(int(parent))
        assert not Path(directory).exists()
        assert is_alive(int(child))
    finally:
        os.kill(int(child), signal.SIGKILL)
        engine.stdout.close()
