"""Marks of readers and nodules of known places become rows of the scans of the database."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from lungdb.database import Connection, run
from lungdb.database.retrying import committed
from lungdb.errors import LungdbError
from lungdb.loading.labels.clusters import cluster
from lungdb.loading.labels.lidc_xml import Contour, Mark, Reading
from lungdb.loading.labels.nodules import Nodule, replace_nodules
from lungdb.loading.labels.outcome import Report
from lungdb.loading.labels.scan_labels import LOCK_SCANS, no_scan_known
from lungdb.loading.site_identity import stored_identity

Points = npt.NDArray[np.float64]
Given = TypeVar("Given")
Findings = dict[bool, list[Nodule]]
"""Whether they are relevant -> what is marked in a scan; a kind that is not there is left as it is in the database."""

NO_GEOMETRY = "were loaded before their place in the patient was recorded"
NO_SLICE = "lack a slice that is marked"

_SCANS = """
SELECT scan_id, series_uid, content_sha256, image_rows, image_cols, spacing_z, spacing_y, spacing_x, slice_thickness,
    origin_x, origin_y, origin_z, row_x, row_y, row_z, column_x, column_y, column_z, step_x, step_y, step_z
FROM dbo.scans;
"""
_SLICES = "SELECT instance_uid, slice_index, position_z FROM dbo.scan_images WHERE scan_id = ? ORDER BY slice_index;"
_SHOWN_SCANS = 10


class PlaceError(LungdbError):
    """Why marks have no place in a scan: `NO_GEOMETRY` or `NO_SLICE`."""


@dataclass(frozen=True)
class Geometry:
    """Where the voxels of a scan lie.

    Attributes
    ----------
    slices : mapping of str to (int, float)
        instance_uid as it is stored -> slice_index, and the distance from the first slice along `step`, in mm.
    origin, across, down, step : ndarray of float, shape (3,)
        Centre of the first slice's first pixel, and what a column, a row and a mm between slices add to it, in mm.
    thickness : float
        Of a slice, in mm.
    """

    slices: Mapping[str, tuple[int, float]]
    origin: Points
    across: Points
    down: Points
    step: Points
    thickness: float


def store_readings(connection: Connection, readings: Sequence[Reading], key: str) -> Report:
    """Store what readers marked in scans, in one transaction; what was marked in them before is replaced.

    Lesions that they say are no nodules are irrelevant findings.

    Raises
    ------
    LungdbError
        None of the series is a scan with a place for the marks, there are no patients, or `key` is not the key that
        they were loaded with.
    """
    uid = stored_identity(connection, key).uid

    def nodules(reading: Reading, row: dict[str, Any]) -> Findings:
        geometry = read_geometry(connection, row)
        return {is_nodule: find_nodules(reading, geometry, uid, is_nodule=is_nodule) for is_nodule in (True, False)}

    return _store(connection, {reading.series_uid: reading for reading in readings}, uid, nodules)


def store_nodules(
    connection: Connection, series: Mapping[str, Sequence[Nodule]], key: str, *, is_relevant: bool = True
) -> Report:
    """Store nodules whose places are known, in one transaction; what was marked in their scans before is replaced.

    Parameters
    ----------
    series : mapping of str to sequence of Nodule
        SeriesInstanceUID as in the DICOM files -> its nodules.
    is_relevant : bool
        False for findings that are neither to be found nor false alarms: they replace such ones alone.

    Raises
    ------
    LungdbError
        None of the series is a scan, there are no patients, or `key` is not the key that they were loaded with.
    """
    uid = stored_identity(connection, key).uid
    return _store(connection, series, uid, lambda nodules, row: {is_relevant: [*nodules]})


def find_nodules(
    reading: Reading, geometry: Geometry, uid: Callable[[str], str], *, is_nodule: bool = True
) -> list[Nodule]:
    """Make nodules of the marks of a series: outlines first, then points, which are clustered apart.

    A nodule's centre is the mean of its readers' centres, each the mean of the outlines' points; its diameter the mean
    of the readers' greatest ones, each the greatest distance of two points of one outline.

    Parameters
    ----------
    uid : callable
        Gives the stored form of a UID.
    is_nodule : bool
        False makes findings of the lesions instead that readers say are no nodules.

    Raises
    ------
    PlaceError
        A mark has no place in the scan.
    """
    found = []
    for is_outlined in (True, False):
        marks = [mark for mark in reading.marks if (mark.is_nodule, mark.is_outlined) == (is_nodule, is_outlined)]
        indices = [np.concatenate([_indices(one, geometry, uid) for one in mark.contours]) for mark in marks]
        for group in cluster(indices, geometry.thickness):
            found.append(_nodule([marks[place] for place in group], geometry, uid))
    return found


def read_geometry(connection: Connection, row: Mapping[str, Any]) -> Geometry:
    """Return where the voxels of a scan lie.

    Parameters
    ----------
    row : mapping
        Its columns in dbo.scans.

    Raises
    ------
    PlaceError
        The scan was loaded before that was recorded.
    """
    thickness = row["slice_thickness"] or row["spacing_z"]
    axes = _axes(row)
    if axes is None or not thickness:
        raise PlaceError(NO_GEOMETRY)
    origin, across, down, step = axes
    slices = run(connection, _SLICES, (row["scan_id"],))[0].rows
    first = slices[0][2] if slices else 0.0
    return Geometry(
        slices={uid: (index, position - first) for uid, index, position in slices},
        origin=origin,
        across=across,
        down=down,
        step=step,
        thickness=float(thickness),
    )


def _axes(row: Mapping[str, Any]) -> tuple[Points, Points, Points, Points] | None:
    """Return a scan's origin and what a column, a row and a mm along the normal add; None where it is not told."""
    origin, across, down, step = (
        np.array([row[f"{name}_{axis}"] for axis in "xyz"], dtype=float) for name in ("origin", "row", "column", "step")
    )
    spacings = np.array([row["spacing_x"], row["spacing_y"]], dtype=float)
    if not np.isfinite([*origin, *across, *down, *spacings]).all():
        return None
    normal = np.cross(across, down)
    if normal[2] < 0:
        normal = -normal  # slices lie feet to head
    if not np.isfinite(step).all():
        step = normal  # of a single slice
    # Slices may be missing: each lies on the line that they are stacked on, where its position on the normal says.
    return origin, across * spacings[0], down * spacings[1], step / float(step @ normal)


