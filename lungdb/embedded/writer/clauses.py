"""Where an expression stands, and with which numbers aggregates, window functions and queries are refused there."""

from __future__ import annotations

from dataclasses import dataclass


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
