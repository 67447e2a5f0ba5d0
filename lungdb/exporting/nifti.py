"""Volumes as NIfTI files, each with a JSON file beside it that says what it is of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungdb.client import Database
from lungdb.database import Connection, run
from lungdb.errors import LungdbError
from lungdb.exporting.folder import write_whole
from lungdb.exporting.reading import Chosen, KnownScan, rights
from lungdb.exporting.scan_facts import scan_facts, to_json

FOLDER = "volumes"
_PLACES = tuple(f"{name}_{axis}" for name in ("origin", "row", "column", "step") for axis in "xyz")
_MODULE = 'Volumes are written with {}. Run: pip install "lungdb[export]"'
_WITH_PIXELS = "SELECT DISTINCT scan_id FROM dbo.scan_images;"


def affine_of(facts: Mapping[str, Any]) -> NDArray[np.float64] | None:
    """Return where the voxels of a scan lie, as NIfTI has it.

    Parameters
    ----------
    facts : mapping
        Columns of dbo.scans: origin, row, column and step in DICOM's coordinates (left, posterior, superior), and the
        spacing in millimetres.

    Returns
    -------
    float64[4, 4] or None
        From column, row and slice to millimetres right to left: RAS, so that x and y have DICOM's sign turned
        (https://nifti.nimh.nih.gov/nifti-1/documentation/faq#Q14). None where that is not known.
    """
    if any(facts[name] is None for name in (*_PLACES, "spacing_x", "spacing_y")):
        return None
    origin, row, column, step = (
        np.array([facts[f"{name}_{axis}"] for axis in "xyz"], np.float64)
        for name in ("origin", "row", "column", "step")
    )
    affine = np.eye(4)
    affine[:3] = np.column_stack([row * facts["spacing_x"], column * facts["spacing_y"], step, origin])
    affine[:2] *= -1
    return affine


def write_volumes(connection: Connection, folder: Path, chosen: Chosen, say: Callable[[str], None]) -> int:
    """Write each scan as scan-NUMBER.nii.gz, int16, Hounsfield units, and scan-NUMBER.json; returns how many.

    One that is there already with the same content, from a run that was killed, is not written again.

    Raises
    ------
    LungdbError
        nibabel is not installed, or a slice is damaged.
    """
    database = Database(connection, lambda message: say(message.text))
    place = folder / FOLDER
    place.mkdir(exist_ok=True)
    with rights("slices of scans", "administrator"):
        there = {row[0] for row in run(connection, _WITH_PIXELS)[0].rows}
    unplaced = written = 0
    for scan in chosen.scans:
        if scan.scan_id not in there:
            continue
        facts = scan_facts(connection, [scan])[scan.scan_id]
        affine = affine_of(facts)
        unplaced += affine is None
        written += 1
        beside = {
            "patient_id": scan.patient_id,
            "series_uid": scan.series_uid,
            "content_sha256": scan.content_sha256.hex(),
            "unit": "Hounsfield unit",
            "place_is_known": affine is not None,
            **facts,
        }
        _write(database, place / f"scan-{scan.scan_id:06}", scan, beside, affine)
    if unplaced:
        say(
            f"{unplaced} volumes lie in no known place, because the database does not know their origin or step: their "
            "NIfTI has spacings at most, and no sform or qform."
        )
    if written < len(chosen.scans):
        say(f"{len(chosen.scans) - written} scans have no slices in the database, and so no volume.")
    return written


def _write(
    database: Database,
    name: Path,
    scan: KnownScan,
    beside: Mapping[str, Any],
    affine: NDArray[np.float64] | None,
) -> None:
    path, text = name.with_suffix(".nii.gz"), to_json(beside) + "\n"
    described = name.with_suffix(".json")
    if path.is_file() and described.is_file() and described.read_text(encoding="utf-8") == text:
        return
    nibabel = nibabel_module()
    hu = database.volume(scan.scan_id)
    image = nibabel.Nifti1Image(hu.transpose(2, 1, 0), affine, dtype=np.int16)
    if affine is None:
        # What is not known is 0 in pixdim, which readers take for 1.
        image.header["pixdim"][1:4] = [beside[f"spacing_{axis}"] or 0 for axis in "xyz"]
    image.set_sform(affine, code=0 if affine is None else 1)
    image.set_qform(affine, code=0 if affine is None or not _is_rigid(affine) else 1)
    image.header.set_xyzt_units("mm")
    write_whole(path, lambda other: nibabel.save(image, other))
    # Last, because it says that the volume is whole.
    write_whole(described, lambda other: other.write_text(text, encoding="utf-8"))


def _is_rigid(affine: NDArray[np.float64]) -> bool:
    """Tell whether the axes are at right angles: a qform has no place for a tilted gantry's shear."""
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return bool(np.allclose(axes.T @ axes, np.eye(3), atol=1e-4))


def nibabel_module() -> Any:
    """Return nibabel; LungdbError where it is not installed."""
    try:
        import nibabel
    except ModuleNotFoundError as error:
        raise LungdbError(_MODULE.format(error.name)) from error
    return nibabel
