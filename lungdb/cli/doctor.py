"""`lungdb doctor`: whether an installation is healthy, and what mends what is not."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import closing

from lungdb.cli.support import add_database_argument
from lungdb.config import load_settings
from lungdb.database import connect
from lungdb.database.site import is_missing_file
from lungdb.errors import LungdbError, escaped
from lungdb.operating.doctor import STATES, examine, has_fault, table

_WIDTH = 120


def main(argv: Sequence[str]) -> int:
    """Run the command; returns 0 where there is no fault, 1 where there is one."""
    parser = argparse.ArgumentParser(
        prog="lungdb doctor",
        description="Say whether the installation is healthy: what EXECUTE dbo.Doctor says of the server, Python, "
        "memory, disk, schema, signatures, work and backups, and what only a client sees: driver, encryption, clock, "
        "round trip, package. After > stands what mends it. Nothing is changed. Exit status 1 when there is a fault. "
        "This looks at the installation; lungdb check verifies the data.",
    )
    add_database_argument(parser)
    parser.add_argument(
        "--chunk-megabytes",
        type=int,
        default=64,
        metavar="MB",
        help="slices that a session hands to Python (default: 64)",
    )
    parser.add_argument(
        "--sessions", type=int, default=1, metavar="N", help="sessions that run Python at the same time (default: 1)"
    )
    options = parser.parse_args(argv)
    target = options.database or load_settings().database
    if is_missing_file(target):
        raise LungdbError("The database's file is not there. Check the target.")
    with closing(connect(target, create=False)) as connection:
        findings = examine(connection, target, options.chunk_megabytes, options.sessions)
    print("\n".join(table(findings, _WIDTH, escaped)))
    counts = [(state, sum(each.state == state for each in findings)) for state in STATES]
    print("\n" + ", ".join(f"{count} {state}" for state, count in counts if count) + ".")
    return int(has_fault(findings))
