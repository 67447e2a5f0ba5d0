"""Queries: WITH, SELECT, set operations, ORDER BY, OPTION."""

from __future__ import annotations

from dataclasses import replace

from lungdb.embedded.syntax.expressions import condition, order_by, scalar
from lungdb.embedded.syntax.lexer import check_length
from lungdb.embedded.syntax.literals import literal
from lungdb.embedded.syntax.reader import TokenReader, words
from lungdb.embedded.syntax.sources import sources
from lungdb.embedded.syntax.tree import (
    Binary,
    Body,
    CommonTable,
    Query,
    RowValues,
    Scalar,
    Select,
    SelectItem,
    SetOperation,
    Star,
    Variable,
)
from lungdb.embedded.values.messages import numbered_error

_ASSIGNMENTS = words("= += -= *= /= %= &= |= ^=")
# They say how SQL Server finds the rows, not which.
_QUERY_HINTS = words(
    "RECOMPILE FAST LOOP HASH MERGE FORCE KEEPFIXED OPTIMIZE MAXDOP KEEP ROBUST CONCAT ORDER EXPAND "
    "NO_PERFORMANCE_SPOOL MAX_GRANT_PERCENT MIN_GRANT_PERCENT IGNORE_NONCLUSTERED_COLUMNSTORE_INDEX"
)
_REFUSED_HINTS = words("USE TABLE LABEL PARAMETERIZATION QUERYTRACEON DISABLE")
_DEEPEST = 32767
_MAX_RECURSION = 100


def query(reader: TokenReader) -> Query:
    """Read a query with its WITH, ORDER BY and OPTION."""
    return query_after(reader, common_tables(reader))


def query_after(reader: TokenReader, common: tuple[CommonTable, ...]) -> Query:
    """Read what follows WITH and its common table expressions."""
    body = _union(reader)
    order = order_by(reader) if reader.at("ORDER") else ()
    offset, fetch = _page(reader) if order else (None, None)
    if reader.at("FOR"):
        reader.refuse(f"FOR {reader.ahead().value}")
    return Query(body, order, offset, fetch, common, options(reader))


def common_tables(reader: TokenReader) -> tuple[CommonTable, ...]:
    """Read WITH and its common table expressions, if they come next."""
    return reader.commas(_common_table) if reader.take("WITH") else ()


def _common_table(reader: TokenReader) -> CommonTable:
    name = reader.identifier()
    columns = reader.column_names()
    reader.expect("AS")
    return CommonTable(name, columns, reader.enclosed(query))


def _page(reader: TokenReader) -> tuple[Scalar | None, Scalar | None]:
    """Read OFFSET and FETCH, if they come next."""
    if not reader.take("OFFSET"):
        return None, None
    offset = scalar(reader)
    reader.expect_any("ROW", "ROWS")
    if not reader.take("FETCH"):
        return offset, None
    reader.expect_any("NEXT", "FIRST")
    fetch = scalar(reader)
    reader.expect_any("ROW", "ROWS")
    reader.expect("ONLY")
    return offset, fetch


def options(reader: TokenReader) -> int:
    """Read OPTION (…), if it comes next, and return how deep recursion may go."""
    if not reader.take("OPTION"):
        return _MAX_RECURSION
    depths = [depth for depth in reader.parenthesised(_option) if depth is not None]
    return depths[-1] if depths else _MAX_RECURSION


def _option(reader: TokenReader) -> int | None:
    if reader.take("MAXRECURSION"):
        depth = reader.unsigned()
        if depth > _DEEPEST:
            raise numbered_error(310, value=depth, limit=_DEEPEST)
        return depth
    if reader.token.value in _REFUSED_HINTS:
        reader.refuse(f"OPTION ({reader.token.value} …)")
    reader.expect_any(*_QUERY_HINTS)
    while not (reader.at_any(",", ")") or reader.at_end):
        reader.next()
    return None


def _union(reader: TokenReader) -> Body:
    left = _intersection(reader)
    while operator := reader.take_any("UNION", "EXCEPT"):
        if operator == "UNION" and reader.take("ALL"):
            operator = "UNION ALL"
        left = SetOperation(operator, left, _intersection(reader))
    return left


