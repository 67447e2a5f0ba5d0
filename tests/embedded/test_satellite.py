"""External scripts: the recorded behaviour of Microsoft's language extension, and what a process must stand."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lungdb.embedded.satellite import Parameter, Satellite, ScriptResult
from lungdb.embedded.types import INT, SqlType, nvarchar, parse_type, varbinary, varchar
from lungdb.embedded.values import Value, to_client
from lungdb.errors import SqlError

OBSERVED = {
    case["title"]: case
    for case in json.loads((Path(__file__).parents[1] / "data/contract/observed.json").read_text(encoding="utf-8"))
}

# Where SQL Server changes a value without a word, the satellite refuses it; the texts are what its error says.
REFUSED = {
    "int params None/np types out": "@a of type int was given a numpy.int64",
    "varbinary(4) truncation": "@a of type varbinary(4) was given 6 bytes",
    "nvarchar(3) truncation": "@a of type nvarchar(3) was given 6 characters",
    "nvarchar out emoji (surrogates)": "@a holds a character beyond U+FFFF",
    "nvarchar out not a str": "@a of type varchar(10) was given a int",
    "out dtypes": "Column 'ob' holds bytes",
    "out np.array([b'ab',b'\\x00\\xff'],dtype='S2')": "Column 'x' holds bytes",
    "dup col names": "two columns named 'a'",
    # One of SQL Server's two runtimes takes no binary column.
    "varbinary, varchar, int columns": "column #1 of type 'varbinary(max)' which is not supported",
}
if int(pd.__version__.split(".")[0]) >= 3:
    # pandas 3 makes microseconds of a datetime, which the extension does not know.
    REFUSED["out [dt.datetime(2024,1,1)]"] = "Unsupported data type datetime64[us]"
    # And a type of its own of a list of texts.
    REFUSED["text result longer than a page"] = "Unsupported data type str"
# The engine refuses @r_rowsPerRead, so a script always sees its whole input.
NOT_SHOWN = {"streaming"}

_RESULT_TYPES = {"char(utf8)": "nvarchar(max)", "datetime2": "datetime2(7)"}
_ERROR_WORDS = re.compile(r"<class '(?:\w+\.)*(?P<name>\w+)'>|(?P<phrase>Unsupported data type \w+)")


@pytest.fixture(scope="module")
def satellite() -> Iterator[Satellite]:
    """One satellite for all calls of this file: a call must leave nothing behind."""
    satellite = Satellite()
    yield satellite
    satellite.close()


def call(
    satellite: Satellite,
    script: str,
    columns: list[tuple[str, SqlType]] | None = None,
    rows: Any = (),
    parameters: list[Parameter] | None = None,
) -> tuple[list[str], list[tuple[str, SqlType]], list[tuple[Value, ...]], dict[str, Value]]:
    """Run a script and return its messages, columns, rows and OUTPUT values."""
    events = list_events(satellite.run(textwrap.dedent(script), columns or [], rows, parameters or []))
    messages = [event for event in events if isinstance(event, str)]
    result, taken = events[-1]
    return messages, list(result.columns), taken, result.outputs


def list_events(events: Iterator[str | ScriptResult]) -> list[Any]:
    """Return the events, the result together with its rows."""
    return [event if isinstance(event, str) else (event, list(event.rows)) for event in events]


def reason(satellite: Satellite, script: str, *arguments: Any, number: int = 39004) -> str:
    """Return the message of the error that a script ends in."""
    with pytest.raises(SqlError) as caught:
        call(satellite, script, *arguments)
    assert caught.value.number == number
    return caught.value.message


def printed(messages: list[str]) -> str:
    """Return what a script printed, without SQL Server's heading."""
    if not messages:
        return ""
    heading, _, text = messages[0].partition("\n")
    assert heading == "STDOUT message(s) from external script: "
    return text


def stored(value: Any, kind: SqlType) -> Value:
    """Return the stored form of a recorded value."""
    if isinstance(value, dict) and "datetime" in value:
        moment = datetime.datetime.fromisoformat(value["datetime"])
        return moment.date().isoformat() if kind.name == "date" else moment.isoformat(" ", "microseconds") + "0"
    if isinstance(value, dict):
        return bytes.fromhex(value["bytes_hex"])
    if value is not None and kind.name in ("real", "float"):
        return float(value)
    return value  # type: ignore[no-any-return]


def recorded_type(text: str) -> SqlType:
    """Return the type of a recorded input; SQL Server gives the extension a datetime where it recorded datetime2."""
    if text in ("nvarchar", "varchar", "varbinary"):
        return parse_type(f"{text}(max)")
    return parse_type("datetime" if text == "datetime2" else text)


