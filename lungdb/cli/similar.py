"""`lungdb similar`: the stored scans, or slices, that are most like a scan in DICOM files, which is stored nowhere."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from lungdb.cli.support import add_database_argument, exit_status
from lungdb.database.site import open_database
from lungdb.dicom.limits import Limits
from lungdb.dicom.processes import start_workers
from lungdb.errors import LungdbError, escaped

_EPILOG = """
Of a folder's one study the series that the setting series_rule chooses is read as load-scans reads it. A whole scan is
compared with the primary scans of all patients, by the features that the model reads, each less its mean and divided by
its standard deviation. With --slice, or where a file has one slice, a triple of slices is compared with the triples of
those scans. Nothing of the files is stored or logged. Whose they are is not looked at: if the patient is in the
database, he is found like the others.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 1 for an error, 130 when interrupted."""
    parser = argparse.ArgumentParser(prog="lungdb similar", description=__doc__, epilog=_EPILOG)
    parser.add_argument("path", type=Path, metavar="FILE_OR_FOLDER", help="a DICOM file, or the folder of one study")
    add_database_argument(parser)
    parser.add_argument(
        "--slice", type=int, metavar="N", help="slice, from 0, feet to head, whose triple is compared (default: all)"
    )
    parser.add_argument("--model", default="lightgbm_sql", metavar="NAME", help="default: lightgbm_sql")
    parser.add_argument("--limit", type=int, default=8, metavar="N", help="rows to print, 1 to 1000 (default: 8)")
    arguments = parser.parse_args(argv)
    return exit_status(lambda: _find(arguments))


def _find(arguments: argparse.Namespace) -> int:
    limits = Limits()
    with start_workers(os.cpu_count() or 1, limits, at_first=1) as workers:
        try:
            from lungdb.loading.unstored import find_similar
        except ModuleNotFoundError as error:
            raise LungdbError(f'DICOM files are read with {error.name}. Run: pip install "lungdb[load]"') from error
        with open_database(arguments.database) as connection:
            found = find_similar(
                connection,
                arguments.path,
                workers,
                limits,
                slice_index=arguments.slice,
                model=arguments.model,
                limit=arguments.limit,
                on_message=lambda message: print(escaped(message.text)),
            )
    print("patient  scan_id  triple  first slice  similarity")
    for row in found:
        triple, first = ("" if value is None else str(value) for value in (row.triple, row.first_slice))
        print(f"{row.patient_index:>7}  {row.scan_id:>7}  {triple:>6}  {first:>11}  {row.similarity:>10.4f}")
    return 0
