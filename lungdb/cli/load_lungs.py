"""`lungdb load-lungs`: lungs that are known, from masks in NIfTI or MetaImage, which FindLungs compares with."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from lungdb.cli.support import add_database_argument, exit_status, print_unknown, progress_lines
from lungdb.config import load_settings
from lungdb.database.run_log import logged_load
from lungdb.database.site import open_database
from lungdb.errors import LungdbError, escaped
from lungdb.loading.lungs import find_masks, store_lungs

_MOST = 65_535


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 1 for an error or where masks are refused, 130 when interrupted."""
    parser = argparse.ArgumentParser(prog="lungdb load-lungs", description=__doc__)
    parser.add_argument(
        "path",
        type=Path,
        help="a mask, or a folder of masks with all below it: .nii, .nii.gz, .mha, .mhd, named after the "
        "SeriesInstanceUID or as lungdb export names volumes (scan-000001); or folders so named with the files of "
        "lobes that TotalSegmentator writes",
    )
    add_database_argument(parser)
    parser.add_argument(
        "--labels",
        default="",
        metavar="VALUES",
        help="values of voxels in lungs, with commas: 3,4 of LUNA16's masks; needed where a mask has several beside 0",
    )
    parser.add_argument("--show-paths", action="store_true", help="print where masks that are refused lie")
    parser.add_argument("--show-ids", action="store_true", help="print the names that are of no scan of the database")
    arguments = parser.parse_args(argv)
    return exit_status(lambda: _load(arguments))


def _load(arguments: argparse.Namespace) -> int:
    labels = _labels(arguments.labels)
    masks = find_masks(arguments.path)
    given = {"labels": arguments.labels}
    with open_database(arguments.database) as connection, logged_load(connection, "load-lungs", given) as load:
        outcome = store_lungs(connection, masks, labels, load_settings().id_key, progress_lines())
        load.scans = outcome.added + outcome.changed
        load.failed = len(outcome.wrong) + len(outcome.unknown)
    print(
        f"Lungs: {outcome.added} scans added, {outcome.changed} changed, {outcome.unchanged} unchanged, "
        f"{len(outcome.wrong)} refused."
    )
    for reason, path in outcome.wrong:
        print(escaped(f"{reason} ({path})" if arguments.show_paths else reason))
    print_unknown(outcome.unknown, show=arguments.show_ids)
    return 1 if outcome.wrong else 0


def _labels(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")] if text else []
    if not all(part.isascii() and part.isdigit() and 0 < int(part) <= _MOST for part in parts):
        raise LungdbError(f"--labels {text} is not supported. Give whole numbers from 1 to {_MOST} with commas.")
    return [int(part) for part in parts]
