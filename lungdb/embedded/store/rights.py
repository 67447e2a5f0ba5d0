"""Roles, users, rights, certificates and signatures: recorded in the file, and nothing is enforced.

They are one JSON text in ``tsql$state``, so that a file in which nobody recorded any has none of it, and what an older
version does not know is in nobody's way.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from lungdb.embedded.store.catalog import DBO, Catalog, CatalogObject
from lungdb.embedded.syntax.objects import (
    ChangeCertificate,
    ChangeMember,
    ChangePermission,
    ChangeSignature,
    DropPrincipal,
    MakePrincipal,
)
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.names import key
from lungdb.embedded.values.refusals import refused
from lungdb.errors import SqlError

Change = MakePrincipal | DropPrincipal | ChangeMember | ChangeCertificate | ChangePermission | ChangeSignature

# The principals that every database has, by their numbers in sys.database_principals.
FIXED_PRINCIPALS = {
    0: ("public", "R"), 1: (DBO, "S"), 2: ("guest", "S"), 3: ("INFORMATION_SCHEMA", "S"), 4: ("sys", "S"),
    16384: ("db_owner", "R"), 16385: ("db_accessadmin", "R"), 16386: ("db_securityadmin", "R"),
    16387: ("db_ddladmin", "R"), 16389: ("db_backupoperator", "R"), 16390: ("db_datareader", "R"),
    16391: ("db_datawriter", "R"), 16392: ("db_denydatareader", "R"), 16393: ("db_denydatawriter", "R"),
}  # fmt: skip
_STATES = {"GRANT": "G", "DENY": "D"}
_CLASSES = {"OBJECT": 1, "SCHEMA": 3, "ROLE": 4, "CERTIFICATE": 25, "EXTERNAL LANGUAGE": 34}
# EXECUTE is a right on procedures, the others are on tables and views.
_OF_OBJECTS = frozenset(("DELETE", "EXECUTE", "INSERT", "REFERENCES", "SELECT", "UPDATE"))


@dataclass(frozen=True)
class Principal:
    """A role (type R), a user of a certificate (C) or a user without login (S)."""

    principal_id: int
    name: str
    type: str
    certificate_id: int | None
    created: str


@dataclass(frozen=True)
class Certificate:
    """A certificate; thumbprint in hexadecimal digits."""

    certificate_id: int
    name: str
    subject: str
    thumbprint: str
    starts: str
    expires: str
    has_key: bool


@dataclass(frozen=True)
class Permission:
    """A right that was granted (state G) or denied (D), on what has a class and a number."""

    class_id: int
    major_id: int
    principal_id: int
    name: str
    state: str

    def is_about_same(self, other: Permission) -> bool:
        """Tell whether another one says whether the same principal may do the same with the same thing."""
        return self.name == other.name and (self.class_id, self.major_id, self.principal_id) == (
            other.class_id,
            other.major_id,
            other.principal_id,
        )


@dataclass(frozen=True)
class Signature:
    """A module signed by a certificate; digest in hexadecimal digits."""

    object_id: int
    certificate_id: int
    digest: str


@dataclass(frozen=True)
class Rights:
    """All that is recorded; members are pairs of role and member, and numbers count upwards."""

    last_id: int = 4
    principals: tuple[Principal, ...] = ()
    members: tuple[tuple[int, int], ...] = ()
    permissions: tuple[Permission, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    signatures: tuple[Signature, ...] = ()


@lru_cache(maxsize=16)
def _read(text: str) -> Rights:
    if not text:
        return Rights()
    last_id, principals, members, permissions, certificates, signatures = json.loads(text)
    return Rights(
        last_id,
        tuple(Principal(*each) for each in principals),
        tuple((role, member) for role, member in members),
        tuple(Permission(*each) for each in permissions),
        tuple(Certificate(*each) for each in certificates),
        tuple(Signature(*each) for each in signatures),
    )


def _write(rights: Rights) -> str:
    def plain(records: Sequence[Principal | Permission | Certificate | Signature]) -> list[list[object]]:
        return [list(vars(each).values()) for each in records]

    lists = [plain(rights.principals), rights.members, plain(rights.permissions)]
    return json.dumps([rights.last_id, *lists, plain(rights.certificates), plain(rights.signatures)])


def rights_of(catalog: Catalog) -> Rights:
    """Return what is recorded of objects, schemas, roles and certificates that are still there."""
    found = _read(catalog.rights)
    objects = {each.object_id for each in catalog.objects.values()}
    schemas = set(catalog.schemas.values())
    there = {1: objects, 3: schemas}
    return replace(
        found,
        permissions=tuple(p for p in found.permissions if p.class_id not in there or p.major_id in there[p.class_id]),
        signatures=tuple(each for each in found.signatures if each.object_id in objects),
    )


def record(catalog: Catalog, change: Change, target: CatalogObject | None) -> None:
    """Record a change.

    Parameters
    ----------
    catalog : Catalog
        Of the file.
    change : Change
        What a statement says.
    target : CatalogObject or None
        The object that it names, if it names one.

    Raises
    ------
    SqlError
        15023, 15232 for what is there already, 15144, 15150, 15151, 15352, 15556, 15581 as SQL Server has them.
    """
    rights = rights_of(catalog)
    match change:
        case MakePrincipal():
            rights = _make_principal(rights, change)
        case DropPrincipal():
            rights = _drop_principal(rights, change)
        case ChangeMember():
            rights = _change_member(rights, change)
        case ChangeCertificate():
            rights = _change_certificate(rights, change)
        case ChangePermission():
            rights = _change_permission(catalog, rights, change, target)
        case ChangeSignature():
            assert target is not None
            rights = _change_signature(rights, change, target)
    catalog.rights = _write(rights)


def forget(catalog: Catalog, altered: int | None = None) -> None:
    """Forget what is recorded of things that are gone, and the signatures of a module that has another text now."""
    text = catalog.rights
    if text:
        rights = rights_of(catalog)
        kept = tuple(each for each in rights.signatures if each.object_id != altered)
        after = _write(replace(rights, signatures=kept))
        if after != text:
            catalog.rights = after


def _missing(doing: str, kind: str, name: str) -> SqlError:
    return numbered_error(15151, doing=doing, kind=kind, name=name)


def _principal_id(rights: Rights, name: str, kind: str | None = None) -> int | None:
    """Return the number of a principal, of type R alone with kind R."""
    known = [(number, *each) for number, each in FIXED_PRINCIPALS.items()]
    known += [(each.principal_id, each.name, each.type) for each in rights.principals]
    return next((number for number, own, type_ in known if key(own) == key(name) and kind in (None, type_)), None)


def _certificate(rights: Rights, name: str) -> Certificate | None:
    return next((each for each in rights.certificates if key(each.name) == key(name)), None)


def _now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None).isoformat(" ", "milliseconds")


def _make_principal(rights: Rights, change: MakePrincipal) -> Rights:
    if _principal_id(rights, change.name) is not None:
        raise numbered_error(15023, name=change.name)
    if change.owner is not None and key(change.owner) != DBO:
        raise refused(f"CREATE ROLE … AUTHORIZATION {change.owner}", "dbo owns all roles here: leave it out.")
    certificate = None
    if change.certificate is not None:
        certificate = _certificate(rights, change.certificate)
        if certificate is None:
            raise _missing("find", "certificate", change.certificate)
        if any(each.certificate_id == certificate.certificate_id for each in rights.principals):
            raise numbered_error(15063)
    number = rights.last_id + 1
    kind = "R" if change.kind == "ROLE" else "S" if certificate is None else "C"
    owned = None if certificate is None else certificate.certificate_id
    made = Principal(number, change.name, kind, owned, _now())
    return replace(rights, last_id=number, principals=(*rights.principals, made))


def _drop_principal(rights: Rights, change: DropPrincipal) -> Rights:
    number = _principal_id(rights, change.name)
    is_role = number is not None and _principal_id(rights, change.name, "R") is not None
    if number is None or is_role != (change.kind == "ROLE"):
        if change.if_exists:
            return rights
        raise _missing("drop", change.kind.lower(), change.name)
    if number in FIXED_PRINCIPALS:
        raise numbered_error(15150, kind=change.kind.lower(), name=change.name)
    if any(role == number for role, _ in rights.members):
        raise numbered_error(15144)
    return replace(
        rights,
        principals=tuple(each for each in rights.principals if each.principal_id != number),
        members=tuple(pair for pair in rights.members if number not in pair),
        permissions=tuple(
            p for p in rights.permissions if p.principal_id != number and (p.class_id, p.major_id) != (4, number)
        ),
    )


def _change_member(rights: Rights, change: ChangeMember) -> Rights:
    role, member = _principal_id(rights, change.role, "R"), _principal_id(rights, change.member)
    if role is None:
        raise _missing("alter", "role", change.role)
    if member is None:
        raise _missing("add" if change.adds else "drop", "principal", change.member)
    if role == 0:
        raise numbered_error(15081)
    others = tuple(pair for pair in rights.members if pair != (role, member))
    return replace(rights, members=(*others, (role, member)) if change.adds else others)


def _change_certificate(rights: Rights, change: ChangeCertificate) -> Rights:
    found = _certificate(rights, change.name)
    if change.verb == "CREATE":
        if found is not None:
            raise numbered_error(15232, name=change.name)
        if not change.has_password:
            raise numbered_error(15581)
        number = rights.last_id + 1
        now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None, microsecond=0)
        thumbprint = hashlib.sha1(f"{number} {change.name} {now}".encode(), usedforsecurity=False).hexdigest()
        expires = _date(change.expires) if change.expires else (now + datetime.timedelta(days=365)).isoformat(" ")
        made = Certificate(number, change.name, change.subject, thumbprint, now.isoformat(" "), expires, True)
        return replace(rights, last_id=number, certificates=(*rights.certificates, made))
    if found is None:
        raise _missing(change.verb.lower(), "certificate", change.name)
    others = tuple(each for each in rights.certificates if each != found)
    if change.verb == "ALTER":
        return replace(rights, certificates=(*others, replace(found, has_key=False)))
    used = {each.certificate_id for each in rights.signatures} | {each.certificate_id for each in rights.principals}
    if found.certificate_id in used:
        raise numbered_error(15352)
    given = tuple(p for p in rights.permissions if (p.class_id, p.major_id) != (25, found.certificate_id))
    return replace(rights, certificates=others, permissions=given)


def _date(text: str) -> str:
    for form in ("%Y%m%d", "%Y-%m-%d", "%m/%d/%Y"):
        try:
            return datetime.datetime.strptime(text, form).isoformat(" ")
        except ValueError:
            continue
    raise refused(f"The date '{text}' of a certificate", "Write it as YYYYMMDD.")


def _change_permission(
    catalog: Catalog, rights: Rights, change: ChangePermission, target: CatalogObject | None
) -> Rights:
    class_id, major_id = _securable(catalog, rights, change, target)
    found = rights.permissions
    for name in change.principals:
        number = _principal_id(rights, name)
        if number is None:
            raise _missing("find", "user", name)
        if number in (1, 3, 4):
            raise refused(f"{change.verb} to {name}", "Give rights to roles and users of your own.")
        for permission in change.permissions:
            made = Permission(class_id, major_id, number, permission, _STATES.get(change.verb, ""))
            found = tuple(each for each in found if not made.is_about_same(each))
            if made.state:
                found = (*found, made)
    return replace(rights, permissions=found)


def _securable(
    catalog: Catalog, rights: Rights, change: ChangePermission, target: CatalogObject | None
) -> tuple[int, int]:
    """Return class and number of what rights are given on."""
    if change.target is None:
        return 0, 0
    kind, name = change.target
    if target is not None:
        for each in change.permissions:
            if each in _OF_OBJECTS and (each == "EXECUTE") != (target.kind == "P"):
                raise numbered_error(4606, permission=each)
        return _CLASSES[kind], target.object_id
    number: int | None
    if kind == "SCHEMA":
        number = (catalog.find_schema(name[-1]) or (None, None))[1]
    elif kind == "ROLE":
        number = _principal_id(rights, name[-1], "R")
    elif kind == "CERTIFICATE":
        certificate = _certificate(rights, name[-1])
        number = None if certificate is None else certificate.certificate_id
    else:
        number = catalog.language_id(name[-1])
    if number is None:
        raise _missing("find", kind.lower(), name[-1])
    return _CLASSES[kind], number


def _change_signature(rights: Rights, change: ChangeSignature, target: CatalogObject) -> Rights:
    certificate = _certificate(rights, change.certificate)
    if certificate is None:
        raise _missing("find", "certificate", change.certificate)
    if target.kind != "P":
        raise refused(f"A signature of '{target.name}'", "Procedures are signed here.")
    others = tuple(
        each
        for each in rights.signatures
        if (each.object_id, each.certificate_id) != (target.object_id, certificate.certificate_id)
    )
    if change.adds == (len(others) < len(rights.signatures)):
        state = "signed already" if change.adds else "not signed"
        raise refused(f"'{target.name}', which is {state} by '{certificate.name}',", "See sys.crypt_properties.")
    if not change.adds:
        return replace(rights, signatures=others)
    if not certificate.has_key:
        raise numbered_error(15556)
    digest = hashlib.sha256(target.definition.encode()).hexdigest()
    return replace(rights, signatures=(*others, Signature(target.object_id, certificate.certificate_id, digest)))
