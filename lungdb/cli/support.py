"""What the commands share: the argument for the target, ids that are not known, errors as exit status."""

from __future__ import annotations

import os
import signal
import sys
import threading
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from types import FrameType

from lungdb.errors import LungdbError, escaped


def add_database_argument(parser: ArgumentParser) -> None:
    """Add ``-d``/``--database`` to a command."""
    parser.add_argument(
        "-d",
        "--database",
        metavar="TARGET",
        help="sqlite:///FILE.db or an ODBC connection string (default: `database` of config.py or LUNGDB_DATABASE)",
    )


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
