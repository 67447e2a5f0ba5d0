"""Tables and indexes: CREATE TABLE, ALTER TABLE, CREATE INDEX and what they are made of."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from lungdb.embedded.syntax.expressions import condition, scalar
from lungdb.embedded.syntax.lexer import Kind
from lungdb.embedded.syntax.reader import TokenReader
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
    """What was read of a table so far."""

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


def create_table(reader: TokenReader, line: int) -> Statement:
    """Read what follows CREATE, whose line is given."""
    reader.expect("TABLE")
    name = reader.name()
    definition = table_body(reader, name[-1])
    if reader.at("WITH", "(", "SYSTEM_VERSIONING"):
        reader.refuse("A temporal table")
    _storage(reader)
    return CreateTable(line, name, definition)


def table_body(reader: TokenReader, table: str) -> TableDefinition:
    """Read columns and constraints in parentheses."""
    parts = _Parts(table)
    reader.expect("(")
    _member(reader, parts)
    while reader.take(",") and not reader.at(")"):
        _member(reader, parts)
    reader.expect(")")
    return parts.definition()


def _member(reader: TokenReader, parts: _Parts) -> None:
    if reader.at("INDEX"):
        reader.refuse("INDEX inside CREATE TABLE")
    if reader.at("PERIOD"):
        reader.refuse("A temporal table")
    if reader.at_any("CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN", "CHECK"):
        _constraint(reader, parts, None)
    else:
        _column(reader, parts)


def _column(reader: TokenReader, parts: _Parts) -> None:
    name = reader.identifier()
    if reader.at("AS"):
        reader.refuse("A computed column")
    kind = reader.data_type()
    keys_before = len(parts.keys)
    nullable = True
    identity: tuple[int, int] | None = None
    default = default_name = None
    while True:
        given = reader.nullability()
        if given is not None:
            nullable = given
        elif reader.take("IDENTITY"):
            identity = _identity(reader)
        elif _at_default(reader):
            default_name = reader.identifier() if reader.take("CONSTRAINT") else parts.made_up_name("DF", name)
            reader.expect("DEFAULT")
            default = reader.text_of(scalar)
        elif reader.at("COLLATE"):
            reader.default_collation()
        elif reader.at_any("GENERATED", "MASKED", "ENCRYPTED"):
            reader.refuse(f"{reader.token.word} in a column")
        elif reader.at("CONSTRAINT") or reader.token.word in _CONSTRAINTS:
            _constraint(reader, parts, name)
        elif not reader.take_any("ROWGUIDCOL", "SPARSE"):
            break
    if identity is not None or any(key.primary for key in parts.keys[keys_before:]):
        nullable = False
    parts.columns.append(ColumnDefinition(name, kind, nullable, identity, default, default_name))


def _at_default(reader: TokenReader) -> bool:
    return reader.at("DEFAULT") or (reader.at("CONSTRAINT") and reader.ahead(2).word == "DEFAULT")


def _identity(reader: TokenReader) -> tuple[int, int]:
    if not reader.take("("):
        return 1, 1
    token = reader.token
    seed = reader.integer()
    reader.expect(",")
    increment = reader.integer()
    reader.expect(")")
    if increment != 1:
        reader.refuse(f"IDENTITY with an increment of {increment}", token)
    return seed, increment


def _constraint(reader: TokenReader, parts: _Parts, column: str | None) -> None:
    """Read a constraint of a column or, where that is None, of the table."""
    name = reader.identifier() if reader.take("CONSTRAINT") else None
    read = _CONSTRAINTS.get(reader.token.word)
    if read is None:
        reader.fail()
    read(reader, parts, name, column)


def _key(reader: TokenReader, parts: _Parts, name: str | None, column: str | None) -> None:
    primary = reader.next().word == "PRIMARY"
    if primary:
        reader.expect("KEY")
    reader.take_any("CLUSTERED", "NONCLUSTERED")
    columns: tuple[str, ...] = (column,) if column is not None else ()
    if reader.at("("):
        columns = tuple(indexed for indexed, _ in reader.parenthesised(_indexed_column))
    _index_options(reader)
    if not columns:
        reader.fail()
    made_up = parts.made_up_name("PK" if primary else "UQ", *columns)
    parts.keys.append(KeyConstraint(name or made_up, primary, columns))


def _foreign_key(reader: TokenReader, parts: _Parts, name: str | None, column: str | None) -> None:
    columns: tuple[str, ...] = (column,) if column is not None else ()
    if reader.take("FOREIGN"):
        reader.expect("KEY")
        if reader.at("(") or column is None:
            columns = reader.parenthesised(TokenReader.identifier)
    reader.expect("REFERENCES")
    table = reader.name()[-1]
    referenced = reader.column_names()
    actions = {"DELETE": "NO ACTION", "UPDATE": "NO ACTION"}
    while reader.take("ON"):
        event = reader.expect_any("DELETE", "UPDATE")
        actions[event] = _action(reader)
    made_up = parts.made_up_name("FK", *columns, table)
    parts.foreign_keys.append(
        ForeignKey(name or made_up, columns, table, referenced, actions["DELETE"], actions["UPDATE"])
    )


def _action(reader: TokenReader) -> str:
    """Read what ON DELETE or ON UPDATE does."""
    if reader.take("NO"):
        reader.expect("ACTION")
        return "NO ACTION"
    if not reader.take("SET"):
        return reader.expect("CASCADE").word
    if reader.expect_any("NULL", "DEFAULT") == "DEFAULT":
        reader.refuse("ON DELETE SET DEFAULT")
    return "SET NULL"


def _check(reader: TokenReader, parts: _Parts, name: str | None, column: str | None) -> None:
    reader.expect("CHECK")
    if reader.at("NOT"):
        reader.refuse("CHECK NOT FOR REPLICATION")
    tested = reader.enclosed(lambda reader: reader.text_of(condition))
    parts.checks.append(CheckConstraint(name or parts.made_up_name("CK", tested), tested))


_CONSTRAINTS: dict[str, Callable[[TokenReader, _Parts, str | None, str | None], None]] = {
    "CHECK": _check,
    "FOREIGN": _foreign_key,
    "PRIMARY": _key,
    "REFERENCES": _foreign_key,
    "UNIQUE": _key,
}


def _indexed_column(reader: TokenReader) -> tuple[str, bool]:
    name = reader.identifier()
    return name, reader.descending()


def _index_options(reader: TokenReader) -> None:
    if reader.take("WITH", "("):
        while not reader.take(")"):
            if reader.at_end:
                reader.fail()
            reader.next()
    _storage(reader)


def _storage(reader: TokenReader) -> None:
    """Read on which file group a table or index lies, which changes nothing."""
    while reader.at_any("ON", "TEXTIMAGE_ON") and reader.ahead().kind is Kind.QUOTED:
        reader.next()
        reader.next()


def create_index(reader: TokenReader, line: int) -> Statement:
    """Read what follows CREATE, whose line is given."""
    unique = reader.take("UNIQUE")
    reader.take_any("CLUSTERED", "NONCLUSTERED")
    if reader.at("COLUMNSTORE"):
        reader.refuse("A columnstore index")
    reader.expect("INDEX")
    name = reader.identifier()
    reader.expect("ON")
    table = reader.name()
    columns = reader.parenthesised(_indexed_column)
    included = reader.parenthesised(TokenReader.identifier) if reader.take("INCLUDE") else ()
    tested = reader.text_of(condition) if reader.take("WHERE") else None
    _index_options(reader)
    return CreateIndex(line, table, IndexDefinition(name, columns, unique, included, tested))


def alter_table(reader: TokenReader, line: int) -> Statement:
    """Read what follows ALTER, whose line is given."""
    reader.expect("TABLE")
    table = reader.name()
    if reader.at("WITH", "NOCHECK"):
        reader.expect("WITH", "NOCHECK")
        reader.refuse("WITH NOCHECK")
    reader.take("WITH", "CHECK")
    alteration = _ALTERATIONS.get(reader.token.word)
    if alteration is None:
        reader.refuse(f"ALTER TABLE … {reader.token.value}")
    reader.next()
    return alteration(reader, line, table)


def _alter_column(reader: TokenReader, line: int, table: Name) -> Statement:
    reader.expect("COLUMN")
    column = reader.identifier()
    kind = reader.data_type()
    return AlterColumn(line, table, column, kind, reader.nullability() is not False)


def _add(reader: TokenReader, line: int, table: Name) -> Statement:
    parts = _Parts(table[-1])
    with_values = False
    defaults: list[tuple[str, str, str]] = []
    while True:
        if _at_default(reader):
            defaults.append(_default_for(reader, parts))
        else:
            _member(reader, parts)
        with_values = reader.take("WITH", "VALUES") or with_values
        if not reader.take(","):
            return AddColumns(line, table, parts.definition(), with_values, tuple(defaults))


def _default_for(reader: TokenReader, parts: _Parts) -> tuple[str, str, str]:
    name = reader.identifier() if reader.take("CONSTRAINT") else None
    reader.expect("DEFAULT")
    value = reader.text_of(scalar)
    reader.expect("FOR")
    column = reader.identifier()
    return name or parts.made_up_name("DF", column), column, value


def _drop_members(reader: TokenReader, line: int, table: Name) -> Statement:
    members: list[tuple[str, str]] = []
    if_exists = False
    kind = "CONSTRAINT"
    while True:
        given = reader.take_any("COLUMN", "CONSTRAINT")
        if given:
            kind = given
            if_exists = reader.if_exists() or if_exists
        members.append((kind, reader.identifier()))
        if not reader.take(","):
            return DropMembers(line, table, tuple(members), if_exists)


_ALTERATIONS: dict[str, Callable[[TokenReader, int, Name], Statement]] = {
    "ADD": _add,
    "ALTER": _alter_column,
    "DROP": _drop_members,
}
