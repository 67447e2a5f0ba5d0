"""`lungdb install`: make or upgrade the tables, views and procedures of a database."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from lungdb.cli.support import add_database_argument
from lungdb.cli.upgrading import ask_for_backup
from lungdb.config import load_settings
from lungdb.database import connect, install
from lungdb.database.site import schema_version
from lungdb.errors import escaped


def main(argv: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="lungdb install",
        description="Make or upgrade the tables, views and procedures of a database. Data are kept. Before an older "
        "database is upgraded it asks for a backup; where it cannot ask, it refuses.",
    )
    add_database_argument(parser)
    parser.add_argument(
        "--sql-only",
        action="store_true",
        help="leave out the procedures that run Python: for servers without external scripts",
    )
    parser.add_argument(
        "--backed-up",
        action="store_true",
        help="a backup has been made: upgrade an older database without asking",
    )
    options = parser.parse_args(argv)
    target = options.database or load_settings().database
    connection = connect(target)
    try:
        if not options.backed_up:
            ask_for_backup(connection, target, sql_only=options.sql_only)
        script = "install_sql_only.sql" if options.sql_only else "install.sql"
        install(connection, on_message=lambda message: print(message.text), script=script)
        name, version = schema_version(connection)
    finally:
        connection.close()
    print(f"{escaped(name)} is at schema version {version}.")
    return 0
