"""What the commands share: the argument for the target, ids that are not known, progress, errors as exit status."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from types import FrameType

from lungdb.errors import LungdbError, escaped

_SECONDS = 2.0
"""Between two lines of progress."""


def add_database_argument(parser: ArgumentParser) -> None:
    """Add ``-d``/``--database`` to a command."""
    parser.add_argument(
        "-d",
        "--database",
        metavar="TARGET",
        help="sqlite:///FILE.db or an ODBC connection string (default: `database` of config.py or LUNGDB_DATABASE)",
    )


def progress_lines(clock: Callable[[], float] = time.monotonic) -> Callable[[str, int, int], None]:
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


def print_unknown(ids: Sequence[str], *, show: bool) -> None:
    """Say how many ids of a file are no patients, and which if that is asked for: ids may identify somebody."""
    if ids:
        print(f"{len(ids)} ids are not in the database and were passed over; --show-ids lists them.")
    if show:
        print("\n".join(map(escaped, ids)))


def exit_status(command: Callable[[], int]) -> int:
    """Run a command; a LungdbError becomes its message on stderr and status 1.

    Ctrl-C gives status 130, SIGTERM 143, a closed pipe 141.
    """
    terminated = False

    def terminate(number: int, frame: FrameType | None) -> None:
        # What is under way ends as with Ctrl-C, and a second one ends the process at once.
        nonlocal terminated
        terminated = True
        signal.signal(number, signal.SIG_DFL)
        raise KeyboardInterrupt

    before = None
    if threading.current_thread() is threading.main_thread():
        before = signal.signal(signal.SIGTERM, terminate)
    try:
        status = command()
        sys.stdout.flush()
        return status
    except LungdbError as error:
        print(escaped(error, keep="\n\t"), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        word = "Terminated" if terminated else "Interrupted"
        print(f"{word}. What was committed stays; run the command again to go on.", file=sys.stderr)
        return 143 if terminated else 130
    except BrokenPipeError:  # whoever read the output, such as `head`, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python writes what is left when it ends
        return 141
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)
