"""`lungdb load-features`: features that were made outside of the database, a folder of Parquet files, become rows."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lungdb.cli.support import add_database_argument, exit_status, progress_lines
from lungdb.database.run_log import logged_load
from lungdb.database.site import open_database
from lungdb.dicom.rejection import REASONS
from lungdb.errors import LungdbError, escaped

if TYPE_CHECKING:
    from lungdb.loading.features import Report

_EPILOG = """
The folder is one that lungdb spark features wrote: lungdb.json, which says by which network and preprocessing the
features were made and how patients are named, and features/*.parquet. The network is to be in the database, with the
same bytes. Scans come without their pixels, which stay where the job read them (dbo.scans.source_uri); lungdb
load-scans brings them later. Every array is held to its SHA-256. Running it again adds what is missing and changes
nothing else. docs/loading.md tells more.
"""
_SHOWN = 5


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 1 for an error or when something was refused, 130 interrupted."""
    parser = argparse.ArgumentParser(prog="lungdb load-features", description=__doc__, epilog=_EPILOG)
    parser.add_argument("uri", help="folder of features, or a URI of one that fsspec knows, such as s3://bucket/folder")
    add_database_argument(parser)
    parser.add_argument(
        "--replace",
        action="store_true",
        help="replace features of a scan that differ from these, and scans without pixels here that have another "
        "content, with what was made from them",
    )
    arguments = parser.parse_args(argv)
    return exit_status(lambda: _load(arguments))


def _load(arguments: argparse.Namespace) -> int:
    try:
        from lungdb.loading.feature_folder import FeatureFolder
        from lungdb.loading.features import load_features
    except ModuleNotFoundError as error:
        raise LungdbError(f'Parquet files are loaded with {error.name}. Run: pip install "lungdb[export]"') from error
    folder = FeatureFolder(arguments.uri)
    with open_database(arguments.database) as connection:
        given = {
            "network": folder.description.network_name,
            "layers": [name for name, _ in folder.description.layers.values()],
            "poolings": list(folder.description.poolings),
            "replace": arguments.replace,
        }
        with logged_load(connection, "load-features", given) as load:
            report = load_features(connection, folder, replace=arguments.replace, on_progress=progress_lines())
            load.scans = report.scans["loaded"] + report.scans["replaced"]
            load.failed = sum(report.failed.values()) + sum(report.rejected.values()) + len(report.refused)
            load.result = _rows(report)
    _print(report)
    return 1 if report.refused or report.rejected or not report.rows.total() else 0


def _rows(report: Report) -> str:
    counts = ", ".join(
        f"{report.rows[outcome]} {outcome}" for outcome in ("stored", "replaced", "unchanged", "refused")
    )
    return f"Features of scans and layers: {counts}."


def _print(report: Report) -> None:
    scans = ", ".join(f"{report.scans[outcome]} {outcome}" for outcome in ("loaded", "replaced", "unchanged"))
    print(f"Scans, without their pixels: {scans}.")
    print(_rows(report))
    if report.refused:
        more = f" and {len(report.refused) - _SHOWN} more" if len(report.refused) > _SHOWN else ""
        print(
            "The database holds other features of these scans, which stay: "
            f"{'; '.join(report.refused[:_SHOWN])}{more}. Add --replace to take these."
        )
    if report.rejected:
        print("Scans that were not taken, with their features:")
        for reason, count in sorted(report.rejected.items()):
            print(f"{count:8}  {reason:20}  {REASONS[reason]}")
    if report.failed:
        print(f"Of {sum(report.failed.values())} series the job could make no features:")
        for error, count in report.failed.most_common(_SHOWN):
            print(f"{count:8}  {escaped(error)}")
    if not report.rows.total():
        print("The folder holds no features of any scan.")
