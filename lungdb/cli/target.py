"""The option that every command with a database has."""

from __future__ import annotations

import argparse

from lungdb.config import load_settings
from lungdb.database import Connection, connect


def add_target(parser: argparse.ArgumentParser) -> None:
    """Add ``-d``, the database to work on."""
    parser.add_argument(
        "-d",
        "--database",
        metavar="TARGET",
        help="sqlite:///path/lung_cancer_database.db, or an ODBC connection string for SQL Server; "
        "default: database of config.py or LUNGDB_DATABASE",
    )


def connect_to(options: argparse.Namespace) -> Connection:
    """Connect to the database that the options or the site's settings name.

    Raises
    ------
    LungdbError
        No target, or one that cannot be reached.
    """
    return connect(options.database or load_settings().database)
