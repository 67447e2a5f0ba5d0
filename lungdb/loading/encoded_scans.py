"""From a series and its encoded slices to a scan as it is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lungdb.dicom.identity import Identity
from lungdb.dicom.series import Series
from lungdb.dicom.series_rule import Extent
from lungdb.dicom.tasks import ENCODING, EncodedSlice
from lungdb.imaging.codecs import content_sha256
from lungdb.loading.scan_store import INTAKE_RULE, EncodedScan
from lungdb.loading.studies import Settling, stored_time_point


def stored_extent(series: Series, identity: Identity) -> Extent:
    """Return a series' extent as the database has it."""
    extent = series.extent
    return replace(extent, series_uid=identity.uid(extent.series_uid), kernel=identity.kernel(extent.kernel))


def make_scan(
    series: Series, encoded: Sequence[EncodedSlice], identity: Identity, study_year: int | None, settling: Settling
) -> EncodedScan:
    """Put a series together with its encoded slices, which are in the order of its headers.

    Parameters
    ----------
    study_year : int or None
        Of dbo.scans.
    """
    slices = [
        (position, identity.uid(one.instance_uid), one.slope, one.intercept, ENCODING, part.pixels, part.sha256)
        for position, one, part in zip(series.positions, series.headers, encoded, strict=True)
    ]
    first, acquisition, extent = series.first, series.acquisition, stored_extent(series, identity)
    frame, point = acquisition.frame_of_reference_uid, stored_time_point(acquisition, identity)
    dates = [identity.date(day, first.patient_id) for day in (first.study_date, acquisition.day)]
    columns = {
        "series_uid": extent.series_uid,
        "study_uid": identity.uid(first.study_uid),
        "study_date": dates[0],
        "acquisition_date": dates[1],
        "date_rule": identity.date_rule if any(dates) else None,
        "study_year": study_year,
        **dict(zip(("time_point_kind", "time_point"), point or (None, None), strict=True)),
        "manufacturer": identity.manufacturer(first.manufacturer),
        "deidentification": identity.method_codes,
        "image_rows": first.rows,
        "image_cols": first.columns,
        "number_images": extent.number_images,
        "spacing_z": extent.spacing_z,
        "spacing_y": first.pixel_spacing[0],
        "spacing_x": first.pixel_spacing[1],
        "gantry_tilt": series.gantry_tilt,
        "patient_orientation": first.patient_orientation,
        "content_sha256": content_sha256(row[-1] for row in slices),
        "intake_rule": INTAKE_RULE,
        "monoenergetic_kev": extent.monoenergetic_kev,
        "convolution_kernel": extent.kernel,
        "kvp": acquisition.kvp,
        "slice_thickness": acquisition.slice_thickness,
        "has_contrast": acquisition.has_contrast,
        "patient_age": acquisition.patient_age,
        "frame_of_reference_uid": frame and identity.uid(frame),
        **_vector("origin", first.position),
        **_vector("row", first.orientation[:3]),
        **_vector("column", first.orientation[3:]),
        **_vector("step", series.step or (None, None, None)),
    }
    clipped = sum(part.clipped for part in encoded)
    return EncodedScan(identity.patient(first.patient_id), extent, columns, slices, clipped, settling)


def _vector(name: str, values: Sequence[float | None]) -> dict[str, float | None]:
    return {f"{name}_{axis}": value for axis, value in zip("xyz", values, strict=True)}
