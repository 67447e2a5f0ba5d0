"""`lungdb load-scans`: the CT series of a folder of DICOM files become patients, scans and scan_images."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lungdb.cli.support import add_database_argument, exit_status, open_database
from lungdb.config import load_settings
from lungdb.dicom.identity import Identity
from lungdb.errors import LungdbError

if TYPE_CHECKING:
    from lungdb.cli.scan_loader import Report

_EPILOG = """
Of a patient's series the primary one is loaded: of the axial series that cover at least half as much of the body as the
longest one, the one with the thinnest slices, then the one with the most slices. PatientID and UIDs are replaced by
keyed hashes and of dates the year is kept, unless --keep-ids is given. What is not taken is counted by reason and noted
in dbo.rejected_files. Running it again adds what is missing and changes nothing else.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 1 for an error or when no scan was found, 130 when interrupted."""
    parser = argparse.ArgumentParser(prog="lungdb load-scans", description=__doc__, epilog=_EPILOG)
    parser.add_argument("folder", type=Path, help="folder of DICOM files, searched with its subfolders")
    add_database_argument(parser)
    parser.add_argument(
        "--keep-ids",
        action="store_true",
        help="store PatientID, UIDs and dates as they are: for de-identified data, such as the Data Science Bowl",
    )
    parser.add_argument("--all-series", action="store_true", help="load the series that are not primary, too")
    parser.add_argument(
        "--replace",
        action="store_true",
        help="take series that the database holds with other pixels; deletes what was made from those",
    )
    parser.add_argument("--show-paths", action="store_true", help="print the path of what was not taken")
    arguments = parser.parse_args(argv)
    return exit_status(lambda: _load(arguments))


def _load(arguments: argparse.Namespace) -> int:
    try:
        from lungdb.cli.scan_loader import load_folder
    except ModuleNotFoundError as error:
        raise LungdbError(f'DICOM files are loaded with {error.name}. Run: pip install "lungdb[load]"') from error
    identity = Identity("kept" if arguments.keep_ids else "keyed", load_settings().id_key)
    with open_database(arguments.database) as connection:
        report = load_folder(
            connection, arguments.folder, identity, all_series=arguments.all_series, replace=arguments.replace
        )
    _print(report, show_paths=arguments.show_paths)
    return 0 if report.series else 1


def _print(report: Report, *, show_paths: bool) -> None:
    counts = ", ".join(f"{report.series[outcome]} {outcome}" for outcome in ("loaded", "replaced", "unchanged"))
    print(f"Series: {counts}; {report.slices} slices stored.")
    if report.clipped:
        print(f"{report.clipped} pixels lay outside -32768 to 32767 HU and were clipped.")
    reasons = Counter((rejection.reason, rejection.message) for rejection in report.rejections)
    for (reason, message), count in sorted(reasons.items()):
        print(f"Not taken: {count:6} {reason:20} {message}")
    if show_paths:
        for rejection in report.rejections:
            print(f"{rejection.reason}\t{rejection.path}")
    if not report.series:
        print("No CT series was taken. Check the folder; --show-paths names the files that were not taken, and why.")
