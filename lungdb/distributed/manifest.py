"""The manifest: which series there are and which the series rule chooses, found by tasks, written and committed.

The listing of the source is written first and each task reads a part of it, so that the driver holds no more than that.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lungdb.database import run
from lungdb.database.site import open_database
from lungdb.dicom.folder import counts_as_damaged, judge_series
from lungdb.dicom.header import SliceHeader
from lungdb.dicom.patients import Naming
from lungdb.dicom.rejection import RejectedError
from lungdb.dicom.series import Series
from lungdb.dicom.series_rule import Extent, rank_series
from lungdb.dicom.source import Rejection, Source
from lungdb.dicom.tasks import Ahead, hash_slices, look_into
from lungdb.distributed.folders import Folder, Local, list_files, local_files
from lungdb.distributed.groups import COMMITTED, Group, Manifest, batched, write_series
from lungdb.distributed.isolating import task_workers
from lungdb.distributed.jobs import DatabaseSource, DicomSource
from lungdb.distributed.reading import below, relative, unique_paths
from lungdb.distributed.tables import (
    listing_schema,
    read_columns,
    write_rows,
)
from lungdb.errors import LungdbError
from lungdb.isolation import Workers
from lungdb.loading.encoded_scans import stored_extent

if TYPE_CHECKING:
    from pyspark import SparkContext

_FILES = 1024  # of a part of the listing: seconds of a task
_GROUP_BYTES = 1 << 30
_GROUPS_A_CORE = 16
_STORED = """
SELECT s.scan_id, s.series_uid, s.patient_id, s.study_uid, s.number_images,
    SUM(CAST(DATALENGTH(i.pixels) AS BIGINT)) AS bytes
