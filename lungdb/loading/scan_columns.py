"""A scan of a folder of features: the JSON of its columns, checked, as the scan that is stored, without slices."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

from lungdb.dicom.series_rule import Extent
from lungdb.errors import LungdbError, escaped
from lungdb.loading.feature_folder import FeatureRow
from lungdb.loading.scan_store import EncodedScan
from lungdb.loading.studies import Settling

_WHOLE, _TINY = 2**31 - 1, 255  # INT and TINYINT
_VECTORS = tuple(f"{name}_{axis}" for name in ("origin", "row", "column", "step") for axis in "xyz")
_KINDS: dict[str, type | int] = {
    "study_date": date, "acquisition_date": date, "date_rule": 8, "study_year": int, "time_point_kind": 16,
    "time_point": float, "manufacturer": 64, "deidentification": 64, "image_rows": int, "image_cols": int,
    "number_images": int, "spacing_z": float, "spacing_y": float, "spacing_x": float, "gantry_tilt": float,
    "patient_orientation": 2, "intake_rule": int, "monoenergetic_kev": float, "convolution_kernel": 64, "kvp": float,
    "slice_thickness": float, "has_contrast": bool, "patient_age": int, "frame_of_reference_uid": 64,
    **dict.fromkeys(_VECTORS, float),
}  # fmt: skip
"""Column of dbo.scans -> what it holds; a number is how many characters a text may have."""
_NEEDED = ("image_rows", "image_cols", "number_images", "intake_rule")
_KNOWN_OTHERWISE = frozenset({"slices", "series_uid", "study_uid", "content_sha256"})
_LONGEST_ID = 64


def scan_of(row: FeatureRow, source: str, settling: Settling) -> EncodedScan:
    """Make the scan of a row.

    Parameters
    ----------
    source : str
        Of dbo.scans.source_uri.

    Raises
    ------
    LungdbError
        A column is missing, unknown, or holds what it cannot.
    """
    for name in ("series_uid", "study_uid", "patient_id"):
        if not 1 <= len(getattr(row, name)) <= _LONGEST_ID:
            raise LungdbError(f"{row.where} has no {name} of 1 to {_LONGEST_ID} characters. Make the features again.")
    found = {name: value for name, value in row.scan.items() if name not in _KNOWN_OTHERWISE}
    wrong = sorted(_KINDS.keys() - found.keys()) or sorted(found.keys() - _KINDS.keys())
    if wrong:
        does = "lacks" if wrong[0] in _KINDS else "has"
        raise LungdbError(
            f"{row.where} has a scan that {does} the column {escaped(wrong[0][:_LONGEST_ID])}. Load it with the "
            "version of lungdb that wrote it."
        )
    columns: dict[str, Any] = {
        "series_uid": row.series_uid,
        "study_uid": row.study_uid,
        "content_sha256": row.content_sha256,
        "source_uri": source,
        **{name: _value(row, name, found[name]) for name in _KINDS},
    }
    extent = Extent(
        row.series_uid, columns["spacing_z"], columns["number_images"], columns["monoenergetic_kev"],
        columns["slice_thickness"], columns["convolution_kernel"],
    )  # fmt: skip
    return EncodedScan(row.patient_id, extent, columns, [], 0, settling)


def _value(row: FeatureRow, name: str, value: Any) -> Any:
    kind = _KINDS[name]
    if value is None and name not in _NEEDED:
        return None
    refused = LungdbError(f"{row.where} has a scan whose {name} is not what dbo.scans holds. Make the features again.")
    if kind is date:
        try:
            return date.fromisoformat(value)
        except (TypeError, ValueError):
            raise refused from None
    if kind is bool and value in (0, 1):
        return bool(value)
    if kind is float and isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    least, most = (1 if name in _NEEDED else 0), (_WHOLE if name in _NEEDED[:3] else _TINY)
    if kind is int and isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
        return value
    if isinstance(kind, int) and isinstance(value, str) and len(value) <= kind:
        return value
    raise refused
