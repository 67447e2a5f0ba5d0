"""`lungdb accounts` as people run it: a process of its own, at a terminal where it asks for a password."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from lungdb_web.administration import make_account
from lungdb_web.passwords import verify_password

from lungdb.database import connect
from lungdb.errors import SqlError
from tests.support.databases import copy_to, target_of
from tests.web.looking import query

HASH = "SELECT password_hash FROM dbo.accounts WHERE name = ?;"


@pytest.fixture
def database(installed_file: Path, tmp_path: Path) -> Path:
    """A database with no accounts."""
    return copy_to(tmp_path, installed_file)


def _command(database: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "lungdb.cli.main", "accounts", *arguments, "-d", target_of(database)]


def _run(database: Path, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(_command(database, *arguments), input=typed, capture_output=True, text=True)


def _at_terminal(database: Path, *arguments: str, typed: list[str]) -> tuple[int, str]:
    """Run it at a terminal, answer each question, and give status and all that the terminal showed."""
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, _command(database, *arguments))
    shown, answers, end = "", iter(typed), time.monotonic() + 60
    while time.monotonic() < end:
        if not select.select([terminal], [], [], 0.2)[0]:
            continue
        try:
            piece = os.read(terminal, 4096).decode()
        except OSError:
            break
        if not piece:
            break
        shown += piece
        if piece.rstrip().endswith(":"):
            os.write(terminal, (next(answers) + "\n").encode())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown


def test_a_password_is_asked_for_twice_and_not_shown(database: Path) -> None:
    """What is stored is a hash of it."""
    status, shown = _at_terminal(database, "add", "ana", "--role", "scorer", typed=["häkelnadel-17", "häkelnadel-17"])
    assert (status, "added as scorer" in shown, "häkel" in shown) == (0, True, False)
    [(stored,)] = query(database, HASH, "ana")
    assert verify_password(stored, "häkelnadel-17")
    assert verify_password(stored, "ha\u0308kelnadel-17")  # the same letters from another keyboard
    assert not verify_password(stored, "hakelnadel-17")


def test_two_passwords_that_differ_change_nothing(database: Path) -> None:
    """The account is not there afterwards."""
    status, shown = _at_terminal(database, "add", "ana", typed=["a long password", "another password"])
    assert status == 1
    assert "differ" in shown
    assert query(database, "SELECT COUNT(*) FROM dbo.accounts;") == [(0,)]


def test_a_generated_password_is_printed_once_and_works(database: Path) -> None:
    """It has 120 bits; the list does not show it, and a second one is another."""
    first = _run(database, "add", "ana", "--generate").stdout
    second = _run(database, "password", "ana", "--generate").stdout
    passwords = [re.search(r"shown only now: ([0-9a-f-]{35})$", text, re.MULTILINE) for text in (first, second)]
    assert passwords[0] is not None
    assert passwords[1] is not None
    assert passwords[0][1] != passwords[1][1]
    [(stored,)] = query(database, HASH, "ana")
    assert verify_password(stored, passwords[1][1])
    assert not verify_password(stored, passwords[0][1])
    listed = _run(database, "list").stdout
    assert "ana" in listed
    assert passwords[1][1] not in listed
    assert "argon2" not in listed


def test_a_list_shows_accounts_and_tokens(database: Path) -> None:
    """Role, truth, whether enabled; tokens with their number, purpose, end."""
    assert "There are no accounts. Add one" in _run(database, "list").stdout
    assert _run(database, "add", "ana", "--role", "scorer", "--sees-truth", "--generate").returncode == 0
    assert _run(database, "role", "ana", "--loads-scans").returncode == 0
    assert _run(database, "add", "PACS proxy", "--no-password").returncode == 0
    assert _run(database, "token", "ana", "--for", "nightly job", "--days", "30").returncode == 0
    assert _run(database, "disable", "PACS proxy").returncode == 0
    lines = [re.split(r"\s{2,}", line) for line in _run(database, "list").stdout.splitlines()]
    accounts = {line[0]: line[1:6] for line in lines}
    assert accounts["ana"] == ["scorer", "yes", "yes", "yes", "yes"]
    assert accounts["PACS proxy"] == ["reader", "no", "no", "no", "no"]
    assert ["1", "ana", "nightly job"] in [line[1:4] for line in lines]


def test_what_an_account_may_do_can_be_changed(database: Path) -> None:
    """Only what is named changes."""
    select = "SELECT role, sees_truth, is_enabled FROM dbo.accounts;"
    _run(database, "add", "ana", "--generate")
    for arguments, expected in (
        (("role", "ana", "scorer"), ("scorer", False, True)),
        (("role", "ana", "--sees-truth"), ("scorer", True, True)),
        (("disable", "ana"), ("scorer", True, False)),
        (("role", "ana", "reader", "--no-sees-truth"), ("reader", False, False)),
        (("enable", "ana"), ("reader", False, True)),
    ):
        assert _run(database, *arguments).returncode == 0, arguments
        assert query(database, select) == [expected], arguments


def test_a_revoked_token_cannot_be_revoked_again(database: Path) -> None:
    """It says so, and so it does for a number that never was."""
    _run(database, "add", "ana", "--no-password")
    token = _run(database, "token", "ana").stdout.splitlines()[-1]
    assert re.fullmatch(r"lungdb_[\w-]{43}", token)
    assert _run(database, "revoke", "1").returncode == 0
    for number in ("1", "7"):
        done = _run(database, "revoke", number)
        assert done.returncode == 1
        assert f"no valid token of the number {number}" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "typed", "sentence"),
    [
        (("add", "ana"), "a long password\n", "There is an account 'ana' already."),
        (("add", "ANA"), "a long password\n", "There is an account 'ANA' already."),
        (("add", "bob"), "short\n", "The password has 5 characters. Choose one of 12 to 256."),
        (("add", "bob"), "x" * 257, "The password has 257 characters."),
        (("add", ""), "a long password\n", "Give a name of 1 to 128 visible characters"),
        (("add", " bob"), "a long password\n", "Give a name of 1 to 128 visible characters"),
        (("add", "bob "), "a long password\n", "Give a name of 1 to 128 visible characters"),
        (("add", "b" * 129), "a long password\n", "Give a name of 1 to 128 visible characters"),
        (("add", "bob\n1"), "a long password\n", "Give a name of 1 to 128 visible characters"),
        (("disable", "n%o"), "", "There is no account 'n%o'."),
        (("token", "nobody"), "", "There is no account 'nobody'."),
        (("password", "nobody"), "a long password\n", "There is no account 'nobody'."),
        (("role", "ana"), "", "Nothing is to be changed."),
        (("token", "ana", "--days", "0"), "", "Supported values are 1 to 3660."),
        (("token", "ana", "--days", "99999"), "", "Supported values are 1 to 3660."),
        (("add", "bob", "--generate", "--no-password"), "", "exclude each other"),
    ],
)
def test_a_mistake_is_refused_in_a_sentence(
    database: Path, arguments: tuple[str, ...], typed: str, sentence: str
) -> None:
    """Status 1, no traceback, and no account more than before."""
    with closing(connect(target_of(database))) as connection:
        make_account(connection, "ana")
    done = _run(database, *arguments, typed=typed)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert query(database, "SELECT name FROM dbo.accounts;") == [("ana",)]
    assert query(database, "SELECT COUNT(*) FROM dbo.access_tokens;") == [(0,)]


def test_a_role_that_there_is_not_is_refused_by_the_database_too(database: Path) -> None:
    """Whoever calls the procedure from elsewhere is told the roles."""
    with pytest.raises(SqlError, match="Supported values are reader, scorer and administrator") as refusal:
        query(database, "EXECUTE dbo.StoreAccount @Name = N'ana', @IsNew = 1, @Role = 'admin';")
    assert refusal.value.number == 50101


def test_a_database_without_the_tables_is_refused(tmp_path: Path) -> None:
    """With the command that makes them."""
    done = _run(tmp_path / "empty.db", "list")
    assert done.returncode == 1
    assert "lungdb install" in done.stderr
