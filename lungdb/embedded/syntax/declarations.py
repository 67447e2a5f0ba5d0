"""What makes variables: DECLARE, and the parameters of procedures."""

from __future__ import annotations

from lungdb.embedded.syntax.expressions import scalar, unary
from lungdb.embedded.syntax.literals import bare_word
from lungdb.embedded.syntax.reader import TokenReader
from lungdb.embedded.syntax.statement_tree import Block, Declare, DeclareTable, ProcedureParameter, Statement
from lungdb.embedded.syntax.tables import table_body
from lungdb.embedded.syntax.tree import Literal, Unary
from lungdb.embedded.values.messages import numbered_error


def declare(reader: TokenReader) -> Statement:
    """Read DECLARE where one statement must stand."""
    line = reader.token.line
    found = declarations(reader)
    return found[0] if len(found) == 1 else Block(line, found)


def declarations(reader: TokenReader) -> tuple[Statement, ...]:
    """Read DECLARE; each variable is a statement."""
    reader.expect("DECLARE")
    return reader.commas(_declaration)


def _declaration(reader: TokenReader) -> Statement:
    if not reader.at_variable:
        if reader.ahead().word == "CURSOR":
            reader.refuse("A cursor")
        reader.fail()
    token = reader.next()
    name = token.text.lower()
    reader.take("AS")
    if reader.at("CURSOR"):
        reader.refuse("A cursor")
    if name in reader.declared or name in reader.tables:
        raise numbered_error(134, line=token.line, variable=token.text)
    if reader.take("TABLE"):
        definition = table_body(reader, name)
        reader.tables.add(name)
        return DeclareTable(token.line, definition)
    kind = reader.data_type()
    value = scalar(reader) if reader.take("=") else None
    reader.declared[name] = kind
    return Declare(token.line, name, kind, value)


def procedure_parameter(reader: TokenReader) -> ProcedureParameter:
    """Read a parameter's declaration."""
    if not reader.at_variable:
        reader.fail()
    name = reader.next().text
    reader.take("AS")
    if "READONLY" in (reader.ahead(1).word, reader.ahead(3).word):
        reader.refuse("A table-valued parameter")
    kind = reader.data_type()
    if reader.take("NOT"):
        reader.refuse("NOT NULL on a parameter")
    reader.take("NULL")
    default = _constant(reader) if reader.take("=") else None
    output = bool(reader.take_any("OUTPUT", "OUT"))
    reader.declared[name.lower()] = kind
    return ProcedureParameter(name, kind, default, output)


def _constant(reader: TokenReader) -> Literal:
    token = reader.token
    node = bare_word(reader) or unary(reader)
    if isinstance(node, Unary) and isinstance(node.operand, Literal):
        reader.refuse("A negative decimal as a parameter's default", token)
    if not isinstance(node, Literal):
        reader.fail(token)
    return node
