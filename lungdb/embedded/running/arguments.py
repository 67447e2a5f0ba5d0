"""Arguments of EXECUTE: matching them with parameters, passing them in, and OUTPUT values back."""

from __future__ import annotations

from dataclasses import dataclass

from lungdb.embedded.running.frames import Frame
from lungdb.embedded.running.session import Session
from lungdb.embedded.syntax.statement_tree import Argument, Execute, ProcedureParameter, Statement
from lungdb.embedded.syntax.tree import Literal, Variable
from lungdb.embedded.values.conversions import convert
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.names import key
from lungdb.embedded.values.stored import Value
from lungdb.embedded.values.types import SqlType

Outputs = list[tuple[str, str]]
"""For each OUTPUT argument the parameter, and the caller's variable."""


@dataclass(frozen=True)
class SystemArguments:
    """The arguments of a system procedure: values of those it has itself, and the rest."""

    values: list[Value]
    given: set[str]
    rest: tuple[Argument, ...]


def argument_value(session: Session, frame: Frame, statement: Statement, argument: Argument) -> tuple[Value, SqlType]:
    """Return the value and type of an argument."""
    node = argument.value
    assert node is not None
    if isinstance(node, Literal):
        return node.value, node.type
    if isinstance(node, Variable):
        return frame.variables[node.name], frame.types[node.name]
    return session.scalar(frame, statement, node, ("argument", id(argument)))


def bind(
    session: Session,
    frame: Frame,
    inner: Frame,
    statement: Execute,
    arguments: tuple[Argument, ...],
    parameters: tuple[ProcedureParameter, ...],
    procedure: str,
) -> Outputs:
    """Set the variables of a called frame from the arguments.

    Raises
    ------
    SqlError
        201 for a missing argument, 8144 for too many, 8145 for an unknown one, 8143 for one given twice, 8162 for
        OUTPUT where the parameter has none.
    """
    by_name = {key(each.name): each for each in parameters}
    if len(arguments) > len(parameters) and all(each.name is None for each in arguments):
        raise numbered_error(8144, procedure=procedure, count=len(parameters))
    given: dict[str, Argument] = {}
    for position, argument in enumerate(arguments):
        name = parameters[position].name if argument.name is None else argument.name
        if key(name) not in by_name:
            takes = ", ".join(each.name for each in parameters) or "none"
            raise numbered_error(8145, name=name, procedure=procedure, parameters=takes)
        if key(name) in given:
            raise numbered_error(8143, name=name)
        given[key(name)] = argument
    outputs: Outputs = []
    for parameter in parameters:
        passed = given.get(key(parameter.name))
        variable = parameter.name.lower()
        if passed is None or passed.value is None:
            if parameter.default is None:
                raise numbered_error(201, procedure=procedure, parameter=parameter.name)
            value, kind = parameter.default.value, parameter.default.type
        else:
            value, kind = argument_value(session, frame, statement, passed)
            if passed.output:
                if not parameter.output:
                    raise numbered_error(8162, parameter=parameter.name)
                assert isinstance(passed.value, Variable)
                outputs.append((variable, passed.value.name))
        inner.variables[variable] = None if value is None else convert(value, kind, parameter.type, explicit=False)
    return outputs


def give_back(frame: Frame, inner: Frame, outputs: Outputs) -> None:
    """Set the caller's variables from OUTPUT parameters."""
    for parameter, variable in outputs:
        value, kind = inner.variables[parameter], inner.types[parameter]
        frame.variables[variable] = convert(value, kind, frame.types[variable], explicit=False)


def system_arguments(session: Session, frame: Frame, statement: Execute, names: tuple[str, ...]) -> SystemArguments:
    """Take the arguments that a system procedure has itself, by position or name."""
    values: dict[str, Value] = {}
    rest: list[Argument] = []
    for position, argument in enumerate(statement.arguments):
        name = argument.name
        if name is None and position < len(names):
            name = names[position]
        if name is not None and key(name) in names:
            value = None if argument.value is None else argument_value(session, frame, statement, argument)[0]
            values[key(name)] = value
        else:
            rest.append(argument)
    return SystemArguments([values.get(name) for name in names], set(values), tuple(rest))
