"""`lungdb load-labels`: labels of patients and scans, and marks of readers, from the forms that archives deliver."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from lungdb.cli.support import add_database_argument, exit_status, print_unknown
from lungdb.config import load_settings
from lungdb.database.run_log import logged_load
from lungdb.database.site import open_database
from lungdb.errors import escaped
from lungdb.loading.labels.forms import KNOWN, read_content
from lungdb.loading.labels.outcome import Options

_EPILOG = f"""
What a file is, its columns tell, in any order:

{KNOWN}

Loading a file again changes nothing. docs/loading.md tells more.
"""
_METASTATIC = {"left-out": None, "positive": 1, "negative": 0}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 1 for an error, 130 when interrupted."""
    parser = argparse.ArgumentParser(
        prog="lungdb load-labels",
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, help="CSV file, XML file, or folder of XML files")
    add_database_argument(parser)
    parser.add_argument(
        "--horizon",
        type=int,
        metavar="DAYS",
        help="label scans, not patients: 1 where cancer was found within so many days of the scan",
    )
    parser.add_argument(
        "--classes", type=int, default=2, metavar="K", help="labels are the classes 0 to K-1 (default: 2, so 0 and 1)"
    )
    parser.add_argument(
        "--numeric", default="", metavar="COLUMN", help="load this column's numbers as what a regression predicts"
    )
    parser.add_argument(
        "--metastatic",
        choices=_METASTATIC,
        default="left-out",
        help="in a table of diagnoses, the label of patients with a metastasis (default: none)",
    )
    parser.add_argument(
        "--irrelevant",
        action="store_true",
        help="the findings of the file are neither to be found nor false alarms (LUNA16's annotations_excluded.csv)",
    )
    parser.add_argument("--show-ids", action="store_true", help="print the ids that the database does not hold")
    arguments = parser.parse_args(argv)
    return exit_status(lambda: _load(arguments))


def _load(arguments: argparse.Namespace) -> int:
    options = Options(
        horizon_days=arguments.horizon,
        classes=arguments.classes,
        numeric=arguments.numeric,
        metastatic=_METASTATIC[arguments.metastatic],
        irrelevant=arguments.irrelevant,
    )
    content = read_content(arguments.file, options, escaped(arguments.file.name))
    given = {"horizon": arguments.horizon, "classes": arguments.classes, "numeric": arguments.numeric}
    with open_database(arguments.database) as connection, logged_load(connection, "load-labels", given) as load:
        report = content.store(connection, load_settings().id_key)
        load.failed = len(report.unknown)
    for line in (*report.lines, *content.notes):
        print(escaped(line))
    print_unknown(report.unknown, show=arguments.show_ids)
    return 0
