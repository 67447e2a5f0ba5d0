"""`lungdb load-images`: the picture files of a folder become dbo.images, with labels from a file or subfolders."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lungdb.cli.support import add_database_argument, exit_status
from lungdb.database.run_log import logged_load
from lungdb.database.site import open_database
from lungdb.errors import LungdbError, escaped
from lungdb.loading.picture_labels import read_labels
from lungdb.loading.picture_list import read_list, read_names, read_pattern

if TYPE_CHECKING:
    from lungdb.loading.pictures import Report

_EPILOG = """
A picture's name is its path below the folder. Files are stored as they are; what is no PNG, JPEG, PGM or PPM, is
damaged, or has more than 64 MB, or 200 MB unpacked, is not taken. A JPEG is read the way up that its Exif orientation
says. Running it again adds what is missing and changes nothing else. docs/images.md tells more.
"""

_WANTING = 'Pictures are loaded with {}. Run: pip install "lungdb[load]"'


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
    labels.add_argument(
        "--list",
        metavar="FILE",
        type=Path,
        help="CSV file with the column path and any of label (several with | between), patient, group, order and part "
        "(train or test): only these pictures are loaded; every other column becomes a property",
    )
    parser.add_argument(
        "--label-pattern",
        metavar="REGEX",
        help="regular expression that is searched in names, with a group (?P<label>…) and, if wanted, groups named as "
        "the columns of a list; with --list it says what the list has no column for",
    )
    parser.add_argument(
        "--keep-ids",
        action="store_true",
        help="store the patients of --list as they are named, in a database that has no patients yet",
    )
    parser.add_argument(
        "--replace",
        action="store_true",
        help="take pictures whose name the database holds with other bytes; deletes the features made from those",
    )
    parser.add_argument("--show-paths", action="store_true", help="print the path of what was not taken, and why")
    arguments = parser.parse_args(argv)
    if arguments.label_pattern is not None and (arguments.labels or arguments.classes):
        parser.error("argument --label-pattern: not allowed with argument --labels or --classes")
    if arguments.list or arguments.label_pattern is not None:
        return exit_status(lambda: _load_listed(arguments))
    return exit_status(lambda: _load(arguments))


def _load_listed(arguments: argparse.Namespace) -> int:
    try:
        from lungdb.loading.picture_facts import settle
        from lungdb.loading.pictures import find_names, is_picture, load_listed
    except ModuleNotFoundError as error:
        raise LungdbError(_WANTING.format(error.name)) from error
    pattern = None
    if arguments.label_pattern is not None:
        pattern = read_pattern(arguments.label_pattern, needs_label=arguments.list is None)
    names = find_names(arguments.folder)
    unmatched = 0
    if arguments.list:
        pictures = read_list(arguments.list, arguments.folder, pattern)
        names = list(pictures.said)
    else:
        assert pattern is not None
        found = [name for name in names if is_picture(arguments.folder / name)]
        pictures = read_names(found, pattern)
        unmatched = len(found) - len(pictures.said)
    given = {"replace": arguments.replace, "keep_ids": arguments.keep_ids}
    with open_database(arguments.database) as connection, logged_load(connection, "load-images", given) as load:
        settled = settle(connection, pictures, keep_ids=arguments.keep_ids)
        report = load_listed(connection, arguments.folder, names, settled, replace=arguments.replace)
        load.result = f"{sum(report.pictures.values())} pictures"
    if settled.classes:
        numbered = sorted(settled.classes.items(), key=lambda each: each[1])
        print("Classes: " + ", ".join(f"{number} is '{escaped(name)}'" for name, number in numbered) + ".")
    _print(report)
    if unmatched:
        print(f"{unmatched} names do not match the pattern, so they have no label.")
    print(f"Pictures that were there before: {report.relabelled} changed.")
    _print_paths(report, show=arguments.show_paths)
    return 0 if report.pictures else 1


def _load(arguments: argparse.Namespace) -> int:
    try:
        from lungdb.loading.pictures import find_classes, load_pictures
    except ModuleNotFoundError as error:
        raise LungdbError(_WANTING.format(error.name)) from error
    labels = read_labels(arguments.labels) if arguments.labels else {}
    if arguments.classes:
        classes, labels = find_classes(arguments.folder)
        print("Classes: " + ", ".join(f"{number} is '{escaped(folder)}'" for folder, number in classes.items()) + ".")
    given = {"replace": arguments.replace}
    with open_database(arguments.database) as connection, logged_load(connection, "load-images", given) as load:
        report = load_pictures(connection, arguments.folder, labels, replace=arguments.replace)
        load.result = f"{sum(report.pictures.values())} pictures"
    _print(report)
    if labels:
        print(f"Labels of pictures that were there before: {report.relabelled} changed.")
    if arguments.labels and report.unknown:
        file = escaped(arguments.labels.name)
        print(f"{len(report.unknown)} names of '{file}' are not in the database and were passed over.")
    _print_paths(report, show=arguments.show_paths)
    return 0 if report.pictures else 1


def _print_paths(report: Report, *, show: bool) -> None:
    for reason, path, message in report.not_taken if show else []:
        print(f"{reason}\t{escaped(path)}\t{message}")


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
