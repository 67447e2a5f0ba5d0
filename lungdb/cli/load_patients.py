"""`lungdb load-patients`: a CSV file of names, sexes and birth years is added to patients that are there."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from lungdb.cli.support import add_database_argument, exit_status, print_unknown
from lungdb.config import load_settings
from lungdb.database.run_log import logged_load
from lungdb.database.site import open_database
from lungdb.dicom.identity import OLDEST
from lungdb.loading.people import read_people, store_people


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 1 for an error, 130 when interrupted."""
    parser = argparse.ArgumentParser(prog="lungdb load-patients", description=__doc__)
    parser.add_argument(
        "file",
        type=Path,
        help="CSV file with the columns patient_id (PatientID as in the DICOM files), display_name, sex (F, M or O), "
        "birth_year; an empty value clears what is stored",
    )
    add_database_argument(parser)
    parser.add_argument("--show-ids", action="store_true", help="print the ids that the database does not hold")
    arguments = parser.parse_args(argv)
    return exit_status(lambda: _load(arguments))


def _load(arguments: argparse.Namespace) -> int:
    people = read_people(arguments.file)
    with open_database(arguments.database) as connection, logged_load(connection, "load-patients", {}) as load:
        report = store_people(connection, people, load_settings().id_key)
        load.failed = len(report.unknown)
        load.result = f"{report.changed} changed, {report.unchanged} unchanged"
    print(f"Patients: {report.changed} changed, {report.unchanged} unchanged.")
    if report.hidden:
        print(f"{report.hidden} birth years were left out: they tell of ages of {OLDEST} and more, and ids are keyed.")
    print_unknown(report.unknown, show=arguments.show_ids)
    return 0
