"""`lungdb install`: make or upgrade the tables, views and procedures of a database."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from lungdb.cli.target import add_target, connect_to
from lungdb.database import install, run


def main(argv: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="lungdb install", description="Make or upgrade the tables, views and procedures of a database. Data are kept."
    )
    add_target(parser)
    options = parser.parse_args(argv)
    connection = connect_to(options)
    try:
        install(connection, on_message=lambda message: print(message.text))
        (result,) = run(connection, "SELECT DB_NAME(), MAX(version) FROM dbo.schema_version;")
    finally:
        connection.close()
    name, version = result.rows[0]
    print(f"{name} is at schema version {version}.")
    return 0
