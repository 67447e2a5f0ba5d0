"""What may stand where: with which numbers aggregates, window functions and queries are refused in a clause.

And what the recursive member of a common table expression may not hold.
"""

from __future__ import annotations

from dataclasses import dataclass

from lungdb.embedded.syntax.tree import Call, Join, Query, Select, Source, Table
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.names import key
from lungdb.embedded.values.refusals import refused
from lungdb.embedded.writer.tree_search import has_aggregate, mentions_table, nodes


@dataclass(frozen=True)
class Clause:
    """A place of an expression.

    Attributes
    ----------
    aggregate, window, query : int
        The errors of an aggregate, a window function and a query that stand there; 0 where they may.
    """

    aggregate: int = 0
    window: int = 0
    query: int = 0


SELECTED = Clause()
"""The select list, ORDER BY, and expressions outside of queries."""

WHERE = Clause(aggregate=147, window=4108)
ON = Clause(aggregate=1015, window=4108)
GROUP_BY = Clause(aggregate=144, window=4108, query=144)
HAVING = Clause(window=4108)
TOP = Clause(aggregate=162, window=4108)
SET = Clause(aggregate=157, window=4108)
VALUES = Clause(aggregate=5310, window=4108)
OUTPUT = Clause(aggregate=158, window=4108)
DEFINITION = Clause(aggregate=175, window=4108, query=1046)
"""CHECK, the filter of an index, DEFAULT."""

AGGREGATED = Clause(aggregate=130, window=4109, query=130)
"""Inside an aggregate."""

WINDOWED = Clause(window=4109)
"""Inside OVER, or an argument of what stands before it."""


_OUTER = ("LEFT", "RIGHT", "FULL", "OUTER APPLY")


def check_recursive(name: str, member: Select) -> None:
    """Refuse what SQL Server does not take in the recursive member, and what SQLite does not.

    Parameters
    ----------
    name : str
        Of the common table expression.
    member : Select
        The part after UNION ALL.

    Raises
    ------
    SqlError
        460 for DISTINCT, 461 for TOP, 462 for an outer join, 467 for aggregates, 465 for itself in a subquery, 253 for
        itself more than once; refusals of window functions and of itself in a derived table.
    """
    if member.distinct:
        raise numbered_error(460, name=name)
    if member.top is not None:
        raise numbered_error(461, name=name)
    if member.group or member.having is not None or has_aggregate(member.items):
        raise numbered_error(467, name=name)
    sources = list(_sources(member.source))
    if any(isinstance(each, Join) and each.kind in _OUTER for each in sources):
        raise numbered_error(462, name=name)
    expressions = (member.items, member.where, *(each.condition for each in sources if isinstance(each, Join)))
    if any(isinstance(each, Query) and mentions_table(each, name) for each in _with_queries(expressions)):
        raise numbered_error(465)
    named = [each for each in sources if isinstance(each, Table) and _is_named(each, name)]
    if len(named) > 1:
        raise numbered_error(253, name=name)
    if not named:
        raise refused(
            f"The recursive common table expression '{name}' that names itself in a derived table", "Name it in FROM."
        )
    if any(isinstance(each, Call) and each.over is not None for each in nodes(member.items, into_queries=False)):
        raise refused(f"A window function in the recursive member of '{name}'", "Compute it after the recursion.")


def _is_named(table: Table, name: str) -> bool:
    return len(table.name) == 1 and key(table.name[0]) == key(name)


def _sources(source: Source | None) -> list[Source]:
    """Return what stands in FROM, joins and what they join."""
    found: list[Source] = []
    waiting = [] if source is None else [source]
    while waiting:
        each = waiting.pop()
        found.append(each)
        if isinstance(each, Join):
            waiting += [each.left, each.right]
    return found


def _with_queries(expressions: object) -> list[object]:
    return list(nodes(expressions, into_queries=True))
