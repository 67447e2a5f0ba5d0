"""CREATE, ALTER and DROP of whatever has a name."""

from __future__ import annotations

from abc import abstractmethod

from lungdb.embedded.syntax.changes import ChangeParser
from lungdb.embedded.syntax.lexer import Kind
from lungdb.embedded.syntax.statement_tree import (
    CreateLanguage,
    CreateModule,
    CreateSchema,
    Drop,
    DropSchema,
    ProcedureParameter,
    Statement,
)
from lungdb.embedded.syntax.tree import Literal, Name, Unary
from lungdb.embedded.values.types import nvarchar

_DROPPED = ("TABLE", "VIEW", "PROCEDURE", "PROC", "INDEX")


class ModuleParser(ChangeParser):
    """Reads views, procedures and the statements that make or drop objects."""

    @abstractmethod
    def statements_until(self, *words: str) -> tuple[Statement, ...]:
        """Read statements up to one of these words, or the end of the text if none is given."""

    def create(self) -> Statement:
        """Read CREATE."""
        line = self.expect("CREATE").line
        if self.take("TABLE"):
            return self.create_table(line)
        if self.take("SCHEMA"):
            return self._create_schema(line)
        mode = "CREATE"
        if self.take("OR"):
            self.expect("ALTER")
            mode = "CREATE OR ALTER"
        if self.at_any("VIEW", "PROCEDURE", "PROC"):
            return self._module(line, mode)
        if self.at_any("INDEX", "UNIQUE", "CLUSTERED", "NONCLUSTERED", "COLUMNSTORE"):
            return self.create_index(line)
        if self.take("EXTERNAL"):
            if not self.take("LANGUAGE"):
                self.refuse(f"CREATE EXTERNAL {self.token.value}")
            name = self.identifier()
            while self.token.kind != Kind.END and not self.at(";"):
                self.next()
            return CreateLanguage(line, name)
        self.refuse(f"CREATE {self.token.value}")

    def alter(self) -> Statement:
        """Read ALTER."""
        line = self.expect("ALTER").line
        if self.take("TABLE"):
            return self.alter_table(line)
        if self.at_any("VIEW", "PROCEDURE", "PROC"):
            return self._module(line, "ALTER")
        self.refuse(f"ALTER {self.token.value}")

    def _create_schema(self, line: int) -> CreateSchema:
        if self.at("AUTHORIZATION"):
            self.refuse("CREATE SCHEMA without a name")
        name = self.identifier()
        owner = self.identifier() if self.take("AUTHORIZATION") else None
        if self.at_any("CREATE", "GRANT", "DENY", "REVOKE"):
            # Without a semicolon before it, T-SQL counts it to the schema that is made.
            self.refuse(f"CREATE SCHEMA … {self.token.value}")
        return CreateSchema(line, name, owner)

    def drop(self) -> Statement:
        """Read DROP."""
        line = self.expect("DROP").line
        if self.take("SCHEMA"):
            if_exists = self.at("IF") and bool(self.expect("IF", "EXISTS"))
            return DropSchema(line, self.identifier(), if_exists)
        if not self.at_any(*_DROPPED):
            self.refuse(f"DROP {self.token.value}")
        kind = self.next().value
        if_exists = self.at("IF") and bool(self.expect("IF", "EXISTS"))
        names = self.commas(self.name)
        table: Name | None = None
        if kind == "INDEX":
            if not self.take("ON") or len(names) > 1:
                self.refuse("DROP INDEX without ON, or of several indexes")
            table = self.name()
        return Drop(line, "PROCEDURE" if kind == "PROC" else kind, names, if_exists, table)

    def _module(self, line: int, mode: str) -> CreateModule:
        kind = self.next().value
        name = self.name()
        if kind == "VIEW":
            columns = self.parenthesised(self.identifier) if self.at("(") else ()
            if self.take("WITH"):
                self.commas(lambda: self.expect_any("SCHEMABINDING", "VIEW_METADATA"))
            self.expect("AS")
            return CreateModule(line, kind, mode, name, self.text, columns, self.query())
        enclosed = self.take("(")
        parameters: tuple[ProcedureParameter, ...] = ()
        if self.token.kind == Kind.VARIABLE:
            parameters = self.commas(self.procedure_parameter)
        if enclosed:
            self.expect(")")
        if self.take("WITH"):
            if self.at("EXECUTE"):
                self.refuse("WITH EXECUTE AS")
            self.commas(lambda: self.expect_any("RECOMPILE"))
        self.expect("AS")
        body = self.statements_until()
        return CreateModule(
            line, "PROCEDURE", mode, name, self.text, (), None, parameters, body, tuple(self.declared.items())
        )

    def procedure_parameter(self) -> ProcedureParameter:
        """Read a parameter's declaration."""
        if self.token.kind != Kind.VARIABLE:
            self.fail()
        name = self.next().text
        self.take("AS")
        if "READONLY" in (self.ahead(1).value, self.ahead(3).value):
            self.refuse("A table-valued parameter")
        kind = self.data_type()
        if self.take("NOT"):
            self.refuse("NOT NULL on a parameter")
        self.take("NULL")
        default: Literal | None = None
        if self.take("="):
            default = self._constant()
        output = self.at_any("OUTPUT", "OUT") and bool(self.next())
        self.declared[name.lower()] = kind
        return ProcedureParameter(name, kind, default, output)

    def _constant(self) -> Literal:
        token = self.token
        if self.at_identifier():
            word = self.identifier()
            return Literal(word, nvarchar(max(1, len(word))))
        node = self._unary()
        if isinstance(node, Unary) and isinstance(node.operand, Literal):
            self.refuse("A negative decimal as a parameter's default", token)
        if not isinstance(node, Literal):
            self.fail(token)
        return node
