"""External scripts as processes: what they print, how they end, what they leave behind."""

from __future__ import annotations

import signal
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lungdb.embedded.satellite.calls import Satellite, ScriptParameter, ScriptResult
from lungdb.embedded.satellite.pool import POOL
from lungdb.embedded.values.types import INT, nvarchar, parse_type, varbinary
from lungdb.errors import SqlError
from tests.embedded.scripts import call, list_events, printed, reason, run_python, wait_for_end


@pytest.fixture(scope="module")
def satellite() -> Iterator[Satellite]:
    """One satellite for all calls of this file: a call must leave nothing behind."""
    satellite = Satellite()
    yield satellite
    satellite.close()


def test_dates_go_in_and_come_out(satellite: Satellite) -> None:
    """datetime64[ns] to a tenth of a microsecond, NaT as NULL."""
    script = """
        import pandas as pd
        values = pd.to_datetime(pd.Series(["2024-02-29T01:02:03.123456700", None])).astype("datetime64[ns]")
        OutputDataSet = pd.DataFrame({"at": values})
    """
    _, columns, rows, _ = call(satellite, script)
    assert str(columns[0][1]) == "datetime2(7)"
    assert rows == [("2024-02-29 01:02:03.1234567",), (None,)]


def test_messages_come_before_the_result_and_only_on_success(satellite: Satellite) -> None:
    """What was printed before an exception is lost; standard error is a message of its own."""
    events = list_events(satellite.run("import sys; print('out'); print('err', file=sys.stderr)", [], []))
    assert [str(event).partition(" ")[0] for event in events[:-1]] == ["STDOUT", "STDERR"]
    assert "before" not in reason(satellite, "print('before')\nraise ValueError('boom')")


def test_a_traceback_shows_the_scripts_lines_alone(satellite: Satellite) -> None:
    """With their text, and without frames of the engine."""
    message = reason(satellite, "def f():\n    return 1 / 0\nf()")
    assert "return 1 / 0" in message
    assert "ZeroDivisionError: division by zero" in message
    assert "satellite" not in message
    assert "A 'Python' script error occurred" in message


def test_native_output_reaches_the_message_and_not_the_wire(satellite: Satellite) -> None:
    """Bytes written past sys.stdout: by os.write, by C's printf, by a child process."""
    script = """
        import ctypes, os, subprocess, sys
        os.write(1, b"by os.write\\n")
        ctypes.CDLL(None).printf(b"by printf\\n")
        subprocess.run([sys.executable, "-c", "print('by a child')"], check=True)
        input_ = sys.stdin.read()
        sys.__stdout__.write("by __stdout__\\n")
        import pandas as pd
        OutputDataSet = pd.DataFrame({"x": [len(input_)]})
    """
    messages, _, rows, _ = call(satellite, script)
    assert {"by os.write", "by printf", "by a child"} <= set(printed(messages).splitlines())
    assert rows == [(0,)]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("import os; os._exit(0)", "exit status 0"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
        pytest.param("import ctypes; ctypes.string_at(0)", "SIGSEGV", marks=pytest.mark.slow),
    ],
)
def test_a_process_that_dies_is_an_error_and_never_a_hang(satellite: Satellite, script: str, words: str) -> None:
    """The error says how it ended; the next call works."""
    message = reason(satellite, script, number=39012)
    if sys.platform == "linux":
        assert words in message
    assert printed(call(satellite, "print(1)")[0]) == "1"


def test_a_process_that_dies_while_rows_come_is_an_error(satellite: Satellite) -> None:
    """Half a result is not taken for a whole one."""
    script = """
        import os, threading, time
        import pandas as pd
        threading.Timer(0.5, lambda: os._exit(1)).start()
        OutputDataSet = pd.DataFrame({"x": pd.Series(["0" * 1000000] * 200, dtype=object)})
    """
    events = satellite.run(textwrap.dedent(script), [], [])
    result = next(events)
    assert isinstance(result, ScriptResult)

    def take_slowly() -> int:
        time.sleep(1.5)
        return sum(1 for _ in result.rows)

    with pytest.raises(SqlError) as caught:
        take_slowly()
    events.close()
    assert caught.value.number == 39012


def test_a_call_leaves_nothing_behind(satellite: Satellite) -> None:
    """Neither modules' state, nor files, nor random numbers, nor the working directory."""
    script = """
        import os, random
        import numpy
        import pandas
        seen = hasattr(pandas, "left_behind"), os.listdir("."), random.random(), float(numpy.random.rand()), os.getcwd()
        pandas.left_behind = True
        open("left_behind", "w").close()
        print(seen)
    """
    first, second = (eval(printed(call(satellite, script)[0])) for _ in range(2))
    assert first[:2] == second[:2] == (False, [])
    assert first[2] != second[2]
    assert first[3] != second[3]
    assert not Path(first[4]).exists()


def test_the_script_is_a_module_of_its_own(satellite: Satellite) -> None:
    """Functions see names of the module, recursion and comprehensions work."""
    script = """
        import math
        def area(r):
            return math.pi * r ** 2 if r < 2 else area(r - 1)
        print(__name__, [round(area(r)) for r in (1, 3)], "InputDataSet" in globals())
    """
    assert printed(call(satellite, script)[0]) == "__main__ [3, 3] True"


