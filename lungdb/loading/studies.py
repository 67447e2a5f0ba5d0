"""What becomes of a patient's scans after one came, went or was learned more about: choices, order of studies, primary.

Everything here runs inside the caller's transaction, which holds the locks of `lungdb.loading.scan_store`.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import permutations
from typing import TYPE_CHECKING, Any

from lungdb.database import Connection, run
from lungdb.dicom.identity import Identity
from lungdb.dicom.series_rule import Extent, SeriesRule, choose_series, parse_rule, why_chosen, why_not_chosen

if TYPE_CHECKING:  # it reads DICOM, and loading features does without
    from lungdb.dicom.acquisition import Acquisition

_SCANS = """
SELECT series_uid, spacing_z, number_images, monoenergetic_kev, slice_thickness, convolution_kernel, scan_id, study_uid,
    COALESCE(study_date, CASE WHEN date_rule <> 'year' THEN acquisition_date END), date_rule, study_year, study_order,
    patient_age, time_point_kind, time_point, is_primary, is_study_choice
FROM dbo.scans WHERE patient_id = ? ORDER BY scan_id;
"""
_FOLLOWS = "SELECT follows_newest FROM dbo.patients WHERE patient_id = ?;"
_FOLLOW = "UPDATE dbo.patients SET follows_newest = 1 WHERE patient_id = ? AND follows_newest = 0;"
_CHOOSE = """
DECLARE @Patient NVARCHAR(64) = ?, @Study NVARCHAR(64) = ?, @Scan INT = ?;
UPDATE dbo.scans SET is_study_choice = 0 WHERE patient_id = @Patient AND study_uid = @Study AND scan_id <> @Scan;
UPDATE dbo.scans SET is_study_choice = 1 WHERE scan_id = @Scan;
"""
_MAKE_PRIMARY = """
DECLARE @Patient NVARCHAR(64) = ?, @Scan INT = ?;
UPDATE dbo.scans SET is_primary = 0 WHERE patient_id = @Patient AND is_primary = 1 AND scan_id <> @Scan;
UPDATE dbo.scans SET is_primary = 1 WHERE scan_id = @Scan;
"""
_SET_ORDER = "UPDATE dbo.scans SET study_order = ? WHERE patient_id = ? AND study_uid = ?;"
_REFRESH_WORKLIST = """
DECLARE @Scans NVARCHAR(MAX) = (
    SELECT STRING_AGG(CAST(scan_id AS NVARCHAR(MAX)), N',') FROM dbo.scans WHERE patient_id = ?);
EXECUTE dbo.RefreshWorklist @Scans;
"""
_NOTE_CHOICE = """
DECLARE @Series NVARCHAR(64) = ?, @Study NVARCHAR(64) = ?, @Patient NVARCHAR(64) = ?, @Scan INT = ?, @Taken BIT = ?,
    @Choice BIT = ?, @Reason NVARCHAR(400) = ?, @Rule NVARCHAR(400) = ?, @Images INT = ?, @Thickness FLOAT = ?,
    @Spacing FLOAT = ?, @Kernel NVARCHAR(64) = ?;
IF NOT EXISTS (
    SELECT 1 FROM dbo.series_choices WITH (UPDLOCK, HOLDLOCK)
    WHERE series_uid = @Series AND COALESCE(scan_id, 0) = COALESCE(@Scan, 0) AND is_taken = @Taken
        AND is_study_choice = @Choice AND reason = @Reason AND series_rule = @Rule AND number_images = @Images
        AND COALESCE(slice_thickness, -1) = COALESCE(@Thickness, -1)
        AND COALESCE(spacing_z, -1) = COALESCE(@Spacing, -1)
        AND COALESCE(convolution_kernel, N'') = COALESCE(@Kernel, N''))
BEGIN
    DELETE FROM dbo.series_choices WHERE series_uid = @Series;
    INSERT INTO dbo.series_choices (
        series_uid, study_uid, patient_id, scan_id, is_taken, is_study_choice, reason, series_rule, number_images,
        slice_thickness, spacing_z, convolution_kernel)
    VALUES (@Series, @Study, @Patient, @Scan, @Taken, @Choice, @Reason, @Rule, @Images, @Thickness, @Spacing, @Kernel);
