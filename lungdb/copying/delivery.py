"""Where a copy goes: into another database, or into a script for sqlcmd."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from lungdb.database import Connection, Message, run
from lungdb.errors import LungdbError

_HEADER = """\
-- A model with the features of patients, or a dense network, made by `lungdb copy`. Run it on one connection, such as
--     sqlcmd -b -f 65001 -i FILE.sql -S SERVER -d DATABASE
-- in a database where install_sql_only.sql or install.sql has run. Each dbo.TakeCopy
-- stores all that it was given, or nothing; run the whole script again after an interruption.
SET NOCOUNT ON;
SET XACT_ABORT ON;
GO
"""


def run_batches(target: Connection, batches: Iterable[str], on_message: Callable[[Message], None]) -> None:
    """Run the batches of a copy in the database that takes it; the last stores all of it or nothing."""
    for batch in batches:
        run(target, batch, on_message=on_message)


def write_script(path: Path, batches: Iterable[str]) -> None:
    """Write the script beside the file and put it in its place when it is whole.

    Raises
    ------
    LungdbError
        The file cannot be written.
    """
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        with unfinished.open("w", encoding="utf-8", newline="\n") as file:
            file.write(_HEADER)
            for batch in batches:
                file.write(f"{batch}GO\n")
        os.replace(unfinished, path)
    except OSError as error:
        raise LungdbError(f"The file '{path}' cannot be written: {error.strerror}.") from error
    finally:
        unfinished.unlink(missing_ok=True)
