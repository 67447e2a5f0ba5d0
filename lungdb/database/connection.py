"""connect(): a target's text becomes a DB-API 2.0 connection."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

from lungdb.errors import LungdbError, Message

SQLITE_PREFIX = "sqlite:///"
# What the scripts of the stored procedures import, so that a call need not wait for it. LightGBM takes twice as long as
# all the rest together and few scripts use it, so it comes later, and before it piece by piece what it brings along.
_FIRST = ("numpy", "pandas", "lungdb.procedures.*", "onnxruntime")
_LATER = ("scipy.sparse", "scipy.optimize", "scipy.stats", "sklearn.base", "lightgbm")


class Cursor(Protocol):
    """What both engines' cursors offer, with the names and meanings of DB-API 2.0.

    `messages` are those of the present step: a message, a result set or a row count.
    """

    @property
    def description(self) -> Any: ...  # noqa: D102
    @property
    def rowcount(self) -> int: ...  # noqa: D102
    @property
    def messages(self) -> Sequence[Message]: ...  # noqa: D102

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Any: ...  # noqa: D102
    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> Any: ...  # noqa: D102
    def fetchone(self) -> Any: ...  # noqa: D102
    def fetchmany(self, size: int = 1) -> list[Any]: ...  # noqa: D102
    def fetchall(self) -> list[Any]: ...  # noqa: D102
    def nextset(self) -> Any: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


class Connection(Protocol):
    """What both engines' connections offer; autocommit is on, so transactions are T-SQL's own.

    `says_at_once` tells whether messages come while a batch runs, or only when it has ended.
    """

    @property
    def says_at_once(self) -> bool: ...  # noqa: D102

    def cursor(self) -> Cursor: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


def connect(target: str, *, create: bool = True) -> Connection:
    """Open a connection to a database.

    Parameters
    ----------
    target : str
        ``sqlite:///path/lung_cancer_database.db`` for the embedded engine (the database's name is the
        file's stem), or an ODBC connection string with ``Driver=`` for SQL Server.
    create : bool
        Whether the file is made if it is not there.

    Raises
    ------
    LungdbError
        The target is neither, or its folder, file or driver is missing; or a setting of the site cannot be read.
    SqlError
        The server refuses the connection.
    """
    if target.startswith(SQLITE_PREFIX):
        from lungdb.config import load_settings
        from lungdb.database.own_scripts import trusted_scripts
        from lungdb.embedded.running import connection as embedded
        from lungdb.embedded.satellite.processes import Preload

        path = Path(target[len(SQLITE_PREFIX) :])
        if not path.name:
            raise LungdbError(f"The target '{target}' names no file. Write sqlite:///path/lung_cancer_database.db.")
        if not path.parent.is_dir():
            raise LungdbError(f"The folder '{path.parent}' of the target does not exist. Create it first.")
        trusted = trusted_scripts(load_settings())
        return embedded.connect(path, create=create, preload=Preload(_FIRST, _LATER), trusted=trusted)
    if "driver=" in target.lower():
        from lungdb.database import sqlserver

        return sqlserver.connect(target)
    raise LungdbError(
        "The target is not understood. Give sqlite:///path/lung_cancer_database.db, or an ODBC connection string "
        "such as Driver={ODBC Driver 18 for SQL Server};Server=…;Database=…;Trusted_Connection=yes;Encrypt=yes;"
        "TrustServerCertificate=no."
    )
