"""`lungdb load-images`: the picture files of a folder become dbo.images, with labels from a file or subfolders."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lungdb.cli.support import add_database_argument, exit_status
from lungdb.database.site import open_database
from lungdb.errors import LungdbError, escaped
from lungdb.loading.picture_labels import read_labels

if TYPE_CHECKING:
    from lungdb.loading.pictures import Report

_EPILOG = """
A picture's name is its path below the folder. Files are stored as they are; what is no PNG, JPEG, PGM or PPM, is
damaged, or has more than 64 MB, or 200 MB unpacked, is not taken. A JPEG is read the way up that its Exif orientation
says. Running it again adds what is missing and changes nothing else. docs/images.md tells more.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 1 for an error or when no picture was taken, 130 on Ctrl-C."""
    parser = argparse.ArgumentParser(prog="lungdb load-images", description=__doc__, epilog=_EPILOG)
    parser.add_argument("folder", type=Path, help="folder of PNG, JPEG, PGM and PPM files, with its subfolders")
    add_database_argument(parser)
    labels = parser.add_mutually_exclusive_group()
    labels.add_argument(
        "--labels",
        metavar="FILE",
        type=Path,
        help="CSV file with the columns name (path below the folder) and label (0 to 255; an empty one clears it)",
    )
    labels.add_argument(
        "--classes",
        action="store_true",
        help="take each subfolder as a class: its number if all are named 0 to 255, else 0, 1, … in order of names",
    )
    parser.add_argument(
        "--replace",
        action="store_true",
        help="take pictures whose name the database holds with other bytes; deletes the features made from those",
    )
    parser.add_argument("--show-paths", action="store_true", help="print the path of what was not taken, and why")
    arguments = parser.parse_args(argv)
    return exit_status(lambda: _load(arguments))


def _load(arguments: argparse.Namespace) -> int:
    try:
        from lungdb.loading.pictures import find_classes, load_pictures
    except ModuleNotFoundError as error:
        raise LungdbError(f'Pictures are loaded with {error.name}. Run: pip install "lungdb[load]"') from error
    labels = read_labels(arguments.labels) if arguments.labels else {}
    if arguments.classes:
        classes, labels = find_classes(arguments.folder)
        print("Classes: " + ", ".join(f"{number} is '{escaped(folder)}'" for folder, number in classes.items()) + ".")
    with open_database(arguments.database) as connection:
        report = load_pictures(connection, arguments.folder, labels, replace=arguments.replace)
    _print(report)
    if labels:
        print(f"Labels of pictures that were there before: {report.relabelled} changed.")
    if arguments.labels and report.unknown:
        file = escaped(arguments.labels.name)
        print(f"{len(report.unknown)} names of '{file}' are not in the database and were passed over.")
    if arguments.show_paths:
        for reason, path, message in report.not_taken:
            print(f"{reason}\t{escaped(path)}\t{message}")
    return 0 if report.pictures else 1


def _print(report: Report) -> None:
    from lungdb.loading.pictures import REASONS

    counts = ", ".join(f"{report.pictures[outcome]} {outcome}" for outcome in ("loaded", "replaced", "unchanged"))
    print(f"Pictures: {counts}.")
    if report.not_taken:
        print("Files that were not taken:")
        for reason, count in sorted(Counter(reason for reason, _, _ in report.not_taken).items()):
            print(f"{count:8}  {reason:14}  {REASONS[reason]}")
    if not report.pictures:
        print("No picture was taken. Check the folder; --show-paths names the files, and why they were not taken.")
