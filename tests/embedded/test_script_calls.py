"""sp_execute_external_script as T-SQL calls it: input query, parameters, results, languages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lungdb.embedded.running.connection import Connection, connect
from tests.embedded.running import error, rows, say, value


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """Three rows of text and numbers; one connection for all tests, whose warm process is ready."""
    with connect(tmp_path_factory.mktemp("scripts") / "clinic.db") as connection:
        say(connection, "CREATE TABLE t (k INT, n NVARCHAR(9)); INSERT INTO t VALUES (1, N'a'), (2, N'z'), (3, NULL)")
        yield connection


def test_rows_and_parameters_go_in_and_come_out(table: Connection) -> None:
    """The input query sees the call's parameters; the result set has no column names; OUTPUT values are converted."""
    cursor = table.cursor()
    cursor.execute(
        "DECLARE @sum SMALLINT, @text NVARCHAR(20); "
        "EXECUTE sp_execute_external_script @language = N'python', @script = N'\n"
        'OutputDataSet = InputDataSet\nSum = int(InputDataSet["k"].sum())\nText = Word * 2\n\', '
        "@input_data_1 = N'SELECT k, n FROM t WHERE k >= @Least ORDER BY k DESC', "
        "@params = N'@Least INT, @Word NVARCHAR(5), @Sum INT OUTPUT, @Text NVARCHAR(20) OUTPUT', "
        "@Least = 2, @Word = N'ab', @Sum = @sum OUTPUT, @Text = @text OUTPUT; SELECT @sum, @text"
    )
    assert [column[0] for column in cursor.description or ()] == ["", ""]
    assert cursor.fetchall() == [(3, None), (2, "z")]
    assert cursor.nextset()
    assert cursor.fetchall() == [(5, "abab")]


def test_a_procedures_temporary_tables_are_in_sight_and_its_variables_are_not(table: Connection) -> None:
    """INSERT … EXECUTE into another temporary table, as GenerateFeatures does it."""
    say(
        table,
        "CREATE PROCEDURE p @column NVARCHAR(40) AS BEGIN SET NOCOUNT ON; "
        "CREATE TABLE #in (k INT); INSERT INTO #in SELECT k FROM t; CREATE TABLE #out (x FLOAT NULL); "
        "DECLARE @query NVARCHAR(200) = N'SELECT ' + @column + N' FROM #in'; "
        "INSERT INTO #out (x) EXECUTE sp_execute_external_script @language = N'Python', "
        "@script = N'OutputDataSet = InputDataSet / 2', @input_data_1 = @query; "
        "SELECT SUM(x) FROM #out; END",
    )
    assert value(table, "EXEC p N'CAST(k AS FLOAT) AS k'") == 3.0
    assert error(table, "EXEC p N'@column AS k'").number == 137


def test_with_result_sets_names_and_converts_the_columns(table: Connection) -> None:
    """And a wrong number of them is refused."""
    call = (
        "EXECUTE sp_execute_external_script @language = N'Python', @script = N'OutputDataSet = InputDataSet', "
        "@input_data_1 = N'SELECT k, n FROM t' WITH RESULT SETS ((a BIGINT, {}))"
    )
    cursor = table.cursor().execute(call.format("b NVARCHAR(1)"))
    assert [column[0] for column in cursor.description or ()] == ["a", "b"]
    assert cursor.fetchall() == [(1, "a"), (2, "z"), (3, None)]
    assert error(table, call.format("b INT, c INT")).number == 11537


def test_what_a_script_prints_is_a_message_and_what_it_raises_an_error(table: Connection) -> None:
    """39004 with the exception's text; CATCH sees it, and the batch goes on."""
    said = say(table, "EXECUTE sp_execute_external_script @language = N'Python', @script = N'print(\"hello\")'")
    assert "hello" in said.messages[0]
    call = "EXECUTE sp_execute_external_script @language = N'Python', @script = N'raise ValueError(\"told you\")'"
    raised = error(table, call)
    assert (raised.number, "told you" in raised.message) == (39004, True)
    assert value(table, f"BEGIN TRY {call}; END TRY BEGIN CATCH SELECT ERROR_NUMBER(); END CATCH") == 39004