def _is_outside(nodule: Nodule, row: Mapping[str, Any]) -> bool:
    """Tell whether a nodule lies beside the pictures of its scan, or below it."""
    axes = _axes(row)
    if axes is None:
        return False
    origin, across, down, step = axes
    x, y, z = np.linalg.solve(np.column_stack([across, down, step]), np.array(nodule.centre) - origin)
    apart = row["spacing_z"] or 0.0
    return bool(min(x, y) < -0.5 or x > row["image_cols"] - 0.5 or y > row["image_rows"] - 0.5 or z < -apart)


def _store(
    connection: Connection,
    series: Mapping[str, Given],
    uid: Callable[[str], str],
    nodules: Callable[[Given, dict[str, Any]], Findings],
) -> Report:

    def store() -> Report:
        run(connection, LOCK_SCANS)
        rows = {row["series_uid"]: row for row in run(connection, _SCANS)[0].records()}
        unknown = [raw for raw in series if uid(raw) not in rows]
        if len(unknown) == len(series):
            raise no_scan_known(len(series))
        found: dict[int, Findings] = {}
        without: dict[str, list[int]] = {}
        for raw, given in series.items():
            row = rows.get(uid(raw))
            if row is not None:
                try:
                    found[row["scan_id"]] = nodules(given, row)
                except PlaceError as error:
                    without.setdefault(str(error), []).append(row["scan_id"])
        passed = [_without(reason, scans) for reason, scans in without.items()]
        by_id = {row["scan_id"]: row for row in rows.values()}
        outside = [
            scan_id
            for scan_id, each in found.items()
            if any(_is_outside(one, by_id[scan_id]) for kind in each.values() for one in kind)
        ]
        if not found:
            raise LungdbError(f"{' '.join(passed)} Nothing has been changed.")
        contents = {scan_id: bytes(row["content_sha256"]) for scan_id, row in by_id.items()}
        # All scans of a file have the same kinds of findings, none of a kind included.
        lines = [
            _replace(connection, {scan_id: each[kind] for scan_id, each in found.items()}, contents, is_relevant=kind)
            for kind in next(iter(found.values()))
        ]
        if outside:
            passed.append(
                f"{len(outside)} scans have nodules outside of their pictures ({_named(outside)}). Check that the "
                "marks are of these scans."
            )
        return Report([*lines, *passed], unknown)

    return committed(connection, store)[0]


