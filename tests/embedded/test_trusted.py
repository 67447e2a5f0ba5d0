"""Processes that stay for the scripts of those who connect: what a call leaves in one, and when one ends."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import os
import signal
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from lungdb.embedded.running.connection import Connection, connect
from lungdb.embedded.satellite.calls import Satellite, ScriptParameter, ScriptResult
from lungdb.embedded.satellite.pool import POOL
from lungdb.embedded.satellite.trusted import Trusted
from lungdb.embedded.values.types import nvarchar
from tests.embedded.running import error, rows, say
from tests.embedded.scripts import call, execution, printed, reason, run_python, wait_for_end

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes stay on Linux only")

DOES = textwrap.dedent("""
    import os
    print(os.getpid())
    exec(does)
""")
"""A script whose text is trusted, whatever its parameter says that it does."""


def trusting(*scripts: str, **limits: Any) -> Trusted:
    """Trust scripts."""
    hashes = frozenset(hashlib.sha256(each.encode()).digest() for each in scripts)
    return Trusted(lambda: hashes, **limits)


@pytest.fixture
def make() -> Iterator[Callable[..., Satellite]]:
    """Make satellites that trust `DOES`, within limits."""
    with contextlib.ExitStack() as closing:

        def make(**limits: Any) -> Satellite:
            POOL.close()  # another test's process has other limits
            satellite = Satellite(trusted=trusting(DOES, **limits))
            closing.callback(satellite.close)
            return satellite

        yield make


@pytest.fixture
def satellite(make: Callable[..., Satellite]) -> Satellite:
    """One that trusts `DOES`."""
    return make()


def does(text: str) -> list[ScriptParameter]:
    """Return what `DOES` is given to do."""
    return [ScriptParameter("does", nvarchar(), textwrap.dedent(text), False)]


def said(satellite: Satellite, text: str = "") -> list[str]:
    """Let `DOES` do something; return the number of its process, and what it has printed besides."""
    return printed(call(satellite, DOES, parameters=does(text))[0]).splitlines()


def process(satellite: Satellite) -> int:
    """Return the process that serves the next call."""
    return int(said(satellite)[0])


SEES_AND_SPOILS = """
    import decimal, locale, random, sys, threading, warnings
    import numpy as np
    import pandas as pd
    mask = os.umask(0o22)
    os.umask(mask)
    print({
        "globals": sorted(name for name in globals() if name.startswith("left")),
        "main": __name__,
        "environment": dict(os.environ),
        "directory": (os.getcwd(), os.listdir(".")),
        "path": sys.path,
        "arguments": sys.argv,
        "locale": locale.setlocale(locale.LC_ALL),
        "filters": repr(warnings.filters),
        "mask": mask,
        "recursion": sys.getrecursionlimit(),
        "pandas": [pd.get_option(name) for name in ("display.precision", "compute.use_numexpr")],
        "text": str(pd.Series(["a"]).dtype),
        "numpy": (np.geterr(), np.get_printoptions()["precision"]),
        "decimal": decimal.getcontext().prec,
        "output": sys.stdout.name,
    })
    print(random.random(), np.random.rand())
    left_behind = 1
    random.seed(1)
    np.random.seed(1)
    os.environ["LEFT"] = "1"
    del os.environ["PATH"]
    open("left", "w").close()
    os.makedirs("folder/below")
    os.chdir("folder")
    sys.path.append("/left")
    sys.argv.append("left")
    locale.setlocale(locale.LC_ALL, "C")
    os.umask(0o77)
    sys.setrecursionlimit(5000)
    pd.set_option("display.precision", 2)
    pd.set_option("compute.use_numexpr", False)
    if hasattr(pd.options, "future") and hasattr(pd.options.future, "infer_string"):
        warnings.simplefilter("ignore")
        pd.options.future.infer_string = True
    np.seterr(all="raise")
    np.set_printoptions(precision=2)
    decimal.getcontext().prec = 3
    warnings.simplefilter("error")
"""


def test_nothing_that_a_call_sets_is_seen_by_the_next(satellite: Satellite) -> None:
    """Names, random numbers, environment, directory, locale, warnings, options: as for a process of its own."""
    first, second, third = (said(satellite, SEES_AND_SPOILS) for _ in range(3))
    assert first[0] == second[0] == third[0]
    seen = ast.literal_eval(first[1])
    assert seen["globals"] == []
    assert seen["directory"][1] == []
    assert seen["text"] == "object"
    assert first[1] == second[1] == third[1]
    numbers = {number for each in (first, second, third) for number in each[2].split()}
    assert len(numbers) == 6


def test_a_warning_that_is_shown_once_is_shown_in_each_call(satellite: Satellite) -> None:
    """And what one call writes to standard error is not said to be the next one's."""
    warn = does("import warnings\nwarnings.warn('as before')")
    for text, expected in ((warn, True), (does(""), False), (warn, True)):
        messages = call(satellite, DOES, parameters=text)[0]
        assert any("as before" in each for each in messages) is expected