def test_closing_early_ends_the_script_and_the_next_call_works(satellite: Satellite) -> None:
    """A reader that loses interest does not wait for the rest."""
    script = "import pandas as pd\nOutputDataSet = pd.DataFrame({'x': range(10**6)})"
    events = satellite.run(script, [], [])
    result = next(events)
    assert isinstance(result, ScriptResult)
    assert next(result.rows) == (0,)
    events.close()  # type: ignore[attr-defined]
    assert printed(call(satellite, "print(2)")[0]) == "2"


def test_an_error_in_the_input_query_passes_through(satellite: Satellite) -> None:
    """And the next call works."""

    def rows() -> Iterator[tuple[int]]:
        yield (1,)
        raise SqlError(8134, "Divide by zero error encountered. Do not.")

    reason(satellite, "pass", [("x", INT)], rows(), number=8134)
    assert printed(call(satellite, "print(3)")[0]) == "3"


def test_a_process_for_each_call_is_started_where_forks_are_unsafe(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows and macOS: the next process is under way when a call ends, and calls share nothing."""
    monkeypatch.setattr("lungdb.embedded.satellite.processes._FORKS", False)
    satellite = Satellite()
    script = "import os\nprint(os.getpid(), os.listdir('.'))"
    first, second = (printed(call(satellite, script)[0]).split(" ", 1) for _ in range(2))
    assert first[0] != second[0]
    assert first[1] == second[1] == "[]"
    assert "boom" in reason(satellite, "raise ValueError('boom')")
    (waiting,) = [each for each in POOL._idle if not each.kind.forks]
    assert printed(call(satellite, "import os\nprint(os.getpid())")[0]) == str(waiting.pid)


def test_two_calls_may_be_open_at_once(satellite: Satellite) -> None:
    """A second script runs while the rows of the first are being read."""
    script = "import pandas as pd\nOutputDataSet = pd.DataFrame({'x': range(10)})"
    events = satellite.run(script, [], [])
    first = next(events)
    assert isinstance(first, ScriptResult)
    assert len(call(satellite, script)[2]) == 10
    assert len(list(first.rows)) == 10
    assert list(events) == []


def test_an_empty_input_has_columns_and_types(satellite: Satellite) -> None:
    """No row, but the names and dtypes of the query."""
    script = "print(InputDataSet.shape, [str(each) for each in InputDataSet.dtypes])"
    columns = [("i", INT), ("t", nvarchar(9)), ("b", parse_type("bit"))]
    assert printed(call(satellite, script, columns)[0]) == "(0, 3) ['int32', 'object', 'bool']"


def test_blobs_pass_as_parameters(satellite: Satellite) -> None:
    """Every byte, both ways, and an empty one is not NULL."""
    content = bytes(range(256)) * 4000
    parameters = [
        ScriptParameter("given", varbinary(), content, False),
        ScriptParameter("back", varbinary(), None, True),
        ScriptParameter("empty", varbinary(), b"", True),
    ]
    outputs = call(satellite, "back = given[::-1]", parameters=parameters)[3]
    assert outputs == {"back": content[::-1], "empty": b""}


LONG_CALL = """
    satellite = Satellite()
    lines = [
        "import os, time",
        "with open(path, 'w') as file:",
        "    print(os.getpid(), os.getppid(), file=file)",
        "while True:",
        "    time.sleep(0.1)",
    ]
    path = ScriptParameter("path", nvarchar(), sys.argv[1], False)
    try:
        list(satellite.run("\\n".join(lines), [], [], [path]))
    except KeyboardInterrupt:
        print("interrupted")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
@pytest.mark.parametrize("ended_by", [signal.SIGINT, signal.SIGKILL])
def test_the_script_ends_with_the_engine(tmp_path: Path, ended_by: signal.Signals) -> None:
    """Ctrl-C and a kill of the engine's process end script and spare process."""
    note = tmp_path / "pids"
    engine = run_python(LONG_CALL, str(note))
    try:
        while not (note.exists() and note.read_text().endswith("\n")):
            assert engine.poll() is None
            time.sleep(0.05)
        processes = [int(text) for text in note.read_text().split()]
        engine.send_signal(ended_by)
        output, _ = engine.communicate(timeout=20)
        assert ("interrupted" in output) is (ended_by == signal.SIGINT)
        assert all(wait_for_end(process) for process in processes)
    finally:
        engine.kill()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="measures with resource")
def test_large_columns_pass_in_bounded_memory() -> None:
    """200 MB of hex text in and out through a parent that never holds 100 MB of it."""
    engine = run_python("""
        from lungdb.procedures.usage import peak_megabytes
        satellite = Satellite()
        list(satellite.run("pass", [], []))
        before = peak_megabytes()
        rows = (("0f" * 5_000_000,) for _ in range(20))
        size = 0
        for event in satellite.run("OutputDataSet = InputDataSet", [("x", varchar())], rows):
            for (text,) in event.rows:
                size += len(text)
        print(size, round(peak_megabytes() - before))
        satellite.close()
    """)
    output, _ = engine.communicate(timeout=120)
    size, megabytes = (int(word) for word in output.split())
    assert size == 200_000_000
    assert megabytes < 100
