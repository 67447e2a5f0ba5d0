"""What a network was trained on, as its details have it: the SHA-256 of scans' contents, from a data set or a file."""

from __future__ import annotations

import json
import re
from pathlib import Path

from lungdb.database import Connection, run
from lungdb.errors import LungdbError
from lungdb.networks.wording import shortened

_MOST_BYTES = 64 * 2**20
_VERSION = """
SELECT TOP (1) v.dataset_version_id FROM dbo.dataset_versions AS v
INNER JOIN dbo.datasets AS d ON d.dataset_id = v.dataset_id
WHERE d.name = ? AND d.kind = 'scans' AND (? IS NULL OR v.version = ?) ORDER BY v.version DESC;
"""
_MEMBERS = "SELECT content_sha256 FROM dbo.dataset_members WHERE dataset_version_id = ? ORDER BY position;"
_SCANS = "SELECT content_sha256 FROM dbo.scans WHERE patient_id = ? ORDER BY scan_id;"
_DETAILS = "SELECT details FROM dbo.networks WHERE name = ? AND version = ?;"
_RECORD = """
UPDATE dbo.networks SET details = JSON_MODIFY(details, N'$.trained_on', JSON_QUERY(?)) WHERE name = ? AND version = ?;
"""


def find_trained_on(connection: Connection, text: str) -> list[str]:
    """Give the SHA-256 of the scans that a network was trained on, in upper case hexadecimal, each once.

    Parameters
    ----------
    text : str
        The name of a data set of scans, with ``:version`` or without one for the newest; or the path of a text file
        with a line each: an id of a patient of the database, who stands for all scans, or a SHA-256.

    Raises
    ------
    LungdbError
        There is neither such a data set nor such a file, a line is neither of both, or the file is empty. No id is
        said, only the number of its line.
    """
    name, colon, version = text.rpartition(":")
    has_version = bool(colon and name and version.isascii() and version.isdigit() and len(version) < 10)
    for named, number in ((text, None), *(((name, int(version)),) if has_version else ())):
        found = run(connection, _VERSION, (named, number, number))[0].rows
        if found:
            members = run(connection, _MEMBERS, found[0])[0].rows
            return list(dict.fromkeys(bytes(content).hex().upper() for (content,) in members))
    path = Path(text)
    if not _is_file(path):
        raise LungdbError(
            f"There is neither a data set of scans '{shortened(text)}' nor a file of that name. Give one of "
            "dbo.dataset_list, or a file with an id of a patient or a SHA-256 a line."
        )
    return _of_file(connection, path)


def stored_trained_on(connection: Connection, name: str, version: int) -> list[str] | None:
    """Give what the details of a network say that it was trained on; None where they say nothing."""
    details = json.loads(str(run(connection, _DETAILS, (name, version))[0].scalar()))
    found = details.get("trained_on")
    return None if found is None else [str(content) for content in found]


def record_trained_on(connection: Connection, name: str, version: int, hashes: list[str]) -> None:
    """Write them into the details of a network, in place of what was there."""
    run(connection, _RECORD, (json.dumps(hashes), name, version))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # no file can have a name that is so long, or has a NUL in it
        return False


def _of_file(connection: Connection, path: Path) -> list[str]:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise LungdbError(f"The file '{path}' has more than {_MOST_BYTES:,} bytes. Give a smaller one.")
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise LungdbError(f"The file '{path}' cannot be read as text in UTF-8 ({error}). Check it.") from error
    found: dict[str, None] = {}
    for number, line in enumerate((line.strip() for line in lines), 1):
        if not line:
            continue
        if re.fullmatch("[0-9a-fA-F]{64}", line):
            found[line.upper()] = None
            continue
        scans = run(connection, _SCANS, (line,))[0].rows
        if not scans:
            raise LungdbError(
                f"Line {number} of '{path}' is neither a SHA-256 of 64 hexadecimal digits nor the id of a patient who "
                "has scans here. Correct it, or give the SHA-256 of the scans."
            )
        found.update(dict.fromkeys(bytes(content).hex().upper() for (content,) in scans))
    if not found:
        raise LungdbError(f"The file '{path}' is empty. Give an id of a patient or a SHA-256 a line.")
    return list(found)
