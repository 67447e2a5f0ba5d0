"""Statements about the session: variables and options, transactions, messages and errors."""

from __future__ import annotations

from collections.abc import Callable

from lungdb.embedded.syntax.expressions import primary, scalar
from lungdb.embedded.syntax.lexer import Kind
from lungdb.embedded.syntax.queries import assigned_value
from lungdb.embedded.syntax.reader import TokenReader, words
from lungdb.embedded.syntax.statement_tree import (
    CheckDatabase,
    Print,
    RaiseError,
    SetOption,
    SetVariable,
    Statement,
    Throw,
    Transaction,
    Use,
    WaitFor,
)
from lungdb.embedded.syntax.tree import Literal, Scalar, Variable

_ON_OR_OFF = ("ON", "OFF")
# Each switch of SET with the values that it may have here.
_SWITCHES = {
    "ANSI_NULLS": ("ON",),
    "ANSI_NULL_DFLT_ON": ("ON",),
    "ANSI_PADDING": ("ON",),
    "ANSI_WARNINGS": ("ON",),
    "ARITHABORT": ("ON",),
    "CONCAT_NULL_YIELDS_NULL": ("ON",),
    "NOCOUNT": _ON_OR_OFF,
    "NOEXEC": _ON_OR_OFF,
    "NUMERIC_ROUNDABORT": ("OFF",),
    "QUOTED_IDENTIFIER": ("ON",),
    "XACT_ABORT": _ON_OR_OFF,
}


def set_statement(reader: TokenReader) -> Statement:
    """Read SET."""
    line = reader.expect("SET").line
    if reader.at_variable:
        variable = reader.variable()
        return SetVariable(line, variable, assigned_value(reader, Variable(variable)))
    read = _SETTINGS.get(reader.token.word)
    if read is None:
        reader.fail()
    return read(reader, line)


def _switch(reader: TokenReader, line: int) -> Statement:
    token = reader.next()
    if reader.at(","):
        reader.refuse("SET with several options")
    value = reader.expect_any(*_ON_OR_OFF)
    if value not in _SWITCHES[token.word]:
        reader.refuse(f"SET {token.word} {value}", token)
    return SetOption(line, token.word, value)


def _lock_timeout(reader: TokenReader, line: int) -> Statement:
    option = reader.next().word
    return SetOption(line, option, str(reader.integer()))


def _isolation(reader: TokenReader, line: int) -> Statement:
    reader.expect("TRANSACTION", "ISOLATION", "LEVEL")
    level = reader.expect_any("READ", "REPEATABLE", "SERIALIZABLE", "SNAPSHOT")
    if level in ("READ", "REPEATABLE"):
        level += f" {reader.expect_any('COMMITTED', 'UNCOMMITTED', 'READ')}"
    return SetOption(line, "ISOLATION", level)


def _refused_setting(reader: TokenReader, line: int) -> Statement:
    reader.refuse(f"SET {reader.token.word}")


_SETTINGS: dict[str, Callable[[TokenReader, int], Statement]] = {
    "LOCK_TIMEOUT": _lock_timeout,
    "TRANSACTION": _isolation,
    **dict.fromkeys(_SWITCHES, _switch),
    **dict.fromkeys(
        words("DATEFIRST DATEFORMAT IDENTITY_INSERT IMPLICIT_TRANSACTIONS LANGUAGE ROWCOUNT"), _refused_setting
    ),
}


def begin_transaction(reader: TokenReader, line: int) -> Statement:
    """Read what follows BEGIN, whose line is given."""
    reader.expect_any("TRANSACTION", "TRAN")
    return Transaction(line, "BEGIN", _transaction_name(reader))


def end_transaction(reader: TokenReader) -> Statement:
    """Read COMMIT or ROLLBACK."""
    token = reader.next()
    named = reader.take_any("TRANSACTION", "TRAN", "WORK") in ("TRANSACTION", "TRAN")
    return Transaction(token.line, token.word, _transaction_name(reader) if named else None)


def save_transaction(reader: TokenReader) -> Statement:
    """Read SAVE TRANSACTION."""
    line = reader.expect("SAVE").line
    reader.expect_any("TRANSACTION", "TRAN")
    return Transaction(line, "SAVE", reader.identifier())


def _transaction_name(reader: TokenReader) -> str | None:
    if reader.at_variable:
        reader.refuse("A transaction named by a variable")
    return reader.identifier() if reader.at_identifier and not reader.at("THROW") else None


def print_statement(reader: TokenReader) -> Statement:
    """Read PRINT."""
    line = reader.expect("PRINT").line
    return Print(line, scalar(reader))


def raise_error(reader: TokenReader) -> Statement:
    """Read RAISERROR."""
    line = reader.expect("RAISERROR").line
    arguments = reader.parenthesised(scalar)
    if len(arguments) < 3:
        reader.fail()
    if reader.take("WITH") and any(option.upper() != "NOWAIT" for option in reader.commas(TokenReader.identifier)):
        reader.refuse("RAISERROR … WITH anything but NOWAIT")
    return RaiseError(line, arguments[0], arguments[1], arguments[2], arguments[3:])


def throw(reader: TokenReader) -> Statement:
    """Read THROW."""
    line = reader.expect("THROW").line
    if reader.token.kind not in (Kind.INTEGER, Kind.VARIABLE):
        return Throw(line, None)
    number = _throw_argument(reader)
    reader.expect(",")
    message = _throw_argument(reader)
    reader.expect(",")
    return Throw(line, (number, message, _throw_argument(reader)))


def _throw_argument(reader: TokenReader) -> Scalar:
    token = reader.token
    node = primary(reader)
    if not isinstance(node, Literal | Variable):
        reader.fail(token)
    return node


def use(reader: TokenReader) -> Statement:
    """Read USE."""
    line = reader.expect("USE").line
    return Use(line, reader.identifier())


def wait_for(reader: TokenReader) -> Statement:
    """Read WAITFOR."""
    line = reader.expect("WAITFOR").line
    if not reader.take("DELAY"):
        reader.refuse("WAITFOR without DELAY")
    return WaitFor(line, scalar(reader))


def dbcc(reader: TokenReader) -> Statement:
    """Read DBCC CHECKDB; that of another database, or with a repair, is refused."""
    line = reader.expect("DBCC").line
    if not reader.take("CHECKDB"):
        reader.refuse(f"DBCC {reader.token.word}")
    if reader.at("("):
        reader.refuse("DBCC CHECKDB with a name or a repair")
    if reader.take("WITH"):
        reader.commas(lambda reader: reader.expect_any("NO_INFOMSGS", "ALL_ERRORMSGS"))
    return CheckDatabase(line)
