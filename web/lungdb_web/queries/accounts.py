"""Accounts, sessions, tokens and the audit, through the stored procedures.

Accounts are made and changed by `lungdb accounts` alone, so the page's login has no right to.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any

from lungdb.database import ResultSet
from lungdb_web.queries.calling import Call

ROLES = ("reader", "scorer", "administrator")
"""From the least rights to the most."""
SESSION_HOURS = 12
SESSION_IDLE_MINUTES = 60


@dataclass(frozen=True)
class Account:
    """Who asks: the name, what the role allows, and whether labels may be seen.

    Attributes
    ----------
    role : str
        ``reader`` sees, ``scorer`` also has scans scored, ``administrator`` also trains and promotes models.
    loads_scans : bool
        Whether DICOM files may be loaded by this account, where the site has that on.
    """

    name: str
    role: str
    sees_truth: bool
    loads_scans: bool = False

    def may(self, role: str) -> bool:
        """Tell whether this account has a role; each role has the rights of those before it in `ROLES`."""
        return ROLES.index(self.role) >= ROLES.index(role)


@dataclass(frozen=True)
class StoredAccount:
    """An account with what signing in needs."""

    account: Account
    password_hash: str | None = field(repr=False)
    is_enabled: bool


def secret_sha256(secret: str) -> bytes:
    """Hash a session's or token's secret. It has 256 random bits, so nothing slower is needed."""
    return hashlib.sha256(secret.encode("utf-8")).digest()


def find_account(call: Call, name: str) -> StoredAccount | None:
    """Find an account by its name; None when there is none."""
    for row in _rows(call("EXECUTE dbo.FindAccount @Name = ?;", name)):
        stored_name, password_hash, role, sees_truth, loads_scans, is_enabled = row
        account = Account(stored_name, role, bool(sees_truth), bool(loads_scans))
        return StoredAccount(account, password_hash, bool(is_enabled))
    return None


def use_sign_in_link(call: Call, secret: str) -> str | None:
    """Use a link up and give the name of the account that it signs in; None when it is unknown, used or over."""
    rows = _rows(call("EXECUTE dbo.UseSignInLink @Sha256 = ?;", secret_sha256(secret)))
    return str(rows[0][0]) if rows else None


def start_session(call: Call, name: str) -> str:
    """Begin a session for an account and return its secret."""
    secret = secrets.token_urlsafe(32)
    sql = "EXECUTE dbo.StartSession @Name = ?, @Sha256 = ?, @Hours = ?;"
    call(sql, name, secret_sha256(secret), SESSION_HOURS)
    return secret


def find_session(call: Call, secret: str) -> Account | None:
    """Find whose session it is; None when it has ended."""
    sql = "EXECUTE dbo.FindSession @Sha256 = ?, @IdleMinutes = ?;"
    return _account(call(sql, secret_sha256(secret), SESSION_IDLE_MINUTES))


def end_session(call: Call, secret: str) -> None:
    """End a session."""
    call("EXECUTE dbo.EndSession @Sha256 = ?;", secret_sha256(secret))


def find_token(call: Call, token: str) -> Account | None:
    """Find the account that a token speaks for; None when it is unknown, revoked or expired."""
    return _account(call("EXECUTE dbo.FindToken @Sha256 = ?;", secret_sha256(token)))


def renew_password_hash(call: Call, name: str, before: str, after: str) -> None:
    """Replace a hash by a stronger one of the same password."""
    call("EXECUTE dbo.RenewPasswordHash @Name = ?, @Before = ?, @After = ?;", name, before, after)


def write_audit(
    call: Call,
    action: str,
    patient_index: int | None,
    outcome: str,
    detail: str | None,
    address: str | None,
    account: str | None,
) -> None:
    """Write a row of the audit; see `lungdb_web.audit.record`."""
    sql = (
        "EXECUTE dbo.RecordAudit @Action = ?, @PatientIndex = ?, @Outcome = ?, @Detail = ?, @Address = ?, @Account = ?;"
    )
    call(sql, action, patient_index, outcome, detail, address, account, lane="audit")


def read_page_secret(call: Call) -> bytes:
    """Read the 32 bytes that the site's cookies are signed with, the same at every start; the first call makes them."""
    secret = call("EXECUTE dbo.ReadPageSecret;")[-1].scalar()
    assert isinstance(secret, bytes)
    return secret


def _account(results: list[ResultSet]) -> Account | None:
    for name, role, sees_truth, loads_scans in _rows(results):
        return Account(name, role, bool(sees_truth), bool(loads_scans))
    return None


def _rows(results: list[ResultSet]) -> list[tuple[Any, ...]]:
    return results[-1].rows if results else []
