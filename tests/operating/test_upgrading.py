"""`lungdb install` on an older database: a terminal is asked for a backup, everything else is refused without one."""

from __future__ import annotations

import os
import pty
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from lungdb import SCHEMA_VERSION
from lungdb.cli.main import main
from lungdb.cli.upgrading import ask_for_backup
from lungdb.database import connect
from lungdb.errors import LungdbError
from tests.old_schema import unpack_schema_7, unpack_schema_9
from tests.support.databases import copy_to, rows, target_of

OLD = pytest.mark.parametrize(("unpack", "version"), [(unpack_schema_7, 7), (unpack_schema_9, 9)], ids=["7", "9"])
INSTALL = [sys.executable, "-m", "lungdb.cli.main", "install"]
QUESTION = b"[y/N] "


def _version(file: Path) -> int:
    with closing(sqlite3.connect(file)) as connection:
        (found,) = connection.execute("SELECT MAX(version) FROM schema_version").fetchone()
    return int(found)


def _at_a_terminal(arguments: list[str], answer: bytes | Callable[[int], None]) -> tuple[int, str]:
    """Run a command at a terminal of its own and answer its question; returns the exit status and what it showed."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(arguments[0], arguments)
    shown = b""
    is_answered = False
    while True:
        try:
            shown += os.read(terminal, 4096)
        except OSError:  # as Linux says that the other side has ended
            break
        if QUESTION in shown and not is_answered:
            is_answered = True
            if callable(answer):
                answer(pid)
            else:
                os.write(terminal, answer)
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


@OLD
def test_without_a_terminal_it_is_refused_and_the_way_out_works(
    unpack: Callable[[Path], Path], version: int, tmp_path: Path
) -> None:
    """The file stays byte by byte; the command that is said makes a copy of it, and --backed-up upgrades."""
    file = unpack(tmp_path)
    before = file.read_bytes()
    command = [*INSTALL, "-d", target_of(file)]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"is at schema version {version}, and this lungdb makes it version {SCHEMA_VERSION}" in done.stderr
    assert "Nothing was changed. Make a backup, then run: lungdb install --backed-up -d TARGET" in done.stderr
    assert "Traceback" not in done.stderr
    assert file.read_bytes() == before
    subprocess.run(done.stderr.splitlines()[1].strip(), shell=True, check=True)
    copy = file.with_name(f"{file.stem}_before_{SCHEMA_VERSION}.db")
    assert _version(copy) == version
    assert main(["install", "--backed-up", "-d", target_of(file)]) == 0
    assert (_version(file), _version(copy)) == (SCHEMA_VERSION, version)


@pytest.mark.parametrize(
    ("unpack", "version", "answer"),
    [
        (unpack_schema_9, 9, b"\n"),
        (unpack_schema_7, 7, b"n\n"),
        (unpack_schema_9, 9, b"yess\n"),
        (unpack_schema_9, 9, b"\x04"),
        (unpack_schema_9, 9, b"\x03"),
    ],
    ids=["Enter", "n", "typo", "EOF", "Ctrl-C"],
)
def test_any_answer_but_yes_changes_nothing(
    unpack: Callable[[Path], Path], version: int, answer: bytes, tmp_path: Path
) -> None:
    """Enter, no, a slip of the finger, the end of the input, Ctrl-C: exit status 1, as of other refusals."""
    file = unpack(tmp_path)
    before = file.read_bytes()
    status, shown = _at_a_terminal([*INSTALL, "-d", target_of(file)], answer)
    assert status == 1
    assert f"is at schema version {version}" in shown
    assert "Nothing was changed." in shown
    assert "Traceback" not in shown
    assert file.read_bytes() == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("unpack", "version", "answer"), [(unpack_schema_7, 7, b"y\n"), (unpack_schema_9, 9, b"YES\n")], ids=["y", "YES"]
)
def test_yes_upgrades(unpack: Callable[[Path], Path], version: int, answer: bytes, tmp_path: Path) -> None:
    """What is said while it does so says again that a backup leads back."""
    file = unpack(tmp_path)
    status, shown = _at_a_terminal([*INSTALL, "-d", target_of(file)], answer)
    assert status == 0
    assert f"Upgrading from schema version {version} to {SCHEMA_VERSION}." in shown
    assert _version(file) == SCHEMA_VERSION


def test_a_termination_at_the_question_changes_nothing(tmp_path: Path) -> None:
    """Whoever stops the command from elsewhere has not answered."""
    file = unpack_schema_9(tmp_path)
    before = file.read_bytes()
    status, shown = _at_a_terminal([*INSTALL, "-d", target_of(file)], lambda pid: os.kill(pid, signal.SIGTERM))
    assert (status, "Nothing was changed." in shown) == (1, True)
    assert file.read_bytes() == before


def test_a_new_database_and_a_current_one_are_not_asked_about(installed_file: Path, tmp_path: Path) -> None:
    """At a terminal and without one; one whose first installation was killed is new."""
    current, new = copy_to(tmp_path, installed_file), tmp_path / "new.db"
    for file in (new, current):
        status, shown = _at_a_terminal([*INSTALL, "-d", target_of(file)], b"")
        assert (status, QUESTION.decode() in shown, "Upgrading" in shown) == (0, False, False)
    assert main(["install", "-d", target_of(current)]) == 0
    with closing(connect(target_of(current))) as connection:
        rows(connection, "DELETE FROM dbo.schema_version; SELECT 1;")
    assert main(["install", "-d", target_of(current)]) == 0
    assert _version(current) == SCHEMA_VERSION


def test_the_demo_upgrades_no_database_of_before_unasked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its folder may hold one that somebody has worked in."""
    file = unpack_schema_9(tmp_path)
    before = file.read_bytes()
    (tmp_path / "l.csv").write_text("id,cancer\nx,1\n")
    assert main(["demo", "--folder", str(tmp_path), "--scans", str(tmp_path), "--labels", str(tmp_path / "l.csv")]) == 1
    assert "lungdb install --backed-up" in capsys.readouterr().err
    assert file.read_bytes() == before


def test_of_a_server_the_statement_is_named(tmp_path: Path) -> None:
    """With the database's name, in brackets; and the part that is installed there."""
    target = target_of(unpack_schema_9(tmp_path).rename(tmp_path / "a]'b.db"))
    with closing(connect(target)) as connection, pytest.raises(LungdbError) as caught:
        ask_for_backup(connection, "Driver={x};Server=y", sql_only=True)
    assert "lungdb install --sql-only --backed-up" in str(caught.value)
    named = f"N'a]''b_before_{SCHEMA_VERSION}.bak'"
    assert f"BACKUP DATABASE [a]]'b] TO DISK = {named} WITH COPY_ONLY, CHECKSUM;" in str(caught.value)
