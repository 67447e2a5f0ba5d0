"""EXECUTE: procedures, text, and the system procedures."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from lungdb.embedded.running.arguments import bind, give_back, system_arguments
from lungdb.embedded.running.events import Event, Result, thrown
from lungdb.embedded.running.frames import Frame
from lungdb.embedded.running.scripts import run_script
from lungdb.embedded.running.session import Session
from lungdb.embedded.store.applocks import check_kind
from lungdb.embedded.store.properties import set_property
from lungdb.embedded.syntax.statement_tree import Execute, ExecuteText
from lungdb.embedded.syntax.statements import parse_declarations
from lungdb.embedded.values.conversions import convert, converter
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.names import key
from lungdb.embedded.values.stored import Value
from lungdb.embedded.values.types import INT, SqlType, nvarchar
from lungdb.embedded.writer.plans import Unit
from lungdb.embedded.writer.scope import OutColumn
from lungdb.errors import SqlError

# What sp_getapplock gives where another had the lock all the time, and for an error.
_TIMED_OUT = -1
_FAILED = -999
_SYSTEM_SCHEMAS = ("", "sys", "dbo")
ResultSets = tuple[tuple[tuple[str, SqlType], ...], ...]


def execute(session: Session, frame: Frame, statement: Execute) -> Iterator[Event]:
    """EXECUTE a procedure."""
    name = _procedure_name(frame, statement)
    events = _system_procedure(session, frame, statement, name) or _procedure(session, frame, statement, name)
    return _in_result_sets(events, statement.result_sets)


def _procedure_name(frame: Frame, statement: Execute) -> tuple[str, ...]:
    name = statement.procedure
    if not name[0].startswith("@"):
        return name
    text = convert(frame.variables[name[0]], frame.types[name[0]], nvarchar(), explicit=True)
    return tuple(part.strip('[]"') for part in str(text or "").split("."))


def _system_procedure(
    session: Session, frame: Frame, statement: Execute, name: tuple[str, ...]
) -> Iterator[Event] | None:
    if len(name) > 1 and key(name[-2]) not in _SYSTEM_SCHEMAS:
        return None
    match key(name[-1]):
        case "sp_executesql":
            return _execute_sql(session, frame, statement)
        case "sp_set_session_context":
            return _set_session_context(session, frame, statement)
        case "sp_addextendedproperty":
            return _set_property(session, frame, statement, anew=True)
        case "sp_updateextendedproperty":
            return _set_property(session, frame, statement, anew=False)
        case "sp_getapplock":
            return _get_lock(session, frame, statement)
        case "sp_releaseapplock":
            return _release_lock(session, frame, statement)
        case "sp_execute_external_script":
            return run_script(session, frame, statement)
    return None


def _procedure(session: Session, frame: Frame, statement: Execute, name: tuple[str, ...]) -> Iterator[Event]:
    found = session.sight(frame).find_procedure(name)
    if found is None:
        raise numbered_error(2812, name=".".join(name))
    if "sp_execute_external_script" in found.definition:
        session.satellite.warm()
    inner = session.enter(found.unit, frame, found)
    outputs = bind(session, frame, inner, statement, statement.arguments, found.module.parameters, found.name)
    returned = yield from _run(session, inner)
    give_back(frame, inner, outputs)
    if statement.return_variable is not None:
        kind = frame.types[statement.return_variable]
        frame.variables[statement.return_variable] = convert(returned, INT, kind, explicit=False)


def _run(session: Session, inner: Frame) -> Generator[Event, None, Value]:
    """Run a procedure or text to its end; what it has SET ends with it. The value is that of RETURN."""
    options = session.options
    session.options = type(options)(options.no_count, options.xact_abort, options.no_exec)
    count = session.transactions.count
    try:
        returned = yield from session.run_frame(inner)
    finally:
        session.options = options
    if session.transactions.count != count and not session.transactions.doomed:
        raise numbered_error(266, before=count, after=session.transactions.count)
    return returned


def _text_unit(session: Session, text: str, declared: dict[str, SqlType]) -> Unit:
    try:
        return session.unit(text, declared)
    except SqlError as error:
        raise thrown(error, placed=True) from None


def execute_text(session: Session, frame: Frame, statement: ExecuteText) -> Iterator[Event]:
    """EXECUTE (text)."""
    text = session.text(frame, statement, statement.text, "text")
    inner = session.enter(_text_unit(session, text or "", {}), frame)
    return _in_result_sets(_run(session, inner), statement.result_sets)


def _execute_sql(session: Session, frame: Frame, statement: Execute) -> Iterator[Event]:
    """sp_executesql @stmt, @params, values."""
    found = system_arguments(session, frame, statement, ("@stmt", "@params"))
    text, declarations = found.values
    if text is None:
        kind = "ntext/nchar/nvarchar"
        raise numbered_error(214, parameter="@statement", type=kind, advice="Give the text.")
    parameters = parse_declarations(str(declarations or ""))
    unit = _text_unit(session, str(text), {each.name.lower(): each.type for each in parameters})
    inner = session.enter(unit, frame)
    outputs = bind(session, frame, inner, statement, found.rest, parameters, "sp_executesql")
    returned = yield from _run(session, inner)
    give_back(frame, inner, outputs)
    if statement.return_variable is not None:
        frame.variables[statement.return_variable] = returned


def _set_session_context(session: Session, frame: Frame, statement: Execute) -> Iterator[Event]:
    """sp_set_session_context @key, @value, @read_only."""
    names = ("@key", "@value", "@read_only")
    found = system_arguments(session, frame, statement, names)
    name, value, read_only = found.values
    if name is None or found.rest:
        raise numbered_error(15600, procedure="sp_set_session_context", advice="Give @key.")
    known = key(str(name))
    if session.context.get(known, (None, False))[1]:
        raise numbered_error(15664, key=known)
    session.context[known] = (value, bool(read_only))
    return iter(())


def _set_property(session: Session, frame: Frame, statement: Execute, *, anew: bool) -> Iterator[Event]:
    """sp_addextendedproperty and sp_updateextendedproperty."""
    levels = tuple(f"@level{level}{what}" for level in range(3) for what in ("type", "name"))
    found = system_arguments(session, frame, statement, ("@name", "@value", *levels))
    name, value, *places = found.values
    if name is None or found.rest:
        raise numbered_error(15600, procedure="sp_addextendedproperty", advice="Give @name.")
    with session.atomic():
        set_property(session.catalog, name, value, tuple(places), anew=anew)
    return _returned(frame, statement, 0)


def _get_lock(session: Session, frame: Frame, statement: Execute) -> Iterator[Event]:
    """sp_getapplock: 0 where the lock is held now, -1 where another has had it all the time, -999 for an error."""
    names = ("@resource", "@lockmode", "@lockowner", "@locktimeout", "@dbprincipal")
    found = system_arguments(session, frame, statement, names)
    resource, mode, owner, timeout, _ = found.values
    if resource is None or mode is None or found.rest:
        raise numbered_error(15600, procedure="sp_getapplock", advice="Give @Resource and @LockMode.")
    check_kind(mode, owner)
    given = "@locktimeout" in found.given and isinstance(timeout, int) and timeout >= 0
    milliseconds = int(timeout) if given and isinstance(timeout, int) else session.storage.busy_milliseconds
    try:
        result = 0 if session.storage.applocks.take(str(resource), milliseconds) else _TIMED_OUT
    except OSError:
        result = _FAILED
    return _returned(frame, statement, result)


def _release_lock(session: Session, frame: Frame, statement: Execute) -> Iterator[Event]:
    """sp_releaseapplock."""
    found = system_arguments(session, frame, statement, ("@resource", "@lockowner", "@dbprincipal"))
    resource, owner, _ = found.values
    if resource is None or found.rest:
        raise numbered_error(15600, procedure="sp_releaseapplock", advice="Give @Resource.")
    check_kind("Exclusive", owner)
    if not session.storage.applocks.give_back(str(resource)):
        raise numbered_error(1223, name=str(resource))
    return _returned(frame, statement, 0)


def _returned(frame: Frame, statement: Execute, value: int) -> Iterator[Event]:
    if statement.return_variable is not None:
        frame.variables[statement.return_variable] = value
    return iter(())


def _in_result_sets(events: Iterator[Event], result_sets: ResultSets | None) -> Iterator[Event]:
    """Give each result set the names and types that WITH RESULT SETS says."""
    if result_sets is None:
        yield from events
        return
    remaining = list(result_sets)
    for event in events:
        if isinstance(event, Result):
            if not remaining:
                raise numbered_error(11535, specified=len(result_sets))
            event = _as_declared(event, remaining.pop(0))
        yield event
    if remaining:
        raise numbered_error(11536, specified=len(result_sets), sent=len(result_sets) - len(remaining))


def _as_declared(result: Result, columns: tuple[tuple[str, SqlType], ...]) -> Result:
    if len(columns) != len(result.columns):
        raise numbered_error(11537, specified=len(columns), sent=len(result.columns))
    converters = [
        converter(given.type, kind, None, False) for given, (_, kind) in zip(result.columns, columns, strict=True)
    ]
    rows = (
        tuple(convert_value(value) for convert_value, value in zip(converters, row, strict=True))
        for row in result.stored()
    )
    declared = tuple(OutColumn(name, kind) for name, kind in columns)
    return Result(declared, rows, streams=result.streams)
