"""What a T-SQL built-in function is to the engine: an arity, a rule for types, an implementation in SQLite."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lungdb.embedded.values.types import SqlType
from lungdb.errors import SqlError

Types = tuple[SqlType, ...]


@dataclass(frozen=True)
class Call:
    """A call with the types of its arguments settled.

    Attributes
    ----------
    parameters : tuple of SqlType
        The type that each argument is converted to before the call.
    result : SqlType
        The type of the value.
    template : str
        SQLite text with ``{0}``, ``{1}``, … where the converted arguments go; an aggregate's has ``{over}`` where an
        OVER clause goes. A placeholder may stand twice.
    """

    parameters: Types
    result: SqlType
    template: str


Rule = Callable[[Types], Call]


@dataclass(frozen=True)
class Function:
    """A T-SQL built-in.

    Attributes
    ----------
    name : str
        In upper case.
    arity : tuple of int
        The least and the greatest number of arguments.
    rule : callable
        From the argument types to the `Call`; an untyped NULL counts as int.
    takes_date_part : bool
        The first argument is a bare word such as DAY; pass it on as a quoted text.
    """

    name: str
    arity: tuple[int, int]
    rule: Rule
    takes_date_part: bool = False

    def call(self, types: Sequence[SqlType]) -> Call:
        """Settle the types of a call.

        Raises
        ------
        SqlError
            174 or 189 for a wrong number of arguments, 8116 for an argument of a type that does not fit.
        """
        low, high = self.arity
        if not low <= len(types) <= high:
            if low == high:
                raise SqlError(174, f"The {self.name} function requires {low} argument(s). It was given {len(types)}.")
            raise SqlError(
                189, f"The {self.name} function requires {low} to {high} arguments. It was given {len(types)}."
            )
        return self.rule(tuple(types))


def call_text(name: str, count: int, *constants: str) -> str:
    """Return the template of a call of ``tsql_name`` with `count` placeholders, then constants as written."""
    return f"tsql_{name}({', '.join([*(f'{{{index}}}' for index in range(count)), *constants])})"


def wrong_type(name: str, position: int, given: SqlType, advice: str) -> SqlError:
    """Return error 8116 for an argument (counted from 1) of a type that a function does not take."""
    return SqlError(
        8116, f"Argument data type {given.name} is invalid for argument {position} of {name} function. {advice}"
    )
