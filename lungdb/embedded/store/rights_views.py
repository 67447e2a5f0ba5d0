"""The catalog views of what `store.rights` records."""

from __future__ import annotations

from collections.abc import Iterator

from lungdb.embedded.store.catalog import DBO, FIXED_SCHEMAS, Catalog
from lungdb.embedded.store.rights import FIXED_PRINCIPALS, Principal, rights_of
from lungdb.embedded.values.stored import Value

Row = tuple[Value, ...]

_FIRST_FIXED_ROLE = 16384


def _sid(principal: Principal) -> str:
    return f"{principal.certificate_id or principal.principal_id:056x}"


def principal_rows(catalog: Catalog, database: str) -> Iterator[Row]:
    """Yield the rows of sys.database_principals."""
    types = {"R": "DATABASE_ROLE", "S": "SQL_USER", "C": "CERTIFICATE_MAPPED_USER"}
    for number, (name, kind) in FIXED_PRINCIPALS.items():
        schema = DBO if number == FIXED_SCHEMAS[DBO] else None
        made = "2003-04-08 09:10:42.0000000"
        yield name, number, kind, types[kind], schema, made, made, 1, f"{number:02x}", int(number >= _FIRST_FIXED_ROLE)
    for each in rights_of(catalog).principals:
        schema = DBO if each.type == "S" else None
        owner = 1 if each.type == "R" else None
        made = f"{each.created}0000"
        yield each.name, each.principal_id, each.type, types[each.type], schema, made, made, owner, _sid(each), 0


def member_rows(catalog: Catalog, database: str) -> Iterator[Row]:
    """Yield the rows of sys.database_role_members."""
    yield from rights_of(catalog).members


def permission_rows(catalog: Catalog, database: str) -> Iterator[Row]:
    """Yield the rows of sys.database_permissions."""
    classes = {
        0: "DATABASE", 1: "OBJECT_OR_COLUMN", 3: "SCHEMA", 4: "DATABASE_PRINCIPAL", 25: "CERTIFICATE",
        34: "EXTERNAL_LANGUAGE",
    }  # fmt: skip
    for each in rights_of(catalog).permissions:
        state = "GRANT" if each.state == "G" else "DENY"
        class_id = each.class_id
        yield class_id, classes[class_id], each.major_id, 0, each.principal_id, 1, each.name, each.state, state


def certificate_rows(catalog: Catalog, database: str) -> Iterator[Row]:
    """Yield the rows of sys.certificates."""
    for each in rights_of(catalog).certificates:
        key_kind = ("PW", "ENCRYPTED_BY_PASSWORD") if each.has_key else ("NA", "NO_PRIVATE_KEY")
        sid = f"{each.certificate_id:056x}"
        yield (
            each.name, each.certificate_id, 1, *key_kind, each.subject, each.thumbprint, sid, f"{each.expires}.0000000",
            f"{each.starts}.0000000",
        )  # fmt: skip


def signature_rows(catalog: Catalog, database: str) -> Iterator[Row]:
    """Yield the rows of sys.crypt_properties."""
    rights = rights_of(catalog)
    thumbprints = {each.certificate_id: each.thumbprint for each in rights.certificates}
    for each in rights.signatures:
        thumbprint = thumbprints[each.certificate_id]
        yield 1, "OBJECT_OR_COLUMN", each.object_id, thumbprint, "SPVC", "SIGNATURE BY CERTIFICATE", each.digest
