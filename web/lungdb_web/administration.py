"""Accounts, tokens and the audit as `lungdb accounts` manages them; the web page's own login needs none of this."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from lungdb.database import Connection, run
from lungdb.errors import LungdbError
from lungdb_web.queries.accounts import secret_sha256

MOST_NAME_UNITS = 128
"""Of NVARCHAR(128), which counts a character beyond the first 65,536 as two."""
# What every token begins with, so that scanners for secrets recognise one that leaked.
TOKEN_PREFIX = "lungdb_"  # noqa: S105


@dataclass(frozen=True)
class ListedAccount:
    """An account without its secrets; times are in UTC."""

    name: str
    role: str
    sees_truth: bool
    loads_scans: bool
    is_enabled: bool
    has_password: bool
    created_at: datetime


@dataclass(frozen=True)
class ListedToken:
    """A token without its secret; times are in UTC."""

    token_id: int
    account: str
    name: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True)
class AuditRow:
    """Something done or refused; the time is in UTC, the account None where nobody was signed in.

    login_name is the login that was connected to the database, None for what is older than schema version 10.
    """

    audit_id: int
    at: datetime
    account: str | None
    action: str
    patient_index: int | None
    outcome: str
    detail: str | None
    address: str | None
    login_name: str | None


def list_accounts(connection: Connection) -> list[ListedAccount]:
    """List all accounts by name."""
    return [
        ListedAccount(name, role, bool(sees_truth), bool(loads_scans), bool(is_enabled), bool(has_password), created_at)
        for name, role, sees_truth, loads_scans, is_enabled, has_password, created_at in run(
            connection, "EXECUTE dbo.ListAccounts;"
        )[-1].rows
    ]


def list_tokens(connection: Connection) -> list[ListedToken]:
    """List all tokens in the order they were given out."""
    return [ListedToken(*row) for row in run(connection, "EXECUTE dbo.ListTokens;")[-1].rows]


def read_audit(
    connection: Connection, account: str | None = None, patient_index: int | None = None, limit: int = 50
) -> list[AuditRow]:
    """Read the newest rows of the audit, newest first; SqlError 50101 when limit is not 1 to 100,000."""
    sql = "EXECUTE dbo.ReadAudit @Account = ?, @PatientIndex = ?, @Limit = ?;"
    return [AuditRow(*row) for row in run(connection, sql, (account, patient_index, limit))[-1].rows]


def add_account(
    connection: Connection,
    name: str,
    password_hash: str | None,
    role: str,
    sees_truth: bool,
    loads_scans: bool = False,
) -> None:
    """Add an account; without a hash only a reverse proxy or tokens use it.

    Raises
    ------
    LungdbError
        The name is empty, too long, or has blanks around it or characters that cannot be seen.
    SqlError
        50101 for a role that is not supported, 50221 when the name is taken.
    """
    units = len(name.encode("utf-16-le", "surrogatepass")) // 2
    if not 1 <= units <= MOST_NAME_UNITS or name != name.strip() or not name.isprintable():
        raise LungdbError(
            f"The name {name[:MOST_NAME_UNITS]!r} is not supported. "
            f"Give a name of 1 to {MOST_NAME_UNITS} visible characters that neither begins nor ends with a blank."
        )
    sql = (
        "EXECUTE dbo.StoreAccount @Name = ?, @IsNew = 1, @PasswordHash = ?, @Role = ?, @SeesTruth = ?, @LoadsScans = ?;"
    )
    run(connection, sql, (name, password_hash, role, sees_truth, loads_scans))


def make_account(connection: Connection, name: str, role: str = "scorer", sees_truth: bool = False) -> str:
    """Add an account with a made-up password, and return the password; SqlError 50221 when the name is taken."""
    # Accounts are listed and tokens made where argon2 is not installed.
    from lungdb_web.passwords import generate_password, hash_password

    password = generate_password()
    add_account(connection, name, hash_password(password), role, sees_truth)
    return password


def change_account(
    connection: Connection,
    name: str,
    *,
    password_hash: str | None = None,
    role: str | None = None,
    sees_truth: bool | None = None,
    loads_scans: bool | None = None,
    is_enabled: bool | None = None,
) -> None:
    """Change what is given of an account; a new password or disabling ends its sessions.

    Raises
    ------
    SqlError
        50220 when there is no such account, 50101 for a role that is not supported.
    """
    sql = (
        "EXECUTE dbo.StoreAccount @Name = ?, @PasswordHash = ?, @Role = ?, @SeesTruth = ?, @LoadsScans = ?, "
        "@IsEnabled = ?;"
    )
    run(connection, sql, (name, password_hash, role, sees_truth, loads_scans, is_enabled))


def makes_links(connection: Connection) -> bool:
    """Tell whether the database knows links that sign in once: one of lungdb, and of a version that does."""
    return run(connection, "SELECT OBJECT_ID(N'dbo.StoreSignInLink', N'P');")[0].scalar() is not None


def make_sign_in_link(connection: Connection, name: str, minutes: int) -> tuple[str, datetime]:
    """Make a secret that signs an account in once; returns it, which is kept nowhere, and when it expires.

    Raises
    ------
    SqlError
        50220 when there is no such enabled account, 50101 when minutes are not 1 to 1440.
    """
    secret = secrets.token_urlsafe(32)
    sql = "EXECUTE dbo.StoreSignInLink @Name = ?, @Sha256 = ?, @Minutes = ?;"
    [(expires_at,)] = run(connection, sql, (name, secret_sha256(secret), minutes))[-1].rows
    return secret, expires_at


def store_token(connection: Connection, name: str, purpose: str, sha256: bytes, days: int) -> tuple[int, datetime]:
    """Keep the hash of a token for an account; returns its number and when it expires.

    Raises
    ------
    SqlError
        50220 when there is no such account, 50101 when days are not 1 to 3660.
    """
    sql = "EXECUTE dbo.StoreToken @Name = ?, @TokenName = ?, @Sha256 = ?, @Days = ?;"
    [(token_id, expires_at)] = run(connection, sql, (name, purpose, sha256, days))[-1].rows
    return token_id, expires_at


def make_token(connection: Connection, name: str, purpose: str, days: int) -> tuple[str, int, datetime]:
    """Make a token for an account; returns it, which is kept nowhere, its number, and when it expires.

    Raises
    ------
    SqlError
        As of `store_token`.
    """
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    return token, *store_token(connection, name, purpose, secret_sha256(token), days)


def revoke_token(connection: Connection, token_id: int) -> None:
    """End a token for good; SqlError 50222 when no valid one has this number."""
    run(connection, "EXECUTE dbo.RevokeToken @TokenId = ?;", (token_id,))
