"""ORDER BY, TOP, OFFSET and FETCH, as SQLite text."""

from __future__ import annotations

from dataclasses import dataclass

from lungdb.embedded.syntax.tree import Column, Literal, OrderItem, Scalar
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.names import TEXT_COLLATION, key, quoted
from lungdb.embedded.values.refusals import check_terms
from lungdb.embedded.values.types import BIGINT, Family, SqlType
from lungdb.embedded.writer.clauses import TOP
from lungdb.embedded.writer.context import Writer
from lungdb.embedded.writer.scope import OutColumn, Scope, output_name
from lungdb.errors import SqlError


@dataclass(frozen=True)
class OrderTerm:
    """A term of ORDER BY: the position of an item of the select list, from 1, or a text of its own.

    `suffix` is its collation and direction; `reaches_out` says that it has a column of a query around.
    """

    position: int
    text: str
    suffix: str
    reaches_out: bool = False

    @property
    def written(self) -> str:
        """The term behind the select list itself."""
        return f"{self.text or self.position}{self.suffix}"

    def named(self, number: int, columns: list[OutColumn]) -> str:
        """Return the term by the name that it has as a column."""
        name = f"?order{number}" if self.text else output_name(columns[self.position - 1], self.position)
        return f"{quoted(name)}{self.suffix}"


def order_terms(
    writer: Writer, order: tuple[OrderItem, ...], columns: list[OutColumn], distinct: list[str]
) -> list[OrderTerm]:
    """Write ORDER BY; `distinct` are the texts of the select list where only these may be ordered by."""
    if not order:
        return []
    check_terms(len(order), "ORDER BY")
    if writer.scope.grouped is not None:
        writer.scope.grouped.number = 8127
    names = [key(column.name) for column in columns]
    terms: list[OrderTerm] = []
    for item in order:
        value = item.value
        if isinstance(value, Column) and len(value.name) == 1 and key(value.name[0]) in names:
            position = names.index(key(value.name[0])) + 1
            terms.append(OrderTerm(position, "", _suffix(columns[position - 1].type, item)))
        elif isinstance(value, Literal):
            terms.append(order_by_output(item, columns))
        else:
            terms.append(_order_by_value(writer, item, distinct))
    return terms


def _order_by_value(writer: Writer, item: OrderItem, distinct: list[str]) -> OrderTerm:
    scope = writer.scope
    before, scope.reached_out = scope.reached_out, False
    sql = writer.scalar(item.value)
    reaches_out, scope.reached_out = scope.reached_out, before or scope.reached_out
    suffix = _suffix(sql.type, item)
    if not distinct:
        return OrderTerm(0, sql.text, suffix, reaches_out)
    text = sql.finite().collated
    if text not in distinct:
        raise numbered_error(145)
    return OrderTerm(distinct.index(text) + 1, "", suffix)


def order_by_output(item: OrderItem, columns: list[OutColumn]) -> OrderTerm:
    """Write a term that must be a column that the query gives, by name or position."""
    value = item.value
    position = 0
    if isinstance(value, Literal) and isinstance(value.value, int):
        position = value.value
    elif isinstance(value, Column) and len(value.name) == 1:
        names = [key(column.name) for column in columns]
        position = names.index(key(value.name[0])) + 1 if key(value.name[0]) in names else 0
        if not position:
            raise numbered_error(207, column=value.name[0], advice="Order by a column of the first SELECT.")
    if isinstance(value, Literal) and not isinstance(value.value, int):
        raise numbered_error(408)
    if not 1 <= position <= len(columns):
        raise numbered_error(108, position=position)
    return OrderTerm(position, "", _suffix(columns[position - 1].type, item))


def _suffix(kind: SqlType, item: OrderItem) -> str:
    collation = f" COLLATE {TEXT_COLLATION}" if kind.family == Family.CHARACTER else ""
    return f"{collation}{' DESC' if item.descending else ''}"


def limit(writer: Writer, top: Scalar | None, offset: Scalar | None, fetch: Scalar | None) -> str:
    """Write TOP, or OFFSET and FETCH, as LIMIT."""
    count = top if fetch is None else fetch
    text = "" if count is None else f" LIMIT {_row_count(writer, count)}"
    if offset is not None:
        text = f"{text or ' LIMIT -1'} OFFSET {_row_count(writer, offset)}"
    return text


def _row_count(writer: Writer, node: Scalar) -> str:
    try:
        with writer.within(Scope()), writer.clause(TOP):
            sql = writer.convert(writer.scalar(node), BIGINT)
    except SqlError as error:
        if error.number not in (207, 4104):
            raise
        raise numbered_error(4115) from None
    return sql.text if sql.constant and isinstance(sql.value, int) and sql.value >= 0 else f"tsql_rows({sql.text})"


def order_by(texts: list[str]) -> str:
    """Write ORDER BY of terms that are written, if there are any."""
    return f" ORDER BY {', '.join(texts)}" if texts else ""
