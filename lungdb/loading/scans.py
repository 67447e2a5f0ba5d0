"""The loading of a folder: which series are taken, in which order, and what became of each."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from tqdm import tqdm

from lungdb.database import Connection
from lungdb.dicom.folder import read_folder
from lungdb.dicom.hounsfield import check_air
from lungdb.dicom.identity import Identity
from lungdb.dicom.limits import MEGABYTE, Limits
from lungdb.dicom.patients import Naming
from lungdb.dicom.primary import Extent
from lungdb.dicom.rejection import RejectedError
from lungdb.dicom.series import Series, rank
from lungdb.dicom.source import Rejection, Source, find_files
from lungdb.dicom.tasks import EncodedSlice, encode_all, start_workers
from lungdb.isolation import Workers
from lungdb.loading.scan_store import (
    EncodedScan,
    check_wanted,
    make_scan,
    outcome,
    remove_scan,
    store_rejections,
    store_scan,
    stored_extent,
)
from lungdb.loading.site_identity import settle_identity

_REJECTIONS_AT_ONCE = 500


@dataclass(frozen=True)
class Options:
    """How a folder is loaded.

    Attributes
    ----------
    all_series, replace : bool
        As of `lungdb.loading.scan_store.store_scan`.
    allow_gaps : bool
        Take series without their unusable or missing slices.
    empty_patient_id : str
        What stands for an empty PatientID, one of `lungdb.dicom.identity.EMPTY_ID_RULES`; empty to refuse it.
    dry_run : bool
        Write nothing.
    workers : int
        Processes that read and decode, at most.
    limits : Limits
        What a file may cost.
    """

    all_series: bool = False
    replace: bool = False
    allow_gaps: bool = False
    empty_patient_id: str = ""
    dry_run: bool = False
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    limits: Limits = field(default_factory=Limits)


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
    tilted : int
        Series of them whose gantry was tilted by a degree or more.
    removed : int
        Scans that an earlier version took though they are no Hounsfield units, and that --replace took away.
    rejected : Counter
        How many files and series were not taken, by reason.
    """

    series: Counter[str] = field(default_factory=Counter)
    slices: int = 0
    clipped: int = 0
    tilted: int = 0
    removed: int = 0
    rejected: Counter[str] = field(default_factory=Counter)


