"""The files for nginx and Caddy that deploy/proxy has: real proxies before the real page, over TLS."""

from __future__ import annotations

import http.client
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from lungdb_web.serving import make_server

from lungdb.config import Settings
from tests.support.web import MakeApp, csrf_of
from tests.web.looking import audit

PROXIES = Path(__file__).resolve().parents[2] / "deploy" / "proxy"
NAME = "ct.clinic.example"
SECONDS = 30.0


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@pytest.fixture
def page(make_app: MakeApp, settings: Settings) -> Iterator[int]:
    """The port of the page, set up as the files say."""
    app = make_app(replace(settings, web_scheme="https", web_hosts=NAME))
    server = make_server(app, Settings(web_host="127.0.0.1", web_scheme="https"), 0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield server.effective_port
    server.close()
    thread.join(10)


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for the site's name, and its key."""
    made, key = tmp_path / "site.pem", tmp_path / "site.key"
    subject = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run([*command, "-keyout", key, "-out", made], check=True, capture_output=True)
    return made, key


def _nginx(folder: Path, page: int, port: int, certificate: tuple[Path, Path]) -> list[str]:
    text = (PROXIES / "nginx.conf").read_text(encoding="utf-8")
    for before, after in (
        ("listen [::]:443 ssl;", ""),
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        (f"/etc/ssl/certs/{NAME}.pem", str(certificate[0])),
        (f"/etc/ssl/private/{NAME}.key", str(certificate[1])),
        ("/var/log/nginx/lungdb.log", str(folder / "access.log")),
        ("127.0.0.1:5000", f"127.0.0.1:{page}"),
        ("client_header_timeout 10s", "client_header_timeout 1s"),
    ):
        assert before in text
        text = text.replace(before, after)
    kept = "".join(
        f"{name}_temp_path {folder / name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"pid {folder}/nginx.pid;\nerror_log {folder}/error.log;\nevents {{}}\nhttp {{\n{kept}{text}\n}}\n"
    )
    return ["nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder), "-g", "daemon off;"]


def _caddy(folder: Path, page: int, port: int, certificate: tuple[Path, Path]) -> list[str]:
    text = (PROXIES / "Caddyfile").read_text(encoding="utf-8")
    for before, after in (
        ("{\n\tservers {", "{\n\tadmin off\n\tauto_https off\n\tservers {"),
        (f"\n{NAME} {{", f"\nhttps://{NAME}:{port} {{\n\tbind 127.0.0.1\n\ttls {certificate[0]} {certificate[1]}"),
        ("127.0.0.1:5000", f"127.0.0.1:{page}"),
        ("read_header 10s", "read_header 1s"),
    ):
        assert before in text
        text = text.replace(before, after)
    (folder / "Caddyfile").write_text(text)
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


@pytest.fixture(params=[_nginx, _caddy], ids=["nginx", "caddy"])
def proxy(
    request: pytest.FixtureRequest, tmp_path: Path, page: int, certificate: tuple[Path, Path]
) -> Iterator[tuple[int, ssl.SSLContext]]:
    """The port of a proxy that runs, and what trusts its certificate."""
    write: Callable[[Path, int, int, tuple[Path, Path]], list[str]] = request.param
    port = _free_port()
    command = write(tmp_path, page, port, certificate)
    program = shutil.which(command[0], path="/usr/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        pytest.skip(f"{command[0]} is not installed")
    with (tmp_path / "output").open("wb") as output:
        process = subprocess.Popen(
            [program, *command[1:]], stdout=output, stderr=output, env={"HOME": str(tmp_path), "PATH": "/usr/bin"}
        )
    try:
        end = time.monotonic() + SECONDS
        while process.poll() is None and time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.1)
        assert process.poll() is None, (tmp_path / "output").read_text()
        yield port, ssl.create_default_context(cafile=str(certificate[0]))
    finally:
        process.terminate()
        process.wait(SECONDS)


def _connect(proxy: tuple[int, ssl.SSLContext]) -> ssl.SSLSocket:
    port, context = proxy
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), SECONDS), server_hostname=NAME)


def _ask(
    proxy: tuple[int, ssl.SSLContext], method: str, path: str, body: str = "", **headers: str
) -> tuple[int, http.client.HTTPMessage, str]:
    with _connect(proxy) as connection:
        named = {"Host": NAME, "Connection": "close", "Content-Type": "application/x-www-form-urlencoded", **headers}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name.replace('_', '-')}: {value}" for name, value in named.items())]
        text = body.encode()
        connection.sendall("\r\n".join([*lines, f"Content-Length: {len(text)}", "", ""]).encode() + text)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.status, answer.headers, answer.read().decode()


def test_the_page_behind_it_serves_and_signs_in(proxy: tuple[int, ssl.SSLContext], web_database: Path) -> None:
    """With cookies for HTTPS alone; the audit has the client's address, whatever the client says of itself."""
    status, headers, html = _ask(proxy, "GET", "/sign-in")
    assert status == 200
    assert "__Host-lungdb" in headers["Set-Cookie"]
    assert "max-age=31536000" in headers["Strict-Transport-Security"]
    cookie = headers["Set-Cookie"].partition(";")[0]
    form = f"name=ana&password=wrong&csrf_token={csrf_of(html)}"
    forged = {"X_Forwarded_For": "Anthony Okafor", "X_Remote_User": "ana", "Cookie": cookie}
    assert _ask(proxy, "POST", "/sign-in", form, **forged)[0] == 403
    assert audit(web_database, "account, action, outcome, address")[-1] == ("ana", "sign_in", "refused", "127.0.0.1")
    assert _ask(proxy, "GET", "/", X_Remote_User="ana")[0] == 303
    assert _ask(proxy, "GET", "/health")[2] == "ok\n"


def test_a_client_that_sends_half_a_request_is_given_up_and_too_much_is_refused(
    proxy: tuple[int, ssl.SSLContext],
) -> None:
    """The page behind it never sees either; Caddy 2.6 says of too much, as it comes, that the page hung up."""
    with _connect(proxy) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nHost:")
        slow.settimeout(SECONDS)
        try:
            while slow.recv(1000):
                pass
        except ConnectionError:
            pass
    assert _ask(proxy, "POST", "/sign-in", "x" * 70_000)[0] in (413, 502)