@pytest.mark.parametrize(
    ("text", "number", "words"),
    [
        ("os._exit(3)", 39012, "ended with exit status 3"),
        ("os.kill(os.getpid(), 9)", 39012, "was ended by SIGKILL"),
        ("raise ValueError('boom')", 39004, "boom"),
        ("raise SystemExit", 39004, "SystemExit"),
        ("raise MemoryError", 39004, "MemoryError"),
    ],
)
def test_a_script_that_ends_badly_is_the_last_of_its_process(
    satellite: Satellite, text: str, number: int, words: str
) -> None:
    """The error is that of a process of its own, and the next call finds a fresh one."""
    before = process(satellite)
    assert words in reason(satellite, DOES, [], (), does(text), number=number)
    after = process(satellite)
    assert after != before
    assert wait_for_end(before)
    assert process(satellite) == after


def test_a_process_that_is_killed_between_calls_costs_none(satellite: Satellite) -> None:
    """The next call is served by another one."""
    before = process(satellite)
    os.kill(before, signal.SIGKILL)
    assert process(satellite) not in (before, 0)


@pytest.mark.parametrize(
    "text",
    [
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
        "import subprocess\nsubprocess.Popen(['sleep', '60'])",
    ],
    ids=["a thread", "a process"],
)
def test_a_call_that_leaves_something_running_is_the_last_of_its_process(satellite: Satellite, text: str) -> None:
    """What runs on could change what the next call sees."""
    before = int(said(satellite, text)[0])
    assert process(satellite) != before
    assert wait_for_end(before)


def test_a_process_ends_after_so_many_calls(make: Callable[..., Satellite]) -> None:
    """Three each."""
    satellite = make(calls=3)
    served = [process(satellite) for _ in range(7)]
    assert [served.count(each) for each in dict.fromkeys(served)] == [3, 3, 1]


def test_a_process_that_keeps_much_memory_ends(make: Callable[..., Satellite]) -> None:
    """What a call has freed again does not count."""
    satellite = make(megabytes=400)
    before = process(satellite)
    assert said(satellite, "import numpy\nnumpy.ones(60_000_000)")[0] == str(before)
    assert process(satellite) == before
    assert said(satellite, "import numpy\nos.kept = numpy.ones(60_000_000)")[0] == str(before)
    assert process(satellite) != before


def test_a_script_that_hangs_is_ended_with_its_process(make: Callable[..., Satellite]) -> None:
    """The error says why; one that takes less is not disturbed, nor is the next one by the limit of the last."""
    satellite = make(seconds=2)
    before = process(satellite)
    message = reason(satellite, DOES, [], (), does("import time\ntime.sleep(600)"), number=39012)
    assert "longer than 2 s" in message
    assert "SIGKILL" in message
    assert wait_for_end(before)
    after = process(satellite)
    assert said(satellite, "import time\ntime.sleep(1.2)") == [str(after)]
    assert said(satellite, "import time\ntime.sleep(1.2)") == [str(after)]


def test_a_script_may_take_as_long_as_it_does_unless_a_limit_is_set(satellite: Satellite) -> None:
    """No timer runs."""
    events = satellite.run(DOES, [], [], does("import pandas as pd\nOutputDataSet = pd.DataFrame({'x': range(9)})"))
    assert "STDOUT" in str(next(events))
    assert not any(isinstance(each, threading.Timer) for each in threading.enumerate())
    assert isinstance(next(events), ScriptResult)


def test_another_script_has_a_process_of_its_own(satellite: Satellite) -> None:
    """One sign more and it is another; the process that stays is there for those that are trusted."""
    kept = process(satellite)
    others = [int(printed(call(satellite, f"{DOES}#", parameters=does(""))[0])) for _ in range(2)]
    assert len({kept, *others}) == 3
    assert all(wait_for_end(each) for each in others)
    assert process(satellite) == kept


def test_who_trusts_nothing_gets_no_process_of_those_who_do(satellite: Satellite) -> None:
    """The same text on a connection without trust."""
    kept = process(satellite)
    other = Satellite()
    assert process(other) != process(other)
    assert process(satellite) == kept


