"""A Python function as SQLite calls it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lungdb.embedded.values.stored import Value


@dataclass(frozen=True)
class Implementation:
    """A Python function that SQLite can call.

    Attributes
    ----------
    name : str
        As SQLite knows it, with the prefix ``tsql_``.
    arity : int
        Number of arguments, -1 for any.
    body : callable
        On storage values (see `lungdb.embedded.values.stored`).
    takes_null : bool
        False: a NULL among the arguments is the result, and the body never sees it.
    deterministic : bool
        True: SQLite may call it once for equal arguments, and use it in an index or a CHECK.
    never_fails : bool
        True: the text that the engine writes gives it only what it takes, so that nothing needs to stand around it.
    """

    name: str
    arity: int
    body: Callable[..., Value]
    takes_null: bool = False
    deterministic: bool = True
    never_fails: bool = False
