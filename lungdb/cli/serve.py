"""`lungdb serve`: the web page, by waitress."""

from __future__ import annotations

import argparse
import ipaddress
import logging
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import replace
from types import FrameType
from typing import Any

from lungdb.cli.support import add_database_argument, exit_status
from lungdb.config import Settings, load_settings
from lungdb.database import connect, run
from lungdb.errors import LungdbError

# More than all that wait for a turn (lungdb_web.turns), so that threads are left for pages; each waits for the database
# or the network most of its time.
THREADS = 64
STALLED_SECONDS = 60
LEAST_SECRET = 16
# Refused before it is read; the application's own limit is lower and is answered with a page.
MOST_BYTES = 1024 * 1024


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command until it is interrupted; returns the exit status: 0, 1 for an error, 2 for wrong usage."""
    parser = argparse.ArgumentParser(
        prog="lungdb serve", description="The web page: worklist, viewer, scores, models and the API. Ctrl-C ends it."
    )
    add_database_argument(parser)
    parser.add_argument("--host", help="address to listen on (default: `web_host` of config.py, 127.0.0.1)")
    parser.add_argument("--port", help="port to listen on, 0 for any (default: `web_port` of config.py, 5000)")
    arguments = parser.parse_args(argv)
    return exit_status(lambda: _serve(_settings(arguments)))


def _settings(arguments: argparse.Namespace) -> Settings:
    settings = load_settings()
    return replace(
        settings,
        database=arguments.database or settings.database,
        web_host=arguments.host or settings.web_host,
        web_port=arguments.port or settings.web_port,
    )


def _serve(settings: Settings) -> int:
    try:
        import waitress  # noqa: F401 - make_server needs it
        from lungdb_web import create_app
    except ModuleNotFoundError as error:
        raise LungdbError(f'The web page needs {error.name}. Run: pip install "lungdb[web]"') from error
    port = _port(settings.web_port)
    has_accounts = _check_database(settings)
    if not _is_loopback(settings.web_host):
        _check_public(settings, has_accounts)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # A site sees who is refused and what fails; what is read stands in the audit.
    logging.getLogger("lungdb_web").setLevel(logging.WARNING)
    # Requests that wait for a thread are no news.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    app = create_app(settings)
    server = make_server(app, settings, port)
    if not has_accounts:
        print("There are no accounts yet. Add one: lungdb accounts add NAME --role scorer", flush=True)
    with closing(server):
        print(f"lungdb is at {_address(settings, server)}    Ctrl-C ends it.", flush=True)
        with suppress(KeyboardInterrupt):
            signal.signal(signal.SIGTERM, _interrupt)
            server.run()
    app.extensions["lungdb"].database.close()
    return 0


def make_server(app: Any, settings: Settings, port: int) -> Any:
    """Listen with waitress.

    Parameters
    ----------
    app : WSGI application

    Raises
    ------
    LungdbError
        Nothing can listen there.
    """
    from waitress.server import create_server

    try:
        server = create_server(
            app,
            host=settings.web_host,
            port=port,
            threads=THREADS,
            ident="lungdb",
            url_scheme=settings.web_scheme,
            # A browser opens several connections and keeps them; what it sends is small forms.
            connection_limit=500,
            asyncore_use_poll=True,
            max_request_body_size=MOST_BYTES,
            # lungdb_web.addresses decides which proxy's headers are believed.
            clear_untrusted_proxy_headers=False,
            # Browsers that go away are no news.
            log_socket_errors=False,
        )
    except OSError as error:
        raise LungdbError(
            f"Nothing can listen on {settings.web_host}, port {port} ({error.strerror or error}). "
            "Give another --port, or end the program that uses it."
        ) from error
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux alone has it
        # waitress waits without end for a client that reads no further, such as a tablet that fell asleep.
        stalled = (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1000 * STALLED_SECONDS)
        server.adj.socket_options = [*server.adj.socket_options, stalled]
    return server


def _check_database(settings: Settings) -> bool:
    """Return whether there are accounts; the database must be there and of this version when the page starts."""
    with closing(connect(settings.database, create=False)) as connection:
        # The page's login may have rights on nothing but what the page calls; what else there is it does not see.
        found = run(connection, "SELECT OBJECT_ID(N'dbo.HasAccounts', N'P') AS id;")
        if found[0].rows[0][0] is None:
            raise LungdbError(
                "The database is not one of lungdb, or an older one, or the page's login lacks its rights. "
                "Run: lungdb install -d TARGET; what to grant stands in docs/web.md."
            )
        return bool(run(connection, "EXECUTE dbo.HasAccounts;")[-1].rows[0][0])


def _check_public(settings: Settings, has_accounts: bool) -> None:
    host = settings.web_host
    if not has_accounts:
        raise LungdbError(
            f"There are no accounts, so the page may listen on this machine alone, not on {host}. "
            "Add one first: lungdb accounts add NAME --role scorer"
        )
    if len(settings.web_secret) < LEAST_SECRET:
        raise LungdbError(
            f"To listen on {host} the site needs a secret of its own: the setting web_secret has "
            f"{len(settings.web_secret)} characters. Give {LEAST_SECRET} or more in config.py, such as what "
            'python -c "import secrets; print(secrets.token_hex(32))" prints.'
        )
    if settings.web_scheme != "https":
        print(
            f"WARNING: on {host} the page speaks plain HTTP, so whoever is on the network can read passwords and "
            'what is shown of patients. Put a reverse proxy with TLS in front of it and set web_scheme = "https".',
            file=sys.stderr,
            flush=True,
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 65536):
        raise LungdbError(f"The port '{text}' is none. Give a number from 0 to 65535.")
    return int(text)


def _address(settings: Settings, server: Any) -> str:
    # Of a name with several addresses waitress keeps a list.
    port = server.effective_listen[0][1] if hasattr(server, "effective_listen") else server.effective_port
    host = f"[{settings.web_host}]" if ":" in settings.web_host else settings.web_host
    return f"http://{host}:{port}/"


def _interrupt(signal_number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
