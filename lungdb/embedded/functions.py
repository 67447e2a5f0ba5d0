"""The T-SQL built-in functions that the engine knows, and their registration with SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping

from lungdb.embedded import conversions
from lungdb.embedded.functions_base import Function, Implementation
from lungdb.embedded.values import Value

FUNCTIONS: Mapping[str, Function] = {}
IMPLEMENTATIONS: tuple[Implementation, ...] = (*conversions.IMPLEMENTATIONS,)


class Failure:
    """The exception that a built-in raised inside SQLite, which itself reports only that one was raised."""

    def __init__(self) -> None:
        self._exception: BaseException | None = None

    def keep(self, exception: BaseException) -> None:
        """Remember an exception until it is taken."""
        self._exception = exception

    def take(self) -> BaseException | None:
        """Return the exception kept since the last call, and forget it."""
        exception, self._exception = self._exception, None
        return exception


def register(connection: sqlite3.Connection) -> Failure:
    """Make every built-in callable from SQLite text.

    Returns
    -------
    Failure
        Where to look for the reason after sqlite3 raised OperationalError ("user-defined function raised exception").
    """
    failure = Failure()
    for each in IMPLEMENTATIONS:
        connection.create_function(each.name, each.arity, _guarded(each, failure), deterministic=each.deterministic)
    return failure


def _guarded(implementation: Implementation, failure: Failure) -> Callable[..., Value]:
    body = implementation.body
    if implementation.takes_null:

        def call(*arguments: Value) -> Value:
            try:
                return body(*arguments)
            except BaseException as exception:
                failure.keep(exception)
                raise

    else:

        def call(*arguments: Value) -> Value:
            if None in arguments:
                return None
            try:
                return body(*arguments)
            except BaseException as exception:
                failure.keep(exception)
                raise

    return call
