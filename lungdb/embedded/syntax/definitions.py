"""CREATE TABLE, ALTER TABLE, CREATE INDEX and what they are made of."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from lungdb.embedded.syntax.lexer import Kind
from lungdb.embedded.syntax.queries import QueryParser
from lungdb.embedded.syntax.statement_tree import (
    AddColumns,
    AlterColumn,
    CheckConstraint,
    ColumnDefinition,
    CreateIndex,
    CreateTable,
    DropMembers,
    ForeignKey,
    IndexDefinition,
    KeyConstraint,
    Statement,
    TableDefinition,
)
from lungdb.embedded.syntax.tree import Name


@dataclass
class _Parts:
    table: str
    columns: list[ColumnDefinition] = field(default_factory=list)
    keys: list[KeyConstraint] = field(default_factory=list)
    foreign_keys: list[ForeignKey] = field(default_factory=list)
    checks: list[CheckConstraint] = field(default_factory=list)
    indexes: list[IndexDefinition] = field(default_factory=list)

    def made_up_name(self, prefix: str, *of: str) -> str:
        digest = hashlib.sha256("\0".join([self.table, *of]).lower().encode()).hexdigest()[:16].upper()
        return f"{prefix}__{self.table[:9]}__{digest}"

    def definition(self) -> TableDefinition:
        return TableDefinition(
            self.table,
            tuple(self.columns),
            tuple(self.keys),
            tuple(self.foreign_keys),
            tuple(self.checks),
            tuple(self.indexes),
        )


class DefinitionParser(QueryParser):
    """Reads the definition of tables and indexes."""

    def create_table(self, line: int) -> Statement:
        """Read what follows CREATE TABLE."""
        name = self.name()
        definition = self.table_body(name[-1])
        if self.at("WITH", "(") and self.ahead(2).value == "SYSTEM_VERSIONING":
            self.refuse("A temporal table")
        self._storage_options()
        return CreateTable(line, name, definition)

    def table_body(self, table: str) -> TableDefinition:
        """Read columns and constraints in parentheses."""
        parts = _Parts(table)
        self.expect("(")
        while True:
            self._member(parts)
            if not self.take(","):
                break
            if self.at(")"):
                break
        self.expect(")")
        return parts.definition()

    def _member(self, parts: _Parts) -> None:
        if self.at_any("CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN", "CHECK"):
            self._constraint(parts, None)
        elif self.at("INDEX"):
            self.refuse("INDEX inside CREATE TABLE")
        elif self.at("PERIOD"):
            self.refuse("A temporal table")
        else:
            self._column(parts)

    def _column(self, parts: _Parts) -> None:
        name = self.identifier()
        if self.at("AS"):
            self.refuse("A computed column")
        kind = self.data_type()
        nullable: bool | None = None
        identity: tuple[int, int] | None = None
        default = default_name = None
        primary = False
        while True:
            if self.take("NULL"):
                nullable = True
            elif self.take("NOT"):
                self.expect("NULL")
                nullable = False
            elif self.take("IDENTITY"):
                identity = self._identity()
            elif self.at("DEFAULT") or (self.at("CONSTRAINT") and self.ahead(2).value == "DEFAULT"):
                default_name = self.identifier() if self.take("CONSTRAINT") else parts.made_up_name("DF", name)
                self.expect("DEFAULT")
                default = self._text_of_scalar()
            elif self.take("ROWGUIDCOL") or self.take("SPARSE"):
                pass
            elif self.at("COLLATE"):
                self.default_collation()
            elif self.at_any("GENERATED", "MASKED", "ENCRYPTED"):
                self.refuse(f"{self.token.value} in a column")
            elif self.at_any("CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN", "REFERENCES", "CHECK"):
                primary = self._constraint(parts, name) or primary
            else:
                break
        if primary or identity is not None:
            nullable = False
        parts.columns.append(ColumnDefinition(name, kind, nullable is not False, identity, default, default_name))

    def _identity(self) -> tuple[int, int]:
        if not self.take("("):
            return 1, 1
        token = self.token
        seed = self.integer()
        self.expect(",")
        increment = self.integer()
        self.expect(")")
        if increment != 1:
            self.refuse(f"IDENTITY with an increment of {increment}", token)
        return seed, increment

    def _text_of_scalar(self) -> str:
        start = self.token.start
        self.scalar()
        return self.text[start : self.tokens[self.position - 1].end]

    def _text_of_condition(self) -> str:
        start = self.token.start
        self.condition()
        return self.text[start : self.tokens[self.position - 1].end]

    def _constraint(self, parts: _Parts, column: str | None) -> bool:
        """Read a constraint of a column or a table; tell whether it is the primary key."""
        name = self.identifier() if self.take("CONSTRAINT") else None
        if self.at_any("PRIMARY", "UNIQUE"):
            primary = self.next().value == "PRIMARY"
            if primary:
                self.expect("KEY")
            if self.at_any("CLUSTERED", "NONCLUSTERED"):
                self.next()
            columns = self._key_columns() if self.at("(") else None
            self._index_options()
            of = columns or ((column,) if column is not None else self.fail())
            made_up = parts.made_up_name("PK" if primary else "UQ", *of)
            parts.keys.append(KeyConstraint(name or made_up, primary, of))
            return primary
        if self.at_any("FOREIGN", "REFERENCES"):
            self._foreign_key(parts, name, column)
            return False
        if self.take("CHECK"):
            if self.at("NOT"):
                self.refuse("CHECK NOT FOR REPLICATION")
            self.expect("(")
            condition = self._text_of_condition()
            self.expect(")")
            parts.checks.append(CheckConstraint(name or parts.made_up_name("CK", condition), condition))
            return False
        self.fail()

    def _foreign_key(self, parts: _Parts, name: str | None, column: str | None) -> None:
        columns: tuple[str, ...] = (column,) if column is not None else ()
        if self.take("FOREIGN"):
            self.expect("KEY")
            if self.at("(") or column is None:
                columns = self.parenthesised(self.identifier)
        self.expect("REFERENCES")
        table = self.name()[-1]
        referenced = self.parenthesised(self.identifier) if self.at("(") else ()
        actions = {"DELETE": "NO ACTION", "UPDATE": "NO ACTION"}
        while self.take("ON"):
            event = self.expect_any("DELETE", "UPDATE")
            if self.take("NO"):
                self.expect("ACTION")
            elif self.take("SET"):
                actions[event] = f"SET {self.expect_any('NULL', 'DEFAULT')}"
                if actions[event] == "SET DEFAULT":
                    self.refuse("ON DELETE SET DEFAULT")
            else:
                self.expect("CASCADE")
                actions[event] = "CASCADE"
        made_up = parts.made_up_name("FK", *columns, table)
        parts.foreign_keys.append(
            ForeignKey(name or made_up, columns, table, referenced, actions["DELETE"], actions["UPDATE"])
        )

    def _key_columns(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.parenthesised(self._indexed_column))

    def _indexed_column(self) -> tuple[str, bool]:
        name = self.identifier()
        descending = self.take("DESC")
        if not descending:
            self.take("ASC")
        return name, descending

    def _index_options(self) -> None:
        if self.at("WITH") and self.ahead().value == "(":
            self.next()
            self.expect("(")
            while not self.take(")"):
                if self.token.kind == Kind.END:
                    self.fail()
                self.next()
        self._storage_options()

    def _storage_options(self) -> None:
        while self.at_any("ON", "TEXTIMAGE_ON") and self.ahead().kind == Kind.QUOTED:
            self.next()
            self.next()

    def create_index(self, line: int) -> Statement:
        """Read what follows CREATE, up to the end of CREATE INDEX."""
        unique = self.take("UNIQUE")
        if self.at_any("CLUSTERED", "NONCLUSTERED"):
            self.next()
        if self.at("COLUMNSTORE"):
            self.refuse("A columnstore index")
        self.expect("INDEX")
        name = self.identifier()
        self.expect("ON")
        table = self.name()
        columns = self.parenthesised(self._indexed_column)
        included = self.parenthesised(self.identifier) if self.take("INCLUDE") else ()
        condition = self._text_of_condition() if self.take("WHERE") else None
        self._index_options()
        return CreateIndex(line, table, IndexDefinition(name, columns, unique, included, condition))

    def alter_table(self, line: int) -> Statement:
        """Read what follows ALTER TABLE."""
        table = self.name()
        if self.at("WITH") and self.ahead().value in ("CHECK", "NOCHECK"):
            self.next()
            if self.next().value == "NOCHECK":
                self.refuse("WITH NOCHECK")
        if self.take("ADD"):
            return self._add(line, table)
        if self.take("DROP"):
            return self._drop_members(line, table)
        if self.take("ALTER"):
            self.expect("COLUMN")
            column = self.identifier()
            kind = self.data_type()
            nullable = True
            if self.take("NOT"):
                self.expect("NULL")
                nullable = False
            else:
                self.take("NULL")
            return AlterColumn(line, table, column, kind, nullable)
        self.refuse(f"ALTER TABLE … {self.token.value}")

    def _add(self, line: int, table: Name) -> Statement:
        parts = _Parts(table[-1])
        with_values = False
        while True:
            if self.at("DEFAULT") or (self.at("CONSTRAINT") and self.ahead(2).value == "DEFAULT"):
                self.refuse("ALTER TABLE … ADD DEFAULT … FOR")
            self._member(parts)
            if self.at("WITH", "VALUES"):
                self.expect("WITH", "VALUES")
                with_values = True
            if not self.take(","):
                break
        return AddColumns(line, table, parts.definition(), with_values)

    def _drop_members(self, line: int, table: Name) -> Statement:
        members: list[tuple[str, str]] = []
        if_exists = False
        kind = "CONSTRAINT"
        while True:
            if self.at_any("COLUMN", "CONSTRAINT"):
                kind = self.next().value
                if self.at("IF"):
                    self.expect("IF", "EXISTS")
                    if_exists = True
            members.append((kind, self.identifier()))
            if not self.take(","):
                break
        return DropMembers(line, table, tuple(members), if_exists)
