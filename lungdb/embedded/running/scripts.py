"""sp_execute_external_script: its arguments, its input query, and which columns of that may travel as bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from lungdb.embedded.running.arguments import bind, give_back, system_arguments
from lungdb.embedded.running.events import Event, Result
from lungdb.embedded.running.frames import Frame
from lungdb.embedded.running.session import Session
from lungdb.embedded.satellite.calls import ScriptParameter, ScriptResult
from lungdb.embedded.syntax.statement_tree import Execute, SelectStatement
from lungdb.embedded.syntax.statements import parse_declarations
from lungdb.embedded.syntax.tree import Cast, Column, Literal, OrderItem, Query, Select, SelectItem, Star
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.names import key
from lungdb.embedded.values.refusals import refused
from lungdb.embedded.values.stored import Value
from lungdb.embedded.values.types import Family, SqlType, varchar
from lungdb.embedded.writer.plans import Unit
from lungdb.embedded.writer.scope import OutColumn
from lungdb.errors import SqlError

_NAMES = (
    "@language",
    "@script",
    "@input_data_1",
    "@input_data_1_name",
    "@output_data_1_name",
    "@parallel",
    "@params",
    "@r_rowsperread",
)

_HEX = varchar()
_WITHOUT_PREFIX = 2


def run_script(session: Session, frame: Frame, statement: Execute) -> Iterator[Event]:
    """Run a script with the rows of a query and give back its rows and OUTPUT values."""
    found = system_arguments(session, frame, statement, _NAMES)
    language, script, query, input_name, output_name, parallel, params, rows_per_read = found.values
    check_language(session, language)
    for name, value in (("@parallel", parallel), ("@r_rowsPerRead", rows_per_read)):
        if value:
            raise refused(
                f"{name} = {value!r} of sp_execute_external_script",
                "Call it for one chunk of rows after the other in a WHILE loop.",
            )
    if script is None:
        raise numbered_error(201, procedure="sp_execute_external_script", parameter="@script")
    declared = parse_declarations(str(params or ""))
    unit = session.unit(str(query or ""), {each.name.lower(): each.type for each in declared})
    inner = session.enter(unit, frame)
    outputs = bind(session, frame, inner, statement, found.rest, declared, "sp_execute_external_script")
    asked = {parameter for parameter, _ in outputs}
    parameters = [
        ScriptParameter(
            each.name.lstrip("@"), each.type, inner.variables[each.name.lower()], each.name.lower() in asked
        )
        for each in declared
    ]
    given = _input(session, inner, unit, may_have_bytes=session.satellite.trusts(str(script)))
    events = session.satellite.run(
        str(script),
        given.columns,
        given.rows,
        parameters,
        as_bytes=given.as_bytes,
        input_name=str(input_name or "InputDataSet"),
        output_name=str(output_name or "OutputDataSet"),
        language=str(language),
    )
    for event in events:
        if isinstance(event, str):
            yield session.message(frame, statement.line, event)
            continue
        for each in parameters:
            if each.is_output:
                inner.variables[f"@{each.name}".lower()] = event.outputs[each.name]
        give_back(frame, inner, outputs)
        yield from _results(event)
    session.row_count = 0


def _results(result: ScriptResult) -> Iterator[Event]:
    if result.columns:
        # SQL Server gives the columns of a script no names.
        columns = tuple(OutColumn("", kind) for _, kind in result.columns)
        yield Result(columns, result.rows, streams=True)


@dataclass(frozen=True)
class _QueriedRows:
    """The rows of the input query, and which of its columns of hexadecimal text come as the bytes themselves."""

    columns: list[tuple[str, SqlType]]
    rows: Iterator[tuple[Value, ...]]
    as_bytes: tuple[int, ...] = ()


def _input(session: Session, inner: Frame, unit: Unit, *, may_have_bytes: bool) -> _QueriedRows:
    if not unit.statements:
        return _QueriedRows([], iter(()))
    statement = unit.statements[0]
    if len(unit.statements) > 1 or not isinstance(statement, SelectStatement):
        raise _bad_query("must be one SELECT")
    body = statement.query.body
    if isinstance(body, Select) and body.into is not None:
        raise _bad_query("must be one SELECT without INTO")
    plan = session.plan(inner, statement, "input", lambda writer: writer.query(statement.query), statement.query)
    columns = [(column.name, column.type) for column in plan.columns]
    if may_have_bytes:
        query, places = _with_bytes(statement.query)
        if places:
            other = session.plan(inner, statement, "bytes", lambda writer: writer.query(query), query)
            if all(other.columns[place].type.family == Family.BINARY for place in places):
                return _QueriedRows(columns, session.query(inner, other), places)
    return _QueriedRows(columns, session.query(inner, plan))


def _with_bytes(query: Query) -> tuple[Query, tuple[int, ...]]:
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
    return replace(query, body=replace(body, items=items)), places


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
    return replace(item, value=item.value.operand, alias=item.alias or "")


def _orders_by_another(item: OrderItem, names: set[str]) -> bool:
    return isinstance(item.value, Column) and key(item.value.name[-1]) not in names


def _bad_query(fault: str) -> SqlError:
    return numbered_error(39018, name="@input_data_1", fault=fault, advice="Put other statements before it.")


def check_language(session: Session, language: Value) -> None:
    """Refuse a language that is neither Python nor made by CREATE EXTERNAL LANGUAGE."""
    wanted = str(language)
    if key(wanted) not in map(key, session.catalog.languages()):
        raise numbered_error(39020, language=wanted)
