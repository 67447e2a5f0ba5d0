"""sp_execute_external_script as T-SQL calls it."""

from __future__ import annotations

import pytest

from lungdb.embedded.running.connection import Connection
from tests.embedded.running import error, rows, say


def test_a_script_reads_temporary_tables_and_gives_rows_and_values(connection: Connection) -> None:
    """INSERT … EXECUTE takes the rows, OUTPUT the value; the parameter is seen by query and script alike."""
    said = say(
        connection,
        """CREATE TABLE #given (a INT NOT NULL);
        INSERT INTO #given (a) VALUES (1), (2), (3);
        CREATE TABLE #taken (a BIGINT);
        DECLARE @sum FLOAT;
        INSERT INTO #taken (a)
        EXECUTE sp_execute_external_script @language = N'Python', @script = N'
Total = float(InputDataSet["a"].sum())
OutputDataSet = InputDataSet.astype("int64") * Factor',
            @input_data_1 = N'SELECT a FROM #given WHERE a < @Factor ORDER BY a',
            @params = N'@Factor INT, @Total FLOAT OUTPUT', @Factor = 3, @Total = @sum OUTPUT;
        SELECT a FROM #taken ORDER BY a;
        SELECT @sum;""",
    )
    assert said.errors == []
    assert said.results == [[(3,), (6,)], [(3.0,)]]
    assert said.counts == [3, 2]


def test_a_catch_sees_one_error_of_a_script(connection: Connection) -> None:
    """It is 39004; the rows of the script do not arrive and the OUTPUT variable keeps its value."""
    said = say(
        connection,
        """DECLARE @x INT = 7;
        BEGIN TRY
            EXECUTE sp_execute_external_script @language = N'Python', @script = N'
x = 1
raise ValueError("no lungs")', @params = N'@x INT OUTPUT', @x = @x OUTPUT;
        END TRY
        BEGIN CATCH
            SELECT ERROR_NUMBER(), CHARINDEX(N'no lungs', ERROR_MESSAGE());
        END CATCH;
        SELECT @x;""",
    )
    assert said.errors == []
    (((number, place),), kept) = said.results
    assert (number, kept) == (39004, [(7,)])
    assert place > 0


def test_an_error_of_a_script_rolls_back_nothing_unless_xact_abort_is_on(connection: Connection) -> None:
    """XACT_ABORT decides, as for any error of a statement."""
    script = "EXECUTE sp_execute_external_script @language = N'Python', @script = N'raise ValueError(1)';"
    say(connection, "CREATE TABLE t (a INT)")
    for option, kept in (("OFF", 1), ("ON", 0)):
        batch = f"SET XACT_ABORT {option}; BEGIN TRANSACTION; INSERT INTO t VALUES (1); {script} COMMIT;"
        assert [each.number for each in say(connection, batch).errors] == [39004]
        assert rows(connection, "SELECT COUNT(*) FROM t; DELETE FROM t;") == [(kept,)]


@pytest.mark.parametrize(
    ("arguments", "number", "words"),
    [
        ("@language = N'Julia', @script = N'x = 1'", 39020, "'Julia' is not registered"),
        ("@language = N'Python', @script = N'x = 1', @parallel = 1", 40517, "@parallel = 1"),
        ("@language = N'Python', @script = N'x = 1', @r_rowsPerRead = 10", 40517, "@r_rowsPerRead = 10"),
        ("@language = N'Python', @script = N'x = 1', @input_data_1 = N'SELECT 0x01 AS b'", 39017, "hex text"),
        ("@language = N'Python', @script = N'x = 1', @input_data_1 = N'DELETE FROM t'", 39018, "one SELECT"),
        ("@language = N'Python', @script = N'x = 1', @input_data_1 = N'SELECT a FROM nowhere'", 208, "nowhere"),
        ("@language = N'Python'", 201, "@script"),
        ("@language = N'Python', @script = N'x = 1', @y = 2", 8145, "@y"),
    ],
)  # fmt: skip
def test_a_call_that_cannot_be_is_refused(connection: Connection, arguments: str, number: int, words: str) -> None:
    """The error has SQL Server's number where there is one, and says what is wrong."""
    found = error(connection, f"EXECUTE sp_execute_external_script {arguments};")
    assert found.number == number
    assert words in found.message


def test_parallel_zero_is_the_default_written_out(connection: Connection) -> None:
    """@parallel = 0 changes nothing."""
    said = say(
        connection,
        "EXECUTE sp_execute_external_script @language = N'Python', @script = N'OutputDataSet = InputDataSet', "
        "@input_data_1 = N'SELECT 5 AS a', @parallel = 0;",
    )
    assert (said.errors, said.results) == ([], [[(5,)]])
