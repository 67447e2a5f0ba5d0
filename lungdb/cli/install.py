"""`lungdb install`: make or upgrade the tables, views and procedures of a database."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from lungdb.cli.support import add_database_argument
from lungdb.config import load_settings
from lungdb.database import connect, install
from lungdb.database.site import schema_version
from lungdb.errors import escaped


def main(argv: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="lungdb install",
        description="Make or upgrade the tables, views and procedures of a database. Data are kept.",
    )
    add_database_argument(parser)
    parser.add_argument(
        "--sql-only",
        action="store_true",
        help="leave out the procedures that run Python: for servers without external scripts",
    )
    options = parser.parse_args(argv)
    connection = connect(options.database or load_settings().database)
    try:
        script = "install_sql_only.sql" if options.sql_only else "install.sql"
        install(connection, on_message=lambda message: print(message.text), script=script)
        name, version = schema_version(connection)
    finally:
        connection.close()
    print(f"{escaped(name)} is at schema version {version}.")
    return 0