END;
"""

_FIND_SERIES = "SELECT scan_id FROM dbo.scans WHERE series_uid = ?;"
_SETTING = "SELECT value FROM dbo.settings WHERE name = N'series_rule';"
_BEHIND = """
SELECT p.idx, p.patient_id
FROM dbo.patient_studies AS v
INNER JOIN dbo.patients AS p ON p.patient_id = v.patient_id
INNER JOIN dbo.scans AS s ON s.patient_id = v.patient_id AND s.is_primary = 1
WHERE v.is_newest = 1 AND v.study_uid <> s.study_uid ORDER BY p.idx;
"""
_UNORDERED = """
SELECT p.idx, p.patient_id
FROM dbo.patient_studies AS v
INNER JOIN dbo.patients AS p ON p.patient_id = v.patient_id
GROUP BY p.idx, p.patient_id HAVING MAX(CAST(v.is_newest AS INT)) = 0 ORDER BY p.idx;
"""

KEPT_PRIMARY = (
    "Not chosen: the study holds the primary scan of a patient of before studies were told apart, which no load moves; "
    "--follow-newest does."
)
_PINNED = "Chosen: it was the primary scan of its patient before studies were told apart, and stays it."


@dataclass(frozen=True)
class StoredScan:
    """A row of dbo.scans, as far as choices and order need it."""

    extent: Extent
    scan_id: int
    study_uid: str
    day: date | None
    date_rule: str | None
    study_year: int | None
    study_order: int | None
    patient_age: int | None
    time_point_kind: str | None
    time_point: float | None
    is_primary: bool
    is_study_choice: bool


@dataclass(frozen=True)
class Settling:
    """What the order of a patient's studies and their choices follow from, besides the rows.

    Attributes
    ----------
    rule : SeriesRule
    days_shifted : int or None
        As of `lungdb.dicom.identity.Identity.days_shifted`; None where it is not known.
    time_points : mapping of str to (str, float)
        Study of those that are being loaded -> where it lies in time, as `comparable_time_point` gives it. Of others it
        is stored.
    met : mapping of str to sequence of Extent
        Study -> its series that are being loaded, taken or not.
    """

    rule: SeriesRule
    days_shifted: int | None = None
    time_points: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    met: Mapping[str, Sequence[Extent]] = field(default_factory=dict)


def comparable_time_point(acquisition: Acquisition, identity: Identity) -> tuple[str, float] | None:
    """Return where a study lies in time, comparable with what the database has of others: kind and number."""
    point = acquisition.time_point
    return point and (identity.time_point_kind(point[0]), point[1])


def stored_time_point(acquisition: Acquisition, identity: Identity) -> tuple[str, float] | None:
    """Return where a study lies in time as the database has it; None also where that is not to be stored."""
    point = acquisition.time_point
    return comparable_time_point(acquisition, identity) if point and identity.keeps_time_point(*point) else None


def stored_scans(connection: Connection, patient_id: str) -> list[StoredScan]:
    """Read the scans of a patient."""
    return [StoredScan(Extent(*row[:6]), *row[6:]) for row in run(connection, _SCANS, (patient_id,))[0].rows]


def study_extents(
    connection: Connection, patient_id: str, study_uid: str, taken: Sequence[Extent] = ()
) -> list[Extent]:
    """Return what the rule looks at of a study's stored series and of those that count as stored."""
    stored = [scan.extent for scan in stored_scans(connection, patient_id) if scan.study_uid == study_uid]
    return list({one.series_uid: one for one in (*stored, *taken)}.values())


def follows_newest(connection: Connection, patient_id: str) -> bool:
    """Tell whether a patient's primary scan follows the newest study, as that of a patient who is not there would."""
    rows = run(connection, _FOLLOWS, (patient_id,))[0].rows
    return not rows or bool(rows[0][0])


def follow(connection: Connection, patient_id: str, settling: Settling) -> None:
    """Let a patient's primary scan follow the newest study from now on."""
    if not follows_newest(connection, patient_id):
        run(connection, _FOLLOW, (patient_id,))
        settle(connection, patient_id, {scan.study_uid for scan in stored_scans(connection, patient_id)}, settling)


def put_in_order(connection: Connection, patient_id: str, settling: Settling) -> None:
    """Put a patient's studies in order anew, by what the files tell of all that are being loaded."""
    if _orders(stored_scans(connection, patient_id), settling):
        settle(connection, patient_id, (), settling)


