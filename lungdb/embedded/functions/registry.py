"""The T-SQL built-in functions that the engine knows, and their registration with SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping

from lungdb.embedded.functions import (
    arithmetic,
    compose,
    date,
    format,
    hashing,
    json,
    json_modify,
    math,
    rows,
    search,
    text,
)
from lungdb.embedded.functions.aggregates import AGGREGATE_IMPLEMENTATIONS, AggregateImplementation
from lungdb.embedded.functions.base import Function
from lungdb.embedded.values import conversions
from lungdb.embedded.values.implementation import Implementation
from lungdb.embedded.values.stored import Value

FUNCTIONS: Mapping[str, Function] = {
    each.name: each
    for functions in (
        text.FUNCTIONS,
        search.FUNCTIONS,
        compose.FUNCTIONS,
        math.FUNCTIONS,
        date.FUNCTIONS,
        format.FUNCTIONS,
        json.FUNCTIONS,
        json_modify.FUNCTIONS,
        hashing.FUNCTIONS,
    )
    for each in functions
}

_IMPLEMENTATIONS: tuple[Implementation, ...] = (
    *conversions.IMPLEMENTATIONS,
    *arithmetic.IMPLEMENTATIONS,
    *text.IMPLEMENTATIONS,
    *search.IMPLEMENTATIONS,
    *compose.IMPLEMENTATIONS,
    *math.IMPLEMENTATIONS,
    *date.IMPLEMENTATIONS,
    *format.IMPLEMENTATIONS,
    *json.IMPLEMENTATIONS,
    *json_modify.IMPLEMENTATIONS,
    *rows.IMPLEMENTATIONS,
    *hashing.IMPLEMENTATIONS,
)


class KeptException:
    """The exception that a built-in raised inside SQLite, which itself reports only that one was raised."""

    def __init__(self) -> None:
        self._exception: BaseException | None = None

    def keep(self, exception: BaseException) -> None:
        """Remember an exception until it is taken; of one that Ctrl-C caused, the KeyboardInterrupt."""
        self._exception = interrupt_behind(exception) or exception

    def take(self) -> BaseException | None:
        """Return the exception kept since the last call, and forget it."""
        exception, self._exception = self._exception, None
        return exception


def interrupt_behind(exception: BaseException) -> KeyboardInterrupt | None:
    """Return the KeyboardInterrupt that an exception is or comes from.

    sqlite3 goes on calling functions after one of its callbacks raised, with the exception still set; the next call
    into C then ends as SystemError "returned a result with an exception set", with the KeyboardInterrupt as its cause.
    """
    seen: BaseException | None = exception
    while seen is not None:
        if isinstance(seen, KeyboardInterrupt):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None


def register(connection: sqlite3.Connection) -> KeptException:
    """Make every built-in callable from SQLite text.

    Returns
    -------
    KeptException
        Where to look for the reason after sqlite3 raised OperationalError ("user-defined function raised exception",
        "user-defined aggregate's … method raised error").
    """
    kept = KeptException()
    for each in _IMPLEMENTATIONS:
        connection.create_function(each.name, each.arity, _guarded(each, kept), deterministic=each.deterministic)
    for aggregate in AGGREGATE_IMPLEMENTATIONS:
        connection.create_aggregate(aggregate.name, aggregate.arity, _guarded_aggregate(aggregate, kept))
    return kept


def _guarded(implementation: Implementation, kept: KeptException) -> Callable[..., Value]:
    body = implementation.body
    if implementation.never_fails:
        return body
    if implementation.arity == 1 and not implementation.takes_null:
        # Most calls by far, and quicker without a tuple of arguments.
        def call_with_one(value: Value) -> Value:
            if value is None:
                return None
            try:
                return body(value)
            except BaseException as exception:
                kept.keep(exception)
                raise

        return call_with_one
    if implementation.takes_null:

        def call(*arguments: Value) -> Value:
            try:
                return body(*arguments)
            except BaseException as exception:
                kept.keep(exception)
                raise

    else:

        def call(*arguments: Value) -> Value:
            if None in arguments:
                return None
            try:
                return body(*arguments)
            except BaseException as exception:
                kept.keep(exception)
                raise

    return call


def _guarded_aggregate(aggregate: AggregateImplementation, kept: KeptException) -> type:
    class Guarded:
        def __init__(self) -> None:
            try:
                self._accumulator = aggregate.make()
            except BaseException as exception:
                kept.keep(exception)
                raise

        def step(self, *arguments: Value) -> None:
            try:
                self._accumulator.step(*arguments)
            except BaseException as exception:
                kept.keep(exception)
                raise

        def finalize(self) -> Value:
            try:
                return self._accumulator.finalize()
            except BaseException as exception:
                kept.keep(exception)
                raise

    return Guarded
