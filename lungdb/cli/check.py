"""`lungdb check`: whether a database is whole: its file, its schema, every hash, what must hold of its rows."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import closing

from lungdb.cli.support import add_database_argument, progress_lines
from lungdb.config import load_settings
from lungdb.database import connect
from lungdb.database.site import is_missing_file
from lungdb.errors import LungdbError, escaped
from lungdb.operating.checking import check


def main(argv: Sequence[str]) -> int:
    """Run the command; returns 0 when nothing was found, 1 when something was."""
    parser = argparse.ArgumentParser(
        prog="lungdb check",
        description="Look for damage: the integrity of the database, its schema, foreign keys, the SHA-256 of "
        "everything that has one, and what must hold of the rows. Nothing is changed. Exit status 1 when something "
        "was found. This verifies the data; lungdb doctor looks at the installation.",
    )
    add_database_argument(parser)
    options = parser.parse_args(argv)
    target = options.database or load_settings().database
    if is_missing_file(target):
        raise LungdbError("The database's file is not there. Check the target.")
    with closing(connect(target, create=False)) as connection:
        outcome = check(connection, lambda fault: print(escaped(fault), flush=True), progress_lines())
    for skipped in outcome.skipped:
        print(f"Not checked: {skipped}.")
    found = "No fault was found" if not outcome.faults else f"{outcome.faults} found something"
    print(f"{outcome.checks} checks, {len(outcome.skipped)} of them not made. {found}.")
    return 1 if outcome.faults else 0
