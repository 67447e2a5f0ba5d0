"""A series of the manifest becomes what GenerateFeatures reads of it: rows of slices, and what is known of the scan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lungdb.database import Connection, run
from lungdb.dicom.header import SliceHeader
from lungdb.dicom.patients import Naming
from lungdb.dicom.rejection import RejectedError
from lungdb.dicom.series import order_slices
from lungdb.dicom.source import Source
from lungdb.dicom.tasks import encode_all, look_into, take_slices
from lungdb.distributed.folders import Local
from lungdb.distributed.jobs import DicomSource
from lungdb.distributed.tables import SCAN_COLUMNS, SLICE_COLUMNS, scan_text
from lungdb.errors import LungdbError
from lungdb.isolation import Workers
from lungdb.loading.encoded_scans import make_scan
from lungdb.loading.scans import screening_year

_WHOLE = ("scan_id", "slice_index", "number_images", "image_rows", "image_cols")
_SCAN = f"SELECT series_uid, content_sha256, {', '.join(SCAN_COLUMNS)} FROM dbo.scans WHERE scan_id = ?;"
_SLICES = f"""
SELECT {", ".join(SLICE_COLUMNS)}, encoding, pixels, pixels_sha256
FROM dbo.scan_images WHERE scan_id = ? ORDER BY slice_index;
"""


@dataclass(frozen=True)
class ReadScan:
    """A series, decoded.

    Attributes
    ----------
    slices : DataFrame
        As of `lungdb.procedures.generate_features`, with the scan_id 1.
    content_sha256 : bytes
        As of dbo.scans.
    scan : str
        The column `scan` of the output.
    """

    slices: pd.DataFrame
    content_sha256: bytes
    scan: str


def read_dicom(series: dict[str, Any], source: DicomSource, local: Local, workers: Workers[RejectedError]) -> ReadScan:
    """Read and decode a series from its files, in the worker processes.

    Parameters
    ----------
    series : dict
        A row of series/*.parquet.

    Raises
    ------
    LungdbError
        As `lungdb load-scans` would refuse it, or its files are not those that were listed.
    """
    files = list(dict.fromkeys((slice_["path"], slice_["member"]) for slice_ in series["files"]))
    paths = {path: local.fetch(path) for path, _ in files}
    try:
        headers = _read_headers([Source(paths[path], member) for path, member in files], source, local, workers)
        wanted = [headers[Source(paths[each["path"]], each["member"]), each["frame"]] for each in series["files"]]
        first = wanted[0]
        stored = source.identity.uid(first.series_uid), source.identity.patient(first.patient_id)
        if stored != (series["series_uid"], series["patient_id"]) or len({one.series_uid for one in wanted}) > 1:
            raise _changed()
        found = order_slices(wanted)
        results = encode_all(found.chunks(), workers, source.limits, lambda _: None)
        found, parts = take_slices(found, results, allow_gaps=source.allow_gaps, on_rejection=lambda _: None)
        year = screening_year(found.first, source.study_years)
        scan = make_scan(found, parts, source.identity, year, source.settling)
    except KeyError:
        raise _changed() from None
    finally:
        for path in paths.values():
            local.forget(path)
    return _read(scan.columns, scan.slices)


def read_stored(series: dict[str, Any], connection: Connection) -> ReadScan:
    """Read a scan from the database.

    Raises
    ------
    LungdbError
        It is not there any more.
    """
    found = run(connection, _SCAN, (series["scan_id"],))[0].records()
    slices = run(connection, _SLICES, (series["scan_id"],))[0].rows
    if not slices or not found or found[0]["series_uid"] != series["series_uid"]:
        raise _changed()
    return _read(found[0], slices)


def _read_headers(
    sources: Sequence[Source], source: DicomSource, local: Local, workers: Workers[RejectedError]
) -> dict[tuple[Source, int], SliceHeader]:
    look = partial(look_into, limits=source.limits, naming=Naming(source.empty_patient_id, local.root))
    headers: dict[tuple[Source, int], SliceHeader] = {}
    for _, found in workers.map(look, ((one, False) for one in sources)):
        if isinstance(found, RejectedError):
            raise found
        headers |= {(one.source, one.frame): one for one in found.headers if isinstance(one, SliceHeader)}
    return headers


def _changed() -> LungdbError:
    return LungdbError(
        "The source has changed since it was listed: this series is not there any more, or another one. Give another "
        "output, so that it is listed again."
    )


def _read(facts: dict[str, Any], slices: Sequence[Sequence[Any]]) -> ReadScan:
    content = bytes(facts["content_sha256"])
    number = len(slices)
    columns: dict[str, Any] = {
        "scan_id": [1] * number,
        "slice_index": list(range(number)),
        "number_images": [facts["number_images"]] * number,
        "content_sha256": [content] * number,
        "image_rows": [facts["image_rows"]] * number,
        "image_cols": [facts["image_cols"]] * number,
        "rescale_slope": [float(row[2]) for row in slices],
        "rescale_intercept": [float(row[3]) for row in slices],
        "encoding": [row[4] or "" for row in slices],
        "pixels": [bytes(row[5]) for row in slices],
        "pixels_sha256": [bytes(row[6]) for row in slices],
        "spacing_y": np.array([facts["spacing_y"]] * number, dtype=float),
        "spacing_x": np.array([facts["spacing_x"]] * number, dtype=float),
    }
    frame = pd.DataFrame(
        {
            name: pd.Series(values, dtype=np.int32 if name in _WHOLE else None if name[:2] in ("re", "sp") else object)
            for name, values in columns.items()
        }
    )
    return ReadScan(frame, content, scan_text(facts, [row[:4] for row in slices]))


def relative(source: Source, root: Path) -> Source:
    """Return a source with its path below a folder."""
    return Source(source.path.relative_to(root), source.member)


def below(root: Path, source: Source) -> Source:
    """Return a source whose path was below a folder, with its whole path."""
    return Source(root / source.path, source.member)


def unique_paths(headers: Sequence[SliceHeader]) -> Iterator[Path]:
    """Yield the files of slices, each once."""
    yield from dict.fromkeys(header.source.path for header in headers)