def _replace(
    connection: Connection, found: Mapping[int, Sequence[Nodule]], contents: Mapping[int, bytes], *, is_relevant: bool
) -> str:
    """Replace the findings of a kind, and say so."""
    changed, before = replace_nodules(connection, found, contents, is_relevant=is_relevant)
    flat = [one for each in found.values() for one in each]
    points = sum(one.diameter is None for one in flat)
    what = "Nodules" if is_relevant else "Irrelevant findings"
    return (
        f"{what}: {len(flat)} in {len(found)} scans, {points} of them points; {changed} scans changed, {before} "
        "of which had others before."
    )


def _without(reason: str, scans: Sequence[int]) -> str:
    return (
        f"{len(scans)} scans {reason}, so that what is marked in them was passed over ({_named(scans)}). Load the scan "
        "again from the files that were marked: lungdb load-scans."
    )


def _named(scans: Sequence[int]) -> str:
    return f"scan_id {', '.join(map(str, scans[:_SHOWN_SCANS]))}{', …' if len(scans) > _SHOWN_SCANS else ''}"


def _indices(contour: Contour, geometry: Geometry, uid: Callable[[str], str]) -> Points:
    """Return column, row and slice index of a contour's points."""
    found = geometry.slices.get(uid(contour.instance_uid))
    if found is None:
        raise PlaceError(NO_SLICE)
    points = np.array(contour.points)
    return np.column_stack([points, np.full(len(points), float(found[0]))])


def _nodule(marks: Sequence[Mark], geometry: Geometry, uid: Callable[[str], str]) -> Nodule:
    centres = []
    diameters = []
    for mark in marks:
        # What is excluded, such as air in a nodule, says nothing of where it ends.
        contours = [one for one in mark.contours if one.included] or [*mark.contours]
        places = [_places(one, geometry, uid) for one in contours]
        centres.append(np.concatenate(places).mean(axis=0))
        outlines = [_extent(one) for one in places if len(one) > 1]
        if outlines:
            diameters.append(max(outlines))
    x, y, z = (float(value) for value in np.mean(centres, axis=0))
    ratings = [mark.malignancy for mark in marks if mark.malignancy is not None]
    return Nodule(
        centre=(x, y, z),
        diameter=fmean(diameters) if diameters and max(diameters) > 0 else None,
        readers=len({mark.reader for mark in marks}),
        malignancy=float(median(ratings)) if ratings else None,
    )


def _places(contour: Contour, geometry: Geometry, uid: Callable[[str], str]) -> Points:
    """Return a contour's points in mm."""
    points = np.array(contour.points)
    _, along = geometry.slices[uid(contour.instance_uid)]
    steps: Points = geometry.origin + points @ np.stack([geometry.across, geometry.down]) + along * geometry.step
    return steps


def _extent(points: Points) -> float:
    """Return the greatest distance of two points."""
    return max(math.sqrt(float(((points - one) ** 2).sum(axis=1).max())) for one in points)
