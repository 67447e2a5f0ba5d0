"""The tables by which the writer finds the function for a node."""

from __future__ import annotations

from typing import get_args

from lungdb.embedded.syntax.tree import Condition, Scalar, Source
from lungdb.embedded.writer.dispatch import DISPATCH


def test_every_type_of_node_that_the_tree_knows_has_a_function_that_writes_it() -> None:
    """A node type that a table lacks would fail only when a statement has it."""
    assert set(DISPATCH.scalars) == set(get_args(Scalar))
    assert set(DISPATCH.conditions) == set(get_args(Condition))
    assert set(DISPATCH.sources) == set(get_args(Source))
