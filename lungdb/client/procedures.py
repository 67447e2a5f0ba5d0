"""The stored procedures as functions, with their help as docstrings."""

from __future__ import annotations

import html
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from lungdb.client.frames import to_frame
from lungdb.database import Connection, run
from lungdb.errors import ErrorNumber, LungdbError, Message, SqlError

_PARAMETERS = """SELECT p.name, t.name, p.max_length, p.precision, p.scale, p.is_output
FROM sys.parameters AS p
INNER JOIN sys.types AS t ON t.user_type_id = p.user_type_id
WHERE p.object_id = OBJECT_ID(?, N'P')
ORDER BY p.parameter_id;"""
_NAME = re.compile(r"[A-Za-z]\w*")


@dataclass(frozen=True)
class Outcome:
    """What a call of a procedure gave.

    Attributes
    ----------
    results : list of DataFrame
        Its result sets, in order.
    outputs : dict
        The values of its OUTPUT parameters, by name without the ``@``.
    messages : list of str
        What it said on its way.
    """

    results: list[pd.DataFrame]
    outputs: dict[str, Any] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)

    @property
    def frame(self) -> pd.DataFrame:
        """The one result set.

        Raises
        ------
        LungdbError
            There is none, or there are several.
        """
        if len(self.results) != 1:
            raise LungdbError(f"The call gave {len(self.results)} result sets, not one. They are in .results.")
        return self.results[0]

    def _repr_html_(self) -> str:
        shown = [f"<p>{html.escape(name)}: {html.escape(str(value))}</p>" for name, value in self.outputs.items()]
        return "".join(shown + [each.to_html(max_rows=20) for each in self.results])


class Procedures:
    """The public procedures of a database: ``procedures.PredictLungCancer(PatientIndex=1)``; ``dir()`` lists them."""

    def __init__(self, connection: Connection, on_message: Callable[[Message], None]) -> None:
        self._connection = connection
        self._on_message = on_message
        self._known: dict[str, Procedure] = {}

    def __dir__(self) -> list[str]:
        """List the procedures of the database."""
        return ["overview", *self.overview()["procedure_name"]]

    def __getattr__(self, name: str) -> Procedure:
        """Give a procedure; AttributeError, with the nearest names, where there is none."""
        # Notebooks ask every object for names that begin so.
        if not _NAME.fullmatch(name):
            raise AttributeError(name)
        if name not in self._known:
            try:
                run(self._connection, "EXECUTE dbo.Help @Procedure = ?;", (name,))
            except SqlError as error:
                if error.number != ErrorNumber.UNKNOWN_PROCEDURE:
                    raise
                raise AttributeError(error.message) from None
            self._known[name] = Procedure(self._connection, name, self._on_message)
        return self._known[name]

    def overview(self) -> pd.DataFrame:
        """Give the rows of dbo.Help: capability, procedure_name, purpose, example."""
        (result,) = run(self._connection, "EXECUTE dbo.Help;")
        return to_frame(result)


class Procedure:
    """A stored procedure as a function of its parameters, by name and without the ``@``; returns an `Outcome`.

    Parameters that are left out take the procedure's own defaults, and None is NULL. Its errors are `SqlError`, with
    the procedure's own message.
    """

    def __init__(self, connection: Connection, name: str, on_message: Callable[[Message], None]) -> None:
        self._connection = connection
        self._on_message = on_message
        self.__name__ = name
        self._types = {
            str(parameter).removeprefix("@"): (_type(*kind), bool(is_output))
            for parameter, *kind, is_output in run(connection, _PARAMETERS, (f"dbo.{name}",))[0].rows
        }
        self.__signature__ = inspect.Signature(
            [inspect.Parameter(each, inspect.Parameter.KEYWORD_ONLY, default=...) for each in self._types],
            return_annotation=Outcome,
        )
        self.__doc__ = "\n".join(self._heard("@Help = 1"))

    def __call__(self, **arguments: Any) -> Outcome:
        """Execute it; messages are handed on while it goes on, where the connection says them at once."""
        given = self._spelt(arguments)
        outputs = [name for name, (_, is_output) in self._types.items() if is_output]
        declared = "".join(
            f"DECLARE @{name} {self._types[name][0]}{' = ?' if name in given else ''};\n" for name in outputs
        )
        passed = ", ".join(
            [f"@{name} = @{name} OUTPUT" for name in outputs]
            + [f"@{name} = ?" for name in given if name not in outputs]
        )
        asked = f"\nSELECT {', '.join(f'@{name} AS [{name}]' for name in outputs)};" if outputs else ""
        values = [given[name] for name in outputs if name in given]
        values += [value for name, value in given.items() if name not in outputs]
        messages: list[str] = []

        def hear(message: Message) -> None:
            messages.append(message.text)
            self._on_message(message)

        batch = f"SET NOCOUNT ON;\n{declared}EXECUTE dbo.{self.__name__} {passed};{asked}"
        results = run(self._connection, batch, values, hear)
        told = results.pop().records()[0] if outputs else {}
        return Outcome([to_frame(result) for result in results], told, messages)

    def _spelt(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Give the arguments as the procedure spells them, which T-SQL reads without regard to case."""
        names = {name.lower(): name for name in self._types}
        for name in arguments:
            if name.lower() not in names:
                raise LungdbError(f"dbo.{self.__name__} has no parameter '{name}'. It has: {', '.join(self._types)}.")
        # Drivers take Python's own numbers and no others.
        plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in arguments.items()}
        return {names[name.lower()]: value for name, value in plain.items()}

    def _heard(self, arguments: str) -> list[str]:
        messages: list[str] = []
        run(
            self._connection,
            f"EXECUTE dbo.{self.__name__} {arguments};",
            on_message=lambda message: messages.append(message.text),
        )
        return messages


def _type(name: str, max_length: int, precision: int, scale: int) -> str:
    """Write a type of sys.parameters as DECLARE takes it; max_length is in bytes, -1 for MAX."""
    if name in ("nvarchar", "nchar"):
        return f"{name}({'MAX' if max_length < 0 else max_length // 2})"
    if name in ("varchar", "char", "varbinary", "binary"):
        return f"{name}({'MAX' if max_length < 0 else max_length})"
    if name in ("decimal", "numeric"):
        return f"{name}({precision}, {scale})"
    if name in ("datetime2", "time", "datetimeoffset"):
        return f"{name}({scale})"
    return name
