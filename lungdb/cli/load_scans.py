"""`lungdb load-scans`: the CT series of a folder of DICOM files become patients, scans and scan_images."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from lungdb.cli.support import add_database_argument, exit_status
from lungdb.config import load_settings
from lungdb.database.run_log import logged_load
from lungdb.database.site import open_database
from lungdb.dicom.identity import EMPTY_ID_RULES, Identity
from lungdb.dicom.limits import Limits
from lungdb.dicom.processes import start_workers
from lungdb.dicom.rejection import REASONS, RejectedError
from lungdb.dicom.source import Rejection
from lungdb.errors import LungdbError, escaped
from lungdb.isolation import Workers

if TYPE_CHECKING:
    from lungdb.loading.scan_options import Options, Report

_EPILOG = """
Of every study the series that the series rule chooses is loaded: a conventional one that covers at least half as much
of the body as the longest, of thin slices and of a soft or medium kernel, unless the setting series_rule says
otherwise. The patient's newest study has the primary scan. PatientID and UIDs are replaced by keyed hashes and dates
are shifted by days of the patient's own, unless --keep-ids is given. What is not taken is counted by reason and noted
in dbo.rejected_files, and why a series was taken or not in dbo.series_choices. Running it again adds what is missing
and changes nothing else. docs/loading.md tells more.
"""
_SHOWN = 20


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 1 for an error or when no scan was found, 130 when interrupted."""
    parser = argparse.ArgumentParser(prog="lungdb load-scans", description=__doc__, epilog=_EPILOG)
    parser.add_argument("folder", type=Path, help="folder of DICOM files and zip archives, with its subfolders")
    add_database_argument(parser)
    add_loading_arguments(parser)
    parser.add_argument("--dry-run", action="store_true", help="read everything, tell what would happen, write nothing")
    arguments = parser.parse_args(argv)
    return exit_status(lambda: _load(arguments))


def add_loading_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what is said of how scans are loaded, for `loading_options` to read."""
    add_intake(parser)
    parser.add_argument(
        "--only",
        type=Path,
        metavar="FILE.csv",
        help="load only patients whose PatientID is in the column id, pid or patient_id of this file, or in its first",
    )
    parser.add_argument(
        "--follow-newest",
        action="store_true",
        help="let the primary scans of the folder's patients follow their newest studies, also of patients who were "
        "loaded by a version that knew one study a patient",
    )
    parser.add_argument(
        "--replace",
        action="store_true",
        help="take series that the database holds with other pixels, and remove those that an earlier version took "
        "though they are no Hounsfield units; deletes what was made from the old ones; takes the dates of those of "
        "which an earlier version kept the year, and the years of --study-years",
    )
    parser.add_argument("--show-paths", action="store_true", help="print the path of what was not taken")
    limits = add_limits(parser)
    limits.add_argument(
        "--workers",
        type=_at_least_one,
        metavar="N",
        help="processes that read and decode (default: as many as processors)",
    )


def add_intake(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what of DICOM files is a scan, and by which ids it is known."""
    parser.add_argument(
        "--keep-ids",
        action="store_true",
        help="store PatientID, UIDs and dates as they are: for de-identified data, such as the Data Science Bowl",
    )
    parser.add_argument("--all-series", action="store_true", help="load the series that the rule does not choose, too")
    parser.add_argument(
        "--series-rule",
        metavar="RULE",
        help="which series of a study is taken, such as 'thickness=0-2.5;kernels=B3*,STANDARD>SOFT;prefer=thinnest' "
        "(default: the setting series_rule)",
    )
    parser.add_argument(
        "--study-years",
        metavar="FILE.csv|none",
        help="where studies of a trial have their years of screening from: the columns study_yr and series_uid or "
        "study_uid of a file (default: the days that the archive of NLST made up, 2 January of 1999, 2000 and 2001)",
    )
    parser.add_argument(
        "--allow-gaps", action="store_true", help="load series without their unusable or missing slices"
    )
    parser.add_argument(
        "--empty-patient-id",
        choices=EMPTY_ID_RULES,
        default="",
        help="what stands for an empty PatientID: the folder's path below the folder given, or the StudyInstanceUID",
    )


