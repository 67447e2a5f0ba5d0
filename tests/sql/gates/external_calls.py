"""The calls of sp_execute_external_script that T-SQL files hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.sql.gates.parser import parse
from tests.sql.gates.tree import Node, Script

PROCEDURE = "sp_execute_external_script"
# What the procedure itself takes; every other argument belongs to the script.
_OWN = {
    "@language",
    "@script",
    "@input_data_1",
    "@input_data_1_name",
    "@output_data_1_name",
    "@parallel",
    "@params",
    "@input_data_1_order_by_columns",
    "@input_data_1_partition_by_columns",
}
# The first argument of sp_executesql may be given without its name.
_POSITIONS = {"@stmt": 0}


@dataclass(frozen=True)
class Parameter:
    """A parameter of a script, as ``@params`` declares it or as the call passes it; the type in upper case."""

    name: str
    type: str
    is_output: bool


@dataclass(frozen=True)
class ExternalCall:
    """A call of sp_execute_external_script.

    Attributes
    ----------
    line : int
        Where the call starts in its file, from 1.
    script : str or None
        The Python text, None where it is neither a literal nor a variable with one literal value.
    script_line : int
        Where the script's first line stands in the file.
    declared : tuple of Parameter, or None
        What ``@params`` declares; None where that cannot be read.
    passed : tuple of Parameter
        What the call passes; the type is that of the variable, empty for anything else.
    query : str or None
        ``@input_data_1``, None where there is none or it is computed.
    has_query : bool
        Whether ``@input_data_1`` is given at all.
    input_name, output_name : str
        The names of the data frames in Python.
    row_columns : tuple of str, or None
        The columns that the rows go into, of INSERT or of WITH RESULT SETS; None where no rows are expected.
    """

    line: int
    script: str | None
    script_line: int
    declared: tuple[Parameter, ...] | None
    passed: tuple[Parameter, ...]
    query: str | None
    has_query: bool
    input_name: str
    output_name: str
    row_columns: tuple[str, ...] | None


def external_calls(script: Script) -> list[ExternalCall]:
    """Return the external calls of a file, in order."""
    return [_call(batch, node, columns) for batch in script.batches for node, columns in _call_nodes(batch)]


def query_columns(query: str) -> list[str]:
    """Return the names of the columns that a SELECT gives, empty text where one has no name."""
    select = next(parse(query).find("QuerySpecification"))
    return [_column_name(element) for element in select.parts["SelectElements"]]


def _column_name(element: Node) -> str:
    name = element.part("ColumnName")
    if name is not None:
        return name.parts["Identifier"][0].text("Value")
    expression = element.part("Expression")
    if expression is None or expression.kind != "ColumnReferenceExpression":
        return ""
    return expression.parts["MultiPartIdentifier"][0].parts["Identifiers"][-1].text("Value")


def procedure_name(call: Node) -> str:
    """Return the name of the procedure that an ExecuteSpecification runs, lower case and without schema."""
    for reference in call.find("ProcedureReference"):
        name = next(reference.find("SchemaObjectName"), None)
        if name is not None:
            return name.parts["BaseIdentifier"][0].text("Value").lower()
    return ""


def literal_argument(batch: Node, call: Node, name: str) -> Node | None:
    """Return the string that an argument is: a literal, or a variable that is given one literal in the batch."""
    value = argument(call, name)
    if value is not None and value.kind == "VariableReference":
        value = _only_value(batch, value.text("Name"))
    return value if value is not None and value.kind == "StringLiteral" else None


def argument(call: Node, name: str) -> Node | None:
    """Return what a call passes as an argument, None where it does not."""
    parameters = list(call.find("ExecuteParameter"))
    for place, parameter in enumerate(parameters):
        variable = parameter.part("Variable")
        if (variable is None and _POSITIONS.get(name) == place) or (variable and variable.text("Name") == name):
            return parameter.part("ParameterValue")
    return None


def _only_value(batch: Node, variable: str) -> Node | None:
    values = []
    for element in batch.find("DeclareVariableElement"):
        identifier = element.part("VariableName")
        if identifier and identifier.text("Value").lower() == variable.lower():
            values += element.parts.get("Value", [])
    for statement in batch.find("SetVariableStatement"):
        target = statement.part("Variable")
        if target and target.text("Name").lower() == variable.lower():
            values += statement.parts.get("Expression", [])
    return values[0] if len(values) == 1 else None


def _call_nodes(batch: Node) -> Iterator[tuple[Node, tuple[str, ...] | None]]:
    columns: dict[int, tuple[str, ...]] = {}
    for insert in batch.find("InsertSpecification"):
        names = [reference.parts["MultiPartIdentifier"][0] for reference in insert.parts.get("Columns", [])]
        into = tuple(name.parts["Identifiers"][-1].text("Value") for name in names)
        columns |= {id(node): into for source in insert.parts["InsertSource"] for node in source.walk()}
    for statement in batch.find("ExecuteStatement"):
        for option in statement.parts.get("Options", []):
            definitions = option.find("ColumnDefinitionBase")
            into = tuple(definition.parts["ColumnIdentifier"][0].text("Value") for definition in definitions)
            columns |= {id(node): into for node in statement.walk() if option.kind == "ResultSetsExecuteOption"}
    for call in batch.find("ExecuteSpecification"):
        if procedure_name(call) == PROCEDURE:
            yield call, columns.get(id(call))


def _call(batch: Node, node: Node, row_columns: tuple[str, ...] | None) -> ExternalCall:
    script = literal_argument(batch, node, "@script")
    params = literal_argument(batch, node, "@params")
    query = literal_argument(batch, node, "@input_data_1")
    return ExternalCall(
        line=node.line,
        script=script.text("Value") if script else None,
        script_line=script.line if script else node.line,
        declared=() if argument(node, "@params") is None else _declared(params),
        passed=tuple(_passed(batch, node)),
        query=query.text("Value") if query else None,
        has_query=argument(node, "@input_data_1") is not None,
        input_name=_name(batch, node, "@input_data_1_name", "InputDataSet"),
        output_name=_name(batch, node, "@output_data_1_name", "OutputDataSet"),
        row_columns=row_columns,
    )


def _name(batch: Node, node: Node, argument: str, default: str) -> str:
    literal = literal_argument(batch, node, argument)
    return literal.text("Value") if literal else default


def _declared(params: Node | None) -> tuple[Parameter, ...] | None:
    """Read ``@params``, which has the grammar of a procedure's parameter list."""
    if params is None:
        return None
    text = f"CREATE PROCEDURE dbo.probe {params.text('Value')} AS RETURN;"
    script = parse(text)
    if script.faults:
        return None
    return tuple(
        Parameter(
            name=parameter.parts["VariableName"][0].text("Value").removeprefix("@"),
            type=_type_text(parameter),
            is_output=parameter.text("Modifier") == "Output",
        )
        for parameter in script.find("ProcedureParameter")
    )


def _passed(batch: Node, node: Node) -> Iterator[Parameter]:
    types = {
        element.parts["VariableName"][0].text("Value").lower(): element
        for element in batch.find("DeclareVariableElement")
    }
    for parameter in node.find("ExecuteParameter"):
        variable = parameter.part("Variable")
        if variable is None or variable.text("Name").lower() in _OWN:
            continue
        value = parameter.part("ParameterValue")
        element = types.get(value.text("Name").lower()) if value and value.kind == "VariableReference" else None
        yield Parameter(
            name=variable.text("Name").removeprefix("@"),
            type=_type_text(element) if element else "",
            is_output=bool(parameter.values["IsOutput"]),
        )


def _type_text(element: Node) -> str:
    """Return a declared type in one spelling, for example ``NVARCHAR(MAX)``."""
    data_type = element.part("DataType")
    if data_type is None:
        return ""
    name = next(data_type.find("SchemaObjectName")).parts["BaseIdentifier"][0].text("Value").upper()
    sizes = [literal.text("Value").upper() for literal in data_type.parts.get("Parameters", [])]
    return f"{name}({','.join(sizes)})" if sizes else name
