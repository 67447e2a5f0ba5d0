"""`lungdb serve` as a process of its own: it says where it is, serves, refuses what is unsafe, and ends cleanly."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from lungdb_web.administration import add_account
from lungdb_web.serving import make_server

from lungdb.cli import serve
from lungdb.config import Settings
from lungdb.database import connect
from tests.support.databases import target_of

SECRET = "a secret of sixteen and more"
ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/")


@pytest.fixture
def file(installed_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, in a working directory without a config.py."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("LUNGDB_")]:
        monkeypatch.delenv(name)
    return Path(shutil.copy(installed_file, tmp_path / "lung_cancer_database.db"))


def add_ana(file: Path) -> None:
    """Add an account."""
    with closing(connect(target_of(file))) as connection:
        add_account(connection, "ana", None, "scorer", False)


@contextmanager
def serving(file: Path) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """Run the command until the block ends; gives the process, the address that it printed, and the line before."""
    command = [sys.executable, "-m", "lungdb.cli.main", "serve", "-d", target_of(file), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        before, line = process.stdout.readline(), process.stdout.readline()
        found = ADDRESS.search(line)
        assert found is not None
        yield process, found.group(0), before
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def status_of(address: str) -> int:
    """Ask for a page without following where it leads."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *arguments: object, **named: object) -> None:
            return None

    try:
        with urllib.request.build_opener(Stay).open(address, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_where_it_says_and_ends_cleanly_when_interrupted(file: Path, ending: signal.Signals) -> None:
    """Status 0 and no traceback, by Ctrl-C and by a service manager; the database is closed, so no journal stays."""
    with serving(file) as (process, address, before):
        assert status_of(f"{address}health") == 200
        assert status_of(address) == 303
        assert status_of(f"{address}sign-in") == 200
        process.send_signal(ending)
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")
    assert "lungdb accounts add" in before
    assert not file.with_name(f"{file.name}-wal").exists()


def test_a_database_that_goes_away_while_it_serves_comes_back_without_a_restart(file: Path) -> None:
    """By real files and a real server; nothing is made in the place of what is missing."""
    with serving(file) as (_, address, _):
        assert status_of(f"{address}health") == 200
        away = file.parent / "away"
        away.mkdir()
        for part in file.parent.glob(f"{file.name}*"):
            part.rename(away / part.name)
        assert status_of(f"{address}health") == 503
        assert not file.exists()
        for part in away.iterdir():
            part.rename(file.parent / part.name)
        assert status_of(f"{address}health") == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "clinic.example"])
def test_without_accounts_it_listens_on_this_machine_alone(
    file: Path, host: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secret does not make up for it."""
    monkeypatch.setenv("LUNGDB_WEB_SECRET", SECRET)
    assert serve.main(["-d", target_of(file), "--host", host, "--port", "0"]) == 1
    assert "lungdb accounts add" in capsys.readouterr().err


def test_a_short_secret_is_refused_before_it_listens(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence says which setting, how long, and does not repeat it."""
    add_ana(file)
    monkeypatch.setenv("LUNGDB_WEB_SECRET", "fifteen letters")
    monkeypatch.setenv("LUNGDB_WEB_HOSTS", "ct.clinic.example")
    assert serve.main(["-d", target_of(file), "--host", "0.0.0.0", "--port", "0"]) == 1
    message = capsys.readouterr().err
    assert "web_secret" in message
    assert "16" in message
    assert "fifteen" not in message


@pytest.mark.parametrize(("scheme", "is_warned"), [("http", True), ("https", False)])
def test_plain_http_beyond_this_machine_is_warned_of(
    file: Path, scheme: str, is_warned: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it listens, with the remedy; the port is taken, so that the command ends."""
    add_ana(file)
    settings = {"SECRET": SECRET, "HOSTS": "ct.clinic.example", "SCHEME": scheme}
    for name, value in settings.items():
        monkeypatch.setenv(f"LUNGDB_WEB_{name}", value)
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        assert serve.main(["-d", target_of(file), "--host", "0.0.0.0", "--port", str(taken.getsockname()[1])]) == 1
    message = capsys.readouterr().err
    assert ("plain HTTP" in message) == is_warned
    assert "Nothing can listen" in message


def test_beyond_this_machine_it_says_by_which_names_it_is_reached(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a stranger's name could lead to it."""
    add_ana(file)
    monkeypatch.setenv("LUNGDB_WEB_SECRET", SECRET)
    assert serve.main(["-d", target_of(file), "--host", "0.0.0.0", "--port", "0"]) == 1
    assert "web_hosts" in capsys.readouterr().err


def test_a_disabled_account_is_no_account(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody could sign in."""
    from lungdb_web.administration import change_account

    add_ana(file)
    with closing(connect(target_of(file))) as connection:
        change_account(connection, "ana", is_enabled=False)
    monkeypatch.setenv("LUNGDB_WEB_SECRET", SECRET)
    assert serve.main(["-d", target_of(file), "--host", "0.0.0.0", "--port", "0"]) == 1
    assert "no accounts" in capsys.readouterr().err


def test_a_missing_database_is_refused_and_not_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty one would be served as one without patients."""
    assert serve.main(["-d", target_of(tmp_path / "missing.db"), "--port", "0"]) == 1
    assert "missing.db" in capsys.readouterr().err
    assert not (tmp_path / "missing.db").exists()


def test_a_database_without_lungdb_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the command that puts it right."""
    connect(target_of(tmp_path / "empty.db")).close()
    assert serve.main(["-d", target_of(tmp_path / "empty.db"), "--port", "0"]) == 1
    assert "lungdb install" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["http", "-1", "65536", "５０００"])
def test_a_port_that_is_none_is_refused(file: Path, port: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is opened."""
    assert serve.main(["-d", target_of(file), f"--port={port}"]) == 1
    assert "0 to 65535" in capsys.readouterr().err


def test_a_port_in_use_is_refused_with_a_sentence(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not with a traceback."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert serve.main(["-d", target_of(file), "--port", str(port)]) == 1
    assert f"port {port}" in capsys.readouterr().err


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="only Linux gives up on who reads no further")
def test_a_client_that_reads_no_further_does_not_keep_its_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 64 MiB it takes ten bytes and stays connected; what was being sent is given up, by the real server."""
    monkeypatch.setattr("lungdb_web.serving.STALLED_SECONDS", 1)
    given_up = threading.Event()

    def sent() -> Iterator[bytes]:
        try:
            for _ in range(64):
                yield bytes(2**20)
        finally:
            given_up.set()

    def app(environ: dict[str, object], start: Callable[[str, list[tuple[str, str]]], object]) -> Iterator[bytes]:
        start("200 OK", [("Content-Type", "application/octet-stream")])
        return sent()

    server = make_server(app, Settings(web_host="127.0.0.1"), 0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    with closing(server), socket.create_connection(("127.0.0.1", server.effective_port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
        assert client.recv(10) == b"HTTP/1.1 2"
        assert given_up.wait(30)