def test_calls_at_once_have_each_their_process(satellite: Satellite) -> None:
    """The second call's rows come while the first's are being read; afterwards both processes serve."""
    many = does("import pandas as pd\nOutputDataSet = pd.DataFrame({'x': [os.getpid()] * 200_000})")
    outer = satellite.run(DOES, [], [], many)
    next(outer)
    result = next(outer)
    assert isinstance(result, ScriptResult)
    first = next(result.rows)
    second = process(satellite)
    assert second != first[0]
    assert sum(1 for _ in result.rows) == 200_000 - 1
    assert list(outer) == []
    assert process(satellite) in (first[0], second)


def test_a_call_that_is_not_read_to_its_end_ends_its_process(satellite: Satellite) -> None:
    """Nobody knows what it would do next."""
    before = process(satellite)
    events = satellite.run(DOES, [], [], does("import pandas as pd\nOutputDataSet = pd.DataFrame({'x': range(10**6)})"))
    next(events)
    satellite.close()
    assert wait_for_end(before)
    assert process(satellite) != before


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_process_that_waits_ends_with_the_one_that_it_serves(is_killed: bool) -> None:
    """By itself where that is killed; its directory goes too."""
    engine = run_python("""
        import hashlib
        from lungdb.embedded.satellite.trusted import Trusted
        script = "import os; p = os.getpid(); d = os.getcwd()"
        satellite = Satellite(trusted=Trusted(lambda: frozenset([hashlib.sha256(script.encode()).digest()])))
        asked = [ScriptParameter("p", INT, None, True), ScriptParameter("d", nvarchar(400), None, True)]
        found = [event.outputs for _ in range(2) for event in satellite.run(script, [], [], asked)]
        assert found[0] == found[1]
        print(found[0]["p"], found[0]["d"], flush=True)
        sys.stdin.read()
    """)
    assert engine.stdout is not None
    assert engine.stdin is not None
    process, directory = engine.stdout.readline().split()
    assert Path(f"/proc/{process}").exists()
    if is_killed:
        engine.kill()
    else:
        engine.stdin.close()
    engine.wait(timeout=60)
    assert wait_for_end(int(process))
    deadline = time.monotonic() + 20
    while Path(directory).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(directory).exists()
    engine.stdout.close()


WAITS = execution("""
import os, time
open(note, "w").write(f"{os.getpid()} ")
if note.endswith("wait"):
    time.sleep(600)
""")
SCRIPT = WAITS.split("N'")[2].partition("', @params")[0].replace("''", "'")


@pytest.fixture
def open_database(tmp_path: Path) -> Iterator[Callable[[], Connection]]:
    """Open connections to one file that trust the script of `WAITS`."""
    with contextlib.ExitStack() as opened:
        yield lambda: opened.enter_context(connect(tmp_path / "clinic.db", trusted=trusting(SCRIPT)))


def noted(note: Path) -> int:
    """Wait for a script to note its process."""
    while not (note.exists() and note.read_text().endswith(" ")):
        threading.Event().wait(0.02)
    return int(note.read_text())


def test_two_connections_share_a_process_but_never_at_one_time(
    open_database: Callable[[], Connection], tmp_path: Path
) -> None:
    """While one waits for its script the other gets another; one after the other they get the same."""
    first, second = open_database(), open_database()
    served = []
    for number, connection in enumerate((first, second)):
        rows(connection, WAITS, str(tmp_path / str(number)))
        served.append(noted(tmp_path / str(number)))
    assert served[0] == served[1]
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(error, first, WAITS, str(tmp_path / "wait"))
        waiting = noted(tmp_path / "wait")
        assert waiting == served[0]
        rows(second, WAITS, str(tmp_path / "other"))
        assert noted(tmp_path / "other") != waiting
        os.kill(waiting, signal.SIGKILL)
        assert running.result(timeout=60).number == 39012


def test_ctrl_c_ends_the_script_and_the_next_call_has_another_process(
    open_database: Callable[[], Connection], tmp_path: Path
) -> None:
    """As for any other script."""
    connection = open_database()
    note = tmp_path / "wait"

    def interrupt() -> None:
        noted(note)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    interrupting = threading.Thread(target=interrupt)
    interrupting.start()
    with pytest.raises(KeyboardInterrupt):
        connection.execute(WAITS, (str(note),))
    interrupting.join()
    assert wait_for_end(noted(note))
    assert say(connection, WAITS, str(tmp_path / "next")).errors == []
    assert noted(tmp_path / "next") != noted(note)
