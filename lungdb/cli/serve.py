"""`lungdb serve`: the web page, by waitress."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace

from lungdb.cli.support import add_database_argument, exit_status
from lungdb.config import load_settings

THREADS = 24


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command until it is interrupted; returns the exit status."""
    parser = argparse.ArgumentParser(prog="lungdb serve", description=__doc__)
    add_database_argument(parser)
    parser.add_argument("--host", help="address to listen on (default: `web_host` of config.py, 127.0.0.1)")
    parser.add_argument("--port", help="port to listen on (default: `web_port` of config.py, 5000)")
    arguments = parser.parse_args(argv)
    return exit_status(lambda: _serve(arguments))


def _serve(arguments: argparse.Namespace) -> int:
    import waitress

    from web import create_app

    settings = load_settings()
    settings = replace(
        settings,
        database=arguments.database or settings.database,
        web_host=arguments.host or settings.web_host,
        web_port=arguments.port or settings.web_port,
    )
    waitress.serve(create_app(settings), host=settings.web_host, port=int(settings.web_port), threads=THREADS)
    return 0
