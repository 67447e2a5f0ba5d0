"""Calls a T-SQL built-in the way the engine does: types settled, arguments converted, computed by SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from lungdb.embedded.functions.aggregates import AGGREGATES
from lungdb.embedded.functions.base import TypedCall
from lungdb.embedded.functions.registry import FUNCTIONS, register
from lungdb.embedded.values.conversions import conversion_template
from lungdb.embedded.values.stored import ClientValue, from_client, to_client
from lungdb.embedded.values.types import SqlType, parse_type


class Evaluator:
    """A SQLite connection with the built-ins; its methods return (value as the client sees it, type as text)."""

    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:")
        self.failure = register(self.connection)

    def function(self, name: str, *arguments: object) -> tuple[ClientValue, str]:
        """Call a function; an argument is a Python value, or (text, type) to cast first."""
        values, types = self._prepare(arguments)
        return self.call(FUNCTIONS[name].call(types), values, types)

    def call(self, call: TypedCall, values: Sequence[object], types: Sequence[SqlType]) -> tuple[ClientValue, str]:
        """Compute a settled call."""
        texts = [
            conversion_template(source, target, explicit=True).format(f"?{index}")
            for index, (source, target) in enumerate(zip(types, call.parameters, strict=True), 1)
        ]
        value = self.value("SELECT " + call.template.format(*texts, over=""), values)
        return to_client(value, call.result), str(call.result)

    def aggregate(self, name: str, values: Sequence[object], kind: str) -> tuple[ClientValue, str]:
        """Aggregate values of one type."""
        source = parse_type(kind)
        self.connection.execute("DROP TABLE IF EXISTS rows_")
        self.connection.execute("CREATE TABLE rows_ (x)")
        stored = [(from_client(value)[0],) for value in values]
        self.connection.executemany("INSERT INTO rows_ VALUES (?)", stored)
        call = AGGREGATES[name].call([source])
        argument = conversion_template(source, call.parameters[0], explicit=True).format("x")
        value = self.value(f"SELECT {call.template.format(argument, over='')} FROM rows_", ())
        return to_client(value, call.result), str(call.result)

    def value(self, sql: str, values: Sequence[object]) -> object:
        """Return the one value of a SQLite query, or raise what a built-in raised."""
        try:
            return self.connection.execute(sql, tuple(values)).fetchone()[0]
        except sqlite3.Error:
            reason = self.failure.take()
            if reason is None:
                raise
            raise reason from None

    def _prepare(self, arguments: Sequence[object]) -> tuple[list[object], list[SqlType]]:
        values, types = [], []
        for argument in arguments:
            if isinstance(argument, tuple):
                text, kind = argument
                source = from_client(text)
                target = parse_type(kind)
                template = conversion_template(source[1], target, explicit=True).format("?1")
                values.append(self.value(f"SELECT {template}", (source[0],)))
                types.append(target)
            else:
                value, kind = from_client(argument)
                values.append(value)
                types.append(kind)
        return values, types
