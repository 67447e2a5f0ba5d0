"""Statements: declarations, control flow, transactions, errors; and the batch that they make up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lungdb.embedded.lexer import Kind
from lungdb.embedded.parse_modules import ModuleParser
from lungdb.embedded.tree import Binary, Literal, Scalar, Variable
from lungdb.embedded.tree_statements import (
    Block,
    Break,
    Continue,
    CreateModule,
    Declare,
    DeclareTable,
    If,
    Print,
    ProcedureParameter,
    RaiseError,
    Return,
    SelectStatement,
    SetOption,
    SetVariable,
    Statement,
    Throw,
    Transaction,
    TryCatch,
    Use,
    WaitFor,
    While,
)
from lungdb.embedded.types import SqlType
from lungdb.errors import SqlError

_OPTIONS = frozenset(
    "NOCOUNT XACT_ABORT ANSI_NULLS QUOTED_IDENTIFIER NOEXEC ANSI_WARNINGS ANSI_PADDING ARITHABORT "
    "CONCAT_NULL_YIELDS_NULL NUMERIC_ROUNDABORT ANSI_NULL_DFLT_ON".split()
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
_REFUSED = frozenset(
    "MERGE GOTO GRANT DENY REVOKE BULK BACKUP RESTORE DBCC KILL OPEN CLOSE FETCH DEALLOCATE CHECKPOINT RECONFIGURE "
    "REVERT SHUTDOWN READTEXT WRITETEXT UPDATETEXT DISABLE ENABLE".split()
)


@dataclass(frozen=True, eq=False)
class Batch:
    """A parsed batch.

    Attributes
    ----------
    statements : tuple of Statement
        What it does.
    variables : dict of str to SqlType
        Every scalar variable, by name in lower case.
    parameter_count : int
        How many ``?`` it has.
    """

    statements: tuple[Statement, ...]
    variables: dict[str, SqlType]
    parameter_count: int


def parse_batch(text: str, declared: dict[str, SqlType] | None = None) -> Batch:
    """Parse a batch.

    Parameters
    ----------
    text : str
        T-SQL without GO.
    declared : dict of str to SqlType, optional
        Variables that exist already, as the parameters of sp_executesql do.

    Raises
    ------
    SqlError
        The first syntax error or undeclared variable.
    """
    parser = StatementParser(text, dict(declared or {}))
    statements = parser.batch()
    return Batch(statements, parser.declared, parser.parameter_count)


def parse_declarations(text: str) -> tuple[ProcedureParameter, ...]:
    """Parse the parameter list of sp_executesql or sp_execute_external_script.

    Raises
    ------
    SqlError
        The first syntax error.
    """
    parser = StatementParser(text, {})
    if parser.token.kind == Kind.END:
        return ()
    parameters = parser.commas(parser.procedure_parameter)
    if parser.token.kind != Kind.END:
        parser.fail()
    return parameters


class StatementParser(ModuleParser):
    """Reads statements."""

    def __init__(self, text: str, declared: dict[str, SqlType]) -> None:
        super().__init__(text, declared)
        self._loops = 0
        self._readers: dict[str, Callable[[], Statement]] = {
            "ALTER": self.alter,
            "BEGIN": self._begin,
            "BREAK": self._leave_loop,
            "COMMIT": self._end_transaction,
            "CONTINUE": self._leave_loop,
            "CREATE": self.create,
            "DECLARE": self._declare,
            "DELETE": lambda: self.delete(()),
            "DROP": self.drop,
            "EXEC": self.execute,
            "EXECUTE": self.execute,
            "IF": self._if,
            "INSERT": lambda: self.insert(()),
            "PRINT": self._print,
            "RAISERROR": self._raise_error,
            "RETURN": self._return,
            "ROLLBACK": self._end_transaction,
            "SAVE": self._save,
            "SELECT": self._select_statement,
            "SET": self._set,
            "THROW": self._throw,
            "TRUNCATE": self.truncate,
            "UPDATE": lambda: self.update(()),
            "USE": self._use,
            "WAITFOR": self._wait_for,
            "WHILE": self._while,
            "WITH": self._with,
        }

    def batch(self) -> tuple[Statement, ...]:
        """Read a whole batch."""
        statements: list[Statement] = []
        self._skip_semicolons()
        if self.at_identifier() and (self.token.kind == Kind.QUOTED or self.token.value not in self._known_words()):
            # A name that begins a batch is a procedure to be executed.
            statements.append(self.execution(self.token.line))
            self._skip_semicolons()
        while self.token.kind != Kind.END:
            statements.extend(self._statements(first=not statements))
            self._skip_semicolons()
        return tuple(statements)

    def _known_words(self) -> frozenset[str]:
        return _REFUSED | self._readers.keys()

    def _skip_semicolons(self) -> None:
        while self.take(";"):
            pass

    def _statements(self, *, first: bool = False) -> list[Statement]:
        """Read a statement; DECLARE of several variables is as many."""
        token = self.token
        if self.at("DECLARE"):
            found = self._declarations()
        else:
            found = [self.statement(first=first)]
        self._skip_semicolons()
        return found

    def statement(self, *, first: bool = False) -> Statement:
        """Read one statement."""
        token = self.token
        if token.kind == Kind.NAME and token.value in _REFUSED:
            self.refuse(token.value)
        reader = self._readers.get(token.value) if token.kind == Kind.NAME else None
        if reader is None:
            self.fail()
        statement = reader()
        if isinstance(statement, CreateModule) and not first:
            raise SqlError(
                111,
                f"'{statement.mode} {statement.kind}' must be the first statement in a query batch. Put GO before it.",
                severity=15,
                line=token.line,
            )
        self.take(";")
        return statement

    def statements_until(self, *words: str) -> tuple[Statement, ...]:
        """Read statements up to one of these words, or the end of the text if none is given."""
        found: list[Statement] = []
        self._skip_semicolons()
        while not self.at_any(*words):
            if self.token.kind == Kind.END:
                if words:
                    self.fail()
                break
            found.extend(self._statements())
        return tuple(found)

    def _declare(self) -> Statement:
        line = self.token.line
        found = self._declarations()
        return found[0] if len(found) == 1 else Block(line, tuple(found))

    def _declarations(self) -> list[Statement]:
        self.expect("DECLARE")
        return list(self.commas(self._declaration))

    def _declaration(self) -> Statement:
        token = self.token
        if token.kind != Kind.VARIABLE:
            if self.ahead().value == "CURSOR":
                self.refuse("A cursor")
            self.fail()
        self.next()
        name = token.text.lower()
        self.take("AS")
        if self.at("CURSOR"):
            self.refuse("A cursor")
        if name in self.declared or name in self.tables:
            raise SqlError(
                134,
                f"The variable name '{token.text}' has already been declared. Variable names must be unique within a "
                "query batch or stored procedure.",
                severity=15,
                line=token.line,
            )
        if self.take("TABLE"):
            definition = self.table_body(name)
            self.tables.add(name)
            return DeclareTable(token.line, definition)
        kind = self.data_type()
        value = self.scalar() if self.take("=") else None
        self.declared[name] = kind
        return Declare(token.line, name, kind, value)

    def _set(self) -> Statement:
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

    def _if(self) -> Statement:
        line = self.expect("IF").line
        condition = self.condition()
        then = self.statement()
        otherwise = self.statement() if self.take("ELSE") else None
        return If(line, condition, then, otherwise)

    def _while(self) -> Statement:
        line = self.expect("WHILE").line
        condition = self.condition()
        self._loops += 1
        body = self.statement()
        self._loops -= 1
        return While(line, condition, body)

    def _leave_loop(self) -> Statement:
        token = self.next()
        if not self._loops:
            number = 135 if token.value == "BREAK" else 136
            raise SqlError(
                number, f"Cannot use a {token.value} statement outside the scope of a WHILE statement.", severity=15,
                line=token.line,
            )  # fmt: skip
        return (Break if token.value == "BREAK" else Continue)(token.line)

    def _begin(self) -> Statement:
        line = self.expect("BEGIN").line
        if self.at_any("TRANSACTION", "TRAN"):
            self.next()
            return Transaction(line, "BEGIN", self._transaction_name())
        if self.at("DISTRIBUTED"):
            self.refuse("A distributed transaction")
        if self.take("TRY"):
            body = self.statements_until("END")
            self.expect("END", "TRY")
            self._skip_semicolons()
            self.expect("BEGIN", "CATCH")
            handler = self.statements_until("END")
            self.expect("END", "CATCH")
            return TryCatch(line, body, handler)
        body = self.statements_until("END")
        if not body:
            self.fail()
        self.expect("END")
        return Block(line, body)

    def _transaction_name(self) -> str | None:
        if self.token.kind == Kind.VARIABLE:
            self.refuse("A transaction named by a variable")
        return self.identifier() if self.at_identifier() and not self.at("THROW") else None

    def _end_transaction(self) -> Statement:
        token = self.next()
        named = self.at_any("TRANSACTION", "TRAN", "WORK") and self.next().value != "WORK"
        return Transaction(token.line, token.value, self._transaction_name() if named else None)

    def _save(self) -> Statement:
        line = self.expect("SAVE").line
        self.expect_any("TRANSACTION", "TRAN")
        return Transaction(line, "SAVE", self.identifier())

    def _print(self) -> Statement:
        return Print(self.expect("PRINT").line, self.scalar())

    def _return(self) -> Statement:
        line = self.expect("RETURN").line
        token = self.token
        ends = token.kind == Kind.END or token.value == ";" or (
            token.kind == Kind.NAME and token.value in self._readers.keys() | {"ELSE", "END"}
        )  # fmt: skip
        return Return(line, None if ends else self.scalar())

    def _raise_error(self) -> Statement:
        line = self.expect("RAISERROR").line
        arguments = self.parenthesised(self.scalar)
        if len(arguments) < 3:
            self.fail()
        if self.take("WITH"):
            options = self.commas(self.identifier)
            if any(option.upper() != "NOWAIT" for option in options):
                self.refuse("RAISERROR … WITH anything but NOWAIT")
        return RaiseError(line, arguments[0], arguments[1], arguments[2], arguments[3:])

    def _throw(self) -> Statement:
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

    def _use(self) -> Statement:
        return Use(self.expect("USE").line, self.identifier())

    def _wait_for(self) -> Statement:
        line = self.expect("WAITFOR").line
        if not self.take("DELAY"):
            self.refuse("WAITFOR without DELAY")
        return WaitFor(line, self.scalar())

    def _select_statement(self) -> Statement:
        return SelectStatement(self.token.line, self.query())

    def _with(self) -> Statement:
        line = self.token.line
        start = self.position
        common = self.common_tables()
        if self.at("INSERT"):
            return self.insert(common)
        if self.at("UPDATE"):
            return self.update(common)
        if self.at("DELETE"):
            return self.delete(common)
        if self.at("MERGE"):
            self.refuse("MERGE")
        self.position = start
        return SelectStatement(line, self.query())
