"""Connecting to a T-SQL engine, running batches on it, installing the schema on it.

The two engines, SQL Server through ODBC and the embedded one, meet here; nothing above asks which one it is on.
"""

from lungdb.database.batches import split_batches
from lungdb.database.connection import Connection, Cursor, connect
from lungdb.database.following import following
from lungdb.database.installer import INSTALLERS, install
from lungdb.database.pool import DatabaseBusy, DatabaseUnavailable, Pool
from lungdb.database.run import ResultSet, run, run_script
from lungdb.database.sql_files import sql_directory
from lungdb.database.transaction import transaction
from lungdb.errors import Message

__all__ = [
    "INSTALLERS",
    "Connection",
    "Cursor",
    "DatabaseBusy",
    "DatabaseUnavailable",
    "Message",
    "Pool",
    "ResultSet",
    "connect",
    "following",
    "install",
    "run",
    "run_script",
    "split_batches",
    "sql_directory",
    "transaction",
]
