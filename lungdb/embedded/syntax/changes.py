"""INSERT, UPDATE, DELETE, TRUNCATE and EXECUTE."""

from __future__ import annotations

from lungdb.embedded.syntax.definitions import DefinitionParser
from lungdb.embedded.syntax.lexer import Kind
from lungdb.embedded.syntax.statement_tree import (
    Argument,
    DefaultedRows,
    Delete,
    Execute,
    ExecuteText,
    Insert,
    Output,
    Statement,
    Truncate,
    Update,
)
from lungdb.embedded.syntax.tree import (
    Binary,
    Column,
    CommonTable,
    Condition,
    GlobalVariable,
    Literal,
    Name,
    Parameter,
    Query,
    Scalar,
    SelectItem,
    Source,
    Star,
    Unary,
    Variable,
)
from lungdb.embedded.values.types import SqlType, nvarchar
from lungdb.errors import SqlError

ResultSets = tuple[tuple[tuple[str, SqlType], ...], ...]


class ChangeParser(DefinitionParser):
    """Reads statements that change rows or run procedures."""

    def target(self) -> Name:
        """Read the name of the table to change: a table, an alias or a table variable."""
        if self.token.kind == Kind.VARIABLE:
            return self._table_variable().name
        name = self.name()
        self.table_hints()
        return name

    def insert(self, common: tuple[CommonTable, ...]) -> Statement:
        """Read INSERT."""
        line = self.expect("INSERT").line
        if self.at("TOP"):
            self.refuse("INSERT TOP")
        self.take("INTO")
        table = self.target()
        columns = self.parenthesised(self.identifier) if self.at("(") and not self._query_ahead() else ()
        output = self._output()
        if self.take("DEFAULT"):
            self.expect("VALUES")
            return Insert(line, table, columns, None, output)
        if self.at_any("EXEC", "EXECUTE"):
            execution = self.execute()
            if execution.result_sets is not None:
                raise SqlError(
                    102,
                    "Incorrect syntax near 'RESULT': INSERT … EXECUTE takes no RESULT SETS.",
                    severity=15,
                    line=line,
                )
            return Insert(line, table, columns, execution, output)
        if self.take("VALUES"):
            rows = self.commas(lambda: self.parenthesised(self._defaulted))
            return Insert(line, table, columns, DefaultedRows(rows), output)
        query = self.query()
        if common:
            query = Query(query.body, query.order, query.offset, query.fetch, common, query.max_recursion)
        return Insert(line, table, columns, query, output)

    def _query_ahead(self) -> bool:
        offset = 0
        while self.ahead(offset).value == "(":
            offset += 1
        return self.ahead(offset).kind == Kind.NAME and self.ahead(offset).value in ("SELECT", "WITH")

    def _defaulted(self) -> Scalar | None:
        if self.take("DEFAULT"):
            return None
        return self.scalar()

    def _output(self) -> Output | None:
        if not self.take("OUTPUT"):
            return None
        items = self.commas(self._output_item)
        into: Name | None = None
        columns: tuple[str, ...] = ()
        if self.take("INTO"):
            into = self.target()
            columns = self.parenthesised(self.identifier) if self.at("(") else ()
        return Output(items, into, columns)

    def _output_item(self) -> SelectItem | Star:
        return self.select_item()

    def update(self, common: tuple[CommonTable, ...]) -> Statement:
        """Read UPDATE."""
        line = self.expect("UPDATE").line
        if self.at("STATISTICS"):
            self.refuse("UPDATE STATISTICS")
        top = self.top()
        target = self.target()
        self.expect("SET")
        assignments = self.commas(self._assignment)
        output = self._output()
        source, where, recursion = self._from_where()
        return Update(line, target, assignments, source, where, top, output, common, recursion)

    def _assignment(self) -> tuple[str, Scalar | None]:
        if self.token.kind == Kind.VARIABLE:
            self.refuse("UPDATE … SET @variable")
        name = self.name()
        if self.at("."):
            self.refuse("A method in UPDATE … SET")
        if self.at_any("+=", "-=", "*=", "/=", "%="):
            operator = self.next().value[0]
            return name[-1], Binary(operator, Column(name), self.scalar())
        self.expect("=")
        return name[-1], self._defaulted()

    def _from_where(self) -> tuple[Source | None, Condition | None, int]:
        source = self.sources() if self.take("FROM") else None
        if self.at("WHERE", "CURRENT"):
            self.refuse("WHERE CURRENT OF")
        where = self.condition() if self.take("WHERE") else None
        return source, where, self._options()

    def delete(self, common: tuple[CommonTable, ...]) -> Statement:
        """Read DELETE."""
        line = self.expect("DELETE").line
        top = self.top()
        self.take("FROM")
        target = self.target()
        output = self._output()
        source, where, recursion = self._from_where()
        return Delete(line, target, source, where, top, output, common, recursion)

    def truncate(self) -> Statement:
        """Read TRUNCATE TABLE."""
        line = self.expect("TRUNCATE").line
        self.expect("TABLE")
        return Truncate(line, self.name())

    def execute(self) -> Execute | ExecuteText:
        """Read EXECUTE in all its forms."""
        line = self.next().line
        if self.at("AS") and self.ahead().value in ("USER", "LOGIN", "CALLER"):
            self.refuse("EXECUTE AS")
        return self.execution(line)

    def execution(self, line: int) -> Execute | ExecuteText:
        """Read what follows the word EXECUTE, which the first statement of a batch may leave out."""
        if self.take("("):
            text = self.scalar()
            self.expect(")")
            if self.at("AT"):
                self.refuse("EXECUTE … AT")
            return ExecuteText(line, text, self._result_sets())
        returned: str | None = None
        if self.token.kind == Kind.VARIABLE and self.ahead().value == "=":
            returned = self.variable()
            self.next()
        procedure = (self.variable(),) if self.token.kind == Kind.VARIABLE else self.name()
        arguments: tuple[Argument, ...] = ()
        if self._argument_ahead():
            arguments = self.commas(self._argument)
        self._check_order(arguments, line)
        return Execute(line, procedure, arguments, returned, self._result_sets())

    def _argument_ahead(self) -> bool:
        token = self.token
        if token.kind == Kind.NAME:
            return self.at_identifier() or self.at_any("NULL", "DEFAULT")
        return token.kind != Kind.END and (token.kind != Kind.SYMBOL or token.value in ("-", "+"))

    def _argument(self) -> Argument:
        name: str | None = None
        if self.token.kind == Kind.VARIABLE and self.ahead().value == "=":
            name = self.next().text
            self.next()
        if self.take("DEFAULT"):
            return Argument(name, None, False)
        value = self._argument_value()
        output = self.at_any("OUTPUT", "OUT")
        if output:
            token = self.next()
            if not isinstance(value, Variable):
                raise SqlError(
                    179, "Cannot use the OUTPUT option when passing a constant to a stored procedure.", severity=15,
                    line=token.line,
                )  # fmt: skip
        return Argument(name, value, output)

    def _argument_value(self) -> Scalar:
        """Read a constant, variable or bare word, which is text in an argument."""
        token = self.token
        if self.at_identifier():
            word = self.identifier()
            return Literal(word, nvarchar(max(1, len(word))))
        if token.kind == Kind.SYMBOL and token.value not in ("-", "+"):
            self.fail()
        node = self._unary()
        if isinstance(node, Literal | Variable | GlobalVariable | Parameter | Unary):
            return node
        self.fail(token)

    def _check_order(self, arguments: tuple[Argument, ...], line: int) -> None:
        named = False
        for position, argument in enumerate(arguments, start=1):
            if named and argument.name is None:
                raise SqlError(
                    119,
                    f"Must pass parameter number {position} and subsequent parameters as '@name = value'. "
                    "After the form '@name = value' has been used, all subsequent parameters must be passed in it.",
                    severity=15,
                    line=line,
                )
            named = named or argument.name is not None

    def _result_sets(self) -> ResultSets | None:
        if not self.at("WITH"):
            return None
        if self.ahead().value not in ("RESULT", "RECOMPILE"):
            return None
        self.next()
        if self.take("RECOMPILE"):
            return None
        self.expect("RESULT", "SETS")
        if self.at_any("NONE", "UNDEFINED"):
            return () if self.next().value == "NONE" else None
        return self.parenthesised(lambda: self.parenthesised(self._result_column))

    def _result_column(self) -> tuple[str, SqlType]:
        name = self.identifier()
        kind = self.data_type()
        if self.take("NOT"):
            self.expect("NULL")
        else:
            self.take("NULL")
        return name, kind
