"""Patients: the worklist, one patient, the truth, and who is like whom."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from lungdb.errors import LungdbError, SqlError
from lungdb_web.queries.calling import Call
from lungdb_web.queries.installed import NO_PERMISSION, NO_SIMILAR, Installed, NotInstalled, granted_or
from lungdb_web.scans.geometry import pixel_size
from lungdb_web.scans.placement import Placement
from lungdb_web.scans.upright import STANDARD, is_across

STATES = ("no features", "not scored", "scored", "failed")
_VECTORS = ("origin", "row", "column", "step")
SORTS = ("index", "name", "date", "slices", "probability", "scored", "work")


@dataclass(frozen=True)
class PatientRow:
    """A row of the worklist; probability in percent.

    Attributes
    ----------
    has_images : bool
        Whether slices of the primary scan are stored.
    readers : int
        How many accounts have reviewed it.
    suspicion : int or None
        What the reader who was asked for has said of it last; None where that is nothing.
    """

    patient_index: int
    display_name: str | None
    sex: str | None
    birth_year: int | None
    study_date: date | None
    slices: int | None
    probability_percent: float | None
    model_name: str | None
    model_version: int | None
    predicted_at: datetime | None
    state: str
    patient_id: str
    has_images: bool
    readers: int
    suspicion: int | None


@dataclass(frozen=True)
class Patient:
    """A patient with the primary scan; spacing in millimetres, gantry_tilt in degrees, content_sha256 in hexadecimal.

    Rows and columns are those of the slices as `lungdb_web.scans.upright` turns them. patient_orientation tells how
    they are stored; None where that was not recorded. placement is that of the turned slices. date_rule is shifted of
    a study_date that is not the true one.
    """

    patient_index: int
    display_name: str | None
    sex: str | None
    birth_year: int | None
    scan_id: int
    study_date: date | None
    date_rule: str | None
    manufacturer: str | None
    image_rows: int
    image_cols: int
    slices: int
    spacing_z: float | None
    spacing_y: float | None
    spacing_x: float | None
    gantry_tilt: float | None
    patient_orientation: str | None
    content_sha256: str
    part: str | None
    state: str
    failure: str | None
    patient_id: str
    placement: Placement | None = None


@dataclass(frozen=True)
class Truth:
    """What is known: label 0 or 1, or a class above where the site has more, and where it comes from."""

    label: int
    source: str | None


@dataclass(frozen=True)
class SimilarPatient:
    """Another patient; similarity is the cosine of the features, -1 to 1."""

    patient_index: int
    display_name: str | None
    study_date: date | None
    similarity: float
    probability_percent: float | None
    state: str


class TruthWithheld(LungdbError):  # noqa: N818 - it says what is, as DatabaseUnavailable does
    """The site does not grant the page the right to show what is known of patients' cancer."""


def list_patients(
    call: Call,
    search: str = "",
    state: str | None = None,
    sort: str = "index",
    descending: bool = False,
    offset: int = 0,
    limit: int = 50,
    reader: str | None = None,
    unread: bool = False,
) -> tuple[list[PatientRow], int]:
    """Return a page of the worklist, and how many patients all pages have together.

    Parameters
    ----------
    reader : str, optional
        The account whose own suspicion is told.
    unread : bool
        Whether only what this account has not reviewed is listed.
    """
    listed, total = call(
        "DECLARE @Total INT; EXECUTE dbo.ListPatients @Search = ?, @State = ?, @Sort = ?, @Descending = ?, "
        "@Offset = ?, @Limit = ?, @Total = @Total OUTPUT, @Reader = ?, @Unread = ?; SELECT @Total AS total;",
        search or None,
        state,
        sort,
        int(descending),
        offset,
        limit,
        reader,
        int(unread),
    )
    return [PatientRow(**row) for row in listed.records()], int(total.scalar())


def show_patient(call: Call, index: int) -> Patient:
    """Return a patient.

    Raises
    ------
    SqlError
        50107: there is none with this index.
    """
    (shown,) = call("EXECUTE dbo.ShowPatient @PatientIndex = ?;", index)
    record = shown.records()[0]
    vectors = {name: tuple(record.pop(f"{name}_{axis}") for axis in "xyz") for name in _VECTORS}
    found = Patient(**record)
    if is_across(found.patient_orientation or STANDARD):
        found = replace(
            found,
            image_rows=found.image_cols,
            image_cols=found.image_rows,
            spacing_y=found.spacing_x,
            spacing_x=found.spacing_y,
        )
    return replace(found, placement=_placement(found, vectors))


def _placement(patient: Patient, vectors: dict[str, tuple[float | None, ...]]) -> Placement | None:
    known: dict[str, Any] = {name: None if None in vector else vector for name, vector in vectors.items()}
    if patient.patient_orientation is None or not all(known[name] for name in ("origin", "row", "column")):
        return None
    pixel = pixel_size(patient.spacing_y, patient.spacing_x)
    return Placement(**known).upright(patient.patient_orientation, patient.image_rows, patient.image_cols, pixel)


def show_truth(call: Call, index: int) -> Truth | None:
    """Return what is known of a patient, None where nothing is.

    Raises
    ------
    TruthWithheld
        The page's login may not ask for it.
    """
    try:
        (shown,) = call("EXECUTE dbo.ShowTruth @PatientIndex = ?;", index)
    except SqlError as error:
        if error.number != NO_PERMISSION:
            raise
        raise TruthWithheld("This site does not show what is known of patients' cancer.") from error
    return next((Truth(**row) for row in shown.records()), None)


def similar_patients(
    call: Call, installed: Installed, index: int, model_name: str, limit: int = 8
) -> list[SimilarPatient]:
    """Return the patients whose features are most like this one's, the most similar first.

    Raises
    ------
    NotInstalled
        The database has no procedure for it.
    SqlError
        50109: the patient has no features that the model reads. 50108: there is no such model.
    """
    if not installed.finds_similar:
        raise NotInstalled(NO_SIMILAR)
    with granted_or(NO_SIMILAR):
        (found,) = call(
            "EXECUTE dbo.SimilarPatients @PatientIndex = ?, @ModelName = ?, @Limit = ?;",
            index,
            model_name,
            limit,
            lane="comparisons",
        )
    return [SimilarPatient(**row) for row in found.records()]
