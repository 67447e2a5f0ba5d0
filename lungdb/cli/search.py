"""`lungdb search`: work on a search made by dbo.SearchModels, with several processes."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from lungdb.cli.support import add_database_argument
from lungdb.config import load_settings
from lungdb.operating.search_workers import work_on

_LONGEST_LEASE = 86_400


def main(argv: Sequence[str]) -> int:
    """Run the command; returns 0 when the search is finished, 1 when a worker ended before it was."""
    parser = argparse.ArgumentParser(
        prog="lungdb search",
        description="Work on a search that dbo.SearchModels has made: try its trials, then train the best. Ctrl-C "
        "stops it, and the same command goes on where it stopped. Workers may join from other machines.",
    )
    parser.add_argument(
        "search", nargs="?", type=int, metavar="SEARCH", help="its number; default: the oldest that is not finished"
    )
    add_database_argument(parser)
    parser.add_argument(
        "-w",
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="processes, each with a connection and one thread (default: one for each processor)",
    )
    parser.add_argument(
        "--lease-seconds",
        type=int,
        default=300,
        metavar="S",
        help="seconds after which the trials of a worker that was killed are free again (default: 300)",
    )
    options = parser.parse_args(argv)
    if options.workers < 1:
        parser.error(f"--workers {options.workers} is too few; give 1 or more")
    if not 1 <= options.lease_seconds <= _LONGEST_LEASE:
        parser.error(f"--lease-seconds {options.lease_seconds} is not supported; give 1 to {_LONGEST_LEASE}")

    target = options.database or load_settings().database
    state = work_on(target, options.search, options.workers, options.lease_seconds)
    if state not in ("done", "failed"):
        print("The workers ended before the search was finished. Run the command again to go on.", file=sys.stderr)
    return 0 if state == "done" else 1
