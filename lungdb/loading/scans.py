"""The loading of a folder: which series are taken, in which order, and what became of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

from tqdm import tqdm

from lungdb.database import Connection
from lungdb.database.retrying import counted_retries, retried
from lungdb.database.transaction import transaction
from lungdb.dicom.acquisition import common_acquisition
from lungdb.dicom.folder import RefusedSeries, read_folder
from lungdb.dicom.header import SliceHeader
from lungdb.dicom.identity import Identity
from lungdb.dicom.limits import MEGABYTE
from lungdb.dicom.patients import Naming
from lungdb.dicom.rejection import RejectedError
from lungdb.dicom.series import Series
from lungdb.dicom.series_rule import Extent, SeriesRule, choose_series, rank_series, why_not_chosen
from lungdb.dicom.source import Listing, Rejection
from lungdb.dicom.tasks import Ahead, EncodedSlice, encode_all, take_slices
from lungdb.isolation import Workers
from lungdb.loading.encoded_scans import make_scan, stored_extent
from lungdb.loading.scan_options import Options, Report
from lungdb.loading.scan_store import (
    STAYS,
    EncodedScan,
    check_wanted,
    lock_patient,
    outcome,
    remove_scan,
    store_rejections,
    store_scan,
)
from lungdb.loading.site_identity import settle_identity
from lungdb.loading.studies import (
    KEPT_PRIMARY,
    Settling,
    comparable_time_point,
    follow,
    note_untaken,
    patients_behind,
    patients_unordered,
    put_in_order,
    read_rule,
    study_extents,
)

NLST_DAYS: dict[date | None, int] = {date(1999 + year, 1, 2): year for year in range(3)}
"""The days that the archive of the National Lung Screening Trial made up for the three years of screening."""

Progress = Callable[[str, int, "int | None"], object]
"""Takes what is counted, ``files`` or ``slices``, how many are done, and of how many; None where that is not known."""

_REJECTIONS_AT_ONCE = 500
_AHEAD_MEGABYTES = 256  # of encoded slices that wait for all headers to be read: about 2,000 of 512 x 512
# Of these the series of this UID that the database holds, or may hold, is another one.
_NOT_THE_SAME = ("similar_series_uid", "similar_patient_id", "other_patient")


def load_folder(
    connection: Connection,
    folder: Path,
    identity: Identity,
    options: Options,
    workers: Workers[RejectedError],
    on_rejection: Callable[[Rejection], object] | None = None,
    files: Iterable[Path] | None = None,
    on_progress: Progress | None = None,
) -> Report:
    """Load the CT series of a folder; each is one transaction, so an interrupted load is completed by running it again.

    Worker processes look into the first files while the folder is still being listed. Where studies have one series
    each they encode the slices of the first files at once; otherwise, and later on, those that come next while a series
    is stored.

    Parameters
    ----------
    connection : Connection
        To a database with lungdb's tables.
    folder : Path
        Searched with its subfolders.
    identity : Identity
        How ids are stored; noted in the database by the first load.
    workers : Workers
        Of `lungdb.dicom.processes`; more of them are admitted for a larger folder.
    on_rejection : callable, optional
        Called with each file or series that is not taken.
    files : iterable of Path, optional
        Those of the folder that are read; by default all.
    on_progress : callable, optional
        Called with the files whose headers are read, then with the slices of the series that are done with.

    Raises
    ------
    LungdbError
        The folder does not exist, the series rule is none, or the database was begun with another identity.
    """
    rule = retried(lambda: read_rule(connection, options.series_rule), connection)
    settle_identity(connection, identity, dry_run=options.dry_run)
    # A process takes half a second to start: a small folder is read by one.
    with Listing(folder, lambda size: workers.admit(size // (4 * MEGABYTE)), files) as listing:
        naming = Naming(options.empty_patient_id, folder)
        load = _Load(connection, identity, options, rule, workers, on_rejection, on_progress or _tell_nobody)
        return load.run(listing, naming)


def screening_year(first: SliceHeader, years: Mapping[str, int] | None) -> int | None:
    """Return the year of screening, known before dates are shifted and never from the order of studies.

    Parameters
    ----------
    first : SliceHeader
        Of the series.
    years : mapping of str to int, or None
        As of `lungdb.loading.scan_options.Options.study_years`.
    """
    if years is not None:
        return years.get(first.series_uid, years.get(first.study_uid))
    return NLST_DAYS.get(first.study_date)


def _tell_nobody(kind: str, done: int, total: int | None) -> None:
    """Be the progress that nobody asks for."""


class _Load:
    """One load: what all of its steps need."""

    def __init__(
        self,
        connection: Connection,
        identity: Identity,
        options: Options,
        rule: SeriesRule,
        workers: Workers[RejectedError],
        on_rejection: Callable[[Rejection], object] | None,
        on_progress: Progress,
    ) -> None:
        self.connection = connection
        self.identity = identity
        self.options = options
        self.rule = rule
        self.workers = workers
        self.on_rejection = on_rejection
        self.on_progress = on_progress
        self.report = Report()
        self.unwritten: list[Rejection] = []
        self.unnoted: list[tuple[SliceHeader, Extent, str]] = []
        self.taken: dict[tuple[str, str], list[Extent]] = defaultdict(list)
        self.time_points: dict[str, dict[str, tuple[str, float]]] = defaultdict(dict)
        self.met: dict[str, dict[str, list[Extent]]] = defaultdict(dict)
        self.failed: set[str] = set()
        # Whom a file is of is not known before its header is read.
        self.ahead = Ahead(0 if options.only else _AHEAD_MEGABYTES, all_series=options.all_series)
        self.patients: dict[str, str] = {}

    def run(self, files: Listing, naming: Naming) -> Report:
        candidates = self._read_headers(files, naming)
        self.done, self.total = 0, sum(len(one.headers) for ranked in candidates for one in ranked)
        with tqdm(desc="Loading scans", total=self.total, unit=" slices", disable=None) as self.bar:
            while any(candidates):
                self._load_round(self._next_round(candidates))
        self._write_rejections()
        if not self.options.dry_run:
            self._settle_again()
            self.report.behind = retried(partial(patients_behind, self.connection, self.patients), self.connection)
            unordered = partial(patients_unordered, self.connection, self.patients)
            self.report.unordered = retried(unordered, self.connection)
        return self.report

    def _read_headers(self, files: Listing, naming: Naming) -> list[list[Series]]:
        """Return the series of each study, the chosen one first; patients in the order of their ids, then in time."""
        series = []
        options = self.options
        read = 0
        with tqdm(desc="Reading headers", unit=" files", disable=None) as bar:

            def on_file() -> None:
                nonlocal read
                read += 1
                bar.total = files.number
                bar.update()
                self.on_progress("files", read, files.number)

            for found in read_folder(
                files,
                self.workers,
                options.limits,
                naming=naming,
                allow_gaps=options.allow_gaps,
                ahead=self.ahead,
                on_file=on_file,
            ):
                first = found.headers[0] if isinstance(found, (RefusedSeries, Series)) else None
                if first and options.only and not options.only.takes(first.patient_id, first.series_uid):
                    continue
                if isinstance(found, Rejection):
                    self._reject(found)
                else:
                    series.append(found)
                    self._note_patient(found)
        studies: dict[tuple[str, str], list[Series]] = defaultdict(list)
        for one in series:
            studies[one.first.patient_id, one.first.study_uid].append(one)
        in_time = sorted(studies, key=lambda study: (study[0], min(map(_day, studies[study])), study[1]))
        return [self._ranked(studies[study]) for study in in_time]

    def _note_patient(self, series: Series) -> None:
        patient_id = self.identity.patient(series.first.patient_id)
        self.patients[patient_id] = series.first.patient_id
        time_point = comparable_time_point(series.acquisition, self.identity)
        if time_point is not None:
            self.time_points[patient_id][self.identity.uid(series.first.study_uid)] = time_point

    def _ranked(self, study: Sequence[Series]) -> list[Series]:
        by_extent = {stored_extent(series, self.identity): series for series in study}
        patient_id, study_uid = self._stored_study(study[0].first)
        self.met[patient_id][study_uid] = list(by_extent)
        return [by_extent[extent] for extent in rank_series(list(by_extent), self.rule)]

    def _settling(self, patient_id: str) -> Settling:
        raw = self.patients[patient_id]
        return Settling(self.rule, self.identity.days_shifted(raw), self.time_points[patient_id], self.met[patient_id])

    def _next_round(self, candidates: list[list[Series]]) -> list[Series]:
        """Take the next wanted series of each study, or all of them with all_series.

        What comes after the chosen series is wanted only if that one could not be taken, which the round tells.
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
        study = self._stored_study(series.first)
        extent = stored_extent(series, self.identity)
        find_others = partial(study_extents, self.connection, *study, self.taken.get(study, ()))
        others = retried(find_others, self.connection)
        # What the rule would rather have, and is still to come, counts as if it were there.
        known = {extent.series_uid, *(other.series_uid for other in others)} | self.failed
        others += [other for other in self.met[study[0]].get(study[1], ()) if other.series_uid not in known]
        try:
            check = partial(check_wanted, self.connection, *study, extent, others, self.rule)
            retried(lambda: check(self.options.follow_newest), self.connection)
        except RejectedError as error:
            why = KEPT_PRIMARY if error.detail == STAYS else f"Not taken: {error.message}"
            if error.reason == "not_primary" and error.detail != STAYS:
                chosen = choose_series([*others, extent], self.rule)
                why = why_not_chosen(extent, chosen, others, self.rule)
            self._reject_series(series, error, why)
            self._advance(len(series.headers))
            return False
        return True

    def _stored_study(self, header: SliceHeader) -> tuple[str, str]:
        return self.identity.patient(header.patient_id), self.identity.uid(header.study_uid)

    def _load_round(self, chosen: list[Series]) -> None:
        chunks = (chunk for series in chosen for chunk in series.chunks())
        results = encode_all(chunks, self.workers, self.options.limits, self.ahead.take)
        for series in chosen:
            try:
                self._store(self._collect(series, results))
            except RejectedError as error:
                error.series_uid = series.first.series_uid
                self.failed.add(self.identity.uid(series.first.series_uid))
                self._reject_series(series, error, f"Not taken: {error.message}")

    def _collect(self, series: Series, results: Iterator[EncodedSlice | RejectedError]) -> EncodedScan:
        """Take as many results as the series has slices, and make them a scan if they may be.

        Raises
        ------
        RejectedError
            Slices could not be decoded, and gaps are not allowed, or all failed; or the pixels are no Hounsfield units.
        """
        series, parts = take_slices(
            series,
            results,
            allow_gaps=self.options.allow_gaps,
            on_rejection=self._reject,
            on_slice=self._advance,
        )
        settling = self._settling(self.identity.patient(series.first.patient_id))
        scan = make_scan(series, parts, self.identity, screening_year(series.first, self.options.study_years), settling)
        return replace(scan, year_is_given=self.options.study_years is not None)

    def _advance(self, slices: int = 1) -> None:
        self.done += slices
        self.bar.update(slices)
        self.on_progress("slices", self.done, self.total)

    def _store(self, scan: EncodedScan) -> None:
        options, report = self.options, self.report
        act = outcome if options.dry_run else store_scan
        with counted_retries() as retries:
            done = retried(lambda: act(self.connection, scan, replace=options.replace), self.connection)
        if done == "unchanged" and retries and not options.dry_run:  # stored by a commit whose answer was lost
            done = "loaded"
        self.taken[scan.patient_id, scan.study_uid].append(scan.extent)
        report.patients.add(scan.patient_id)
        report.series[done] += 1
        if done != "unchanged":
            report.slices += len(scan.slices)
            report.clipped += scan.clipped
            report.tilted += scan.gantry_tilt >= 1.0

    def _settle_again(self) -> None:
        """Do what concerns scans that were there before, too: an order that is known of all, a primary that follows."""
        for patient_id in self.patients:
            several = len(self.time_points.get(patient_id, ())) > 1
            if several or self.options.follow_newest:
                retried(partial(self._settle_patient, patient_id, several), self.connection)

    def _settle_patient(self, patient_id: str, several: bool) -> None:
        with transaction(self.connection):
            lock_patient(self.connection, patient_id)
            settling = self._settling(patient_id)
            if several:
                put_in_order(self.connection, patient_id, settling)
            if self.options.follow_newest:
                follow(self.connection, patient_id, settling)

    def _note(self, first: SliceHeader, extent: Extent, why: str) -> None:
        with transaction(self.connection):
            note_untaken(self.connection, *self._stored_study(first), extent, why, self.rule)

    def _reject_series(self, series: Series, error: RejectedError, why: str) -> None:
        if error.reason not in _NOT_THE_SAME:
            self.unnoted.append((series.first, stored_extent(series, self.identity), why))
        self._reject(series.first.source.rejection(error))

    def _reject(self, rejection: Rejection) -> None:
        self.report.rejected[rejection.reason] += 1
        if rejection.reason == "not_hounsfield" and self.options.replace and not self.options.dry_run:
            uid = self.identity.uid(rejection.series_uid)
            self.report.removed += retried(lambda: remove_scan(self.connection, uid, self.rule), self.connection)
        if isinstance(rejection, RefusedSeries):
            self.unnoted.append(self._refused(rejection))
        if self.on_rejection is not None:
            self.on_rejection(rejection)
        self.unwritten.append(rejection)
        if len(self.unwritten) >= _REJECTIONS_AT_ONCE:
            self._write_rejections()

    def _refused(self, refused: RefusedSeries) -> tuple[SliceHeader, Extent, str]:
        first, acquisition = refused.headers[0], common_acquisition(one.acquisition for one in refused.headers)
        kernel = self.identity.kernel(acquisition.kernel)
        uid, slices = self.identity.uid(first.series_uid), len(refused.headers)
        extent = Extent(uid, None, slices, first.monoenergetic_kev, acquisition.slice_thickness, kernel)
        return first, extent, f"Not taken: {refused.message}"

    def _write_rejections(self) -> None:
        if not self.options.dry_run:
            retried(lambda: store_rejections(self.connection, self.unwritten, self.identity), self.connection)
            for each in self.unnoted:
                retried(partial(self._note, *each), self.connection)
        self.unwritten.clear()
        self.unnoted.clear()


def _day(series: Series) -> date:
    return series.first.study_date or series.acquisition.day or date.max
