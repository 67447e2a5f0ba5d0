"""`lungdb sql` and `lungdb install` as a person at a terminal meets them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lungdb.cli.main import COMMANDS, main
from lungdb.cli.sql import run_and_print
from lungdb.database import sql_directory
from lungdb.errors import SqlError


@pytest.fixture
def database(tmp_path: Path) -> list[str]:
    """The -d option for an empty database."""
    return ["-d", f"sqlite:///{(tmp_path / 'clinic.db').as_posix()}"]


def test_results_are_tables_and_counts_are_said(database: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Numbers stand right, text left, NULL is named, bytes are hexadecimal, as sqlcmd shows them."""
    status = main(
        [
            "sql",
            *database,
            "-q",
            "SELECT 1 AS n, N'ab' AS t, NULL AS x, 0x0AFF AS b UNION ALL SELECT 10, N'c', NULL, 0x;",
        ]
    )
    assert status == 0
    assert capsys.readouterr().out.splitlines() == [
        " n  t   x     b",
        "--  --  ----  ------",
        " 1  ab  NULL  0x0AFF",
        "10  c   NULL  0x",
        "",
        "(2 rows affected)",
        "",
    ]


def test_an_error_has_sql_servers_form_and_the_next_batch_still_runs(
    database: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line is that of the file; exit status 1; with -b nothing runs after the error."""
    script = tmp_path / "script.sql"
    script.write_text("PRINT N'first';\nGO\n\nSELECT nope FROM dbo.missing;\nGO\nPRINT N'last';\n", encoding="utf-8")
    assert main(["sql", *database, "-i", str(script)]) == 1
    said = capsys.readouterr()
    assert said.out.splitlines() == ["first", "last"]
    assert said.err.splitlines() == ["Msg 208, Level 16, State 1, Line 4", "Invalid object name 'dbo.missing'."]
    assert main(["sql", *database, "-b", "-i", str(script)]) == 1
    assert capsys.readouterr().out.splitlines() == ["first"]


def test_rows_before_an_error_stay(database: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What was read is shown (SQLite reads one row ahead); the batch after it still says what it has."""
    script = (
        "CREATE TABLE dbo.t (a INT);\nINSERT INTO dbo.t (a) VALUES (5), (2), (0), (1);\nGO\n"
        "SELECT 10 / a AS tenth FROM dbo.t;\nGO\nPRINT N'after';\n"
    )
    assert main(["sql", *database, "-q", script]) == 1
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert lines[:5] == ["(4 rows affected)", "", "tenth", "-----", "    2"]
    assert re.fullmatch(r"\((1 row was|2 rows were) read before the error; more may be there\)", lines[-3])
    assert lines[-1] == "after"
    assert said.err.splitlines() == [
        "Msg 8134, Level 16, State 1, Line 4",
        "Divide by zero error encountered. Use NULLIF(divisor, 0) for a NULL instead.",
    ]


class BrokenServer:
    """A connection and cursor whose second reading fails and goes on failing, as ODBC tells of a lost server."""

    says_at_once = True
    description = (("n",),)
    rowcount = -1
    messages = ()

    def __init__(self, error: SqlError) -> None:
        self.error = error
        self.rows = [(2,), (1,)]

    def cursor(self) -> BrokenServer:
        """Return itself."""
        return self

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Have a result."""

    executemany = execute

    def fetchone(self) -> Any:
        """Return two rows, then fail."""
        if self.rows:
            return self.rows.pop()
        raise self.error

    def fetchmany(self, size: int = 1) -> list[Any]:
        """Fail."""
        raise self.error

    fetchall = nextset = fetchmany

    def close(self) -> None:
        """Do nothing."""


@pytest.mark.parametrize("error", [SqlError(596, "Killed.", severity=20), SqlError(0, "Strange type.")])
def test_what_a_broken_reading_gave_stays_and_it_ends(error: SqlError, capsys: pytest.CaptureFixture[str]) -> None:
    """A driver's own error and a lost connection, which would be told again and again."""
    assert not run_and_print(BrokenServer(error), "SELECT n FROM dbo.t;")
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "n",
        "-",
        "1",
        "2",
        "",
        "(2 rows were read before the error; more may be there)",
        "",
    ]
    assert said.err.splitlines() == [*str(error).splitlines(), "What else this batch had to say was not read."]


def test_standard_input_is_read(database: list[str]) -> None:
    """As a pipe feeds sqlcmd."""
    command = [sys.executable, "-m", "lungdb.cli.main", "sql", *database]
    done = subprocess.run(
        command, input="PRINT N'ż';\nGO\n", capture_output=True, text=True, encoding="utf-8", check=True
    )
    assert done.stdout == "ż\n"


def test_a_long_value_is_cut(database: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A model's bytes do not flood the screen."""
    assert (
        main(
            [
                "sql",
                *database,
                "-y",
                "10",
                "-q",
                "SELECT REPLICATE('x', 50) AS a, CAST(REPLICATE('y', 50) AS VARBINARY(MAX)) AS b;",
            ]
        )
        == 0
    )
    assert capsys.readouterr().out.splitlines()[2] == "xxxxxxxxx…  0x7979797…"


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        ([], 2, "usage: lungdb COMMAND"),
        (["dmeo"], 2, "no command 'dmeo'"),
        (["sql", "-d", "nonsense", "-q", "SELECT 1;"], 1, "not understood"),
        (["sql", "-d", "sqlite:///x.db", "-i", "no-such-file.sql"], 1, "cannot be read"),
        (["--version"], 0, "lungdb "),
    ],
)
def test_wrong_usage_is_told_without_a_traceback(
    arguments: list[str], status: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One or two plain sentences, and an exit status that scripts can use."""
    assert main(arguments) == status
    said = capsys.readouterr()
    assert says in said.out + said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """--help ends with status 0 and names the command."""
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"lungdb {command}" in capsys.readouterr().out


def test_installing_says_which_version_it_is_at(database: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """That of the newest migration, once and again."""
    newest = max(int(path.name[:4]) for path in (sql_directory() / "migrations").glob("[0-9]*.sql"))
    for _ in range(2):
        assert main(["install", *database]) == 0
        assert capsys.readouterr().out == f"clinic is at schema version {newest}.\n"


def test_bytes_that_are_no_utf_8_get_a_sentence(tmp_path: Path) -> None:
    """On the command line as on standard input."""
    command = [sys.executable, "-m", "lungdb.cli.main", "sql", "-d", f"sqlite:///{tmp_path / 'x.db'}"]
    script = b"SELECT N'\xff'"
    as_argument = subprocess.run([*command, "-q", script], capture_output=True, check=False)
    as_input = subprocess.run(command, input=script, capture_output=True, check=False)
    for done in (as_argument, as_input):
        assert done.returncode == 1
        assert b"UTF-8" in done.stderr
        assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("target", "is_warned"),
    [
        ("Driver={None};Server=x;UID=sa;PWD=secret words", True),
        ("Driver={None};Server=x;uid=sa; Password = secret words", True),
        ("Driver={None};Server=x;Trusted_Connection=yes", False),
    ],
)
def test_a_password_on_the_command_line_is_warned_of(
    target: str, is_warned: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever lists the processes of the machine reads it; it is not repeated, and the command goes on."""
    assert main(["sql", "-d", target, "-q", "SELECT 1;"]) == 1
    said = capsys.readouterr().err
    assert ("LUNGDB_DATABASE" in said) == is_warned
    assert "secret words" not in said
