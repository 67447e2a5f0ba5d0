"""Which function writes which node, the modules' tables put together; a writer is made here."""

from __future__ import annotations

from lungdb.embedded.syntax.tree import Call, Subquery
from lungdb.embedded.writer.calls import call
from lungdb.embedded.writer.conditions import CONDITION_WRITERS
from lungdb.embedded.writer.context import Dispatch, Surroundings, Writer
from lungdb.embedded.writer.queries import query, scalar_query
from lungdb.embedded.writer.sources import SOURCE_WRITERS
from lungdb.embedded.writer.values import VALUE_WRITERS

DISPATCH = Dispatch(
    scalars={**VALUE_WRITERS, Call: call, Subquery: scalar_query},
    conditions=CONDITION_WRITERS,
    sources=SOURCE_WRITERS,
    query=query,
)


def new_writer(surroundings: Surroundings) -> Writer:
    """Return the writer of one text, with nothing in sight yet."""
    return Writer(surroundings, DISPATCH)
