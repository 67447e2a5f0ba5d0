"""The table by which the interpreter finds the function that runs a statement."""

from __future__ import annotations

from lungdb.embedded.running.interpreter import HANDLERS
from lungdb.embedded.syntax.statement_tree import Statement


def test_every_type_of_statement_that_is_read_has_a_function_that_runs_it() -> None:
    """A type that the table lacks would fail only when a batch has it."""
    assert set(HANDLERS) == set(Statement.__subclasses__())
