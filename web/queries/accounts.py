"""Accounts, sessions, tokens and the audit, through the procedures of sql/procedures.

Every function takes a `call`, which runs one batch: `web.services.call` in a request, `calling(connection)` elsewhere.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from werkzeug.exceptions import ServiceUnavailable

from lungdb.database import Connection, ResultSet, run
from lungdb.errors import SqlError
from web import services
from web.addresses import client_address
from web.passwords import generate_password, hash_password

TOKEN_PREFIX = "lungdb_"  # noqa: S105 - what every token begins with, so that scanners for secrets find one that leaked
SESSION_HOURS = 12
SESSION_IDLE_MINUTES = 60
ROLES = ("reader", "scorer")


class Call(Protocol):
    """Runs one batch with its parameters and returns every result set."""

    def __call__(self, sql: str, *parameters: Any) -> list[ResultSet]: ...  # noqa: D102


def calling(connection: Connection) -> Call:
    """Call procedures over one connection."""

    def call(sql: str, *parameters: Any) -> list[ResultSet]:
        return run(connection, sql, parameters)

    return call


@dataclass(frozen=True)
class Account:
    """Who asks: the name, what the role allows, and whether labels may be seen.

    Attributes
    ----------
    role : str
        ``reader`` sees, ``scorer`` also has scans scored.
    """

    name: str
    role: str
    sees_truth: bool


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
        stored_name, password_hash, role, sees_truth, is_enabled = row
        return StoredAccount(Account(stored_name, role, bool(sees_truth)), password_hash, bool(is_enabled))
    return None


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


def record(
    action: str,
    patient_index: int | None = None,
    outcome: str = "ok",
    detail: str | None = None,
    *,
    account: str | None = None,
) -> None:
    """Write a row of the audit for the present request. Never give a patient's name or a search as detail.

    Parameters
    ----------
    action : str
        sign_in, sign_out, view_patient, view_scan, score, view_truth or refused.
    outcome : str
        ok, refused or failed.
    account : str, optional
        Whom it is about, while nobody is signed in; else it is the signed-in account.

    Raises
    ------
    AuditUnavailable
        The row cannot be written, so what it would tell of must not happen.
    """
    sql = (
        "EXECUTE dbo.RecordAudit @Action = ?, @PatientIndex = ?, @Outcome = ?, @Detail = ?, @Address = ?, @Account = ?;"
    )
    try:
        services.call(sql, action, patient_index, outcome, detail, client_address(), account)
    except SqlError as error:
        raise AuditUnavailable from error


class AuditUnavailable(ServiceUnavailable):
    """Nothing is shown that cannot be recorded: 503."""

    description = "This view could not be recorded, so it is not shown. Try again, or tell the administrator."


@dataclass(frozen=True)
class ListedAccount:
    """An account as `lungdb accounts list` shows it."""

    name: str
    role: str
    sees_truth: bool
    is_enabled: bool
    has_password: bool
    created_at: datetime


@dataclass(frozen=True)
class ListedToken:
    """A token as `lungdb accounts list` shows it."""

    token_id: int
    account: str
    name: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True)
class AuditRow:
    """Something done or refused."""

    audit_id: int
    at: datetime
    account: str | None
    action: str
    patient_index: int | None
    outcome: str
    detail: str | None
    address: str | None


def list_accounts(call: Call) -> list[ListedAccount]:
    """List all accounts by name."""
    return [
        ListedAccount(name, role, bool(sees_truth), bool(is_enabled), bool(has_password), created_at)
        for name, role, sees_truth, is_enabled, has_password, created_at in _rows(call("EXECUTE dbo.ListAccounts;"))
    ]


def list_tokens(call: Call) -> list[ListedToken]:
    """List all tokens in the order they were given out."""
    return [ListedToken(*row) for row in _rows(call("EXECUTE dbo.ListTokens;"))]


def read_audit(
    call: Call, account: str | None = None, patient_index: int | None = None, limit: int = 50
) -> list[AuditRow]:
    """Read the newest rows of the audit, newest first."""
    sql = "EXECUTE dbo.ReadAudit @Account = ?, @PatientIndex = ?, @Limit = ?;"
    return [AuditRow(*row) for row in _rows(call(sql, account, patient_index, limit))]


def add_account(
    call: Call, name: str, role: str = "reader", sees_truth: bool = False, password: str | None = None
) -> None:
    """Add an account.

    Parameters
    ----------
    password : str, optional
        None for an account that only a reverse proxy or tokens use.

    Raises
    ------
    LungdbError
        The password is too short or too long.
    SqlError
        50101 for a name or role that is not supported, 50221 when the name is taken.
    """
    password_hash = None if password is None else hash_password(password)
    sql = "EXECUTE dbo.StoreAccount @Name = ?, @IsNew = 1, @PasswordHash = ?, @Role = ?, @SeesTruth = ?;"
    call(sql, name, password_hash, role, sees_truth)


def change_account(
    call: Call,
    name: str,
    *,
    role: str | None = None,
    sees_truth: bool | None = None,
    is_enabled: bool | None = None,
    password: str | None = None,
) -> None:
    """Change what is given of an account; a new password or disabling ends its sessions.

    Raises
    ------
    LungdbError
        The password is too short or too long.
    SqlError
        50220 when there is no such account, 50101 for a role that is not supported.
    """
    password_hash = None if password is None else hash_password(password)
    sql = "EXECUTE dbo.StoreAccount @Name = ?, @PasswordHash = ?, @Role = ?, @SeesTruth = ?, @IsEnabled = ?;"
    call(sql, name, password_hash, role, sees_truth, is_enabled)


def make_account(connection: Connection, name: str, role: str = "scorer", sees_truth: bool = False) -> str:
    """Add an account with a generated password, and return the password."""
    password = generate_password()
    add_account(calling(connection), name, role, sees_truth, password)
    return password


def make_token(call: Call, name: str, token_name: str, days: int) -> tuple[str, int, datetime]:
    """Give an account a token; returns the token, which is not kept, its number, and when it expires.

    Raises
    ------
    SqlError
        50220 when there is no such account, 50101 when days are not 1 to 3660.
    """
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    sql = "EXECUTE dbo.StoreToken @Name = ?, @TokenName = ?, @Sha256 = ?, @Days = ?;"
    [(token_id, expires_at)] = _rows(call(sql, name, token_name, secret_sha256(token), days))
    return token, token_id, expires_at


def revoke_token(call: Call, token_id: int) -> None:
    """End a token for good; SqlError 50222 when no valid one has this number."""
    call("EXECUTE dbo.RevokeToken @TokenId = ?;", token_id)


def _account(results: list[ResultSet]) -> Account | None:
    for name, role, sees_truth in _rows(results):
        return Account(name, role, bool(sees_truth))
    return None


def _rows(results: list[ResultSet]) -> list[tuple[Any, ...]]:
    return results[-1].rows if results else []
