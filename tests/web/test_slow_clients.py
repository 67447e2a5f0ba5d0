"""Clients that open connections and send little or nothing keep nobody else out of the page."""

from __future__ import annotations

import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from flask import Flask
from lungdb_web import connections
from lungdb_web.serving import make_server

from lungdb.config import Settings

HALF = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@pytest.fixture
def port(app: Flask) -> Iterator[int]:
    """The application, served as `lungdb serve` serves it."""
    server = make_server(app, Settings(web_host="127.0.0.1"), 0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield server.effective_port
    server.close()
    thread.join(10)


def asked(port: int) -> float:
    """Ask for a page; gives the seconds that it took."""
    begun = time.monotonic()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=30) as answer:
        assert answer.status == 200
    return time.monotonic() - begun


def is_closed(connection: socket.socket, seconds: float) -> bool:
    """Tell whether the server closes a connection within that time."""
    connection.settimeout(seconds)
    try:
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def is_closed_while_it_sends(connection: socket.socket, seconds: float) -> bool:
    """Send a byte now and then for that time; tells whether the server closes the connection meanwhile."""
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            connection.sendall(b"X")
            time.sleep(0.2)
    except ConnectionError:
        return True
    return False


def test_hundreds_of_half_requests_of_one_client_do_not_stop_the_page(port: int) -> None:
    """Six times as many as an address may keep: the newest stay, the oldest are closed, and a page is served."""
    with ExitStack() as stack:
        opened = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(600)]
        for number, connection in enumerate(opened):
            if not number % 2:
                connection.sendall(HALF)
        asked(port)
        assert is_closed(opened[0], 10)
        assert not is_closed(opened[-1], 0.2)


def test_a_request_that_comes_byte_by_byte_is_given_up(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its time runs from the first byte, so a byte now and then does not prolong it; one in time is answered."""
    monkeypatch.setattr(connections, "REQUEST_SECONDS", 1.0)
    with socket.create_connection(("127.0.0.1", port)) as slow, socket.create_connection(("127.0.0.1", port)) as other:
        slow.sendall(HALF)
        other.sendall(HALF + b"\r\n")
        other.settimeout(30)
        assert other.recv(12) == b"HTTP/1.1 200"
        assert is_closed_while_it_sends(slow, 20)


def test_a_body_that_does_not_come_is_given_up(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The headers are whole, and more is announced than is sent."""
    monkeypatch.setattr(connections, "REQUEST_SECONDS", 1.0)
    with socket.create_connection(("127.0.0.1", port)) as slow:
        slow.sendall(b"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nname=")
        assert is_closed(slow, 20)


def test_a_connection_that_is_kept_open_serves_again(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer than one request may take: a browser's next request finds its connection."""
    monkeypatch.setattr(connections, "REQUEST_SECONDS", 0.5)
    with socket.create_connection(("127.0.0.1", port)) as kept:
        kept.settimeout(30)
        for _ in range(2):
            kept.sendall(HALF + b"\r\n")
            received = b""
            while not received.endswith(b"ok\n"):
                received += kept.recv(4096)
            time.sleep(1.5)
