"""`lungdb load-labels`: a CSV file of patients and whether they have cancer becomes labels."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from lungdb.cli.support import add_database_argument, exit_status, print_unknown
from lungdb.config import load_settings
from lungdb.database.site import open_database
from lungdb.errors import escaped
from lungdb.loading.labels import read_labels, store_labels


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 1 for an error, 130 when interrupted."""
    parser = argparse.ArgumentParser(prog="lungdb load-labels", description=__doc__)
    parser.add_argument(
        "file", type=Path, help="CSV file with the columns id (PatientID as in the DICOM files) and cancer (0 or 1)"
    )
    add_database_argument(parser)
    parser.add_argument("--show-ids", action="store_true", help="print the ids that the database does not hold")
    arguments = parser.parse_args(argv)
    return exit_status(lambda: _load(arguments))


def _load(arguments: argparse.Namespace) -> int:
    labels = read_labels(arguments.file)
    with open_database(arguments.database) as connection:
        report = store_labels(connection, labels, escaped(arguments.file.name), load_settings().id_key)
    print(f"Labels: {report.added} added, {report.changed} changed, {report.unchanged} unchanged.")
    print_unknown(report.unknown, show=arguments.show_ids)
    return 0