def recorded_value(value: Any) -> Any:
    """Return a recorded result as a client of ours sees it."""
    if not isinstance(value, dict):
        return value
    if "datetime" in value:
        return datetime.datetime.fromisoformat(value["datetime"])
    if "char_bytes_hex" in value:
        return bytes.fromhex(value["char_bytes_hex"]).decode()
    return bytes.fromhex(value["bytes_hex"])


def replay(satellite: Satellite, case: dict[str, Any]) -> Any:
    """Run a recorded case."""
    kinds = [recorded_type(column["type"]) for column in case["columns"]]
    columns = [(column["name"], kind) for column, kind in zip(case["columns"], kinds, strict=True)]
    values = [
        [stored(value, kind) for value in column["values"]] for column, kind in zip(case["columns"], kinds, strict=True)
    ]
    parameters = [
        Parameter(each["name"], kind, stored(each["value"], kind), each["direction"] == "inout")
        for each in case["params"]
        for kind in [parse_type(each["type"])]
    ]
    return call(satellite, case["script"], columns, zip(*values, strict=True), parameters)


@pytest.mark.parametrize("title", OBSERVED)
def test_a_recorded_case_behaves_as_recorded_or_says_why_not(satellite: Satellite, title: str) -> None:
    """Equal in what is printed, returned and refused; a silent NULL or cut is an error that names it."""
    case = OBSERVED[title]
    if title in NOT_SHOWN:
        assert case["rows_per_read"] > 0
        return
    if title in REFUSED:
        with pytest.raises(SqlError) as caught:
            replay(satellite, case)
        assert REFUSED[title] in caught.value.message
        return
    if "as_unit" in title and not hasattr(pd.DatetimeIndex, "as_unit"):
        pytest.skip("this pandas has nanoseconds only")
    if not case["ok"]:
        with pytest.raises(SqlError) as caught:
            replay(satellite, case)
        assert caught.value.number == 39004
        expected = _ERROR_WORDS.search(case["error"])
        assert expected is not None
        if expected["phrase"]:
            assert expected["phrase"] in caught.value.message
        elif expected["name"] in ("ValueError", "SystemExit", "SyntaxError") and "col name" not in title:
            assert expected["name"] in caught.value.message
        return
    messages, columns, rows, outputs = replay(satellite, case)
    # pandas 3 shows its class by another name.
    assert printed(messages).replace("pandas.DataFrame", "pandas.core.frame.DataFrame") == case["stdout"]
    check_result(case, columns, rows)
    kinds = {each["name"]: parse_type(each["type"]) for each in case["params"]}
    assert {name: to_client(value, kinds[name]) for name, value in outputs.items()} == {
        name: recorded_value(value) for name, value in case["output_params"].items()
    }


def check_result(case: dict[str, Any], columns: list[tuple[str, SqlType]], rows: list[tuple[Value, ...]]) -> None:
    """Compare a result set with the recorded one."""
    if case["title"] == "text result longer than a page":
        assert rows == [("00" * 20000,), (None,)]
        return
    recorded = case["output"][0] if case["output"] else []
    assert [str(kind) for _, kind in columns] == [_RESULT_TYPES.get(each["type"], each["type"]) for each in recorded]
    shown = [[to_client(value, kind) for value, (_, kind) in zip(row, columns, strict=True)] for row in rows]
    values = [[recorded_value(value) for value in each["values"]] for each in recorded]
    assert shown == [list(row) for row in zip(*values, strict=True)]


def test_every_listed_difference_is_a_recorded_case() -> None:
    """No entry of the lists above has lost its case."""
    assert set(REFUSED) | NOT_SHOWN <= set(OBSERVED)


def test_plain_values_of_every_kind_come_out(satellite: Satellite) -> None:
    """The rest of the recorded case whose numpy values are refused: what it says of the others."""
    script = "import numpy as np\nc=np.float64(2.5);d=7;e=True;f='żó';g=np.bool_(True);h=3;i=None"
    kinds = {"c": "float", "d": "float", "e": "int", "f": "nvarchar(10)", "g": "bit", "h": "bit", "i": "int"}
    parameters = [Parameter(name, parse_type(kind), None, True) for name, kind in kinds.items()]
    _, _, _, outputs = call(satellite, script, parameters=parameters)
    assert outputs == {"c": 2.5, "d": 7.0, "e": 1, "f": "żó", "g": 1, "h": 1, "i": None}


@pytest.mark.parametrize(
    ("kind", "expression", "words"),
    [
        ("float", "np.float32(1.5)", "Assign float"),
        ("float", "float('nan')", "cannot hold nan"),
        ("float", "'1'", "Assign float"),
        ("int", "1.0", "Assign int"),
        ("tinyint", "256", "cannot hold 256"),
        ("bit", "'x'", "Assign bool"),
        ("varchar(9)", "'ż'", "nvarchar"),
        ("varbinary(max)", "[1, 300]", "Assign bytes"),
        ("datetime", "'2024-01-01'", "Assign a datetime"),
    ],
)
def test_an_output_value_that_would_be_lost_is_refused(
    satellite: Satellite, kind: str, expression: str, words: str
) -> None:
    """The error names the parameter and says what to assign."""
    parameters = [Parameter("x", parse_type(kind), None, True)]
    message = reason(satellite, f"import numpy as np\nx = {expression}", [], (), parameters)
    assert "@x" in message
    assert words in message


