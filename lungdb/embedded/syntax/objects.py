"""CREATE, ALTER and DROP of whatever has a name, and what is given to it: rights and signatures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lungdb.embedded.syntax.declarations import procedure_parameter
from lungdb.embedded.syntax.queries import query
from lungdb.embedded.syntax.reader import TokenReader, words
from lungdb.embedded.syntax.statement_tree import (
    CreateLanguage,
    CreateModule,
    CreateSchema,
    Drop,
    DropSchema,
    ProcedureParameter,
    Statement,
)
from lungdb.embedded.syntax.tables import alter_table, create_index, create_table
from lungdb.embedded.syntax.tree import Name

_Read = Callable[[TokenReader, int], Statement]
"""Reads what follows CREATE, ALTER or DROP, whose line is given."""

# Permissions that are accepted. SQL Server has many more; one that is not here is refused by name.
PERMISSIONS = words("ALTER CONTROL DELETE EXECUTE INSERT REFERENCES SELECT UPDATE CONNECT SHOWPLAN") | {
    "ALTER ANY EXTERNAL LANGUAGE",
    "EXECUTE ANY EXTERNAL SCRIPT",
    "EXECUTE EXTERNAL SCRIPT",
    "TAKE OWNERSHIP",
    "VIEW ANY DEFINITION",
    "VIEW DATABASE STATE",
    "VIEW DEFINITION",
}


@dataclass(frozen=True)
class MakePrincipal:
    """CREATE ROLE, with its owner, or CREATE USER, with its certificate or none (WITHOUT LOGIN)."""

    kind: str
    name: str
    owner: str | None = None
    certificate: str | None = None


@dataclass(frozen=True)
class DropPrincipal:
    """DROP ROLE or DROP USER."""

    kind: str
    name: str
    if_exists: bool


@dataclass(frozen=True)
class ChangeMember:
    """ALTER ROLE … ADD MEMBER or DROP MEMBER."""

    role: str
    member: str
    adds: bool


@dataclass(frozen=True)
class ChangeCertificate:
    """CREATE, ALTER (REMOVE PRIVATE KEY) or DROP CERTIFICATE; no password is kept."""

    verb: str
    name: str
    subject: str = ""
    expires: str | None = None
    has_password: bool = False


@dataclass(frozen=True)
class ChangePermission:
    """GRANT, DENY or REVOKE; target is the class of what follows ON and its name, or nothing for the database."""

    verb: str
    permissions: tuple[str, ...]
    target: tuple[str, Name] | None
    principals: tuple[str, ...]


@dataclass(frozen=True)
class ChangeSignature:
    """ADD SIGNATURE or DROP SIGNATURE."""

    adds: bool
    module: Name
    certificate: str


@dataclass(frozen=True, eq=False)
class ChangeRights(Statement):
    """Any statement about roles, users, rights, certificates and signatures."""

    change: MakePrincipal | DropPrincipal | ChangeMember | ChangeCertificate | ChangePermission | ChangeSignature


def create(reader: TokenReader) -> Statement:
    """Read CREATE."""
    line = reader.expect("CREATE").line
    if reader.take("OR"):
        reader.expect("ALTER")
        return _object(reader, line, "CREATE OR ALTER", {})
    return _object(reader, line, "CREATE", _CREATED)


def alter(reader: TokenReader) -> Statement:
    """Read ALTER."""
    line = reader.expect("ALTER").line
    return _object(
        reader, line, "ALTER", {"TABLE": alter_table, "ROLE": _alter_role, "CERTIFICATE": _alter_certificate}
    )


def drop(reader: TokenReader) -> Statement:
    """Read DROP."""
    line = reader.expect("DROP").line
    return _read_of(reader, "DROP", _DROPPED)(reader, line)


def _object(reader: TokenReader, line: int, mode: str, others: dict[str, _Read]) -> Statement:
    """Read a view or procedure, which CREATE, CREATE OR ALTER and ALTER all take, or one of the others."""
    module = _MODULES.get(reader.token.word)
    if module is None:
        return _read_of(reader, mode, others)(reader, line)
    reader.next()
    return module(reader, line, mode)


def _read_of(reader: TokenReader, mode: str, known: dict[str, _Read]) -> _Read:
    read = known.get(reader.token.word)
    if read is None:
        reader.refuse(f"{mode} {reader.token.value}")
    return read


def _view(reader: TokenReader, line: int, mode: str) -> Statement:
    name = reader.name()
    columns = reader.column_names()
    if reader.take("WITH"):
        reader.commas(lambda reader: reader.expect_any("SCHEMABINDING", "VIEW_METADATA"))
    reader.expect("AS")
    return CreateModule(line, "VIEW", mode, name, reader.text, columns, query(reader))


def _procedure(reader: TokenReader, line: int, mode: str) -> Statement:
    name = reader.name()
    enclosed = reader.take("(")
    parameters: tuple[ProcedureParameter, ...] = ()
    if reader.at_variable:
        parameters = reader.commas(procedure_parameter)
    if enclosed:
        reader.expect(")")
    if reader.take("WITH"):
        if reader.at("EXECUTE"):
            reader.refuse("WITH EXECUTE AS")
        reader.commas(lambda reader: reader.expect_any("RECOMPILE"))
    reader.expect("AS")
    body = reader.grammar.statements(reader)
    variables = tuple(reader.declared.items())
    return CreateModule(line, "PROCEDURE", mode, name, reader.text, (), None, parameters, body, variables)


_MODULES: dict[str, Callable[[TokenReader, int, str], Statement]] = {
    "PROC": _procedure,
    "PROCEDURE": _procedure,
    "VIEW": _view,
}


def _create_schema(reader: TokenReader, line: int) -> Statement:
    reader.expect("SCHEMA")
    if reader.at("AUTHORIZATION"):
        reader.refuse("CREATE SCHEMA without a name")
    name = reader.identifier()
    owner = reader.identifier() if reader.take("AUTHORIZATION") else None
    if reader.at_any("CREATE", "GRANT", "DENY", "REVOKE"):
        # Without a semicolon before it, T-SQL counts it to the schema that is made.
        reader.refuse(f"CREATE SCHEMA … {reader.token.word}")
    return CreateSchema(line, name, owner)


def _create_external(reader: TokenReader, line: int) -> Statement:
    reader.expect("EXTERNAL")
    if not reader.take("LANGUAGE"):
        reader.refuse(f"CREATE EXTERNAL {reader.token.value}")
    name = reader.identifier()
    while not (reader.at_end or reader.at(";")):
        reader.next()
    return CreateLanguage(line, name)


def _drop_objects(reader: TokenReader, line: int) -> Statement:
    kind = reader.next().word
    if_exists = reader.if_exists()
    return Drop(line, "PROCEDURE" if kind == "PROC" else kind, reader.commas(TokenReader.name), if_exists, None)


def _drop_index(reader: TokenReader, line: int) -> Statement:
    reader.expect("INDEX")
    if_exists = reader.if_exists()
    names = reader.commas(TokenReader.name)
    if not reader.take("ON") or len(names) > 1:
        reader.refuse("DROP INDEX without ON, or of several indexes")
    return Drop(line, "INDEX", names, if_exists, reader.name())


def _drop_schema(reader: TokenReader, line: int) -> Statement:
    reader.expect("SCHEMA")
    if_exists = reader.if_exists()
    return DropSchema(line, reader.identifier(), if_exists)


def _create_role(reader: TokenReader, line: int) -> Statement:
    reader.expect("ROLE")
    name = reader.identifier()
    owner = reader.identifier() if reader.take("AUTHORIZATION") else None
    return ChangeRights(line, MakePrincipal("ROLE", name, owner))


def _create_user(reader: TokenReader, line: int) -> Statement:
    reader.expect("USER")
    name = reader.identifier()
    if reader.take("WITHOUT", "LOGIN"):
        return ChangeRights(line, MakePrincipal("USER", name))
    if not (reader.take("FOR", "CERTIFICATE") or reader.take("FROM", "CERTIFICATE")):
        reader.refuse("CREATE USER for anything but a certificate, or WITHOUT LOGIN")
    return ChangeRights(line, MakePrincipal("USER", name, certificate=reader.identifier()))


def _alter_role(reader: TokenReader, line: int) -> Statement:
    reader.expect("ROLE")
    role = reader.identifier()
    if reader.at("WITH"):
        reader.refuse("ALTER ROLE … WITH NAME")
    adds = reader.expect_any("ADD", "DROP") == "ADD"
    reader.expect("MEMBER")
    return ChangeRights(line, ChangeMember(role, reader.identifier(), adds))


def _create_certificate(reader: TokenReader, line: int) -> Statement:
    reader.expect("CERTIFICATE")
    name = reader.identifier()
    if reader.at_any("FROM", "AUTHORIZATION"):
        reader.refuse(f"CREATE CERTIFICATE … {reader.token.word}")
    has_password = reader.take("ENCRYPTION", "BY", "PASSWORD")
    if has_password:
        _text_given(reader)
    reader.expect("WITH", "SUBJECT")
    subject, expires = _text_given(reader), None
    while reader.take(","):
        option = reader.expect_any("START_DATE", "EXPIRY_DATE")
        given = _text_given(reader)
        expires = given if option == "EXPIRY_DATE" else expires
    return ChangeRights(line, ChangeCertificate("CREATE", name, subject, expires, has_password))


def _alter_certificate(reader: TokenReader, line: int) -> Statement:
    reader.expect("CERTIFICATE")
    name = reader.identifier()
    if not reader.take("REMOVE", "PRIVATE", "KEY"):
        reader.refuse("ALTER CERTIFICATE with anything but REMOVE PRIVATE KEY")
    return ChangeRights(line, ChangeCertificate("ALTER", name))


def _text_given(reader: TokenReader) -> str:
    reader.expect("=")
    if not reader.at_text:
        reader.fail()
    return reader.next().value


def _drop_principal(reader: TokenReader, line: int) -> Statement:
    kind = reader.next().word
    if_exists = reader.if_exists()
    return ChangeRights(line, DropPrincipal(kind, reader.identifier(), if_exists))


def _drop_certificate(reader: TokenReader, line: int) -> Statement:
    reader.expect("CERTIFICATE")
    return ChangeRights(line, ChangeCertificate("DROP", reader.identifier()))


def add_signature(reader: TokenReader) -> Statement:
    """Read ADD SIGNATURE."""
    return _signature(reader, reader.expect("ADD").line)


def _signature(reader: TokenReader, line: int) -> Statement:
    adds = reader.tokens[reader.position - 1].word == "ADD"
    if reader.at("COUNTER"):
        reader.refuse("COUNTER SIGNATURE")
    reader.expect("SIGNATURE", "TO" if adds else "FROM")
    kind, module = _securable(reader)
    if kind != "OBJECT":
        reader.refuse(f"A signature of a {kind}")
    reader.expect("BY")
    if not reader.take("CERTIFICATE"):
        reader.refuse("A signature by anything but a certificate")
    certificate = reader.identifier()
    if adds and reader.take("WITH"):
        if not reader.take("PASSWORD"):
            reader.refuse("ADD SIGNATURE … WITH SIGNATURE")
        _text_given(reader)
    if reader.at(","):
        reader.refuse("A signature by several certificates")
    return ChangeRights(line, ChangeSignature(adds, module, certificate))


def change_permission(reader: TokenReader) -> Statement:
    """Read GRANT, DENY or REVOKE."""
    token = reader.next()
    verb = token.word
    if reader.at("GRANT", "OPTION"):
        reader.refuse("REVOKE GRANT OPTION FOR")
    permissions = reader.commas(_permission)
    target = _securable(reader) if reader.take("ON") else None
    reader.expect_any("FROM", "TO") if verb == "REVOKE" else reader.expect("TO")
    principals = reader.commas(_principal)
    if verb != "GRANT":
        reader.take("CASCADE")
    if reader.at_any("WITH", "AS"):
        reader.refuse(f"{verb} … {reader.token.word}")
    return ChangeRights(token.line, ChangePermission(verb, permissions, target, principals))


def _principal(reader: TokenReader) -> str:
    # PUBLIC is a reserved word, and yet the name of a role.
    return reader.next().text if reader.at("PUBLIC") else reader.identifier()


def _permission(reader: TokenReader) -> str:
    start, found = reader.token, []
    while not (reader.at_end or reader.at_any(",", ";", "ON", "TO", "FROM")):
        if reader.at("("):
            reader.refuse("A right on columns")
        found.append(reader.next().word)
    name = " ".join(found)
    name = "EXECUTE" if name == "EXEC" else name
    if not found:
        reader.fail()
    if name not in PERMISSIONS:
        reader.refuse(f"The permission {name}", start)
    return name


def _securable(reader: TokenReader) -> tuple[str, Name]:
    """Read CLASS::name, of the class OBJECT where none is given."""
    for words_of in _CLASSES:
        if reader.take(*words_of, "::"):
            return " ".join(words_of), reader.name()
    if reader.ahead().word == "::":
        reader.refuse(f"A right on a {reader.token.word}")
    return "OBJECT", reader.name()


_CLASSES = (("OBJECT",), ("SCHEMA",), ("ROLE",), ("CERTIFICATE",), ("EXTERNAL", "LANGUAGE"))
_CREATED: dict[str, _Read] = {
    "CERTIFICATE": _create_certificate,
    "EXTERNAL": _create_external,
    "ROLE": _create_role,
    "SCHEMA": _create_schema,
    "USER": _create_user,
    "TABLE": create_table,
    **dict.fromkeys(words("CLUSTERED COLUMNSTORE INDEX NONCLUSTERED UNIQUE"), create_index),
}
_DROPPED: dict[str, _Read] = {
    "CERTIFICATE": _drop_certificate,
    "INDEX": _drop_index,
    "ROLE": _drop_principal,
    "SCHEMA": _drop_schema,
    "SIGNATURE": _signature,
    "USER": _drop_principal,
    **dict.fromkeys(words("PROC PROCEDURE TABLE VIEW"), _drop_objects),
}
