"""How the functions of this package reach the database: each is handed a call, and knows nothing of who asks for what.

The page's own is `lungdb_web.services.call`, in the name of the account of the present request.
"""

from __future__ import annotations

from typing import Any, Protocol

from lungdb.database import ResultSet
from lungdb_web.database import Lane


class Call(Protocol):
    """Runs a batch with its parameters, in the name of whoever asks; `lungdb_web.database` has the lanes."""

    def __call__(self, sql: str, *parameters: Any, lane: Lane = "pages") -> list[ResultSet]:
        """Run a batch; DatabaseUnavailable, TooBusy or, where a procedure refuses, SqlError."""
        ...
