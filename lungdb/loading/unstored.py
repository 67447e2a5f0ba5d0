"""A scan that is read from DICOM files, compared with those of the tables, and stored nowhere."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lungdb.database import Connection, run
from lungdb.dicom.folder import read_folder
from lungdb.dicom.hounsfield import check_air
from lungdb.dicom.limits import Limits
from lungdb.dicom.patients import Naming
from lungdb.dicom.rejection import REASONS, RejectedError
from lungdb.dicom.series import Series
from lungdb.dicom.series_rule import SeriesRule, rank_series
from lungdb.dicom.source import find_files
from lungdb.dicom.tasks import ENCODING, Ahead, EncodedSlice, encode_all
from lungdb.errors import LungdbError, Message
from lungdb.isolation import Workers
from lungdb.loading.studies import read_rule

_FIND = "EXECUTE dbo.SimilarToSlices @Slices = ?, @SliceIndex = ?, @ModelName = ?, @Limit = ?;"


@dataclass(frozen=True)
class Similar:
    """A stored scan, or a triple of its slices, that is like the one asked about.

    Attributes
    ----------
    patient_index : int
        idx of the patient.
    scan_id : int
    triple, first_slice : int or None
        None of a whole scan.
    similarity : float
        −1…1.
    """

    patient_index: int
    scan_id: int
    triple: int | None
    first_slice: int | None
    similarity: float


def find_similar(
    connection: Connection,
    path: Path,
    workers: Workers[RejectedError],
    limits: Limits,
    *,
    slice_index: int | None,
    model: str,
    limit: int,
    on_message: Callable[[Message], None],
) -> list[Similar]:
    """Read the scan of a file or folder and find what is like it in the tables, the most similar first.

    Nothing of it is stored: neither ids nor pixels, and no rejected file is noted.

    Parameters
    ----------
    path : Path
        A DICOM file, a zip archive of such, or a folder with one study; of its series that is taken which the setting
        series_rule chooses.
    slice_index : int or None
        Slice, from 0, feet to head, whose triple is compared; None for the whole scan, or the one slice of a file.
    on_message : callable
        Is told what was not read, by reason, and what was compared.

    Raises
    ------
    LungdbError
        There is nothing at the path, no usable series, or several studies; or what dbo.SimilarToSlices refuses.
    """
    slices = read_slices(path, workers, limits, read_rule(connection, None), on_message)
    found = run(connection, _FIND, (json.dumps(slices), slice_index, model, limit), on_message=on_message)[-1]
    names = ("patient_index", "scan_id", "triple", "first_slice", "similarity")
    return [Similar(**{name: row[name] for name in names}) for row in found.records()]


def read_slices(
    path: Path,
    workers: Workers[RejectedError],
    limits: Limits,
    rule: SeriesRule,
    on_message: Callable[[Message], None],
) -> list[dict[str, Any]]:
    """Read the slices of a scan in the form that dbo.SimilarToSlices takes.

    Raises
    ------
    LungdbError
        As of `find_similar`.
    """
    series = _chosen(_files(path), workers, limits, rule, on_message)
    encoded = list(encode_all(series.chunks(), workers, limits, Ahead(0).take))
    parts = [part for part in encoded if isinstance(part, EncodedSlice)]
    for error in (part for part in encoded if isinstance(part, RejectedError)):
        raise LungdbError(f"{len(encoded) - len(parts)} of {len(encoded)} slices cannot be read: {error.message}")
    if any(header.unit_is_unspecified for header in series.headers):
        try:
            check_air(part.air for part in parts)
        except RejectedError as error:
            raise LungdbError(f"The series cannot be compared: {error.message}") from None
    return [
        {
            "image_rows": header.rows,
            "image_cols": header.columns,
            "rescale_slope": header.slope,
            "rescale_intercept": header.intercept,
            "spacing_y": header.pixel_spacing[0],
            "spacing_x": header.pixel_spacing[1],
            "encoding": ENCODING,
            "pixels": part.pixels.hex(),
            "pixels_sha256": part.sha256.hex(),
        }
        for header, part in zip(series.headers, parts, strict=True)
    ]


def _files(path: Path) -> Iterable[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise LungdbError(f"There is no file or folder '{path}'. Give a DICOM file, or the folder of one study.")
    return find_files(path)


def _chosen(
    files: Iterable[Path],
    workers: Workers[RejectedError],
    limits: Limits,
    rule: SeriesRule,
    on_message: Callable[[Message], None],
) -> Series:
    """Choose the series among files, and tell how many were rejected and why."""
    studies: dict[tuple[str, str], list[Series]] = defaultdict(list)
    rejected: Counter[str] = Counter()
    # Whose the scan is does not matter, so that it need not have a PatientID.
    for found in read_folder(files, workers, limits, naming=Naming("study")):
        if isinstance(found, Series):
            studies[found.first.patient_id, found.first.study_uid].append(found)
        else:
            rejected[found.reason] += 1
    if not studies:
        raise LungdbError(f"No CT series was found. {_told(rejected) or 'There are no files.'}")
    if rejected:
        text = f"Files or series were not read, so what is compared may lack slices. {_told(rejected)}"
        on_message(Message(0, 0, 1, None, 0, text))
    if len(studies) > 1:
        raise LungdbError(f"There are {len(studies)} studies. Give a file, or the folder of one study.")
    (series,) = studies.values()
    by_extent = {one.extent: one for one in series}
    return by_extent[rank_series(list(by_extent), rule)[0]]


def _told(rejected: Mapping[str, int]) -> str:
    """Give the counts by reason, without paths and without options of load-scans, which are not those of similar."""
    told = []
    for reason, count in sorted(rejected.items()):
        sentences = [sentence for sentence in REASONS[reason].rstrip(".").split(". ") if "--" not in sentence]
        told.append(f"{count} {reason}: {'. '.join(sentences)}.")
    return " ".join(told)
