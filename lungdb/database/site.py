"""The database of a site, which holds lungdb's tables: opening it, its version, its choices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal

from lungdb.config import load_settings
from lungdb.database.connection import SQLITE_PREFIX, Connection, connect
from lungdb.database.run import run
from lungdb.errors import LungdbError

_MISSING = {
    "scan_images": "The database does not hold lungdb's tables. Run: lungdb install -d TARGET",
    "tensors": "The database does not hold the table dbo.tensors. Install lungdb's sql_only part there.",
}
"""A table that is looked for -> what is said when it is not there."""
_INSTALLED = """
IF OBJECT_ID(N'dbo.schema_version', N'U') IS NULL
    SELECT DB_NAME() AS name, CAST(NULL AS INT) AS version;
ELSE
    SELECT DB_NAME() AS name, MAX(version) AS version FROM dbo.schema_version;
"""


@contextmanager
def open_database(target: str | None, table: Literal["scan_images", "tensors"] = "scan_images") -> Iterator[Connection]:
    """Open a database that has lungdb's tables, the site's own by default, and close it afterwards.

    Parameters
    ----------
    target : str or None
        As `connect` takes it; None is the site's own.
    table : str
        The table by which lungdb's are known: what needs no external scripts asks for no more than ``tensors``.

    Raises
    ------
    LungdbError
        It cannot be opened, or lungdb is not installed in it.
    """
    with closing(open_installed(target, table)) as connection:
        yield connection


def open_installed(
    target: str | None, table: Literal["scan_images", "tensors"] = "scan_images", *, create: bool = True
) -> Connection:
    """Open a database as `open_database` does, for the caller to close; `create` is that of `connect`."""
    connection = connect(target or load_settings().database, create=create)
    try:
        run(connection, "SET NOCOUNT ON; SET XACT_ABORT ON;")
        if run(connection, f"SELECT OBJECT_ID(N'dbo.{table}', N'U');")[0].scalar() is None:
            raise LungdbError(_MISSING[table])
    except BaseException:
        connection.close()
        raise
    return connection


def is_missing_file(target: str) -> bool:
    """Tell whether a target is a file that is not there, which opening it would make."""
    return target.startswith(SQLITE_PREFIX) and not Path(target[len(SQLITE_PREFIX) :]).exists()


def installed_version(connection: Connection) -> tuple[str, int | None]:
    """Return the database's name and the number of its last migration; None where no installation came to its end."""
    (result,) = run(connection, _INSTALLED)
    name, version = result.rows[0]
    return str(name), None if version is None else int(version)


def schema_version(connection: Connection) -> tuple[str, int]:
    """Return the database's name and the number of its last migration."""
    (result,) = run(connection, "SELECT DB_NAME(), MAX(version) FROM dbo.schema_version;")
    name, version = result.rows[0]
    return str(name), int(version)


def set_setting(connection: Connection, name: str, value: str) -> None:
    """Change one of the site's choices in dbo.settings, which lists them all."""
    run(connection, "UPDATE dbo.settings SET value = ? WHERE name = ?;", (value, name))
