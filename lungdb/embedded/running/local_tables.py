"""#temp tables and table variables in SQLite, those kept among them that a procedure makes at each of its calls."""

from __future__ import annotations

from collections.abc import Iterable

from lungdb.embedded.store.storage import Storage
from lungdb.embedded.syntax.statement_tree import TableDefinition
from lungdb.embedded.writer.plans import LocalTable

_MOST = 64
# A join begins with a table of so many rows at most, because SQLite holds all of them for large.
_FEW = 64


class LocalTables:
    """The local tables of a session as SQLite holds them.

    Whatever makes or drops a table has SQLite prepare every statement anew. So one that is not needed any more is
    emptied and kept for the next of its name, place and definition.

    Parameters
    ----------
    storage : Storage
        The open file.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._made: dict[str, TableDefinition] = {}
        self._kept: dict[str, TableDefinition] = {}
        # The tables of the open transaction, and how many there were at each of its savepoints.
        self._begun: list[str] = []
        self._saved: dict[str, int] = {}

    def holds_few(self, local: LocalTable) -> bool:
        """Tell whether a table has a few rows."""
        (count,) = self._storage.execute(
            f"SELECT count(*) FROM (SELECT 1 FROM {local.text} LIMIT {_FEW + 1})"
        ).fetchone()
        return bool(count <= _FEW)

    def begin(self) -> None:
        """Note that a transaction begins."""
        self._begun.clear()
        self._saved.clear()

    def save(self, name: str) -> None:
        """Note a savepoint of the transaction."""
        self._saved[name.casefold()] = len(self._begun)

    def undone(self) -> None:
        """Keep none of those that wait, because what has been undone may have changed any of them."""
        self._kept.clear()

    def rolled_back(self, name: str | None = None) -> set[str]:
        """Note a rollback, of the whole transaction or to a savepoint, and return which tables it takes away.

        In SQLite they may still be there, those of earlier calls.
        """
        self.undone()
        first = 0 if name is None else self._saved.get(name.casefold(), 0)
        lost = set(self._begun[first:])
        del self._begun[first:]
        return lost

    def belongs_to_transaction(self, local: LocalTable) -> None:
        """Note that a rollback takes a table away."""
        self._begun.append(local.physical)

    def take(self, local: LocalTable) -> bool:
        """Take a kept table into use, if one is as this should be."""
        kept = self._kept.pop(local.physical, None)
        if kept is None or kept != local.definition:
            return False
        self._made[local.physical] = local.definition
        return True

    def make(self, local: LocalTable, statements: Iterable[str]) -> None:
        """Make a table by SQLite text, in place of one that was kept or that a rollback has brought back."""
        self._kept.pop(local.physical, None)
        self._storage.execute(f"DROP TABLE IF EXISTS {local.text}")
        for text in statements:
            self._storage.execute(text)
        self._made[local.physical] = local.definition

    def release(self, local: LocalTable) -> None:
        """Drop a table that is not needed any more, or keep it empty; one that was altered is dropped."""
        made = self._made.pop(local.physical, None)
        counts = any(column.identity is not None for column in local.definition.columns)
        if made is local.definition and not counts and len(self._kept) < _MOST:
            self._storage.execute(f"DELETE FROM {local.text}")
            self._kept[local.physical] = local.definition
        else:
            self._storage.execute(f"DROP TABLE IF EXISTS {local.text}")
