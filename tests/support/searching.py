"""Searches of models with real worker processes."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lungdb.database import Connection, run

Start = Callable[..., "subprocess.Popen[str]"]


@dataclass(frozen=True)
class Site:
    """A database and a connection to it."""

    file: Path
    connection: Connection

    def rows(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Give the rows of the last result."""
        return run(self.connection, sql, parameters)[-1].rows

    def search(self, arguments: str) -> int:
        """Make a search; give its number."""
        [(number,)] = self.rows(
            f"DECLARE @Id INT; EXECUTE dbo.SearchModels {arguments}, @SearchId = @Id OUTPUT; SELECT @Id;"
        )
        return int(number)

    def states(self) -> dict[str, int]:
        """Count the trials by state."""
        return dict(self.rows("SELECT state, COUNT(*) FROM dbo.search_trials GROUP BY state;"))


def wait_until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait for a condition; fails when it does not come."""
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "It did not happen in time."
        time.sleep(0.05)
