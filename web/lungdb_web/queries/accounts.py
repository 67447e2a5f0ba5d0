"""Accounts, sessions, tokens and the audit, through the stored procedures.

Accounts are made and changed by `lungdb accounts` alone, so the page's login has no right to.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from dataclasses import dataclass, field
from typing import Any

from werkzeug.exceptions import ServiceUnavailable

from lungdb.database import ResultSet
from lungdb.errors import SqlError
from lungdb_web.addresses import client_address
from lungdb_web.services import call

SESSION_HOURS = 12
SESSION_IDLE_MINUTES = 60
_LOG = logging.getLogger("lungdb_web")


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


def find_account(name: str) -> StoredAccount | None:
    """Find an account by its name; None when there is none."""
    for row in _rows(call("EXECUTE dbo.FindAccount @Name = ?;", name)):
        stored_name, password_hash, role, sees_truth, is_enabled = row
        return StoredAccount(Account(stored_name, role, bool(sees_truth)), password_hash, bool(is_enabled))
    return None


def start_session(name: str) -> str:
    """Begin a session for an account and return its secret."""
    secret = secrets.token_urlsafe(32)
    sql = "EXECUTE dbo.StartSession @Name = ?, @Sha256 = ?, @Hours = ?;"
    call(sql, name, secret_sha256(secret), SESSION_HOURS)
    return secret


def find_session(secret: str) -> Account | None:
    """Find whose session it is; None when it has ended."""
    sql = "EXECUTE dbo.FindSession @Sha256 = ?, @IdleMinutes = ?;"
    return _account(call(sql, secret_sha256(secret), SESSION_IDLE_MINUTES))


def end_session(secret: str) -> None:
    """End a session."""
    call("EXECUTE dbo.EndSession @Sha256 = ?;", secret_sha256(secret))


def find_token(token: str) -> Account | None:
    """Find the account that a token speaks for; None when it is unknown, revoked or expired."""
    return _account(call("EXECUTE dbo.FindToken @Sha256 = ?;", secret_sha256(token)))


def renew_password_hash(name: str, before: str, after: str) -> None:
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
        sign_in, sign_out, view_list, view_patient, view_scan, view_truth, ask_score, score or refused.
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
        call(sql, action, patient_index, outcome, detail, client_address(), account)
    except SqlError as error:
        _LOG.error("The audit cannot be written: error %s in %s, line %s.", error.number, error.procedure, error.line)
        raise AuditUnavailable from error


class AuditUnavailable(ServiceUnavailable):
    """Nothing is shown that cannot be recorded: 503."""

    description = "This view could not be recorded, so it is not shown. Try again, or tell the administrator."


def _account(results: list[ResultSet]) -> Account | None:
    for name, role, sees_truth in _rows(results):
        return Account(name, role, bool(sees_truth))
    return None


def _rows(results: list[ResultSet]) -> list[tuple[Any, ...]]:
    return results[-1].rows if results else []
