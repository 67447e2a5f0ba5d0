"""Loading what was handed in on the page, in a process of its own that the page starts.

`python -m lungdb.loading.handed_in` reads what to do as a line of JSON from its standard input, so that no secret
stands on a command line, and writes lines of JSON: progress, and at last what became of it. It ends at once when that
input does, as it does when the page is killed; what is then under way in the database is rolled back.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lungdb.config import Settings
from lungdb.database import Connection, run
from lungdb.database.run_log import logged_load
from lungdb.database.site import open_installed
from lungdb.dicom.identity import Identity
from lungdb.dicom.limits import Limits
from lungdb.dicom.processes import start_workers
from lungdb.dicom.rejection import REASONS
from lungdb.dicom.source import Rejection
from lungdb.errors import LungdbError, SqlError

MOST_LISTED = 500
"""Files and series that were not taken and are listed each; the others are counted."""
_BETWEEN_LINES = 0.25  # seconds of progress
_NO_PERMISSION = 229
_NO_RIGHT = (
    "The login by which scans are loaded has no right to. The administrator gives the setting web_load_database a "
    "connection of a login in the role lungdb_loader."
)
_SET_USER = "DECLARE @User NVARCHAR(128) = ?; EXECUTE sp_set_session_context @key = N'user', @value = @User;"
_PATIENT = "SELECT p.idx FROM dbo.patients AS p WHERE p.patient_id = ?;"


def identity_of(settings: Settings) -> Identity:
    """Return how ids of what is handed in are stored.

    Raises
    ------
    LungdbError
        They are hashed and the site has no `id_key`, `web_keep_ids` is neither empty nor yes, or what reads DICOM files
        is not installed.
    """
    if find_spec("pydicom") is None:
        raise LungdbError('DICOM files are loaded with pydicom. Run: pip install "lungdb[load]"')
    if settings.web_keep_ids not in ("", "yes"):
        raise LungdbError(f"The setting web_keep_ids is '{settings.web_keep_ids}'. Give yes, or leave it empty.")
    try:
        return Identity("kept" if settings.web_keep_ids else "keyed", settings.id_key)
    except LungdbError as error:
        raise LungdbError(str(error).replace("give --keep-ids", 'set web_keep_ids = "yes"')) from error


def order(settings: Settings, folder: Path, account: str, megabytes: int) -> dict[str, object]:
    """Write down what the process is to do.

    Parameters
    ----------
    folder : Path
        Of the files.
    account : str
        Who handed them in.
    megabytes : int
        What an archive among them may unpack to.
    """
    identity = identity_of(settings)
    return {
        "database": settings.web_load_database or settings.database,
        "mode": identity.mode,
        "key": identity.key,
        "folder": str(folder),
        "account": account,
        "megabytes": megabytes,
    }


def load(given: Mapping[str, Any], on_progress: Callable[[str, int, int | None], object]) -> dict[str, object]:
    """Load a folder and say what became of it.

    Parameters
    ----------
    given : mapping
        As of `order`.
    on_progress : callable
        As of `lungdb.loading.scans.load_folder`.

    Returns
    -------
    dict
        ``series`` by outcome, ``slices``, ``patients``, the indices of whom a series is in the database now,
        ``rejected`` by reason with its sentence, and ``files``, of which the first `MOST_LISTED` were not taken: name
        in the folder, member of an archive, reason, message.

    Raises
    ------
    LungdbError
        Nothing could be loaded.
    """
    from lungdb.loading.scan_options import Options
    from lungdb.loading.scans import load_folder

    not_taken: list[Rejection] = []

    def on_rejection(rejection: Rejection) -> None:
        if len(not_taken) < MOST_LISTED:
            not_taken.append(rejection)

    folder, identity = Path(given["folder"]), Identity(given["mode"], given["key"])
    limits = Limits(archive_megabytes=given["megabytes"], file_megabytes=min(given["megabytes"], 2_000))
    with (
        start_workers(os.cpu_count() or 1, limits, at_first=1) as workers,
        closing(open_installed(given["database"], create=False)) as connection,
        _said_well(),
    ):
        run(connection, _SET_USER, (given["account"],))
        with logged_load(connection, "page", {}) as log:
            report = load_folder(
                connection, folder, identity, Options(limits=limits), workers, on_rejection, on_progress=on_progress
            )
            log.scans, log.slices = report.series["loaded"], report.slices
            log.failed = sum(report.rejected.values())
        patients = _indices(connection, report.patients)
    return {
        "series": dict(report.series),
        "slices": report.slices,
        "patients": patients,
        "rejected": [[reason, count, REASONS[reason]] for reason, count in sorted(report.rejected.items())],
        "files": [[each.source.path.name, each.source.member, each.reason, each.message] for each in not_taken],
    }


def main() -> int:
    """Do what the first line of the standard input says; the exit status is 0 also where nothing could be loaded."""
    given = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_input, daemon=True).start()
    last = 0.0

    def tell(kind: str, done: int, total: int | None) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _BETWEEN_LINES or done == total:
            last = now
            _say({"progress": [kind, done, total]})

    try:
        _say({"report": load(given, tell)})
    except LungdbError as error:
        _say({"error": str(error)})
    return 0


def _indices(connection: Connection, patients: set[str]) -> list[int]:
    return sorted(row[0] for each in patients for row in run(connection, _PATIENT, (each,))[0].rows)


@contextmanager
def _said_well() -> Iterator[None]:
    try:
        yield
    except SqlError as error:
        if error.number != _NO_PERMISSION:
            raise
        raise LungdbError(_NO_RIGHT) from error
    except LungdbError as error:
        text = str(error)
        for here, there in (
            ("Leave out --keep-ids", "Have the administrator leave the setting web_keep_ids empty"),
            ("Add --keep-ids", 'Have the administrator set web_keep_ids = "yes"'),
        ):
            text = text.replace(here, there)
        raise LungdbError(text) from error


def _say(what: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def _end_with_input() -> None:
    sys.stdin.buffer.read()
    os._exit(3)


if __name__ == "__main__":
    sys.exit(main())
