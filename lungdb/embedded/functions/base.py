"""What a T-SQL built-in function is to the engine: an arity, a rule for types, an implementation in SQLite."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.types import SqlType
from lungdb.errors import SqlError

Types = tuple[SqlType, ...]


@dataclass(frozen=True)
class TypedCall:
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
    inline : str
        The same for a function of one float without Python, where there is such a text. ``{0}`` is the argument, which
        may be infinite, ``{1}`` the argument with the check for that; so it is for a short one.
    """

    parameters: Types
    result: SqlType
    template: str
    inline: str = ""


Rule = Callable[[Types], TypedCall]


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
        From the argument types to the `TypedCall`; an untyped NULL counts as int.
    takes_date_part : bool
        The first argument is a bare word such as DAY; pass it on as a quoted text.
    """

    name: str
    arity: tuple[int, int]
    rule: Rule
    takes_date_part: bool = False

    def call(self, types: Sequence[SqlType]) -> TypedCall:
        """Settle the types of a call.

        Raises
        ------
        SqlError
            174 or 189 for a wrong number of arguments, 8116 for an argument of a type that does not fit.
        """
        low, high = self.arity
        if not low <= len(types) <= high:
            if low == high:
                raise numbered_error(174, function=self.name, count=low, advice=f"It was given {len(types)}.")
            raise numbered_error(189, function=self.name, least=low, most=high, advice=f"It was given {len(types)}.")
        return self.rule(tuple(types))


def call_text(name: str, count: int, *constants: str) -> str:
    """Return the template of a call of ``tsql_name`` with `count` placeholders, then constants as written."""
    return f"tsql_{name}({', '.join([*(f'{{{index}}}' for index in range(count)), *constants])})"


def wrong_type(name: str, position: int, given: SqlType, advice: str) -> SqlError:
    """Return error 8116 for an argument (counted from 1) of a type that a function does not take."""
    return numbered_error(8116, type=given.name, position=position, function=name, advice=advice)
