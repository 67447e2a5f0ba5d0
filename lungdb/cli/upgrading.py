"""Before a database is upgraded: which version becomes which, and whether somebody has made a backup."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import lungdb
from lungdb.database import Connection
from lungdb.database.connection import SQLITE_PREFIX
from lungdb.database.site import installed_version
from lungdb.errors import LungdbError, escaped

_COPY = (
    'import sqlite3, sys; sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True).backup(sqlite3.connect(sys.argv[2]))'
)


def ask_for_backup(connection: Connection, target: str, *, sql_only: bool = False) -> None:
    """Ask whoever sits at the terminal, before an older database is upgraded; of a new or current one nothing is asked.

    Parameters
    ----------
    target : str
        What `connection` is to, as `lungdb.database.connect` takes it.
    sql_only : bool
        It is to be upgraded by `lungdb install --sql-only`.

    Raises
    ------
    LungdbError
        The answer is no other than yes, or nobody can be asked; nothing was changed.
    """
    name, version = installed_version(connection)
    if version is None or version >= lungdb.SCHEMA_VERSION:
        return
    newest = lungdb.SCHEMA_VERSION
    told = (
        f"The database {escaped(name)} is at schema version {version}, and this lungdb makes it version {newest}: "
        "tables, views and procedures change, data are kept. Only a backup leads back; to make one:\n"
        f"    {_backup_of(target, name)}"
    )
    options = "--sql-only --backed-up" if sql_only else "--backed-up"
    way_out = f"Nothing was changed. Make a backup, then run: lungdb install {options} -d TARGET"
    # Who does not see the question cannot answer it.
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise LungdbError(f"{told}\nNobody can be asked here whether there is one. {way_out}")
    print(told, file=sys.stderr)
    try:
        print("Is there a backup, and shall the database be upgraded now? [y/N] ", end="", file=sys.stderr, flush=True)
        answer = sys.stdin.readline()
    except KeyboardInterrupt:
        answer = ""
    if answer.strip().lower() not in ("y", "yes"):
        raise LungdbError(f"{'' if answer else chr(10)}{way_out}")


def _backup_of(target: str, name: str) -> str:
    if target.startswith(SQLITE_PREFIX):
        file = Path(target[len(SQLITE_PREFIX) :])
        copy = file.with_name(f"{file.stem}_before_{lungdb.SCHEMA_VERSION}{file.suffix}")
        command = [sys.executable, "-c", _COPY, str(file), str(copy)]
        return subprocess.list2cmdline(command) if os.name == "nt" else shlex.join(command)
    quoted, file_name = name.replace("]", "]]"), f"{name}_before_{lungdb.SCHEMA_VERSION}.bak".replace("'", "''")
    return (
        f"BACKUP DATABASE [{quoted}] TO DISK = N'{file_name}' WITH COPY_ONLY, CHECKSUM;  "
        "-- or sql/operations/backup.sql; Azure SQL Database: note the time to restore to"
    )