def last_studies(scans: Sequence[StoredScan]) -> set[str]:
    """Return the studies of a patient's scans that none is known to follow, as dbo.patient_studies knows it."""
    studies: dict[str, list[StoredScan]] = {}
    for scan in scans:
        studies.setdefault(scan.study_uid, []).append(scan)
    known = {study: _known(those) for study, those in studies.items()}
    return {study for study in studies if not any(_is_later(known[other], known[study]) for other in studies)}


def settle(connection: Connection, patient_id: str, changed: Collection[str], settling: Settling) -> None:
    """Choose anew in the studies that changed, put the studies in order, and see which scan is the primary one.

    The primary scan of a patient of before stays, and is its study's choice. That of any other is the choice of the
    newest study; where it is not known which that is, the rule decides between those that none is known to follow.
    """
    scans = stored_scans(connection, patient_id)
    if not scans:
        return
    follows = follows_newest(connection, patient_id)
    for study in sorted(changed):
        _choose(connection, patient_id, [scan for scan in scans if scan.study_uid == study], follows, settling)
    for study, order in _orders(scans, settling).items():
        run(connection, _SET_ORDER, (order, patient_id, study))
    primary = next((scan for scan in scans if scan.is_primary), None)
    if follows or primary is None:
        chosen = _primary(connection, patient_id, settling.rule)
        if primary is None or chosen != primary.scan_id:
            run(connection, _MAKE_PRIMARY, (patient_id, chosen))
    run(connection, _REFRESH_WORKLIST, (patient_id,))


def note_choice(
    connection: Connection, patient_id: str, study_uid: str, extent: Extent, reason: str, rule: SeriesRule,
    scan_id: int | None = None, is_study_choice: bool = False,
) -> None:  # fmt: skip
    """Note in dbo.series_choices what became of a series, unless that is there already."""
    run(
        connection,
        _NOTE_CHOICE,
        (extent.series_uid, study_uid, patient_id, scan_id, scan_id is not None, is_study_choice, reason[:400],
         rule.text, extent.number_images, extent.slice_thickness, extent.spacing_z, extent.kernel),
    )  # fmt: skip


def note_untaken(
    connection: Connection, patient_id: str, study_uid: str, extent: Extent, reason: str, rule: SeriesRule
) -> None:
    """Note in dbo.series_choices why a series was not taken, unless the database holds it from before."""
    if not run(connection, _FIND_SERIES, (extent.series_uid,))[0].rows:
        note_choice(connection, patient_id, study_uid, extent, reason, rule)


def read_rule(connection: Connection, text: str | None) -> SeriesRule:
    """Read the series rule: the one given, else the setting.

    Raises
    ------
    LungdbError
        It is none.
    """
    if text is None:
        rows = run(connection, _SETTING)[0].rows
        text = (rows[0][0] if rows else None) or ""
    return parse_rule(text)


def patients_behind(connection: Connection, patients: Container[str]) -> list[int]:
    """Return the indices of those of the patients whose newest study has not their primary scan."""
    return [index for index, patient in run(connection, _BEHIND)[0].rows if patient in patients]


def patients_unordered(connection: Connection, patients: Container[str]) -> list[int]:
    """Return the indices of those of the patients of whose studies none is known to be the newest."""
    return [index for index, patient in run(connection, _UNORDERED)[0].rows if patient in patients]


def _choose(
    connection: Connection, patient_id: str, scans: Sequence[StoredScan], follows: bool, settling: Settling
) -> None:
    if not scans:
        return
    rule, extents = settling.rule, [scan.extent for scan in scans]
    series = {one.series_uid for one in (*extents, *settling.met.get(scans[0].study_uid, ()))}
    pinned = None if follows else next((scan for scan in scans if scan.is_primary), None)
    chosen = choose_series(extents, rule) if pinned is None else pinned.extent
    for scan in scans:
        is_choice = scan.extent == chosen
        if is_choice and not scan.is_study_choice:
            run(connection, _CHOOSE, (patient_id, scan.study_uid, scan.scan_id))
        if is_choice:
            reason = why_chosen(len(series)) if pinned is None else _PINNED
        else:
            why = why_not_chosen(scan.extent, chosen, extents, rule) if pinned is None else KEPT_PRIMARY
            reason = f"Taken because it was asked for, or chosen before. {why}"
        note_choice(connection, patient_id, scan.study_uid, scan.extent, reason, rule, scan.scan_id, is_choice)


