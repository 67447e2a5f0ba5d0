"""EXECUTE of procedures and of text."""

from __future__ import annotations

from lungdb.embedded.syntax.expressions import scalar, unary
from lungdb.embedded.syntax.lexer import Kind
from lungdb.embedded.syntax.literals import bare_word
from lungdb.embedded.syntax.reader import TokenReader
from lungdb.embedded.syntax.statement_tree import Argument, Execute, ExecuteText
from lungdb.embedded.syntax.tree import GlobalVariable, Literal, Parameter, Scalar, Unary, Variable
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.types import SqlType

_Shape = tuple[tuple[str, SqlType], ...]


def execute(reader: TokenReader) -> Execute | ExecuteText:
    """Read EXECUTE in all its forms."""
    line = reader.next().line
    if reader.at("AS") and reader.ahead().word in ("USER", "LOGIN", "CALLER"):
        reader.refuse("EXECUTE AS")
    return execution(reader, line)


def execution(reader: TokenReader, line: int) -> Execute | ExecuteText:
    """Read what follows the word EXECUTE, which the first statement of a batch may leave out."""
    if reader.at("("):
        text = reader.enclosed(scalar)
        if reader.at("AT"):
            reader.refuse("EXECUTE … AT")
        return ExecuteText(line, text, _result_sets(reader))
    returned: str | None = None
    if reader.at_variable and reader.ahead().word == "=":
        returned = reader.variable()
        reader.expect("=")
    procedure = (reader.variable(),) if reader.at_variable else reader.name()
    arguments = reader.commas(_argument) if _at_argument(reader) else ()
    _check_order(arguments, line)
    return Execute(line, procedure, arguments, returned, _result_sets(reader))


def _at_argument(reader: TokenReader) -> bool:
    token = reader.token
    if token.kind is Kind.NAME:
        return reader.at_identifier or reader.at_any("NULL", "DEFAULT")
    return token.kind is not Kind.END and (token.kind is not Kind.SYMBOL or token.word in ("-", "+"))


def _argument(reader: TokenReader) -> Argument:
    name: str | None = None
    if reader.at_variable and reader.ahead().word == "=":
        name = reader.next().text
        reader.expect("=")
    if reader.take("DEFAULT"):
        return Argument(name, None, False)
    value = _argument_value(reader)
    token = reader.token
    output = bool(reader.take_any("OUTPUT", "OUT"))
    if output and not isinstance(value, Variable):
        raise numbered_error(179, line=token.line)
    return Argument(name, value, output)


def _argument_value(reader: TokenReader) -> Scalar:
    """Read a constant, variable or bare word, which is text in an argument."""
    token = reader.token
    word = bare_word(reader)
    if word is not None:
        return word
    if token.kind is Kind.SYMBOL and token.word not in ("-", "+"):
        reader.fail()
    node = unary(reader)
    if not isinstance(node, Literal | Variable | GlobalVariable | Parameter | Unary):
        reader.fail(token)
    return node


def _check_order(arguments: tuple[Argument, ...], line: int) -> None:
    named = False
    for position, argument in enumerate(arguments, start=1):
        if named and argument.name is None:
            raise numbered_error(119, line=line, position=position)
        named = named or argument.name is not None


def _result_sets(reader: TokenReader) -> tuple[_Shape, ...] | None:
    """Read WITH RECOMPILE, which changes nothing, or WITH RESULT SETS, if one of them comes next."""
    if reader.take("WITH", "RECOMPILE") or not reader.take("WITH", "RESULT"):
        return None
    reader.expect("SETS")
    if reader.take("UNDEFINED"):
        return None
    return () if reader.take("NONE") else reader.parenthesised(_result_set)


def _result_set(reader: TokenReader) -> _Shape:
    return reader.parenthesised(_result_column)


def _result_column(reader: TokenReader) -> tuple[str, SqlType]:
    name = reader.identifier()
    kind = reader.data_type()
    reader.nullability()
    return name, kind