FROM dbo.scans AS s
INNER JOIN dbo.scan_images AS i ON i.scan_id = s.scan_id
GROUP BY s.scan_id, s.series_uid, s.patient_id, s.study_uid, s.number_images
ORDER BY s.patient_id, s.study_uid, s.series_uid;
"""

Keyed = tuple[str, Any]


def make_manifest(context: SparkContext, source: DicomSource | DatabaseSource, out: Folder, threads: int) -> Manifest:
    """List the source, choose its series, and commit what was found.

    Raises
    ------
    LungdbError
        The source is not there or holds no series, or the output cannot be written.
    """
    for folder in ("series", "rejected", "listing"):
        out.delete(folder)  # of a run that was ended before it was committed
    cores = context.defaultParallelism
    if isinstance(source, DatabaseSource):
        written = [_write_stored(source, out, cores)]
    else:
        parts, size, unnamed = _write_listing(source.uri, out)
        written = [{"part": "", "groups": [], "rejected": {"unreadable": unnamed} if unnamed else {}}]
        written += _find_series(context, source, out, parts, threads, _group_bytes(size, cores))
    rejected: Counter[str] = Counter()
    for each in written:
        rejected.update(each["rejected"])
    groups = [Group(**group) for each in written for group in each["groups"]]
    if not groups:
        told = ", ".join(f"{count} {reason}" for reason, count in sorted(rejected.items()))
        raise LungdbError(
            f"The source holds no CT series{f' ({told})' if told else ''}. Give the one that holds the scans."
        )
    content = {"groups": [vars(group) for group in groups], "rejected": dict(rejected)}
    out.write(COMMITTED, json.dumps(content).encode())
    out.delete("listing")
    return Manifest(groups, dict(rejected))


def _group_bytes(size: int, cores: int) -> int:
    return min(_GROUP_BYTES, max(1, size // (_GROUPS_A_CORE * cores)))


def _write_stored(source: DatabaseSource, out: Folder, cores: int) -> dict[str, Any]:
    with open_database(source.target) as connection:
        rows = [{**row, "files": []} for row in run(connection, _STORED)[0].records()]
    return write_series(out, "00000", rows, _group_bytes(sum(row["bytes"] for row in rows), cores), [])


def _write_listing(uri: str, out: Folder) -> tuple[list[str], int, int]:
    """Write which files there are; give the names of that, all their bytes, and how many files have no UTF-8 name."""
    names: list[str] = []
    total = unnamed = 0
    for number, files in enumerate(batched(list_files(uri), _FILES)):
        rows = [{"path": path, "bytes": size} for path, size in files if _is_utf8(path)]
        names.append(f"listing/{number:06}.parquet")
        total += sum(size for _, size in files)
        unnamed += len(files) - len(rows)
        with tempfile.TemporaryDirectory(prefix="lungdb-") as folder:
            local = Path(folder, "part")
            write_rows(local, listing_schema(), [rows])
            out.put(names[-1], local)
    return names, total, unnamed


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _find_series(
    context: SparkContext, source: DicomSource, out: Folder, parts: list[str], threads: int, group_bytes: int
) -> list[dict[str, Any]]:
    if not parts:
        return []
    number = min(len(parts), 4 * context.defaultParallelism)
    headers = context.parallelize(parts, min(len(parts), 64 * context.defaultParallelism)).mapPartitions(
        partial(_read_headers, source=source, out=out, threads=threads)
    )
    series = headers.groupByKey(number, _place).mapPartitions(partial(_judge, source=source, threads=threads))
    studies = series.groupByKey(number, _place)
    written: list[dict[str, Any]] = studies.mapPartitionsWithIndex(
        partial(_choose, source=source, out=out, group_bytes=group_bytes)
    ).collect()
    return sorted(written, key=lambda each: each["part"])


def _place(key: str) -> int:
    return int.from_bytes(hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()[:6], "big")


def _read_headers(parts: Iterator[str], *, source: DicomSource, out: Folder, threads: int) -> Iterator[Keyed]:
    """Give the headers of files by series; what is no slice by the series that lacks it, or by itself."""
    with task_workers(threads, source.limits) as workers, local_files(source.uri) as local:
        for part in parts:
            with out.open(part) as file:
                rows = read_columns(file, part).to_pylist()
            sizes = {row["path"]: row["bytes"] for row in rows}
            yield from _look_into(list(sizes), sizes, source, local, workers)


def _look_into(
    paths: Sequence[str], sizes: dict[str, int], source: DicomSource, local: Local, workers: Workers[RejectedError]
) -> Iterator[Keyed]:
    unfetched: list[Rejection] = []

    def fetched() -> Iterator[tuple[Source, bool]]:
        for path in paths:
            try:
                yield Source(local.fetch(path)), False
            except RejectedError as error:
                unfetched.append(Source(Path(path)).rejection(error))

    look = partial(look_into, limits=source.limits, naming=Naming(source.empty_patient_id, local.root))
    for (there, _), found in workers.map(look, fetched()):
        members: list[Source] = []
        inside = relative(there, local.root)
        if not isinstance(found, RejectedError):
            members = [part for part in found.headers if isinstance(part, Source)]
        results = [(there, found)] if not members else []
        if members:
            results = [(one, each) for (one, _), each in workers.map(look, ((member, False) for member in members))]
        for one, each in results:
            if isinstance(each, RejectedError):
                rejection = relative(one, local.root).rejection(each)
                yield each.series_uid or f"\0{inside}", (rejection, counts_as_damaged(each))
                continue
            for header in each.headers:
                if isinstance(header, SliceHeader):
                    size = 2 * header.rows * header.columns if one.member else sizes[str(inside.path)]
                    yield header.series_uid, (replace(header, source=relative(one, local.root)), size)
        local.forget(there.path)
    for rejection in unfetched:
        yield f"\0{rejection.source}", (rejection, True)


def _judge(found: Iterator[tuple[str, Iterable[Any]]], *, source: DicomSource, threads: int) -> Iterator[Keyed]:
    """Make series of headers; each comes by its study, what is not taken by itself."""
    with task_workers(threads, source.limits) as workers, local_files(source.uri) as local:
        for uid, values in found:
            headers: list[tuple[SliceHeader, int]] = []
            damaged = 0
            for value, more in values:
                if isinstance(value, Rejection):
                    damaged += more
                    yield f"\0{value.source}", value
                else:
                    headers.append((replace(value, source=below(local.root, value.source)), more))
            if headers:
                yield from _judge_one(uid, headers, damaged, source, local, workers)


def _judge_one(
    uid: str,
    found: list[tuple[SliceHeader, int]],
    damaged: int,
    source: DicomSource,
    local: Local,
    workers: Workers[RejectedError],
) -> Iterator[Keyed]:
    found.sort(key=lambda each: (each[0].source, each[0].frame))
    headers = [header for header, _ in found]
    names = Counter((header.instance_uid, header.frame) for header in headers)
    twice = [header for header in headers if names[header.instance_uid, header.frame] > 1]

    def fetch(some: Sequence[SliceHeader]) -> None:
        for path in unique_paths(some):
            local.fetch(str(path.relative_to(local.root)))

    def hash_pixels(some: Sequence[SliceHeader]) -> list[bytes | None]:
        fetch(some)
        return hash_slices(some, workers, source.limits, Ahead(0))

    try:
        fetch(twice)
        judged = list(judge_series(uid, headers, damaged, source.limits, hash_pixels, allow_gaps=source.allow_gaps))
    except RejectedError as error:  # a file that was there is not any more
        judged = [headers[0].source.rejection(error)]
    for path in unique_paths(headers):
        local.forget(path)
    sizes = {header.source: size for header, size in found}
    for one in judged:
        if isinstance(one, Series):
            row = _row(one, source, local.root, sizes)
            yield f"{row['patient_id']}\n{row['study_uid']}", (stored_extent(one, source.identity), row)
        else:
            inside = relative(one.source, local.root)
            yield f"\0{inside}", Rejection(one.reason, one.message, inside)


def _row(series: Series, source: DicomSource, root: Path, sizes: dict[Source, int]) -> dict[str, Any]:
    identity, first = source.identity, series.first
    per_file = Counter(header.source for header in series.headers)
    return {
        "series_uid": identity.uid(first.series_uid),
        "patient_id": identity.patient(first.patient_id),
        "study_uid": identity.uid(first.study_uid),
        "number_images": len(series.headers),
        "bytes": sum(sizes[one] * (per_file[one] if one.member else 1) for one in per_file),
        "files": [
            {
                "path": str(header.source.path.relative_to(root)),
                "member": header.source.member,
                "frame": header.frame,
            }
            for header in series.headers
        ],
        "scan_id": None,
    }


def _choose(
    index: int, found: Iterator[tuple[str, Iterable[Any]]], *, source: DicomSource, out: Folder, group_bytes: int
) -> Iterator[dict[str, Any]]:
    """Choose by the rule among the series of each study, and write those that are taken."""
    rows, rejections = [], []
    for _, values in found:
        study: list[tuple[Extent, dict[str, Any]]] = []
        for value in values:
            if isinstance(value, Rejection):
                rejections.append(value)
            else:
                study.append(value)
        by_extent = dict(study)
        ranked = rank_series(list(by_extent), source.settling.rule) if study else []
        taken = len(ranked) if source.all_series else 1
        rows += [by_extent[extent] for extent in ranked[:taken]]
        for extent in ranked[taken:]:
            first = by_extent[extent]["files"][0]
            rejections.append(Source(Path(first["path"]), first["member"]).rejection(RejectedError("not_primary")))
    yield write_series(out, f"{index:05}", rows, group_bytes, rejections)
