"""What people search the worklist for, which is kept in the database and never in an address."""

from __future__ import annotations

import secrets

from lungdb_web.queries.accounts import SESSION_HOURS, secret_sha256
from lungdb_web.queries.calling import Call
from lungdb_web.queries.installed import NO_SEARCHES, Installed, NotInstalled, granted_or


def keep_search(call: Call, installed: Installed, account: str, text: str) -> str:
    """Keep what an account searches for as long as a session may last; returns the random name to find it by.

    Raises
    ------
    NotInstalled
        The database has no procedure for it.
    """
    if not installed.keeps_searches:
        raise NotInstalled(NO_SEARCHES)
    name = secrets.token_urlsafe(16)
    with granted_or(NO_SEARCHES):
        call(
            "EXECUTE dbo.KeepSearch @Sha256 = ?, @Account = ?, @Search = ?, @Hours = ?;",
            secret_sha256(name),
            account,
            text,
            SESSION_HOURS,
        )
    return name


def find_search(call: Call, account: str, name: str) -> str | None:
    """Find what an account searches for by its random name; None when it is forgotten, or is another account's.

    Raises
    ------
    NotInstalled
        The page may not call the procedure for it.
    """
    with granted_or(NO_SEARCHES):
        (found,) = call("EXECUTE dbo.FindSearch @Sha256 = ?, @Account = ?;", secret_sha256(name), account)
    return next((str(text) for (text,) in found.rows), None)
