"""`lungdb doctor` shows what dbo.Doctor says, and what only a client sees."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from lungdb import SCHEMA_VERSION
from lungdb.cli.main import main
from lungdb.database import Connection, connect, run
from lungdb.database.client import way_of
from lungdb.errors import SqlError
from lungdb.operating.doctor import STATES, Finding, examine, table
from tests.support.databases import copy_to, said, target_of


def test_the_command_shows_the_worst_first_in_120_columns(
    asked_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Fault, warning, ok; the statement in full; and exit status 1, which is 0 when the fault is mended."""
    target = target_of(copy_to(tmp_path, asked_file))
    with closing(connect(target)) as connection:
        run(connection, "DROP INDEX IX_runs_status ON dbo.runs; UPDATE dbo.settings SET value = N'cuda' "
                        "WHERE name = N'providers';")  # fmt: skip
    assert main(["doctor", "-d", target]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 120
    assert lines[0].startswith("fault ")
    assert lines[1].split() == [">", "CREATE", "INDEX", "IX_runs_status", "ON", "dbo.runs", "(status);"]
    assert lines[2].startswith("warning ")
    assert lines[-1].startswith("1 fault, 1 warning, ")
    states = [state for line in lines[:-2] for state in STATES if line.startswith(f"{state}  ")]
    assert states == sorted(states, key=STATES.index)
    for name in ("driver", "encryption", "clock", "round trip", "package here", "numpy", "backups"):
        assert any(line[16:].startswith(name) for line in lines), name
    with closing(connect(target)) as connection:
        run(connection, "CREATE INDEX IX_runs_status ON dbo.runs (status);")
    assert main(["doctor", "-d", target]) == 0


def test_no_word_is_lost_in_the_table() -> None:
    """Long texts are broken at blanks, a word longer than the line in the middle."""
    mend = "python -m pip install " + "x" * 100 + " end"
    lines = list(table([Finding("a check", "fault", "word " * 60, mend)], 60, str))
    assert max(map(len, lines)) <= 60
    text = "".join("".join(line[16:].removeprefix("> ").split()) for line in lines)
    assert text == ("word" * 60 + mend).replace(" ", "")


def test_a_database_without_the_doctor_is_told_to_install(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And a file that is not there is not made."""
    target = target_of(tmp_path / "empty.db")
    assert main(["doctor", "-d", target]) == 1
    assert "The database's file is not there." in capsys.readouterr().err
    assert not (tmp_path / "empty.db").exists()
    connect(target).close()
    assert main(["doctor", "-d", target]) == 1
    assert "Run: lungdb install -d TARGET" in capsys.readouterr().err


def test_an_older_package_here_is_a_fault(asked: Connection, asked_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is here is compared with the database, and what is in the server's Python with what is here."""
    target = target_of(asked_file)

    def here() -> Finding:
        return next(each for each in examine(asked, target) if each.check == "package here")

    assert here().state == "ok"
    monkeypatch.setattr("lungdb.__version__", "9.9")
    assert (here().state, "Here is lungdb 9.9" in here().found) == ("warning", True)
    monkeypatch.setattr("lungdb.SCHEMA_VERSION", 9)
    assert (here().state, here().mend[:21]) == ("fault", "python -m pip install")
    monkeypatch.setattr("lungdb.SCHEMA_VERSION", SCHEMA_VERSION + 1)
    assert (here().state, here().mend) == ("fault", "lungdb install -d TARGET")


class _Refusing:
    """A connection on which nobody may see anything."""

    says_at_once = True

    def cursor(self) -> Connection:
        raise SqlError(300, "VIEW SERVER STATE permission was denied.")

    def close(self) -> None:
        """Nothing to close."""


def test_a_target_shows_its_encryption_and_no_secret() -> None:
    """What is said of encryption, and nothing else of the connection string."""
    way = way_of(_Refusing(), "Driver={x};Server=s;UID=u;PWD=geheim;Encrypt=yes; TrustServerCertificate = Yes;")
    assert (way.is_local, way.is_encrypted, way.trusts_any_certificate) == (False, None, True)
    assert way.asked == "Encrypt=yes; TrustServerCertificate=Yes"
    assert "geheim" not in repr(way)


def test_help_says_who_looks_at_what(asked: Connection, capsys: pytest.CaptureFixture[str]) -> None:
    """`lungdb check` verifies the data, the doctor the installation: each names the other."""
    for command, other in (("doctor", "lungdb check verifies"), ("check", "lungdb doctor looks")):
        with pytest.raises(SystemExit):
            main([command, "--help"])
        assert other in " ".join(capsys.readouterr().out.split())
    assert "`lungdb check` verifies the data" in said(asked, "EXECUTE dbo.Doctor @Help = 1;")
