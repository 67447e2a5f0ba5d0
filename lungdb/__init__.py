"""Machine learning on CT scans inside SQL Server."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lungdb.client import Database

__version__ = "0.3.0.dev0"
SCHEMA_VERSION = 13
"""The newest of sql/migrations/: what the procedures of this version need."""


def open(target: str | None = None) -> Database:
    """Open a database of lungdb as data frames and arrays: `lungdb.client.Database.open`.

    Parameters
    ----------
    target : str or None
        ``sqlite:///FILE.db`` or an ODBC connection string; None is the site's own, of config.py or LUNGDB_DATABASE.
    """
    from lungdb.client import Database  # what runs inside SQL Server imports this module and needs none of it

    return Database.open(target)
