"""Running one of the installing scripts."""

from __future__ import annotations

from collections.abc import Callable

from lungdb.database.connection import Connection
from lungdb.database.run import run_script
from lungdb.database.sql_files import sql_directory
from lungdb.errors import LungdbError, Message

INSTALLERS = ("install.sql", "install_sql_only.sql")
"""The installing scripts, in sql/: all of it, and what needs no external scripts."""


def install(
    connection: Connection, on_message: Callable[[Message], None] | None = None, script: str = "install.sql"
) -> None:
    """Run an installing script on a database: makes what is missing, upgrades what is old, keeps the data.

    Parameters
    ----------
    script : str
        One of `INSTALLERS`.

    Raises
    ------
    SqlError
        The engine refuses a statement.
    """
    try:
        text = (sql_directory() / script).read_text(encoding="utf-8")
    except OSError as error:
        raise LungdbError(f"The file {script} of the SQL files cannot be read ({error.strerror}).") from error
    run_script(connection, text, on_message)