def _intersection(reader: TokenReader) -> Body:
    left = _body(reader)
    while reader.take("INTERSECT"):
        left = SetOperation("INTERSECT", left, _body(reader))
    return left


def _body(reader: TokenReader) -> Body:
    if reader.at("("):
        return reader.enclosed(_union)
    if reader.take("VALUES"):
        return RowValues(reader.commas(_row))
    return _select(reader)


def _row(reader: TokenReader) -> tuple[Scalar, ...]:
    return reader.parenthesised(scalar)


def _select(reader: TokenReader) -> Select:
    reader.expect("SELECT")
    distinct = reader.take_any("ALL", "DISTINCT") == "DISTINCT"
    limit = top(reader)
    items = reader.commas(select_item)
    into = reader.name() if reader.take("INTO") else None
    source = sources(reader) if reader.take("FROM") else None
    where = condition(reader) if reader.take("WHERE") else None
    group = _grouping(reader) if reader.take("GROUP") else ()
    having = condition(reader) if reader.take("HAVING") else None
    return Select(items, source, where, group, having, distinct, limit, into)


def _grouping(reader: TokenReader) -> tuple[Scalar, ...]:
    reader.expect("BY")
    if reader.at_any("ROLLUP", "CUBE", "GROUPING"):
        reader.refuse(f"GROUP BY {reader.token.word}")
    group = reader.commas(scalar)
    if reader.at("WITH") and reader.ahead().word in ("ROLLUP", "CUBE"):
        reader.refuse(f"GROUP BY … WITH {reader.ahead().word}")
    return group


def top(reader: TokenReader) -> Scalar | None:
    """Read TOP (n), if it comes next."""
    if not reader.take("TOP"):
        return None
    limit = reader.enclosed(scalar) if reader.at("(") else literal(reader)
    if reader.at("PERCENT"):
        reader.refuse("TOP … PERCENT")
    if reader.at("WITH", "TIES"):
        reader.refuse("TOP … WITH TIES")
    return limit


def select_item(reader: TokenReader) -> SelectItem | Star:
    """Read an item of a SELECT list or of OUTPUT."""
    if reader.take("*"):
        return Star(())
    following = reader.ahead().word
    if reader.at_variable and following in _ASSIGNMENTS:
        variable = reader.variable()
        return SelectItem(assigned_value(reader, Variable(variable)), None, variable)
    if following == "=" and (reader.at_text or reader.at_identifier):
        alias = _text_alias(reader) if reader.at_text else reader.identifier()
        reader.expect("=")
        return SelectItem(scalar(reader), alias)
    if following == "." and reader.at_identifier:
        star = _qualified_star(reader)
        if star is not None:
            return star
    return SelectItem(scalar(reader), _alias(reader))


def assigned_value(reader: TokenReader, target: Scalar) -> Scalar:
    """Read ``=``, ``+=`` or the like, and the value that the target gets."""
    operator = reader.expect_any(*_ASSIGNMENTS)
    value = scalar(reader)
    return value if operator == "=" else Binary(operator[0], target, value)


def _qualified_star(reader: TokenReader) -> Star | None:
    """Read ``t.*``, if it comes next."""
    dots = 0
    while reader.ahead(2 * dots + 1).word == ".":
        dots += 1
    if reader.ahead(2 * dots).word != "*":
        return None
    qualifier: list[str] = []
    for _ in range(dots):
        qualifier.append(reader.identifier())
        reader.expect(".")
    reader.expect("*")
    return Star(tuple(qualifier))


def _alias(reader: TokenReader) -> str | None:
    marked = reader.take("AS")
    if reader.at_text:
        return _text_alias(reader)
    return reader.identifier() if marked or reader.at_identifier else None


def _text_alias(reader: TokenReader) -> str:
    token = reader.next()
    check_length(token.value, token.line)
    return token.value


def without_into(query: Query) -> Query:
    """Return the query of SELECT … INTO without its INTO."""
    assert isinstance(query.body, Select)
    return replace(query, body=replace(query.body, into=None))
