"""`lungdb export`: data sets, features, labels, scores and their reasons, volumes and DICOM objects as files."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from lungdb.cli.support import add_database_argument, exit_status
from lungdb.database.site import open_database
from lungdb.errors import LungdbError, escaped
from lungdb.exporting.columns import PARTS
from lungdb.exporting.dicom import OBJECTS
from lungdb.exporting.exporting import Request, export
from lungdb.exporting.reading import choose
from lungdb.exporting.submission import write_submission
from lungdb.exporting.tables import FORMATS

_EPILOG = """
The folder is there when all of it is: a run that is killed leaves none, and the next one begins anew, but for finished
volumes. Every file is in manifest.json with its SHA-256, every column in SCHEMA.md. docs/export.md tells more.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 1 for an error, 130 when interrupted."""
    parser = argparse.ArgumentParser(prog="lungdb export", description=__doc__, epilog=_EPILOG)
    parser.add_argument("out", type=Path, nargs="?", metavar="OUT", help="folder to make")
    add_database_argument(parser)
    parser.add_argument("--what", default="", metavar="A,B", help=f"tables, of {', '.join(PARTS)}; or all")
    parser.add_argument("--format", choices=FORMATS, default="parquet", help="of the tables (default: parquet)")
    parser.add_argument("--dataset", metavar="NAME", help="only scans of the newest version of this data set")
    parser.add_argument("--model", metavar="NAME", help="only scores, contributions and features of this model")
    parser.add_argument("--model-version", type=int, metavar="N", help="its version (default: all)")
    parser.add_argument("--volumes", choices=("nifti",), help="the scans as NIfTI, in Hounsfield units, int16")
    parser.add_argument(
        "--dicom",
        default="",
        metavar="A,B",
        help="DICOM objects, of sr (scores), maps (of explanations) and masks; or all",
    )
    parser.add_argument("--mask-above", type=int, metavar="HU", help="what a voxel of a mask is above")
    parser.add_argument(
        "--submission",
        type=Path,
        metavar="FILE.csv",
        help="a file id,cancer with a line a patient, of the scores of the model (default: lightgbm_sql's champion)",
    )
    arguments = parser.parse_args(argv)
    return exit_status(lambda: _export(arguments))


def _export(arguments: argparse.Namespace) -> int:
    request = Request(
        what=_listed(arguments.what, PARTS, "--what"),
        format=arguments.format,
        dataset=arguments.dataset,
        model=arguments.model,
        version=arguments.model_version,
        volumes=arguments.volumes,
        dicom=_listed(arguments.dicom, OBJECTS, "--dicom"),
        mask_above=arguments.mask_above,
    )
    if arguments.out is None and (request.what or request.volumes or request.dicom or not arguments.submission):
        raise LungdbError("No folder is named. Give one: lungdb export OUT --what all")
    with open_database(arguments.database) as connection:
        if arguments.submission:
            chosen = choose(connection, request.dataset, request.model, request.version)
            patients, model = write_submission(connection, arguments.submission, chosen)
            print(f"{escaped(arguments.submission)} is written: {patients} patients, scored by {escaped(model)}.")
        if arguments.out is None:
            return 0
        outcome = export(connection, arguments.out, request, lambda text: print(escaped(text)))
    state = "is written" if outcome.is_new else "is there already and unchanged"
    print(f"{escaped(arguments.out)} {state}: {outcome.files} files and manifest.json.")
    return 0


def _listed(text: str, known: Sequence[str], option: str) -> tuple[str, ...]:
    names = [each.strip() for each in text.split(",") if each.strip()]
    if names == ["all"]:
        return tuple(known)
    for name in names:
        if name not in known:
            raise LungdbError(f"The value '{name}' of {option} is not supported. Supported are {', '.join(known)}.")
    return tuple(each for each in known if each in names)
