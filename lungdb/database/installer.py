"""Running one of the installing scripts."""

from __future__ import annotations

from collections.abc import Callable

from lungdb.database.connection import Connection
from lungdb.database.run import run, run_script
from lungdb.database.sql_files import sql_directory
from lungdb.errors import LungdbError, Message, SqlError

# The embedded engine, whose edition is 0, enforces nothing: there only what somebody has signed is signed again.
_IS_SIGNED = """
SELECT CASE WHEN CAST(SERVERPROPERTY(N'EngineEdition') AS INT) <> 0
    OR EXISTS (SELECT 1 FROM sys.certificates WHERE name = N'lungdb_scripts') THEN 1 ELSE 0 END;
"""
_AFTER_FAILURE = "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION; SET NOCOUNT OFF; SET XACT_ABORT OFF;"
_LOST = 20  # the severity of an error with which the connection is lost

INSTALLERS = ("install.sql", "install_sql_only.sql")
"""The installing scripts, in sql/: all of it, and what needs no external scripts."""


def install(
    connection: Connection, on_message: Callable[[Message], None] | None = None, script: str = "install.sql"
) -> None:
    """Run an installing script on a database: makes what is missing, upgrades what is old, keeps the data, signs.

    Replacing a procedure takes its signature away, so those that run external scripts are signed again where the login
    may do that; where it may not, a message says who has to run what.

    Parameters
    ----------
    script : str
        One of `INSTALLERS`.

    Raises
    ------
    SqlError
        The engine refuses a statement.
    """
    run_script(connection, _text_of(script), on_message)
    if script == "install.sql" and run(connection, _IS_SIGNED)[-1].rows[0][0]:
        _sign(connection, on_message)


def _sign(connection: Connection, on_message: Callable[[Message], None] | None) -> None:
    try:
        run_script(connection, _text_of("roles/sign.sql"), on_message)
    except SqlError as error:
        if error.severity >= _LOST:
            raise
        run(connection, _AFTER_FAILURE)
        text = (
            f"The procedures that run external scripts stay unsigned: {error.message} "
            "Whoever is db_owner of the database runs sql/roles/sign.sql, or lungdb install."
        )
        if on_message is not None:
            on_message(Message(0, 0, 1, None, 1, text))


def _text_of(script: str) -> str:
    try:
        return (sql_directory() / script).read_text(encoding="utf-8")
    except OSError as error:
        raise LungdbError(f"The file {script} of the SQL files cannot be read ({error.strerror}).") from error