def _primary(connection: Connection, patient_id: str, rule: SeriesRule) -> int:
    """Return the scan that is to be the primary one."""
    scans = stored_scans(connection, patient_id)
    last = last_studies(scans)
    choices = [scan for scan in scans if scan.is_study_choice and scan.study_uid in last] or scans
    chosen = choose_series([scan.extent for scan in choices], rule)
    return next(scan.scan_id for scan in choices if scan.extent == chosen)


def _known(study: Sequence[StoredScan]) -> tuple[tuple[str, date] | None, int | None, int | None]:
    """Return what tells a study from others in time: its whole day with its rule, its study_year, its study_order."""
    whole = [scan for scan in study if scan.date_rule not in (None, "year")]
    rule = min((scan.date_rule for scan in whole if scan.date_rule), default=None)
    day = min((scan.day for scan in whole if scan.day), default=None)
    year = min((scan.study_year for scan in study if scan.study_year is not None), default=None)
    order = min((scan.study_order for scan in study if scan.study_order is not None), default=None)
    return (rule, day) if rule and day else None, year, order


def _is_later(one: Sequence[Any], other: Sequence[Any]) -> bool:
    """Tell whether one study is known to be later, by the first of `_known` that tells the two apart."""
    days = (one[0], other[0]) if one[0] and other[0] and one[0][0] == other[0][0] else (None, None)
    for mine, its in (days, *zip(one[1:], other[1:], strict=True)):
        if mine is not None and its is not None and mine != its:
            return bool(mine > its)
    return False


def _orders(scans: Sequence[StoredScan], settling: Settling) -> dict[str, int | None]:
    """Return study_order of the studies of which it is to be another one.

    It is how many studies are known to be earlier. Where the dates tell that, it is None. Where it is not known of all
    of them, studies keep what was known before and others have None: a number would claim an order that is not known.
    """
    studies: dict[str, _Study] = {}
    for scan in scans:
        studies.setdefault(scan.study_uid, _Study(settling.time_points.get(scan.study_uid))).add(scan, settling)
    pairs = list(permutations(studies, 2))
    by_date = all(studies[a].day and studies[b].day and studies[a].day != studies[b].day for a, b in pairs)
    earlier = {(a, b) for a, b in pairs if studies[a].is_before(studies[b])}
    ranks = {study: sum((other, study) in earlier for other in studies) for study in studies}
    is_told = not by_date and all(
        ranks[a] == ranks[b] or (a, b) in earlier or (b, a) in earlier for a, b in pairs
    )  # fmt: skip
    is_told = is_told and len(set(ranks.values())) > 1
    orders: dict[str, int | None] = {
        study: rank if is_told else None if by_date else studies[study].order for study, rank in ranks.items()
    }
    return {
        study: order
        for study, order in orders.items()
        if any(scan.study_order != order for scan in scans if scan.study_uid == study)
    }


@dataclass
class _Study:
    """What is known of when a study was; dates of a patient are comparable, as all are shifted by the same days."""

    time_point: tuple[str, float] | None
    day: date | None = None
    year: int | None = None
    study_year: int | None = None
    order: int | None = None
    age: int | None = None

    def add(self, scan: StoredScan, settling: Settling) -> None:
        if scan.day is not None and scan.date_rule == "year":
            self.year = scan.day.year
        elif scan.day is not None and scan.date_rule is not None:
            self.day = min(scan.day, self.day or scan.day)
            if settling.days_shifted is not None:
                self.year = (self.day + timedelta(days=settling.days_shifted)).year
        if self.time_point is None and scan.time_point_kind is not None and scan.time_point is not None:
            self.time_point = (scan.time_point_kind, scan.time_point)
        for name, value in (
            ("study_year", scan.study_year), ("order", scan.study_order), ("age", scan.patient_age)
        ):  # fmt: skip
            if value is not None:
                setattr(self, name, value)

    def is_before(self, other: _Study) -> bool:
        """Tell whether this is known to be the earlier one, by the first evidence that tells the two apart."""
        points = (self.time_point, other.time_point)
        evidence: tuple[tuple[Any, Any], ...] = (
            (self.day, other.day),
            (self.study_year, other.study_year),
            points if points[0] and points[1] and points[0][0] == points[1][0] else (None, None),
            (self.order, other.order),
            (self.year, other.year),
            (self.age, other.age),
        )
        for mine, its in evidence:
            if mine is not None and its is not None and mine != its:
                return bool(mine < its)
        return False
