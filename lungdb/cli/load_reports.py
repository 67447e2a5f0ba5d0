"""`lungdb load-reports`: reports about patients, from a CSV file, for SimilarReports."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from lungdb.cli.support import add_database_argument, exit_status, print_unknown
from lungdb.config import load_settings
from lungdb.database.run_log import logged_load
from lungdb.database.site import open_database
from lungdb.loading.reports import read_reports, store_reports


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 1 for an error, 130 when interrupted."""
    parser = argparse.ArgumentParser(prog="lungdb load-reports", description=__doc__)
    parser.add_argument(
        "file",
        type=Path,
        help="CSV file with the columns patient_id (PatientID as in the DICOM files) and text, and maybe series_uid "
        "(the scan that it is of) and kind; texts are stored as they are, so de-identify them before",
    )
    add_database_argument(parser)
    parser.add_argument("--show-ids", action="store_true", help="print the ids that the database does not hold")
    arguments = parser.parse_args(argv)
    return exit_status(lambda: _load(arguments))


def _load(arguments: argparse.Namespace) -> int:
    reports = read_reports(arguments.file)
    with open_database(arguments.database) as connection, logged_load(connection, "load-reports", {}) as load:
        changes, unknown = store_reports(connection, reports, arguments.file.name, load_settings().id_key)
        load.failed = len(unknown)
        load.result = str(changes)
    print(f"Reports: {changes}.")
    print_unknown(unknown, show=arguments.show_ids)
    return 0
