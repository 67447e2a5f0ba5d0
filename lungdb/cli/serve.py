"""`lungdb serve`: the web page, by waitress."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from types import FrameType

from lungdb.cli.support import add_database_argument, exit_status
from lungdb.config import Settings, load_settings
from lungdb.errors import LungdbError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command until it is interrupted; returns the exit status: 0, 1 for an error, 2 for wrong usage."""
    parser = argparse.ArgumentParser(
        prog="lungdb serve", description="The web page: worklist, viewer, scores, models and the API. Ctrl-C ends it."
    )
    add_database_argument(parser)
    parser.add_argument("--host", help="address to listen on (default: `web_host` of config.py, 127.0.0.1)")
    parser.add_argument("--port", help="port to listen on, 0 for any (default: `web_port` of config.py, 5000)")
    parser.add_argument(
        "--ohif",
        metavar="DIR",
        help="folder of OHIF's build, served under /ohif (default: `web_ohif` of config.py, none)",
    )
    arguments = parser.parse_args(argv)
    return exit_status(lambda: serve(_settings(arguments)))


def _settings(arguments: argparse.Namespace) -> Settings:
    settings = load_settings()
    return replace(
        settings,
        database=arguments.database or settings.database,
        web_host=arguments.host or settings.web_host,
        web_port=arguments.port or settings.web_port,
        web_ohif=arguments.ohif or settings.web_ohif,
    )


def serve(settings: Settings, on_ready: Callable[[str], None] | None = None) -> int:
    """Serve the page until it is interrupted.

    Parameters
    ----------
    on_ready : callable, optional
        Called with the page's address as soon as it is listened on.
    """
    try:
        import waitress  # noqa: F401 - make_server needs it
        from lungdb_web import create_app
        from lungdb_web.logs import configure_logs
        from lungdb_web.serving import address_of, check_host, has_accounts, make_server
    except ModuleNotFoundError as error:
        raise LungdbError(f'The web page needs {error.name}. Run: pip install "lungdb[web]"') from error
    port = _port(settings.web_port)
    accounts = has_accounts(settings.database)
    warning = check_host(settings, accounts=accounts)
    if warning is not None:
        print(warning, file=sys.stderr, flush=True)
    configure_logs(settings)
    app = create_app(settings)
    server = make_server(app, settings, port)
    if not accounts:
        print("There are no accounts yet. Add one: lungdb accounts add NAME --role scorer", flush=True)
    # A daemon, so that a database that does not answer keeps nobody from ending the page.
    warming = threading.Thread(target=app.extensions["lungdb"].warm_scorer, name="warm", daemon=True)
    warming.start()
    with closing(server):
        print(f"lungdb is at {address_of(server, settings)}    Ctrl-C ends it.", flush=True)
        if on_ready is not None:
            on_ready(address_of(server, settings))
        with suppress(KeyboardInterrupt):
            signal.signal(signal.SIGTERM, _interrupt)
            server.run()
    warming.join(timeout=5.0)  # what it has in use is not closed below
    app.extensions["lungdb.uploads"].close()
    app.extensions["lungdb"].database.close()
    return 0


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 65536):
        raise LungdbError(f"The port '{text}' is none. Give a number from 0 to 65535.")
    return int(text)


def _interrupt(signal_number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
