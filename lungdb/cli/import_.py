"""`lungdb import`: what `lungdb export` has written, back into a database."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable, Sequence
from pathlib import Path

from lungdb.cli.support import add_database_argument, exit_status
from lungdb.database import Connection
from lungdb.database.run_log import logged_load
from lungdb.database.site import open_database
from lungdb.errors import LungdbError, escaped
from lungdb.exporting.folder import read_export
from lungdb.exporting.nifti import FOLDER
from lungdb.exporting.taking import check_identity, take_datasets, take_labels, take_scores

_EPILOG = """
Every file is compared with its SHA-256 first. Volumes come first, then features, labels, data sets and scores; what is
here already stays, and what contradicts it is refused. Running it again adds what is missing. Contributions, the
submission form and DICOM objects do not come back: ExplainScans makes the contributions again. docs/export.md tells
more.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 1 for an error or when something was refused, 130 interrupted."""
    parser = argparse.ArgumentParser(prog="lungdb import", description=__doc__, epilog=_EPILOG)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="folder OUT of lungdb export")
    add_database_argument(parser)
    arguments = parser.parse_args(argv)
    return exit_status(lambda: _import(arguments))


def _import(arguments: argparse.Namespace) -> int:
    folder = arguments.folder
    manifest = read_export(folder)
    status = 0
    with open_database(arguments.database) as connection:
        check_identity(connection, manifest)
        volumes = _take_volumes(connection, folder) if (folder / FOLDER).is_dir() else None
    for outcome, count in (volumes or {}).items():
        print(f"Volumes: {count} {outcome}.")
        status = max(status, int(outcome not in ("loaded", "unchanged")))
    for features in sorted(folder.glob("features-*/lungdb.json")):
        # A command of its own, which says itself what became of them.
        target = ["-d", arguments.database] if arguments.database else []
        status = max(status, int(_load_features()([str(features.parent.resolve()), *target])))
    with open_database(arguments.database) as connection, logged_load(connection, "import", {}) as load:
        found = {name: take_labels(connection, folder, name) for name in ("labels", "numeric_labels", "scan_labels")}
        found["datasets"] = take_datasets(connection, folder, lambda text: print(escaped(text)))
        found["scores"] = take_scores(connection, folder)
        lines = [f"{name}: {taken}." for name, taken in found.items() if taken is not None]
        load.result = " ".join(lines)
    print("\n".join(lines) if lines else "Nothing of the export comes back into tables.")
    return status


def _take_volumes(connection: Connection, folder: Path) -> dict[str, int] | None:
    try:
        from lungdb.exporting.nifti_back import take_volumes
    except ModuleNotFoundError as error:
        raise LungdbError(f'Volumes are read with {error.name}. Run: pip install "lungdb[export]"') from error
    return take_volumes(connection, folder)


def _load_features() -> Callable[[Sequence[str]], int]:
    try:
        command: Callable[[Sequence[str]], int] = importlib.import_module("lungdb.cli.load_features").main
    except ModuleNotFoundError as error:
        raise LungdbError("This version of lungdb has no load-features. Take one that has.") from error
    return command
