"""Checking an installation: the file, the schema, every stored hash, and what must hold of the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from lungdb.database import Connection, run
from lungdb.database.wholeness import constraint_queries, missing_parts
from lungdb.errors import LungdbError, SqlError
from lungdb.imaging.codecs import content_sha256, decode_slice
from lungdb.operating import lung_checks
from lungdb.operating.checks import CHECKS, Check
from lungdb.operating.evaluations import EVALUATION_CHECKS

_SHOWN = 10
_SLICES_AT_A_TIME = 8
_UNKNOWN_NAMES = (207, 208, 2812)
# What SQL Server says to somebody who may not run DBCC CHECKDB, or where it is not offered.
_NOT_ALLOWED = (229, 262, 297, 300, 916, 2571, 7983, 40518)
_INTEGRITY = "DBCC CHECKDB WITH NO_INFOMSGS;"
_SCANS = "SELECT scan_id, number_images FROM dbo.scans ORDER BY scan_id;"
_SCAN = (
    "SELECT image_rows, image_cols, number_images, content_sha256, CASE WHEN source_uri IS NULL THEN 0 ELSE 1 END "
    "FROM dbo.scans WHERE scan_id = ?;"
)
_SLICES = (
    "SELECT slice_index, pixels, pixels_sha256, encoding FROM dbo.scan_images WHERE scan_id = ? ORDER BY slice_index;"
)
# A copy of a model brings features without their array, and their scans without slices; load-features scans alone.
_LONGEST_ARRAY = "SELECT MAX(DATALENGTH(array)) FROM dbo.features WHERE scan_id = ?;"
_AGAIN = "Load the scan again: lungdb load-scans --replace."
_MODELS = """
SELECT c.name, c.version FROM dbo.model_scoring AS s
INNER JOIN dbo.classifiers AS c ON c.classifier_id = s.classifier_id ORDER BY c.classifier_id;
"""
_MODEL = "EXECUTE dbo.CheckModelSql @ModelName = ?, @Version = ?;"


@dataclass
class Outcome:
    """What was found.

    Attributes
    ----------
    checks : int
        How many were made.
    faults : int
        How many of them found something.
    skipped : list of str
        What was not checked, each with why.
    """

    checks: int = 0
    faults: int = 0
    skipped: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Step:
    """A check to make: what it is called, how much work it is, and the faults that it finds, with the work done."""

    name: str
    work: int
    faults: Callable[[Callable[[int], None]], Iterator[str]]


def check(
    connection: Connection, on_fault: Callable[[str], None], on_progress: Callable[[str, int, int], None]
) -> Outcome:
    """Check all of an installation. Nothing is changed, and a slice or a row at a time is held in memory.

    Parameters
    ----------
    connection : Connection
        To a database that lungdb is installed in, if only in part.
    on_fault : callable
        Called with a sentence for each check that found something: what, the first ten, how many, what mends it. It
        names rows by numbers, models and pictures by name, and no patient.
    on_progress : callable
        Called with what is being checked, and how much of how much work is done.
    """
    outcome = Outcome()
    steps = [
        _Step("the database's integrity", 1, lambda _: _integrity(connection, outcome)),
        _Step("the schema", 1, lambda _: _schema(connection)),
    ]
    steps += [_constraint(connection, name, query) for name, query in constraint_queries()]
    steps += [_scans(connection), _lungs(connection), _models(connection)]
    steps += [_of_table(connection, each) for each in (*CHECKS, *EVALUATION_CHECKS)]
    total, done = sum(step.work for step in steps), 0
    for step in steps:
        on_progress(step.name, done, total)
        _make(step, outcome, on_fault, partial(_report, on_progress, step, done, total))
        done += step.work
    return outcome


def _report(on_progress: Callable[[str, int, int], None], step: _Step, before: int, total: int, work: int) -> None:
    on_progress(step.name, before + work, total)


def _make(step: _Step, outcome: Outcome, on_fault: Callable[[str], None], on_work: Callable[[int], None]) -> None:
    outcome.checks += 1
    found = False
    try:
        for fault in step.faults(on_work):
            found = True
            on_fault(fault)
    except SqlError as error:
        if error.number in _UNKNOWN_NAMES:
            outcome.skipped.append(f"{step.name} (the schema lacks what that needs)")
        else:
            found = True
            on_fault(f"{step.name[:1].upper()}{step.name[1:]} cannot be checked: {error.message}")
    outcome.faults += found


def _integrity(connection: Connection, outcome: Outcome) -> Iterator[str]:
    try:
        run(connection, _INTEGRITY)
    except SqlError as error:
        if error.number not in _NOT_ALLOWED:
            yield f"The database is damaged: {error.message}"
            return
        outcome.skipped.append(f"the database's integrity ({error.message})")


def _schema(connection: Connection) -> Iterator[str]:
    missing = missing_parts(connection)
    if missing:
        named = "; ".join(missing[:_SHOWN])
        yield f"The schema is not whole: {named} ({len(missing)} in all). Install again: lungdb install."


def _constraint(connection: Connection, name: str, query: str) -> _Step:
    says = Check(f"rows that {name} does not allow", query, "Change or remove the rows.")
    return _Step(says.says, 1, lambda _: _first(connection, says, []))


def _of_table(connection: Connection, each: Check) -> _Step:
    if not each.keys:
        return _Step(each.says, 1, lambda _: _first(connection, each, []))
    keys = _keys(connection, each.keys)
    return _Step(each.says, sum(work for _, work in keys), lambda on_work: _first(connection, each, keys, on_work))


def _keys(connection: Connection, query: str) -> list[tuple[Any, int]]:
    """Return the keys that a check goes through; none where its table is not there or cannot be read."""
    try:
        return [(key, int(work)) for key, work in run(connection, query)[-1].rows]
    except SqlError:
        return []


def _first(
    connection: Connection,
    each: Check,
    keys: Sequence[tuple[Any, int]],
    on_work: Callable[[int], None] = lambda work: None,
) -> Iterator[str]:
    shown: list[str] = []
    count = done = 0
    calls: list[tuple[tuple[Any, ...], int]] = [((key,), work) for key, work in keys] if each.keys else [((), 1)]
    for values, work in calls:
        for row in _rows(connection, each.query, values):
            count += 1
            if len(shown) < _SHOWN:
                shown.append(row)
        done += work
        on_work(done)
    if count:
        yield f"{each.says[:1].upper()}{each.says[1:]}: {'; '.join(shown)} ({count} in all). {each.advice}"


def _rows(connection: Connection, query: str, values: tuple[Any, ...]) -> Iterator[str]:
    """Yield rows as text, without holding them."""
    cursor = connection.cursor()
    try:
        cursor.execute(query, values)
        names = [column[0] for column in cursor.description]
        while (row := cursor.fetchone()) is not None:
            yield ", ".join(f"{name} {value}" for name, value in zip(names, row, strict=True))
    finally:
        cursor.close()


def _scans(connection: Connection) -> _Step:
    keys = _keys(connection, _SCANS)

    def faults(on_work: Callable[[int], None]) -> Iterator[str]:
        for query in (_SCAN, _SLICES, _LONGEST_ARRAY):
            run(connection, query, (0,))  # says what the schema lacks, before a scan is blamed for it
        shown: list[str] = []
        count = work = 0
        for scan_id, slices in keys:
            found = _scan_faults(connection, scan_id)
            if found is not None:
                count += 1
                if len(shown) < _SHOWN:
                    shown.append(f"scan_id {scan_id}: {found}")
            work += slices
            on_work(work)
        if count:
            yield f"Scans whose slices are not as they were stored: {'; '.join(shown)} ({count} in all). {_AGAIN}"

    return _Step("slices, their hashes and their order", sum(slices for _, slices in keys), faults)


def _scan_faults(connection: Connection, scan_id: int) -> str | None:
    """Return what is wrong with the slices of a scan; None where nothing is, or the scan is gone by now."""
    found = run(connection, _SCAN, (scan_id,))[-1].rows
    if not found:
        return None
    rows, cols, images, content, lies_elsewhere = found[0]
    damaged: list[int] = []
    places: list[int] = []
    hashes: list[bytes] = []
    cursor = connection.cursor()
    try:
        cursor.execute(_SLICES, (scan_id,))
        while some := cursor.fetchmany(_SLICES_AT_A_TIME):
            for place, pixels, sha256, encoding in some:
                places.append(place)
                hashes.append(bytes(sha256))
                try:
                    decode_slice(bytes(pixels), rows, cols, bytes(sha256), encoding)
                except LungdbError:
                    damaged.append(place)
    except SqlError as error:
        return f"it cannot be read ({error.message})"
    finally:
        cursor.close()
    if not places and (lies_elsewhere or run(connection, _LONGEST_ARRAY, (scan_id,))[-1].scalar() == 0):
        return None
    if damaged:
        named = ", ".join(map(str, damaged[:_SHOWN]))
        return f"pixels of slices {named} ({len(damaged)} in all) do not match their SHA-256 or size"
    if places != list(range(images)):
        return f"it has {len(places)} slices, not 0 to {images - 1} without a gap"
    if content_sha256(hashes) != bytes(content):
        return "its slices are not those, or not in the order, of its content_sha256"
    return None


def _lungs(connection: Connection) -> _Step:
    keys = _keys(connection, lung_checks.SCANS)

    def faults(on_work: Callable[[int], None]) -> Iterator[str]:
        run(connection, lung_checks.MASKS, (0,))  # says what the schema lacks
        found: list[str] = []
        work = 0
        for scan_id, masks in keys:
            found += lung_checks.mask_faults(connection, scan_id)
            work += masks
            on_work(work)
        if found:
            named = "; ".join(found[:_SHOWN])
            yield f"Lungs that are not as they were stored: {named} ({len(found)} in all). {lung_checks.ADVICE}"

    return _Step("where the lungs lie", sum(masks for _, masks in keys), faults)


def _models(connection: Connection) -> _Step:
    models = _keys(connection, _MODELS)

    def faults(on_work: Callable[[int], None]) -> Iterator[str]:
        run(connection, _MODELS)
        shown = []
        for place, (name, version) in enumerate(models):
            try:
                run(connection, _MODEL, (name, version))
            except SqlError as error:
                if error.number in _UNKNOWN_NAMES:
                    raise
                shown.append(error.message)
            on_work(place + 1)
        if shown:
            yield f"Models that plain T-SQL cannot score: {'; '.join(shown[:_SHOWN])} ({len(shown)} in all)."

    return _Step("the rows of models", len(models), faults)