@pytest.mark.parametrize(
    ("arguments", "number"),
    [
        ("@language = N'COBOL', @script = N'pass'", 39020),
        ("@language = N'Python'", 201),
        ("@language = N'Python', @script = N'pass', @input_data_1 = N'SELECT nope FROM t'", 207),
        ("@language = N'Python', @script = N'pass', @input_data_1 = N'DELETE FROM t'", 39018),
        ("@language = N'Python', @script = N'pass', @input_data_1 = N'SELECT 1 AS a; SELECT 2 AS a'", 39018),
        ("@language = N'Python', @script = N'pass', @params = N'@a INT'", 201),
        ("@language = N'Python', @script = N'pass', @a = 1", 8145),
        ("@language = N'Python', @script = N'pass', @params = N'@a WRONG', @a = 1", 2715),
    ],
)
def test_a_wrong_call_is_refused_before_the_script_runs(table: Connection, arguments: str, number: int) -> None:
    """Language, script, query and parameters."""
    assert error(table, f"EXECUTE sp_execute_external_script {arguments}").number == number
    assert value(table, "SELECT COUNT(*) FROM t") == 3


def test_a_registered_language_is_another_name_of_python(table: Connection) -> None:
    """CREATE EXTERNAL LANGUAGE, as a site makes one with the open-source extension."""
    call = (
        "EXECUTE sp_execute_external_script @language = N'myPython', @script = N'X = 6 * 7', @params = N'@X "
        "INT OUTPUT', @X = @x OUTPUT"
    )
    assert error(table, f"DECLARE @x INT; {call}").number == 39020
    say(table, "EXEC (N'CREATE EXTERNAL LANGUAGE [MyPython] FROM (CONTENT = N''x.zip'', FILE_NAME = ''y.so'')')")
    assert rows(table, f"DECLARE @x INT; {call}; SELECT @x") == [(42,)]
    registered = rows(table, "SELECT language FROM sys.external_languages WHERE language IN (N'Python', N'MyPython')")
    assert sorted(registered) == [("Python",), ("mypython",)]


def test_rows_that_do_not_fit_the_table_leave_it_empty(table: Connection) -> None:
    """The last of three rows is too long for the column."""
    say(table, "CREATE TABLE #o (n NVARCHAR(2))")
    call = (
        "INSERT INTO #o (n) EXECUTE sp_execute_external_script @language = N'Python', "
        "@script = N'OutputDataSet = InputDataSet', @input_data_1 = N'SELECT v FROM (VALUES (N''a''), "
        "(N''bb''), (N''ccc'')) AS q (v)'"
    )
    assert error(table, call).number == 2628
    assert value(table, "SELECT COUNT(*) FROM #o") == 0


def test_text_that_a_script_makes_is_taken_whatever_pandas_makes_of_it(table: Connection) -> None:
    """pandas 3 has a type of its own for text, which no server knows; only a script that asks for it is refused."""
    script = 'import pandas as pd\nOutputDataSet = pd.DataFrame({{"name": {}, "n": [1, 2]}})'
    call = "EXECUTE sp_execute_external_script @language = N'Python', @script = ? "
    call += "WITH RESULT SETS ((name NVARCHAR(10), n INT));"
    assert rows(table, call, script.format('["a", "b"]')) == [("a", 1), ("b", 2)]
    assert rows(table, call, script.format('pd.Index(["a", "b"]).str.upper()')) == [("A", 1), ("B", 2)]
    explicit = script.format('pd.Series(["a", "b"], dtype="string")')
    assert "Unsupported data type string" in error(table, call, explicit).message
