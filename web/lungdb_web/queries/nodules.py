"""Nodules of a patient's scan: what detectors found, and what readers marked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lungdb.errors import SqlError
from lungdb_web.queries.calling import Call
from lungdb_web.queries.installed import NO_NODULES, NO_PERMISSION, Installed, NotInstalled, granted_or
from lungdb_web.queries.patients import Patient, TruthWithheld
from lungdb_web.scans.upright import STANDARD, is_across

_ABSENT = 2812
"""SQL Server's number of a call of what is not there, or may not be seen."""


@dataclass(frozen=True)
class Spot:
    """Where a nodule lies, and how large it is.

    Attributes
    ----------
    x, y, z : float
        Of its centre in mm, to the patient's left, back and head.
    slice, row, column : float or None
        From 0, from the middle of the first, of the slices as `lungdb_web.scans.upright` turns them; None where it is
        not known how the scan lies.
    diameter, volume : float or None
        In mm and mm³.
    """

    x: float
    y: float
    z: float
    slice: float | None
    row: float | None
    column: float | None
    diameter: float | None
    volume: float | None


@dataclass(frozen=True)
class Stage:
    """What a later stage says of a nodule: the score of its network, 0 to 1."""

    network_name: str
    network_version: int
    preprocessing: str
    score: float


@dataclass(frozen=True)
class Found:
    """A nodule that a detector found.

    Attributes
    ----------
    rank : int
        Among those of the detector, from 1.
    score : float or None
        The detector's, 0 to 1.
    product : float or None
        That times those of the later stages.
    """

    nodule_id: int
    rank: int
    spot: Spot
    score: float | None
    product: float | None
    stages: tuple[Stage, ...]


@dataclass(frozen=True)
class Detector:
    """A detector that saw the scan, with what it found, the most probable first."""

    network_id: int
    network_name: str
    network_version: int
    preprocessing: str
    found: tuple[Found, ...]


@dataclass(frozen=True)
class Hit:
    """A candidate that lies within a nodule of the truth; `product` is its score and `distance` in mm."""

    found_id: int
    network_id: int
    network_name: str
    network_version: int
    preprocessing: str
    found_rank: int
    product: float | None
    distance: float


@dataclass(frozen=True)
class Marked:
    """A nodule that readers marked.

    Attributes
    ----------
    readers : int or None
        How many did.
    malignancy : float or None
        Median of their impressions, 1 to 5.
    is_relevant : bool
        Whether it is to be found, by the rule of EvaluateNodules; what is not is no false alarm either.
    hits : tuple of Hit
        The best candidate of each detector that found it.
    """

    nodule_id: int
    spot: Spot
    readers: int | None
    malignancy: float | None
    is_relevant: bool
    hits: tuple[Hit, ...]


def read_nodules(call: Call, installed: Installed, index: int, patient: Patient) -> list[Detector]:
    """Read what detectors found in a patient's primary scan; empty where none saw it.

    Raises
    ------
    NotInstalled
        The database has no procedure for it.
    SqlError
        50107: no patient with a scan has this index.
    """
    if not installed.reads_nodules:
        raise NotInstalled(NO_NODULES)
    with granted_or(NO_NODULES):
        detectors, nodules, scores = call("EXECUTE dbo.ReadNodules @PatientIndex = ?;", index)
    stages: dict[int, list[Stage]] = {}
    for row in scores.records():
        stages.setdefault(row.pop("nodule_id"), []).append(Stage(**row))
    found: dict[tuple[int, str], list[Found]] = {}
    for row in nodules.records():
        number = row["nodule_id"]
        one = Found(
            number, row["found_rank"], _spot(row, patient), row["score"], row["product"], tuple(stages.get(number, ()))
        )
        found.setdefault((row["network_id"], row["preprocessing"]), []).append(one)
    return [
        Detector(
            row["network_id"],
            row["network_name"],
            row["network_version"],
            row["preprocessing"],
            tuple(found.get((row["network_id"], row["preprocessing"]), ())),
        )
        for row in detectors.records()
    ]


def show_nodule_truth(call: Call, index: int, patient: Patient) -> list[Marked]:
    """Return what readers marked in a patient's primary scan, and what of it was found.

    Raises
    ------
    TruthWithheld
        The page's login may not ask for it.
    """
    try:
        nodules, hits = call("EXECUTE dbo.ShowNoduleTruth @PatientIndex = ?;", index)
    except SqlError as error:
        if error.number not in (NO_PERMISSION, _ABSENT):
            raise
        raise TruthWithheld("This site does not show what readers marked in scans.") from error
    by_nodule: dict[int, list[Hit]] = {}
    for row in hits.records():
        by_nodule.setdefault(row.pop("nodule_id"), []).append(Hit(**row))
    return [
        Marked(
            row["nodule_id"],
            _spot(row, patient),
            row["readers"],
            row["malignancy"],
            bool(row["is_nodule"]),
            tuple(by_nodule.get(row["nodule_id"], ())),
        )
        for row in nodules.records()
    ]


def _spot(row: Mapping[str, Any], patient: Patient) -> Spot:
    """Turn a place among stored pixels as the slices are turned."""
    down, across = row["pixel_row"], row["pixel_column"]
    if down is not None and across is not None:
        columns, rows = tuple(patient.patient_orientation or STANDARD)
        if is_across(columns + rows):
            down, across, columns, rows = across, down, rows, columns
        if columns == "R":
            across = patient.image_cols - 1 - across
        if rows == "A":
            down = patient.image_rows - 1 - down
    return Spot(row["x"], row["y"], row["z"], row["slice"], down, across, row["diameter"], row["volume"])
