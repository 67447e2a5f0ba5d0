"""`lungdb job`: do one of the jobs that keep a site going, from cron or a systemd timer."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from lungdb.cli.support import add_database_argument, progress_lines
from lungdb.config import load_settings
from lungdb.database.site import is_missing_file
from lungdb.errors import LungdbError, escaped
from lungdb.operating.jobs import JOBS, BusyError, do_job

BUSY = 75
"""Exit status where another process does the job: EX_TEMPFAIL of sysexits.h."""


def main(argv: Sequence[str]) -> int:
    """Run the command; returns 0 when the job is done, 1 when it failed, 75 when another process does it."""
    parser = argparse.ArgumentParser(
        prog="lungdb job",
        description="Do a job once, for cron or a systemd timer. What it says on its way is on standard error, the "
        "outcome is the last line of standard output. Exit status 0 when it is done, 1 when it failed, 75 when another "
        "process does the same job on the same database. It can be repeated at any time and goes on where it stopped.",
    )
    parser.add_argument("job", nargs="?", choices=list(JOBS), metavar="JOB", help="which; --list names them")
    parser.add_argument("--list", action="store_true", help="say what jobs there are, and do nothing else")
    add_database_argument(parser)
    parser.add_argument("--model", metavar="NAME", help="of features, score and drift: this model alone (default: all)")
    parser.add_argument("--days", type=int, metavar="N", help="of drift: patients first scored in so many days (90)")
    parser.add_argument(
        "--alpha", type=float, metavar="A", help="of drift: how often undisturbed patients alarm (0.01)"
    )
    parser.add_argument("--keep-days", type=int, metavar="N", help="of purge: days that the log of runs keeps (365)")
    parser.add_argument(
        "--keep-audit-days", type=int, metavar="N", help="of purge: days that the audit of the page keeps (3650)"
    )
    parser.add_argument(
        "--chunk-megabytes", type=int, metavar="N", help="of features: stored slices in one transaction (64)"
    )
    options = parser.parse_args(argv)
    if options.list:
        for name, job in JOBS.items():
            print(f"  {name:<10}{job.says}")
        return 0
    if options.job is None:
        parser.error("say which job; --list names them")
    given = {
        name: value
        for name, value in vars(options).items()
        if name not in ("job", "list", "database") and value is not None
    }
    for name in given:
        if name not in JOBS[options.job].options:
            parser.error(f"--{name.replace('_', '-')} is no option of the job {options.job}")

    target = options.database or load_settings().database
    if is_missing_file(target):
        raise LungdbError("The database's file is not there. Check the target.")
    begun = time.monotonic()
    try:
        done = do_job(target, options.job, given, _say, progress_lines())
    except BusyError as error:
        print(f"{options.job}: not done. {error}")
        return BUSY
    except LungdbError as error:
        print(escaped(f"{options.job}: failed after {time.monotonic() - begun:.0f} s. {error}".replace("\n", " ")))
        return 1
    print(f"{options.job}: done in {time.monotonic() - begun:.0f} s. {done}")
    return 0


def _say(text: str) -> None:
    print(escaped(text), file=sys.stderr, flush=True)
