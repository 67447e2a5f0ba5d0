"""A real https server on this machine that can break off, change its file, stall and redirect."""

from __future__ import annotations

import hashlib
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Site:
    """What the server does, and what it was asked."""

    content: bytes
    port: int = 0
    has_ranges: bool = True
    validator: str = "ETag"
    breaks_after: int | None = None
    stalls_after: int | None = None
    tells_length: bool = True
    redirects_to: str | None = None
    asked: list[dict[str, str]] = field(default_factory=list)
    goes_on: threading.Event = field(default_factory=threading.Event)

    def address(self, path: str = "/models/net.onnx") -> str:
        """Give the address of a path on this server."""
        return f"https://localhost:{self.port}{path}"

    @property
    def tag(self) -> str:
        """What tells the present content from another one: a tag or a date, as `validator` says."""
        digest = hashlib.sha256(self.content).hexdigest()
        if self.validator == "ETag":
            return f'"{digest[:12]}"'
        return f"Sat, 01 Aug 2026 00:00:{int(digest, 16) % 60:02} GMT"


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Write a self-signed certificate for localhost, and its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key


@contextmanager
def serve(site: Site, certificate: Path, key: Path) -> Iterator[Site]:
    """Serve a site until the block ends."""

    class Handler(_Handler):
        told = site

    server = _Server(("localhost", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    site.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield site
    finally:
        site.goes_on.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    def handle_error(self, *arguments: object) -> None:
        """Say nothing of clients that go away: tests interrupt them."""


class _Handler(BaseHTTPRequestHandler):
    told: Site

    def do_GET(self) -> None:
        site = self.told
        site.asked.append(dict(self.headers))
        if site.redirects_to is not None and self.path != "/there.onnx":
            self.send_response(302)
            self.send_header("Location", site.redirects_to)
            self.end_headers()
            return
        if self.path.startswith("/missing"):
            self.send_error(404)
            return
        if site.validator and site.tag in (self.headers.get("If-None-Match"), self.headers.get("If-Modified-Since")):
            self.send_response(304)
            self.end_headers()
            return
        self._send(*self._range())

    def _range(self) -> tuple[int, int]:
        """Give status and first byte."""
        asked = self.headers.get("Range")
        if asked is None or not self.told.has_ranges or self.headers.get("If-Range") != self.told.tag:
            return 200, 0
        return 206, int(asked.removeprefix("bytes=").removesuffix("-"))

    def _send(self, status: int, first: int) -> None:
        site = self.told
        if first >= len(site.content):
            self.send_error(416)
            return
        body = site.content[first:]
        self.send_response(status)
        if site.tells_length:
            self.send_header("Content-Length", str(len(body)))
        if status == 206:
            self.send_header("Content-Range", f"bytes {first}-{len(site.content) - 1}/{len(site.content)}")
        if site.validator:
            self.send_header(site.validator, site.tag)
        self.end_headers()
        self.wfile.write(body[: site.breaks_after if site.stalls_after is None else site.stalls_after])
        if site.stalls_after is not None:
            self.wfile.flush()
            site.goes_on.wait(30)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""
