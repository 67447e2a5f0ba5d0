"""The external scripts of lungdb's own procedures: which they are, and the processes that the embedded engine keeps."""

from __future__ import annotations

import hashlib
import math
import re
from functools import cache

from lungdb.config import Settings
from lungdb.database.sql_files import sql_directory
from lungdb.embedded.satellite.trusted import Trusted
from lungdb.errors import LungdbError

# The calls of our own procedures write it so; @Script, a parameter of RunOnDataset, carries what is somebody else's.
_SCRIPT = re.compile(r"@script\s*=\s*N'((?:[^']|'')*)'")


@cache
def script_hashes() -> frozenset[bytes]:
    """Return the SHA-256 of the UTF-8 text of each script that a procedure of this package's sql/ calls.

    What a database file holds does not count: whoever can write one could name any script.

    Raises
    ------
    LungdbError
        The SQL files are missing or cannot be read.
    """
    found: set[bytes] = set()
    for path in sorted((sql_directory() / "procedures").rglob("*.sql")):
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise LungdbError(f"The file {path.name} of the SQL files cannot be read ({error.strerror}).") from error
        found |= {hashlib.sha256(script.replace("''", "'").encode()).digest() for script in _SCRIPT.findall(text)}
    return frozenset(found)


def trusted_scripts(settings: Settings) -> Trusted:
    """Return which scripts the embedded engine runs in processes that stay, and how long these stay at a site.

    Raises
    ------
    LungdbError
        A setting is no number above 0.
    """
    return Trusted(
        script_hashes,
        calls=int(_number("worker_calls", settings.worker_calls)),
        megabytes=int(_number("worker_megabytes", settings.worker_megabytes)),
        seconds=_number("worker_seconds", settings.worker_seconds) if settings.worker_seconds else None,
    )


def _number(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (1 <= number <= 1e9):
        raise LungdbError(f"The setting {name} is {text!r}. Give a number from 1 to 1000000000.")
    return number