def load_folder(
    connection: Connection,
    folder: Path,
    identity: Identity,
    options: Options,
    on_rejection: Callable[[Rejection], object] | None = None,
) -> Report:
    """Load the CT series of a folder; each is one transaction, so an interrupted load is completed by running it again.

    Worker processes read, decode, hash and compress the slices that come next while a series is stored.

    Parameters
    ----------
    connection : Connection
        To a database with lungdb's tables.
    folder : Path
        Searched with its subfolders.
    identity : Identity
        How ids are stored; noted in the database by the first load.
    on_rejection : callable, optional
        Called with each file or series that is not taken.

    Raises
    ------
    LungdbError
        The folder does not exist, or the database was begun with another identity.
    """
    settle_identity(connection, identity, dry_run=options.dry_run)
    files = list(find_files(folder))
    # A process takes half a second to start: a small folder is read by one.
    count = max(1, min(options.workers, sum(map(_size, files)) // (4 * MEGABYTE)))
    with start_workers(count, options.limits) as workers:
        naming = Naming(options.empty_patient_id, folder)
        return _Load(connection, identity, options, workers, on_rejection).run(files, naming)


class _Load:
    """One load: what all of its steps need."""

    def __init__(
        self,
        connection: Connection,
        identity: Identity,
        options: Options,
        workers: Workers[RejectedError],
        on_rejection: Callable[[Rejection], object] | None,
    ) -> None:
        self.connection = connection
        self.identity = identity
        self.options = options
        self.workers = workers
        self.on_rejection = on_rejection
        self.report = Report()
        self.unwritten: list[Rejection] = []
        self.taken: dict[str, list[Extent]] = defaultdict(list)

    def run(self, files: Sequence[Path], naming: Naming) -> Report:
        candidates = self._read_headers(files, naming)
        total = sum(len(one.headers) for ranked in candidates for one in ranked)
        with tqdm(desc="Loading scans", total=total, unit=" slices", disable=None) as self.bar:
            while any(candidates):
                self._load_round(self._next_round(candidates))
        self._write_rejections()
        return self.report

    def _read_headers(self, files: Sequence[Path], naming: Naming) -> list[list[Series]]:
        """Return the series of each patient, the primary one first; patients in the order of their ids."""
        series = []
        options = self.options
        with tqdm(desc="Reading headers", total=len(files), unit=" files", disable=None) as bar:
            for found in read_folder(
                files,
                self.workers,
                options.limits,
                naming=naming,
                allow_gaps=options.allow_gaps,
                on_file=bar.update,
            ):
                if isinstance(found, Rejection):
                    self._reject(found)
                else:
                    series.append(found)
        series.sort(key=lambda one: one.first.patient_id)
        return [rank(list(group)) for _, group in groupby(series, key=lambda one: one.first.patient_id)]

    def _next_round(self, candidates: list[list[Series]]) -> list[Series]:
        """Take the next wanted series of each patient, or all of them with all_series.

        What comes after the primary series is wanted only if that one could not be taken, which the round tells.
        """
        chosen = []
        for ranked in candidates:
            while ranked:
                series = ranked.pop(0)
                if self.options.all_series:
                    chosen.append(series)
                elif self._is_wanted(series):
                    chosen.append(series)
                    break
        return chosen

    def _is_wanted(self, series: Series) -> bool:
        patient_id = self.identity.patient(series.first.patient_id)
        try:
            check_wanted(
                self.connection, patient_id, stored_extent(series, self.identity), self.taken.get(patient_id, ())
            )
        except RejectedError as error:
            self._reject(series.first.source.rejection(error))
            self.bar.update(len(series.headers))
            return False
        return True

    def _load_round(self, chosen: list[Series]) -> None:
        chunks = (chunk for series in chosen for chunk in series.chunks())
        results = encode_all(chunks, self.workers, self.options.limits)
        for series in chosen:
            try:
                self._store(self._collect(series, results))
            except RejectedError as error:
                error.series_uid = series.first.series_uid
                self._reject(series.first.source.rejection(error))

    def _collect(self, series: Series, results: Iterator[EncodedSlice | RejectedError]) -> EncodedScan:
        """Take as many results as the series has slices, and make them a scan if they may be.

        Raises
        ------
        RejectedError
            Slices could not be decoded, and gaps are not allowed, or all failed; or the pixels are no Hounsfield units.
        """
        kept: list[int] = []
        parts: list[EncodedSlice] = []
        failed: dict[Source, RejectedError] = {}
        for index, header in enumerate(series.headers):
            result = next(results)
            self.bar.update()
            if isinstance(result, RejectedError):
                failed[header.source] = result
                if not self.options.allow_gaps:
                    parts.clear()
            elif not failed or self.options.allow_gaps:
                kept.append(index)
                parts.append(result)
        if failed and not parts and series.is_one_file:
            raise failed[series.first.source]
        for source, error in failed.items():
            self._reject(source.rejection(error))
        if failed and not parts:
            raise RejectedError("bad_slices", f"{len(failed)} of {len(series.headers)}")
        if any(header.unit_is_unspecified for header in series.headers):
            check_air(part.air for part in parts)
        return make_scan(series.keep(kept) if failed else series, parts, self.identity)

    def _store(self, scan: EncodedScan) -> None:
        options, report = self.options, self.report
        act = outcome if options.dry_run else store_scan
        done = act(self.connection, scan, all_series=options.all_series, replace=options.replace)
        self.taken[scan.patient_id].append(scan.extent)
        report.series[done] += 1
        if done != "unchanged":
            report.slices += len(scan.slices)
            report.clipped += scan.clipped
            report.tilted += (scan.gantry_tilt or 0.0) >= 1.0

    def _reject(self, rejection: Rejection) -> None:
        self.report.rejected[rejection.reason] += 1
        if rejection.reason == "not_hounsfield" and self.options.replace and not self.options.dry_run:
            self.report.removed += remove_scan(self.connection, self.identity.uid(rejection.series_uid))
        if self.on_rejection is not None:
            self.on_rejection(rejection)
        self.unwritten.append(rejection)
        if len(self.unwritten) >= _REJECTIONS_AT_ONCE:
            self._write_rejections()

    def _write_rejections(self) -> None:
        if not self.options.dry_run:
            store_rejections(self.connection, self.unwritten, self.identity)
        self.unwritten.clear()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # it will be rejected when it is read
        return 0
