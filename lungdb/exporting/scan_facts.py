"""What is known of a scan, as one JSON object: the form in which features and volumes bring their scans along."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from typing import Any

from lungdb.database import Connection, run
from lungdb.exporting.reading import KnownScan, rights

COLUMNS = (
    "study_date", "acquisition_date", "date_rule", "study_year", "time_point_kind", "time_point", "manufacturer",
    "deidentification", "image_rows", "image_cols", "number_images", "spacing_z", "spacing_y", "spacing_x",
    "gantry_tilt", "patient_orientation", "intake_rule", "monoenergetic_kev", "convolution_kernel", "kvp",
    "slice_thickness", "has_contrast", "patient_age", "frame_of_reference_uid", "origin_x", "origin_y", "origin_z",
    "row_x", "row_y", "row_z", "column_x", "column_y", "column_z", "step_x", "step_y", "step_z",
)  # fmt: skip
"""Of dbo.scans, as loading a scan fills them: what follows from the patient's other scans is not among them."""
SLICES = ("position_z", "instance_uid", "rescale_slope", "rescale_intercept")
"""Of dbo.scan_images, but for the pixels."""

DATES = ("study_date", "acquisition_date")


def scan_facts(connection: Connection, scans: Sequence[KnownScan]) -> dict[int, dict[str, Any]]:
    """Return of each scan, by scan_id, its columns of dbo.scans and its slices without their pixels.

    Returns
    -------
    dict
        scan_id -> study_uid, `COLUMNS`, and slices: a list of objects with `SLICES` and pixels_sha256 in hexadecimal.
    """
    among = ", ".join("?" * len(scans))
    ids = [scan.scan_id for scan in scans]
    with rights("slices of scans", "administrator"):
        found = run(
            connection,
            f"SELECT scan_id, study_uid, {', '.join(COLUMNS)} FROM dbo.scans WHERE scan_id IN ({among});",
            ids,
        )[0].records()
        slices = run(
            connection,
            f"SELECT scan_id, {', '.join(SLICES)}, pixels_sha256 FROM dbo.scan_images WHERE scan_id IN ({among}) "
            "ORDER BY scan_id, slice_index;",
            ids,
        )[0].records()
    facts = {row.pop("scan_id"): {name: _plain(value) for name, value in row.items()} for row in found}
    for each in facts.values():
        each["slices"] = []
    for row in slices:
        row["pixels_sha256"] = bytes(row["pixels_sha256"]).hex()
        facts[row.pop("scan_id")]["slices"].append(row)
    return facts


def to_json(facts: Mapping[str, Any]) -> str:
    """Write the facts of a scan; numbers read back to the same ones."""
    return json.dumps(facts, ensure_ascii=False, sort_keys=True)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime.date):
        return value.isoformat()
    return int(value) if isinstance(value, bool) else value
