"""The T-SQL built-in functions that the engine knows, and their registration with SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping

from lungdb.embedded import (
    conversions,
    functions_arithmetic,
    functions_compose,
    functions_date,
    functions_format,
    functions_json,
    functions_json_modify,
    functions_math,
    functions_misc,
    functions_rows,
    functions_search,
    functions_text,
)
from lungdb.embedded.aggregates import AGGREGATE_IMPLEMENTATIONS, AggregateImplementation
from lungdb.embedded.functions_base import Function, Implementation
from lungdb.embedded.values import Value

FUNCTIONS: Mapping[str, Function] = {
    each.name: each
    for functions in (
        functions_text.FUNCTIONS,
        functions_search.FUNCTIONS,
        functions_compose.FUNCTIONS,
        functions_math.FUNCTIONS,
        functions_date.FUNCTIONS,
        functions_format.FUNCTIONS,
        functions_json.FUNCTIONS,
        functions_json_modify.FUNCTIONS,
        functions_misc.FUNCTIONS,
    )
    for each in functions
}

_IMPLEMENTATIONS: tuple[Implementation, ...] = (
    *conversions.IMPLEMENTATIONS,
    *functions_arithmetic.IMPLEMENTATIONS,
    *functions_text.IMPLEMENTATIONS,
    *functions_search.IMPLEMENTATIONS,
    *functions_compose.IMPLEMENTATIONS,
    *functions_math.IMPLEMENTATIONS,
    *functions_date.IMPLEMENTATIONS,
    *functions_format.IMPLEMENTATIONS,
    *functions_json.IMPLEMENTATIONS,
    *functions_json_modify.IMPLEMENTATIONS,
    *functions_rows.IMPLEMENTATIONS,
    *functions_misc.IMPLEMENTATIONS,
)


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
        Where to look for the reason after sqlite3 raised OperationalError ("user-defined function raised exception",
        "user-defined aggregate's … method raised error").
    """
    failure = Failure()
    for each in _IMPLEMENTATIONS:
        connection.create_function(each.name, each.arity, _guarded(each, failure), deterministic=each.deterministic)
    for aggregate in AGGREGATE_IMPLEMENTATIONS:
        connection.create_aggregate(aggregate.name, aggregate.arity, _guarded_aggregate(aggregate, failure))
    return failure


def _guarded(implementation: Implementation, failure: Failure) -> Callable[..., Value]:
    body = implementation.body
    if implementation.arity == 1 and not implementation.takes_null:
        # Most calls by far, and quicker without a tuple of arguments.
        def call_with_one(value: Value) -> Value:
            if value is None:
                return None
            try:
                return body(value)
            except BaseException as exception:
                failure.keep(exception)
                raise

        return call_with_one
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


def _guarded_aggregate(aggregate: AggregateImplementation, failure: Failure) -> type:
    class Guarded:
        def __init__(self) -> None:
            self._accumulator = aggregate.make()

        def step(self, *arguments: Value) -> None:
            try:
                self._accumulator.step(*arguments)
            except BaseException as exception:
                failure.keep(exception)
                raise

        def finalize(self) -> Value:
            try:
                return self._accumulator.finalize()
            except BaseException as exception:
                failure.keep(exception)
                raise

    return Guarded
