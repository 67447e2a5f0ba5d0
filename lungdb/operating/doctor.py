"""What `lungdb doctor` finds: the rows of dbo.Doctor, and what only a client sees."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import lungdb
from lungdb.database import Connection, run
from lungdb.database.client import Clock, Way, clock_of, way_of
from lungdb.errors import LungdbError

STATES = ("fault", "warning", "not visible", "ok", "not applicable")
"""In the order in which they are shown."""
_THERE = "SELECT OBJECT_ID(N'dbo.Doctor', N'P') AS doctor;"
_CALL = "EXECUTE dbo.Doctor @ChunkMegabytes = ?, @Sessions = ?;"
_PACKAGE = "SELECT MAX(f.value) AS version FROM dbo.runtime_facts AS f WHERE f.name = N'lungdb';"
_SCHEMA = "SELECT MAX(v.version) AS version FROM dbo.schema_version AS v;"
_MOST_SECONDS = 30.0
_SLOW = 100.0
_FULL = 10_000_000_000


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Attributes
    ----------
    check : str
        Its name.
    state : str
        One of `STATES`.
    found : str
        What was found, in sentences.
    mend : str
        The statement or command that mends it; empty where there is nothing to mend.
    """

    check: str
    state: str
    found: str
    mend: str = ""


def examine(connection: Connection, target: str, chunk: int = 64, sessions: int = 1) -> list[Finding]:
    """Ask dbo.Doctor, add what only a client sees, and put the worst first. Nothing is changed.

    Raises
    ------
    LungdbError
        The database has no dbo.Doctor.
    SqlError
        An argument is refused.
    """
    if run(connection, _THERE)[-1].scalar() is None:
        raise LungdbError(
            "The database has no procedure dbo.Doctor, or you may not execute it. Run: lungdb install -d TARGET"
        )
    rows = run(connection, _CALL, (chunk, sessions))[-1].rows
    found = [Finding(check, state, says, mend or "") for check, state, says, mend in rows]
    found += [*_of_way(way_of(connection, target)), *_of_clock(clock_of(connection)), *_of_package(connection)]
    return sorted(found, key=lambda each: STATES.index(each.state))


def _of_way(way: Way) -> Iterator[Finding]:
    yield Finding("driver", "ok", f"{way.driver}.")
    if way.is_local:
        yield Finding("encryption", "not applicable", "The database is a file; nothing travels.")
        full = way.free_bytes is not None and way.free_bytes < _FULL
        yield Finding(
            "disk of the file",
            "warning" if full else "ok",
            f"{(way.free_bytes or 0) / 1e9:,.1f} GB are free.",
            "UPDATE dbo.settings SET value = N'0' WHERE name = N'prepared_gigabytes'; -- and free the disk"
            if full
            else "",
        )
        return
    with_encryption = "Encrypt=yes;TrustServerCertificate=no in the target, and a certificate that this machine trusts"
    if way.is_encrypted is False:
        yield Finding(
            "encryption", "fault", f"The connection is not encrypted; the target says {way.asked}.", with_encryption
        )
    elif way.trusts_any_certificate:
        said = f"Whoever stands between can read along: the target says {way.asked}."
        yield Finding("encryption", "warning", said, with_encryption)
    elif way.is_encrypted is None:
        said = f"The server does not say whether the connection is encrypted; the target says {way.asked}."
        yield Finding("encryption", "not visible", said, "GRANT VIEW SERVER STATE TO [YOUR LOGIN]; -- in master")
    else:
        yield Finding("encryption", "ok", f"The connection is encrypted; the target says {way.asked}.")


def _of_clock(clock: Clock) -> Iterator[Finding]:
    apart = abs(clock.ahead) > _MOST_SECONDS
    yield Finding(
        "clock",
        "warning" if apart else "ok",
        f"The server's clock is {abs(clock.ahead):,.1f} s {'ahead' if clock.ahead >= 0 else 'behind'}.",
        "timedatectl set-ntp true # on the machine whose clock is wrong; w32tm /resync on Windows" if apart else "",
    )
    slow = clock.round_trip > _SLOW
    yield Finding(
        "round trip",
        "warning" if slow else "ok",
        f"{clock.round_trip:,.1f} ms for the smallest query.",
        "Run the loaders on a machine nearer to the server." if slow else "",
    )


def _of_package(connection: Connection) -> Iterator[Finding]:
    there, schema = (run(connection, query)[-1].scalar() for query in (_PACKAGE, _SCHEMA))
    here = f"Here is lungdb {lungdb.__version__}, for schema version {lungdb.SCHEMA_VERSION}; the database has {schema}"
    in_python = "." if there is None else f", the server's Python lungdb {there}."
    if schema != lungdb.SCHEMA_VERSION:
        newer = schema is not None and schema > lungdb.SCHEMA_VERSION
        mend = "python -m pip install . # in a checkout of the newer version" if newer else "lungdb install -d TARGET"
        yield Finding("package here", "fault", here + in_python, mend)
    elif there is not None and there != lungdb.__version__:
        mend = (
            'python -m pip install -c constraints-sqlserver.txt ".[cpu]" # with the server\'s Python, then CheckRuntime'
        )
        yield Finding("package here", "warning", here + in_python, mend)
    else:
        yield Finding("package here", "ok", here + in_python)


def has_fault(findings: list[Finding]) -> bool:
    """Tell whether anything is a fault."""
    return any(each.state == "fault" for each in findings)


def table(findings: list[Finding], width: int, shown: Callable[[str], str]) -> Iterator[str]:
    """Yield the lines of a table: state, check, what was found, and under it what mends it, no wider than `width`."""
    state = max(len(each.state) for each in findings)
    check = max(len(each.check) for each in findings)
    indent = " " * (state + check + 4)
    for each in findings:
        first = f"{each.state:<{state}}  {each.check:<{check}}  "
        for line in _wrapped(shown(each.found), width - len(indent)):
            yield (first + line).rstrip()
            first = indent
        for place, line in enumerate(_wrapped(shown(each.mend), width - len(indent) - 2)):
            yield f"{indent}{'> ' if place == 0 else '  '}{line}"


def _wrapped(text: str, width: int) -> Iterator[str]:
    """Yield a text in lines of at most `width`, cut at blanks where there are any; only those are left out."""
    while len(text) > width:
        cut = text.rfind(" ", 0, width + 1)
        yield text[: cut if cut > 0 else width].rstrip()
        text = text[cut if cut > 0 else width :].lstrip()
    if text:
        yield text
