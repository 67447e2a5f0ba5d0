"""What a script is given and may return: the recorded behaviour of Microsoft's language extension."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lungdb.embedded.satellite.calls import Satellite, ScriptParameter
from lungdb.embedded.values.stored import Value, to_client
from lungdb.embedded.values.types import INT, SqlType, nvarchar, parse_type, varchar
from lungdb.errors import SqlError
from tests.embedded.scripts import call, printed, reason

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
        ScriptParameter(each["name"], kind, stored(each["value"], kind), each["direction"] == "inout")
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
    parameters = [ScriptParameter(name, parse_type(kind), None, True) for name, kind in kinds.items()]
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
    parameters = [ScriptParameter("x", parse_type(kind), None, True)]
    message = reason(satellite, f"import numpy as np\nx = {expression}", [], (), parameters)
    assert "@x" in message
    assert words in message


def test_an_output_that_is_never_assigned_is_refused_but_reads_as_none(satellite: Satellite) -> None:
    """A value that came in stays; reading before assigning gives None, in functions too."""
    unassigned = [ScriptParameter("x", INT, None, True)]
    assert "@x was never assigned" in reason(satellite, "y = 1", [], (), unassigned)
    assert call(satellite, "pass", parameters=[ScriptParameter("x", INT, 5, True)])[3] == {"x": 5}
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
        reason(satellite, "pass", [], (), [ScriptParameter("p", parse_type(kind), None, False)], number=39018)


def test_varchar_input_beyond_ascii_is_refused(satellite: Satellite) -> None:
    """It would arrive damaged; the error says nvarchar."""
    assert "nvarchar" in reason(satellite, "pass", [("x", varchar())], [("é",)], number=39017)
    rows = [("é", None), (None, "x")]
    script = "OutputDataSet = pd.DataFrame({'n': InputDataSet['a'].str.len(), 'b': InputDataSet['b']})"
    found = call(satellite, f"import pandas as pd\n{script}", [("a", nvarchar()), ("b", varchar())], rows)[2]
    assert found == [(1.0, None), (None, "x")]


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("pd.DataFrame({'x': pd.Series([1.5, np.nan], dtype=object)})", "Use None"),
        ("pd.DataFrame({'x': pd.Series([pd.NaT], dtype=object)})", "Use None"),
        ("pd.DataFrame({'x': pd.Series(['\\ud800'], dtype=object)})", "beyond ASCII"),
        ("pd.DataFrame({'x': ['a', None, 'é']})", "Return an integer key"),
        ("pd.DataFrame({'k': [1], 'x': ['\U0001f600']})", "'x'"),
        ("pd.DataFrame({'x': np.array([1], dtype='complex128')})", "Unsupported data type complex128"),
        ("[1]", "Assign a pandas DataFrame"),
    ],
)
def test_a_result_that_would_be_damaged_is_refused(satellite: Satellite, expression: str, words: str) -> None:
    """What would become NULL or another text there; of a text the error shows nothing."""
    assert words in reason(satellite, f"import pandas as pd, numpy as np\nOutputDataSet = {expression}")
