"""`lungdb search`: work on a search made by dbo.SearchModels, with several processes."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from lungdb.cli.support import add_database_argument
from lungdb.config import load_settings
from lungdb.operating.search_workers import make_search, work_on

_LONGEST_LEASE = 86_400


def main(argv: Sequence[str]) -> int:
    """Run the command; returns 0 when the search is finished, 1 when a worker ended before it was."""
    parser = argparse.ArgumentParser(
        prog="lungdb search",
        description="Work on a search that dbo.SearchModels has made: try its trials, then train the best. Ctrl-C "
        "stops it, and the same command goes on where it stopped. Workers may join from other machines. With --dataset "
        "or --horizon it makes a search first, with the defaults of dbo.SearchModels, and works on that.",
    )
    parser.add_argument(
        "search", nargs="?", type=int, metavar="SEARCH", help="its number; default: the oldest that is not finished"
    )
    add_database_argument(parser)
    parser.add_argument("--dataset", metavar="NAME", help="make a search on this data set of scans")
    parser.add_argument("--dataset-version", type=int, metavar="N", help="its version (default: the newest)")
    parser.add_argument(
        "--horizon", type=int, metavar="DAYS", help="make a search on the labels of scans within so many days"
    )
    parser.add_argument(
        "--model", metavar="NAME", help="name to store the best model of a search made so under (default: lightgbm_sql)"
    )
    parser.add_argument("--trials", type=int, metavar="N", help="trials of a search made so (default: 200)")
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
    is_made = options.dataset is not None or options.horizon is not None
    if is_made and options.search is not None:
        parser.error("a number is that of a search that was made before; leave it out, or --dataset and --horizon")
    if not is_made and (options.dataset_version, options.model, options.trials) != (None, None, None):
        parser.error(
            "--dataset-version, --model and --trials are of a search made with --dataset or --horizon; give one"
        )

    target = options.database or load_settings().database
    if is_made:
        options.search = make_search(
            target,
            options.model or "lightgbm_sql",
            options.trials,
            options.dataset,
            options.dataset_version,
            options.horizon,
        )
    state = work_on(target, options.search, options.workers, options.lease_seconds)
    if state not in ("done", "failed"):
        print("The workers ended before the search was finished. Run the command again to go on.", file=sys.stderr)
    return 0 if state == "done" else 1
