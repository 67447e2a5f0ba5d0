"""`lungdb check`: whether a database is whole: its file, its schema, every hash, what must hold of its rows."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing

from lungdb.cli.support import add_database_argument
from lungdb.config import load_settings
from lungdb.database import connect
from lungdb.database.site import is_missing_file
from lungdb.errors import LungdbError, escaped
from lungdb.operating.checking import check

_SECONDS = 2.0
"""Between two lines of progress."""


def main(argv: Sequence[str]) -> int:
    """Run the command; returns 0 when nothing was found, 1 when something was."""
    parser = argparse.ArgumentParser(
        prog="lungdb check",
        description="Look for damage: the integrity of the database, its schema, foreign keys, the SHA-256 of "
        "everything that has one, and what must hold of the rows. Nothing is changed. Exit status 1 when something "
        "was found.",
    )
    add_database_argument(parser)
    options = parser.parse_args(argv)
    target = options.database or load_settings().database
    if is_missing_file(target):
        raise LungdbError("The database's file is not there. Check the target.")
    with closing(connect(target, create=False)) as connection:
        outcome = check(connection, lambda fault: print(escaped(fault), flush=True), _progress())
    for skipped in outcome.skipped:
        print(f"Not checked: {skipped}.")
    found = "No fault was found" if not outcome.faults else f"{outcome.faults} found something"
    print(f"{outcome.checks} checks, {len(outcome.skipped)} of them not made. {found}.")
    return 1 if outcome.faults else 0


def _progress(clock: Callable[[], float] = time.monotonic) -> Callable[[str, int, int], None]:
    """Return what prints a line now and then: how much is done, how fast it goes, and how long the rest will take."""
    begun = last = clock()

    def report(what: str, done: int, total: int) -> None:
        nonlocal last
        now = clock()
        if now - last < _SECONDS:
            return
        last = now
        rate = done / (now - begun)
        left = f", about {_duration((total - done) / rate)} left" if done else ""
        print(f"{done:,} of {total:,} ({rate:,.0f}/s{left}): {what}", file=sys.stderr, flush=True)

    return report


def _duration(seconds: float) -> str:
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
