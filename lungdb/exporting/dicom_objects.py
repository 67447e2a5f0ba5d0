"""Scores as DICOM SR, maps of explanations as Parametric Map, masks as Segmentation, by highdicom."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from highdicom import PixelMeasuresSequence, PlaneOrientationSequence, PlanePositionSequence, VOILUTTransformation
from highdicom.content import AlgorithmIdentificationSequence
from highdicom.pm import ParametricMap, RealWorldValueMapping
from highdicom.seg import Segmentation, SegmentDescription
from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    ComprehensiveSR,
    DeviceObserverIdentifyingAttributes,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    SourceImageForMeasurementGroup,
    TrackingIdentifier,
)
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.sr.codedict import codes

from lungdb import __version__
from lungdb.exporting.dicom_source import orientation_of, position_of
from lungdb.imaging.dicom_values import derived_uid

MAKER = "lungdb"
_EQUIPMENT = {
    "manufacturer": MAKER,
    "manufacturer_model_name": MAKER,
    "software_versions": __version__,
    "device_serial_number": "unknown",
}
_OBSERVER = derived_uid(MAKER)
_RESEARCH = "Score of a research model; no diagnosis."


@dataclass(frozen=True)
class Score:
    """A score of a scan.

    Attributes
    ----------
    model_sha256 : str
        Hexadecimal.
    probability : float
        0 to 1.
    predicted_at : datetime
        UTC.
    """

    prediction_id: int
    model_name: str
    model_version: int
    model_sha256: str
    probability: float
    raw_probability: float | None
    prevalence: float | None
    scope: str | None
    predicted_at: datetime.datetime

    def uid(self, what: str, series_uid: str) -> str:
        """Return the UID of an object that is made of the score."""
        return derived_uid(what, series_uid, self.model_sha256, self.predicted_at.isoformat(), self.probability)


@dataclass(frozen=True)
class RegionMap:
    """A map of a slice, as dbo.score_maps has it.

    Attributes
    ----------
    values : float32[map_rows, map_cols]
        In units of the margin.
    part : tuple of int
        first_row, end_row, first_col, end_col of the pixels that it covers.
    """

    slice_index: int
    method: str
    values: NDArray[np.float32]
    part: tuple[int, int, int, int]


def score_report(source: Sequence[Dataset], score: Score) -> Dataset:
    """Return a score as a Comprehensive SR of TID 1500: the probability of cancer, 111047 of DCM, in percent.

    The model's name, version and SHA-256 identify the algorithm (TID 4019); what else is known of the score is among
    its parameters.
    """
    parameters = [f"sha256={score.model_sha256}", "value=calibrated probability of the label 1, in percent"]
    for name in ("raw_probability", "prevalence", "scope"):
        value = getattr(score, name)
        parameters.append(f"{name}={'unknown' if value is None else value}")
    algorithm = AlgorithmIdentification(score.model_name, str(score.model_version), parameters)
    group = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(
            score.uid("tracking", source[0].SeriesInstanceUID), f"{MAKER} score {score.prediction_id}"
        ),
        algorithm_id=algorithm,
        measurements=[Measurement(codes.DCM.ProbabilityOfCancer, 100 * score.probability, codes.UCUM.Percent)],
        source_images=[SourceImageForMeasurementGroup(each.SOPClassUID, each.SOPInstanceUID) for each in source],
    )
    device = ObserverContext(
        CodedConcept.from_code(codes.DCM.Device),
        DeviceObserverIdentifyingAttributes(_OBSERVER, MAKER, MAKER, MAKER, "unknown"),
    )
    content = MeasurementReport(
        ObservationContext(observer_device_context=device),
        codes.SCT.ComputedTomography,
        [group],
        title=codes.DCM.ImagingMeasurementReport,
    )
    report = ComprehensiveSR(
        source,
        content[0],
        series_instance_uid=score.uid("series of reports", source[0].SeriesInstanceUID),
        series_number=9001,
        sop_instance_uid=score.uid("report", source[0].SeriesInstanceUID),
        instance_number=1,
        is_complete=True,
        series_description=_RESEARCH,
        **_EQUIPMENT,
    )
    return _dated(report, score.predicted_at)


def region_map(source: Sequence[Dataset], facts: Mapping[str, Any], score: Score, maps: Sequence[RegionMap]) -> Dataset:
    """Return the maps of one method of a score as a Parametric Map of floats; its frames lie over their slices.

    Parameters
    ----------
    maps : sequence of RegionMap
        Of one method, shape and part.
    """
    first = maps[0]
    rows, cols = first.values.shape
    first_row, end_row, first_col, end_col = first.part
    height, width = (end_row - first_row) / rows, (end_col - first_col) / cols
    values = np.stack([each.values for each in maps]).astype(np.float32)
    # Centres of the first pixel and of the first of the map's, which is as many pixels large.
    positions = [
        PlanePositionSequence(
            "PATIENT",
            position_of(facts, each.slice_index, first_row + (height - 1) / 2, first_col + (width - 1) / 2).tolist(),
        )
        for each in maps
    ]
    name = f"{first.method} {first.part}"
    mapping = RealWorldValueMapping(
        lut_label=first.method[:16],
        lut_explanation=f"{first.method}: in units of the margin of {score.model_name}"[:64],
        unit=codes.UCUM.NoUnits,
        value_range=(float(values.min()), float(values.max())),
        slope=1,
        intercept=0,
    )
    made = ParametricMap(
        source,
        values,
        series_instance_uid=score.uid(f"series of maps {name}", source[0].SeriesInstanceUID),
        series_number=9002,
        sop_instance_uid=score.uid(f"map {name}", source[0].SeriesInstanceUID),
        instance_number=1,
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[mapping],
        voi_lut_transformations=[
            VOILUTTransformation(float(values.max() + values.min()) / 2, max(float(np.ptp(values)), 1e-6))
        ],
        content_label=first.method.upper(),
        content_description=f"{first.method} of a score by {score.model_name} {score.model_version}"[:64],
        pixel_measures=PixelMeasuresSequence(
            [facts["spacing_y"] * height, facts["spacing_x"] * width], float(source[0].SliceThickness)
        ),
        plane_orientation=PlaneOrientationSequence("PATIENT", orientation_of(facts)),
        plane_positions=positions,
        series_description=_RESEARCH,
        **_EQUIPMENT,
    )
    made.Laterality = ""  # the chest has both sides
    return _dated(made, score.predicted_at)


def threshold_mask(source: Sequence[Dataset], facts: Mapping[str, Any], hu: NDArray[np.int16], above: int) -> Dataset:
    """Return the voxels above a number of Hounsfield units as a binary Segmentation.

    Parameters
    ----------
    hu : int16[slices, rows, cols]
    """
    algorithm = AlgorithmIdentificationSequence(
        "Threshold of Hounsfield units",
        codes.cid7162.NeighborhoodAnalysis,
        __version__,
        source=MAKER,
        parameters={"above_hu": str(above)},
    )
    described = SegmentDescription(
        1,
        f"above {above} HU",
        codes.SCT.SpatialAndRelationalConcept,
        codes.DCM.SelectedRegion,
        "AUTOMATIC",
        algorithm,
    )
    series = source[0].SeriesInstanceUID
    mask = Segmentation(
        source,
        (hu > above).astype(np.uint8),
        "BINARY",
        [described],
        series_instance_uid=derived_uid("series of masks", series, above),
        series_number=9003,
        sop_instance_uid=derived_uid("mask", series, facts["content_sha256"], above),
        instance_number=1,
        content_label="THRESHOLD",
        content_description=f"Voxels above {above} HU",
        series_description=f"Voxels above {above} HU",
        **_EQUIPMENT,
    )
    day = facts["study_date"] if source[0].StudyDate else None
    return _dated(mask, datetime.datetime.fromisoformat(day) if day else None)


def _dated(made: Dataset, moment: datetime.datetime | None) -> Dataset:
    """Give an object the moment of what it is of, so that the same object is the same bytes at every export."""
    dimensions = derived_uid("dimensions", made.SOPInstanceUID)
    for organization in (*made.get("DimensionOrganizationSequence", []), *made.get("DimensionIndexSequence", [])):
        organization.DimensionOrganizationUID = dimensions
    if moment is not None:
        for keyword in ("InstanceCreation", "Content", "Series"):
            if f"{keyword}Date" in made:
                setattr(made, f"{keyword}Date", f"{moment:%Y%m%d}")
                setattr(made, f"{keyword}Time", f"{moment:%H%M%S}")
        for equipment in made.get("ContributingEquipmentSequence", []):
            equipment.ContributionDateTime = f"{moment:%Y%m%d%H%M%S}"
    return made
