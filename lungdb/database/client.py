"""What only a client sees of a connection: driver, encryption, the server's clock, the time of a round trip."""

from __future__ import annotations

import re
import shutil
import statistics
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from lungdb.database.connection import SQLITE_PREFIX, Connection
from lungdb.database.run import run
from lungdb.errors import SqlError

_ENCRYPTED = "SELECT MAX(c.encrypt_option) AS said FROM sys.dm_exec_connections AS c WHERE c.session_id = @@SPID;"
_TRIPS = 7


@dataclass(frozen=True)
class Clock:
    """How the server's clock stands to ours.

    Attributes
    ----------
    ahead : float
        Seconds that the server's clock is ahead, to within half a round trip.
    round_trip : float
        Milliseconds of the smallest query there and back, the median of some.
    """

    ahead: float
    round_trip: float


@dataclass(frozen=True)
class Way:
    """How the connection travels.

    Attributes
    ----------
    is_local : bool
        The database is a file of this machine: nothing travels.
    driver : str
        Name and version of what speaks to it.
    asked : str
        What the target says of encryption, such as ``Encrypt=yes``; no other part of it.
    is_encrypted : bool or None
        What the server says; None where it does not tell the caller.
    trusts_any_certificate : bool
        The target has the driver take any certificate.
    free_bytes : int or None
        What the disk of a local file has left.
    """

    is_local: bool
    driver: str
    asked: str
    is_encrypted: bool | None
    trusts_any_certificate: bool
    free_bytes: int | None = None


def way_of(connection: Connection, target: str) -> Way:
    """Say how a connection to a target travels. No secret of the target is in what comes back."""
    if target.startswith(SQLITE_PREFIX):
        folder = Path(target[len(SQLITE_PREFIX) :]).parent
        return Way(True, "lungdb's embedded engine", "", None, False, shutil.disk_usage(folder).free)
    found = dict(re.findall(r"(?i)(?:^|;)\s*(encrypt|trustservercertificate)\s*=\s*([^;]*)", target))
    said = {name.lower(): value.strip().lower() for name, value in found.items()}
    asked = "; ".join(f"{name.strip()}={value.strip()}" for name, value in found.items())
    trusts = said.get("trustservercertificate") in ("yes", "true", "1")
    return Way(False, _driver(connection), asked or "nothing", _is_encrypted(connection), trusts)


def _driver(connection: Connection) -> str:
    from lungdb.database.sqlserver import SqlServerConnection

    return connection.driver() if isinstance(connection, SqlServerConnection) else "not known"


def _is_encrypted(connection: Connection) -> bool | None:
    try:
        found = run(connection, _ENCRYPTED)[-1].scalar()
    except SqlError:  # the view is for who holds VIEW SERVER STATE
        return None
    return None if found is None else str(found).upper() == "TRUE"


def clock_of(connection: Connection) -> Clock:
    """Compare the server's clock with ours."""
    seconds, ahead = [], []
    for _ in range(_TRIPS):
        before, started = datetime.now(timezone.utc), time.perf_counter()
        there = run(connection, "SELECT SYSUTCDATETIME() AS now;")[-1].scalar()
        trip = time.perf_counter() - started
        seconds.append(trip)
        ahead.append((there.replace(tzinfo=timezone.utc) - before).total_seconds() - trip / 2)
    return Clock(statistics.median(ahead), 1000 * statistics.median(seconds))
