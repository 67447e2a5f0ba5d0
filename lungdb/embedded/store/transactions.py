"""Transactions: T-SQL's nested counting over SQLite's one transaction.

BEGIN TRANSACTION alone takes nothing from SQLite. The first statement that writes, or that reads with UPDLOCK or the
like, takes SQLite's write lock and waits for it; reads before it see what is committed, as READ COMMITTED does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lungdb.embedded.store.storage import Storage
from lungdb.embedded.store.turns import Turns
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.names import quoted
from lungdb.errors import SqlError


class Transactions:
    """The transaction state of a session.

    Attributes
    ----------
    count : int
        @@TRANCOUNT.
    doomed : bool
        The transaction can only be rolled back.
    name : str or None
        Of the outermost transaction.
    strict : bool
        SERIALIZABLE or REPEATABLE READ: reads take the lock too.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._begun = False
        self._turns = Turns()
        self.count = 0
        self.doomed = False
        self.name: str | None = None
        self.strict = False

    def _begin_writing(self) -> None:
        self._turns.begin()
        self._storage.execute("BEGIN IMMEDIATE")
        self._turns.has_begun()

    def _end_writing(self, statement: str) -> None:
        self._storage.execute(statement)
        self._turns.end()
        self._storage.shorten_journal()

    @property
    def state(self) -> int:
        """XACT_STATE()."""
        return 0 if not self.count else -1 if self.doomed else 1

    def begin(self, name: str | None = None) -> None:
        """BEGIN TRANSACTION."""
        if not self.count:
            self.name = name
        self.count += 1

    def commit(self) -> None:
        """COMMIT TRANSACTION.

        Raises
        ------
        SqlError
            3902 without a transaction, 3930 for a doomed one.
        """
        if not self.count:
            raise numbered_error(3902)
        self.check_not_doomed()
        if self.count == 1 and self._open:
            self._end_writing("COMMIT")
            self._begun = False
        self.count -= 1

    def check_open(self, name: str | None = None) -> None:
        """Refuse ROLLBACK TRANSACTION without a transaction, or with a name that is not the outermost one's.

        Raises
        ------
        SqlError
            3903, 6401.
        """
        if not self.count:
            raise numbered_error(3903)
        if name is not None and name.casefold() != (self.name or "").casefold():
            raise numbered_error(6401, name=name)

    def abandon(self) -> None:
        """Roll back whatever is open."""
        if self._open:
            self._end_writing("ROLLBACK")
        self._forget()

    def save(self, name: str) -> None:
        """SAVE TRANSACTION.

        Raises
        ------
        SqlError
            628 without a transaction.
        """
        if not self.count:
            raise numbered_error(628)
        self.before_write()
        self._storage.execute(f"SAVEPOINT {quoted('save.' + name.casefold())}")

    def rollback_to(self, name: str) -> bool:
        """ROLLBACK TRANSACTION name; tell whether a savepoint has that name."""
        self.check_not_doomed()
        try:
            self._storage.execute(f"ROLLBACK TO {quoted('save.' + name.casefold())}")
        except SqlError:
            return False
        return True

    def before_write(self) -> None:
        """Take SQLite's write lock, if a transaction is open that does not have it."""
        self.check_not_doomed()
        if self.count and not self._open:
            self._begin_writing()
            self._begun = True

    def before_read(self, locks: bool) -> None:
        """Take SQLite's write lock for a read that asks for it."""
        if (locks or self.strict) and not self.doomed:
            self.before_write()

    def check_not_doomed(self) -> None:
        """Refuse to go on in a doomed transaction."""
        if self.doomed:
            raise numbered_error(3930)

    def lost(self) -> bool:
        """Tell whether SQLite itself has rolled back, as it may when the disk is full, and note that it has."""
        found = self._begun and not self._open
        if found:
            self._forget()
        return found

    def _forget(self) -> None:
        self.count = 0
        self.doomed = self._begun = False

    @contextmanager
    def atomic(self, temporary: bool = False) -> Iterator[None]:
        """Make several SQLite statements one: all of them or none.

        Parameters
        ----------
        temporary : bool
            They write to temporary tables only, so others may go on writing.
        """
        self.before_write()
        inside = self._open
        if inside:
            self._storage.execute("SAVEPOINT tsql_atomic")
        elif temporary:
            self._storage.execute("BEGIN")
        else:
            self._begin_writing()
        try:
            yield
        except BaseException:
            if self._open:
                if inside:
                    self._storage.execute("ROLLBACK TO tsql_atomic")
                    self._storage.execute("RELEASE tsql_atomic")
                else:
                    self._end_writing("ROLLBACK")
            raise
        if inside:
            self._storage.execute("RELEASE tsql_atomic")
        else:
            self._end_writing("COMMIT")

    @property
    def _open(self) -> bool:
        return self._storage.connection.in_transaction