def add_limits(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add the options of `limits_of`."""
    default = Limits()
    limits = parser.add_argument_group("limits")
    for option, unit, value, purpose in (
        ("--max-file", "MB", default.file_megabytes, "of a file, packed and unpacked"),
        ("--max-volume", "MB", default.volume_megabytes, "of a series, decoded"),
        ("--time-limit", "SECONDS", int(default.task_seconds), "for reading a header or decoding a slice"),
        ("--memory-limit", "MB", default.worker_megabytes, "that a process may take for it"),
    ):
        text = f"{purpose} (default: {value})"
        limits.add_argument(option, type=_at_least_one, metavar=unit, default=value, help=text)
    return limits


def limits_of(arguments: argparse.Namespace) -> Limits:
    """Return what a file may cost."""
    return Limits(
        file_megabytes=arguments.max_file,
        volume_megabytes=arguments.max_volume,
        task_seconds=arguments.time_limit,
        worker_megabytes=arguments.memory_limit,
    )


def read_years(given: str | None) -> dict[str, int] | None:
    """Read --study-years as `lungdb.loading.scan_options.Options` has it."""
    from lungdb.loading.subset import read_study_years

    return {} if given == "none" else read_study_years(Path(given)) if given else None


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is too small; give 1 or more")
    return number


def _load(arguments: argparse.Namespace) -> int:
    limits = limits_of(arguments)
    with start_workers(arguments.workers or os.cpu_count() or 1, limits, at_first=1) as workers:
        if find_spec("pydicom"):
            # It starts while this process imports what it needs itself, which takes as long.
            workers.begin()
        return _load_with(workers, arguments, limits)


@contextmanager
def needing_load() -> Iterator[None]:
    """Say of imports in the block which extra they need."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise LungdbError(f'DICOM files are loaded with {error.name}. Run: pip install "lungdb[load]"') from error


def loading_options(
    arguments: argparse.Namespace, limits: Limits, *, dry_run: bool = False
) -> tuple[Identity, Options]:
    """Return what the arguments of `add_loading_arguments` say."""
    from lungdb.loading.scan_options import Options
    from lungdb.loading.subset import read_subset

    only = read_subset(arguments.only) if arguments.only else None
    identity = Identity("kept" if arguments.keep_ids else "keyed", load_settings().id_key)
    return identity, Options(
        all_series=arguments.all_series,
        replace=arguments.replace,
        series_rule=arguments.series_rule,
        follow_newest=arguments.follow_newest,
        only=only,
        study_years=read_years(arguments.study_years),
        allow_gaps=arguments.allow_gaps,
        empty_patient_id=arguments.empty_patient_id,
        dry_run=dry_run,
        limits=limits,
    )


def _load_with(workers: Workers[RejectedError], arguments: argparse.Namespace, limits: Limits) -> int:
    with needing_load():
        from lungdb.loading.scans import load_folder
    identity, options = loading_options(arguments, limits, dry_run=arguments.dry_run)
    not_taken: list[Rejection] = []
    on_rejection = not_taken.append if arguments.show_paths else None
    with open_database(arguments.database) as connection:
        if options.dry_run:
            report = load_folder(connection, arguments.folder, identity, options, workers, on_rejection)
        else:
            given = {"all_series": options.all_series, "replace": options.replace, "series_rule": options.series_rule}
            with logged_load(connection, "load-scans", given) as load:
                report = load_folder(connection, arguments.folder, identity, options, workers, on_rejection)
                load.scans = report.series["loaded"] + report.series["replaced"]
                load.slices, load.failed = report.slices, sum(report.rejected.values())
    _print(report, options)
    for rejection in not_taken:
        print(f"{rejection.reason}\t{escaped(rejection.source)}\t{rejection.message}")
    return 0 if report.series else 1


def _print(report: Report, options: Options) -> None:
    counts = ", ".join(f"{report.series[outcome]} {outcome}" for outcome in ("loaded", "replaced", "unchanged"))
    if options.dry_run:
        print(f"Dry run, nothing was written. Series: {counts}; {report.slices} slices to store.")
    else:
        print(f"Series: {counts}; {report.slices} slices stored.")
    if options.series_rule is not None and report.series["unchanged"]:
        print(
            "Series that were there already are not chosen among anew; EXECUTE dbo.ChooseSeries @SeriesRule = ..., "
            "@Apply = 1 does that."
        )
    if report.clipped:
        print(f"{report.clipped} pixels lay above 32767 HU and were clipped.")
    if report.tilted:
        print(f"{report.tilted} series were taken with a tilted gantry; dbo.scans.gantry_tilt has the degrees.")
    if report.removed:
        print(f"{report.removed} scans that an earlier version took were removed: they are no Hounsfield units.")
    if options.only:
        print(
            f"{options.only.left_out} series of other patients were left out; "
            f"of {options.only.unknown} ids of the list no series was found."
        )
    if report.behind:
        print(
            f"{len(report.behind)} patients have a newer study than that of their primary scan, which stays; their "
            f"indices: {_some(report.behind)}. Add --follow-newest to train on and score the newest."
        )
    if report.unordered:
        print(
            f"Of {len(report.unordered)} patients it is not known which study is the newest, for want of dates; their "
            f"indices: {_some(report.unordered)}. The series rule decides between their studies."
        )
    if report.rejected:
        print("Files and series that were not taken:")
        for reason, count in sorted(report.rejected.items()):
            print(f"{count:8}  {reason:20}  {REASONS[reason]}")
    if not report.series:
        print("No CT series was taken. Check the folder; --show-paths names the files that were not taken, and why.")


def _some(indices: Sequence[int]) -> str:
    return ", ".join(map(str, indices[:_SHOWN])) + (", …" if len(indices) > _SHOWN else "")
