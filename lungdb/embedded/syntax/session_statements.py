"""Statements about the session: variables and options, transactions, messages and errors."""

from __future__ import annotations

from lungdb.embedded.syntax.lexer import Kind
from lungdb.embedded.syntax.modules import ModuleParser
from lungdb.embedded.syntax.reader import words
from lungdb.embedded.syntax.statement_tree import (
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
from lungdb.embedded.syntax.tree import Binary, Literal, Scalar, Variable

_OPTIONS = words(
    "NOCOUNT XACT_ABORT ANSI_NULLS QUOTED_IDENTIFIER NOEXEC ANSI_WARNINGS ANSI_PADDING ARITHABORT "
    "CONCAT_NULL_YIELDS_NULL NUMERIC_ROUNDABORT ANSI_NULL_DFLT_ON"
)
_FIXED_OPTIONS = {
    "ANSI_NULLS": "ON",
    "QUOTED_IDENTIFIER": "ON",
    "ANSI_WARNINGS": "ON",
    "ANSI_PADDING": "ON",
    "ARITHABORT": "ON",
    "CONCAT_NULL_YIELDS_NULL": "ON",
    "NUMERIC_ROUNDABORT": "OFF",
    "ANSI_NULL_DFLT_ON": "ON",
}


class SessionParser(ModuleParser):
    """Reads statements about the session."""

    def set_statement(self) -> Statement:
        """Read SET."""
        line = self.expect("SET").line
        if self.token.kind == Kind.VARIABLE:
            return self._set_variable(line)
        if self.at("TRANSACTION"):
            return self._isolation(line)
        if self.at_any("LANGUAGE", "DATEFORMAT", "DATEFIRST", "ROWCOUNT", "IDENTITY_INSERT", "IMPLICIT_TRANSACTIONS"):
            self.refuse(f"SET {self.token.value}")
        if self.take("LOCK_TIMEOUT"):
            return SetOption(line, "LOCK_TIMEOUT", str(self.integer()))
        token = self.token
        option = self.expect_any(*_OPTIONS)
        if self.at(","):
            self.refuse("SET with several options")
        value = self.expect_any("ON", "OFF")
        if _FIXED_OPTIONS.get(option, value) != value:
            self.refuse(f"SET {option} {value}", token)
        return SetOption(line, option, value)

    def _set_variable(self, line: int) -> Statement:
        variable = self.variable()
        if not self.at_any("=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^="):
            self.fail()
        operator = self.next().value
        value = self.scalar()
        if operator != "=":
            value = Binary(operator[0], Variable(variable), value)
        return SetVariable(line, variable, value)

    def _isolation(self, line: int) -> Statement:
        self.expect("TRANSACTION")
        for word in ("ISOLATION", "LEVEL"):
            self.expect(word)
        words = [self.expect_any("READ", "REPEATABLE", "SERIALIZABLE", "SNAPSHOT")]
        if words[0] in ("READ", "REPEATABLE"):
            words.append(self.expect_any("COMMITTED", "UNCOMMITTED", "READ"))
        return SetOption(line, "ISOLATION", " ".join(words))

    def transaction_name(self) -> str | None:
        """Read the name of a transaction, if one comes next."""
        if self.token.kind == Kind.VARIABLE:
            self.refuse("A transaction named by a variable")
        return self.identifier() if self.at_identifier() and not self.at("THROW") else None

    def end_transaction(self) -> Statement:
        """Read COMMIT or ROLLBACK."""
        token = self.next()
        named = self.at_any("TRANSACTION", "TRAN", "WORK") and self.next().value != "WORK"
        return Transaction(token.line, token.value, self.transaction_name() if named else None)

    def save_transaction(self) -> Statement:
        """Read SAVE TRANSACTION."""
        line = self.expect("SAVE").line
        self.expect_any("TRANSACTION", "TRAN")
        return Transaction(line, "SAVE", self.identifier())

    def print_statement(self) -> Statement:
        """Read PRINT."""
        return Print(self.expect("PRINT").line, self.scalar())

    def raise_error(self) -> Statement:
        """Read RAISERROR."""
        line = self.expect("RAISERROR").line
        arguments = self.parenthesised(self.scalar)
        if len(arguments) < 3:
            self.fail()
        if self.take("WITH"):
            options = self.commas(self.identifier)
            if any(option.upper() != "NOWAIT" for option in options):
                self.refuse("RAISERROR … WITH anything but NOWAIT")
        return RaiseError(line, arguments[0], arguments[1], arguments[2], arguments[3:])

    def throw(self) -> Statement:
        """Read THROW."""
        line = self.expect("THROW").line
        if self.token.kind not in (Kind.INTEGER, Kind.VARIABLE):
            return Throw(line, None)
        number = self._throw_argument()
        self.expect(",")
        message = self._throw_argument()
        self.expect(",")
        return Throw(line, (number, message, self._throw_argument()))

    def _throw_argument(self) -> Scalar:
        token = self.token
        node = self._primary()
        if not isinstance(node, Literal | Variable):
            self.fail(token)
        return node

    def use(self) -> Statement:
        """Read USE."""
        return Use(self.expect("USE").line, self.identifier())

    def wait_for(self) -> Statement:
        """Read WAITFOR."""
        line = self.expect("WAITFOR").line
        if not self.take("DELAY"):
            self.refuse("WAITFOR without DELAY")
        return WaitFor(line, self.scalar())
