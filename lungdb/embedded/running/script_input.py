"""The input query of an external script: which of its columns may travel as bytes instead of as hexadecimal text."""

from __future__ import annotations

import dataclasses

from lungdb.embedded.syntax.tree import Cast, Column, Literal, OrderItem, Query, Select, SelectItem, Star
from lungdb.embedded.values.names import key
from lungdb.embedded.values.types import varchar

_HEX = varchar()
_WITHOUT_PREFIX = 2


def with_bytes(query: Query) -> tuple[Query, tuple[int, ...]]:
    """Write binary columns as they are where a plain query writes them as text.

    That is ``CONVERT(VARCHAR(MAX), x, 2)`` as a whole column of one SELECT that neither groups nor orders by it.
    Whether x is binary shows when its type is known.

    Returns
    -------
    query : Query
        With x in those places.
    places : tuple of int
        Which they are, from 0; none where the query is as it was.
    """
    body = query.body
    if not isinstance(body, Select) or body.distinct or body.group or body.having is not None:
        return query, ()
    places = tuple(place for place, item in enumerate(body.items) if _is_hex(item))
    names = {key(item.alias or "") for item in body.items if isinstance(item, SelectItem) and _is_hex(item)}
    # A star before a column would move it.
    has_star = any(isinstance(item, Star) for item in body.items)
    if not places or has_star or not all(_orders_by_another(item, names) for item in query.order):
        return query, ()
    items = tuple(_bare(item) if place in places else item for place, item in enumerate(body.items))
    return dataclasses.replace(query, body=dataclasses.replace(body, items=items)), places


def _is_hex(item: SelectItem | Star) -> bool:
    value = item.value if isinstance(item, SelectItem) else None
    return (
        isinstance(value, Cast)
        and value.type == _HEX
        and not value.lenient
        and isinstance(value.style, Literal)
        and value.style.value == _WITHOUT_PREFIX
    )


def _bare(item: SelectItem | Star) -> SelectItem:
    assert isinstance(item, SelectItem)
    assert isinstance(item.value, Cast)
    # A column has its own name where it is given none, and CONVERT has not.
    return dataclasses.replace(item, value=item.value.operand, alias=item.alias or "")


def _orders_by_another(item: OrderItem, names: set[str]) -> bool:
    return isinstance(item.value, Column) and key(item.value.name[-1]) not in names
