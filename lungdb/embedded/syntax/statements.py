"""Statements: declarations, control flow, transactions, errors; and the batch that they make up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lungdb.embedded.syntax.lexer import Kind
from lungdb.embedded.syntax.reader import words
from lungdb.embedded.syntax.session_statements import SessionParser
from lungdb.embedded.syntax.statement_tree import (
    Block,
    Break,
    Continue,
    CreateModule,
    CreateSchema,
    Declare,
    DeclareTable,
    If,
    ProcedureParameter,
    Return,
    SelectStatement,
    Statement,
    Transaction,
    TryCatch,
    While,
)
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.types import SqlType
from lungdb.errors import SqlError

_REFUSED = words(
    "MERGE GOTO GRANT DENY REVOKE BULK BACKUP RESTORE DBCC KILL OPEN CLOSE FETCH DEALLOCATE CHECKPOINT RECONFIGURE "
    "REVERT SHUTDOWN READTEXT WRITETEXT UPDATETEXT DISABLE ENABLE"
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
    if parser.at_end:
        return ()
    parameters = parser.commas(parser.procedure_parameter)
    if not parser.at_end:
        parser.fail()
    return parameters


class StatementParser(SessionParser):
    """Reads statements."""

    def __init__(self, text: str, declared: dict[str, SqlType]) -> None:
        super().__init__(text, declared)
        self._loops = 0
        self._readers: dict[str, Callable[[], Statement]] = {
            "ALTER": self.alter,
            "BEGIN": self._begin,
            "BREAK": self._leave_loop,
            "COMMIT": self.end_transaction,
            "CONTINUE": self._leave_loop,
            "CREATE": self.create,
            "DECLARE": self._declare,
            "DELETE": lambda: self.delete(()),
            "DROP": self.drop,
            "EXEC": self.execute,
            "EXECUTE": self.execute,
            "IF": self._if,
            "INSERT": lambda: self.insert(()),
            "PRINT": self.print_statement,
            "RAISERROR": self.raise_error,
            "RETURN": self._return,
            "ROLLBACK": self.end_transaction,
            "SAVE": self.save_transaction,
            "SELECT": self._select_statement,
            "SET": self.set_statement,
            "THROW": self.throw,
            "TRUNCATE": self.truncate,
            "UPDATE": lambda: self.update(()),
            "USE": self.use,
            "WAITFOR": self.wait_for,
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
        found = self._declarations() if self.at("DECLARE") else [self.statement(first=first)]
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
        if isinstance(statement, CreateModule | CreateSchema) and not first:
            made = "CREATE SCHEMA" if isinstance(statement, CreateSchema) else f"{statement.mode} {statement.kind}"
            raise numbered_error(111, line=token.line, statement=made)
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
            return Transaction(line, "BEGIN", self.transaction_name())
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

    def _return(self) -> Statement:
        line = self.expect("RETURN").line
        token = self.token
        ends = token.kind == Kind.END or token.value == ";" or (
            token.kind == Kind.NAME and token.value in self._readers.keys() | {"ELSE", "END"}
        )  # fmt: skip
        return Return(line, None if ends else self.scalar())

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
