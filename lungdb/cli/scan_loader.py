"""The loading of a folder: which series are taken, in which order, and what became of each."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from tqdm import tqdm

from lungdb.cli.scan_store import check_wanted, encode_scan, store_rejections, store_scan, stored_extent
from lungdb.cli.site_identity import settle_identity
from lungdb.database import Connection
from lungdb.dicom.folder import read_folder
from lungdb.dicom.identity import Identity
from lungdb.dicom.rejection import RejectedError, Rejection
from lungdb.dicom.series import Series, choose_primary


@dataclass
class Report:
    """What became of a folder.

    Attributes
    ----------
    series : Counter
        How many series were loaded, replaced, unchanged.
    slices : int
        Slices of the series that were loaded or replaced.
    clipped : int
        Their pixels whose HU did not fit int16.
    rejections : list of Rejection
        Files and series that were not taken.
    """

    series: Counter[str] = field(default_factory=Counter)
    slices: int = 0
    clipped: int = 0
    rejections: list[Rejection] = field(default_factory=list)


def load_folder(
    connection: Connection, folder: Path, identity: Identity, *, all_series: bool = False, replace: bool = False
) -> Report:
    """Load the CT series of a folder; each is one transaction, so an interrupted load is completed by running it again.

    Parameters
    ----------
    connection : Connection
        To a database with lungdb's tables.
    folder : Path
        Searched with its subfolders.
    identity : Identity
        How ids are stored; noted in the database by the first load.
    all_series, replace : bool
        As of `lungdb.cli.scan_store.store_scan`.

    Raises
    ------
    LungdbError
        The folder does not exist, or the database was begun with another identity.
    """
    report = Report()
    settle_identity(connection, identity)
    series = []
    with tqdm(desc="Reading headers", unit=" files", disable=None) as bar:
        for found in read_folder(folder, on_file=bar.update):
            if isinstance(found, Rejection):
                report.rejections.append(found)
            else:
                series.append(found)
    store_rejections(connection, report.rejections, identity)
    total = sum(len(one.headers) for one in series)
    with tqdm(desc="Loading scans", total=total, unit=" slices", disable=None) as bar:
        for one in _primary_first(series):
            target = bar.n + len(one.headers)
            try:
                _load_series(connection, one, identity, report, bar, all_series=all_series, replace=replace)
            except RejectedError as error:
                rejection = error.at(one.first.path)
                report.rejections.append(rejection)
                store_rejections(connection, [rejection], identity)
            bar.update(target - bar.n)
    return report


def _load_series(
    connection: Connection,
    series: Series,
    identity: Identity,
    report: Report,
    bar: tqdm[Any],
    *,
    all_series: bool,
    replace: bool,
) -> None:
    if not all_series:  # asked before the pixels are decoded, to spare that, and again while the scan is stored
        check_wanted(connection, identity.patient(series.first.patient_id), stored_extent(series, identity))
    scan = encode_scan(series, identity, bar.update)
    outcome = store_scan(connection, scan, all_series=all_series, replace=replace)
    report.series[outcome] += 1
    if outcome != "unchanged":
        report.slices += len(scan.slices)
        report.clipped += scan.clipped


def _primary_first(series: list[Series]) -> list[Series]:
    """Order patients by id, and put each one's primary series first, so that the others need not be stored."""
    by_patient = groupby(sorted(series, key=lambda one: one.first.patient_id), key=lambda one: one.first.patient_id)
    ordered = []
    for _, group in by_patient:
        of_patient = list(group)
        primary = choose_primary([one.extent for one in of_patient])
        ordered += sorted(of_patient, key=lambda one: one.extent != primary)
    return ordered
