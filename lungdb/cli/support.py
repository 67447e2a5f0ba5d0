"""What the commands that write to a database share: the target, errors as exit status."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from lungdb.config import load_settings
from lungdb.database import Connection, connect, run
from lungdb.errors import LungdbError


def add_database_argument(parser: ArgumentParser) -> None:
    """Add ``-d``/``--database`` to a command."""
    parser.add_argument(
        "-d",
        "--database",
        metavar="TARGET",
        help="sqlite:///FILE.db or an ODBC connection string (default: `database` of config.py or LUNGDB_DATABASE)",
    )


@contextmanager
def open_database(target: str | None) -> Iterator[Connection]:
    """Open a database that has lungdb's tables, the site's own by default, and close it afterwards.

    Raises
    ------
    LungdbError
        It cannot be opened, or lungdb is not installed in it.
    """
    with closing(connect(target or load_settings().database)) as connection:
        run(connection, "SET NOCOUNT ON; SET XACT_ABORT ON;")
        found = run(connection, "SELECT OBJECT_ID(N'dbo.scan_images', N'U') AS id;")
        if found[0].rows[0][0] is None:
            raise LungdbError("The database does not hold lungdb's tables. Run: lungdb install -d TARGET")
        yield connection


def exit_status(command: Callable[[], int]) -> int:
    """Run a command; a LungdbError becomes its message on stderr and status 1, Ctrl-C status 130, a closed pipe 141."""
    try:
        status = command()
        sys.stdout.flush()
        return status
    except LungdbError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted. What was committed stays; run the command again to go on.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read the output, such as `head`, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python writes what is left when it ends
        return 141