def test_an_output_that_is_never_assigned_is_refused_but_reads_as_none(satellite: Satellite) -> None:
    """A value that came in stays; reading before assigning gives None, in functions too."""
    unassigned = [Parameter("x", INT, None, True)]
    assert "@x was never assigned" in reason(satellite, "y = 1", [], (), unassigned)
    assert call(satellite, "pass", parameters=[Parameter("x", INT, 5, True)])[3] == {"x": 5}
    script = """
        def main():
            return x is None
        before = main() and x is None
        x = int(before)
    """
    assert call(satellite, script, parameters=unassigned)[3] == {"x": 1}


@pytest.mark.parametrize(
    ("kind", "advice"),
    [("varbinary(max)", "CONVERT(VARCHAR(MAX), x, 2)"), ("decimal(9,2)", "float"), ("money", "float"),
     ("uniqueidentifier", "nvarchar(36)"), ("datetime2(3)", "datetime"), ("time(0)", "datetime"),
     ("sql_variant", "CAST")],
)  # fmt: skip
def test_input_that_a_script_is_not_given_is_refused(satellite: Satellite, kind: str, advice: str) -> None:
    """39017 with the way out; the same types as parameters are 39018, but for varbinary."""
    message = reason(satellite, "pass", [("x", parse_type(kind))], (), number=39017)
    assert advice in message
    if kind != "varbinary(max)":
        reason(satellite, "pass", [], (), [Parameter("p", parse_type(kind), None, False)], number=39018)


def test_varchar_input_beyond_ascii_is_refused(satellite: Satellite) -> None:
    """It would arrive damaged; the error says nvarchar."""
    assert "nvarchar" in reason(satellite, "pass", [("x", varchar())], [("é",)], number=39017)
    rows = [("é", None), (None, "x")]
    script = "OutputDataSet = InputDataSet"
    assert call(satellite, script, [("a", nvarchar()), ("b", varchar())], rows)[2] == rows


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("pd.DataFrame({'x': pd.Series([1.5, np.nan], dtype=object)})", "Use None"),
        ("pd.DataFrame({'x': pd.Series([pd.NaT], dtype=object)})", "Use None"),
        ("pd.DataFrame({'x': pd.Series(['\\ud800'], dtype=object)})", "valid Unicode"),
        ("pd.DataFrame({'x': np.array([1], dtype='complex128')})", "Unsupported data type complex128"),
        ("[1]", "Assign a pandas DataFrame"),
    ],
)
def test_a_result_that_would_be_damaged_is_refused(satellite: Satellite, expression: str, words: str) -> None:
    """Also half a character, which is found while the rows are on their way."""
    assert words in reason(satellite, f"import pandas as pd, numpy as np\nOutputDataSet = {expression}")


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
        Parameter("given", varbinary(), content, False),
        Parameter("back", varbinary(), None, True),
        Parameter("empty", varbinary(), b"", True),
    ]
    outputs = call(satellite, "back = given[::-1]", parameters=parameters)[3]
    assert outputs == {"back": content[::-1], "empty": b""}


def run_python(script: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a Python process that holds a satellite of its own."""
    head = "import os, sys\nfrom lungdb.embedded.satellite import *\nfrom lungdb.embedded.types import *\n"
    return subprocess.Popen(
        [sys.executable, "-c", head + textwrap.dedent(script), *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )


def wait_for_end(process: int) -> bool:
    """Return True once a process is gone, False after ten seconds."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with contextlib.suppress(FileNotFoundError):
            if Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                time.sleep(0.05)
                continue
        return True
    return False


LONG_CALL = """
    satellite = Satellite()
    lines = [
        "import os, time",
        "with open(path, 'w') as file:",
        "    print(os.getpid(), os.getppid(), file=file)",
        "while True:",
        "    time.sleep(0.1)",
    ]
    path = Parameter("path", nvarchar(), sys.argv[1], False)
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
        import resource
        satellite = Satellite()
        list(satellite.run("pass", [], []))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        rows = (("0f" * 5_000_000,) for _ in range(20))
        size = 0
        for event in satellite.run("OutputDataSet = InputDataSet", [("x", varchar())], rows):
            for (text,) in event.rows:
                size += len(text)
        print(size, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
        satellite.close()
    """)
    output, _ = engine.communicate(timeout=120)
    size, megabytes = (int(word) for word in output.split())
    assert size == 200_000_000
    assert megabytes < 100
