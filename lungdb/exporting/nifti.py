"""Volumes as NIfTI files, each with a JSON file beside it that says what they are of, and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungdb.client import Database
from lungdb.database import Connection, run
from lungdb.database.retrying import retried
from lungdb.dicom.rejection import REASONS, RejectedError
from lungdb.dicom.series_rule import Extent
from lungdb.errors import LungdbError
from lungdb.exporting.folder import write_whole
from lungdb.exporting.reading import Chosen, KnownScan, rights
from lungdb.exporting.scan_facts import COLUMNS, DATES, SLICES, scan_facts, to_json
from lungdb.imaging.codecs import SHUFFLED, content_sha256, encode_slice
from lungdb.loading.scan_store import EncodedScan, store_scan
from lungdb.loading.studies import Settling, read_rule

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
    nibabel = _nibabel()
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


def take_volumes(connection: Connection, folder: Path) -> dict[str, int] | None:
    """Take volumes back as scans with slices; None where they were not exported.

    Returns
    -------
    dict
        Outcome of `store_scan`, or the reason why one was not taken -> how many.

    Raises
    ------
    LungdbError
        A volume is not the one that its JSON file describes; those before it stay.
    """
    described = sorted((folder / FOLDER).glob("*.json"))
    if not described:
        return None
    settling = Settling(retried(lambda: read_rule(connection, None), connection))
    counts: dict[str, int] = {}
    for path in described:
        scan = _read(path, settling)
        try:
            outcome = retried(partial(store_scan, connection, scan, replace=False), connection)
        except RejectedError as error:
            outcome = REASONS[error.reason]
        counts[outcome] = counts.get(outcome, 0) + 1
    return counts


def _read(path: Path, settling: Settling) -> EncodedScan:
    beside = json.loads(path.read_text(encoding="utf-8"))
    nibabel = _nibabel()
    volume = path.with_suffix(".nii.gz")
    try:
        image = nibabel.load(volume)
        hu = np.asanyarray(image.dataobj).transpose(2, 1, 0)
    except (OSError, EOFError, ValueError, nibabel.filebasedimages.ImageFileError) as error:
        raise LungdbError(f"'{volume.name}' cannot be read as NIfTI ({error}). Export it again.") from error
    slices = []
    for facts, pixels in zip(beside["slices"], hu, strict=False):
        blob, sha256 = encode_slice(np.ascontiguousarray(pixels, np.int16), SHUFFLED)
        slices.append((*[facts[name] for name in SLICES], SHUFFLED, blob, sha256))
    content = content_sha256(row[-1] for row in slices)
    if hu.dtype != np.int16 or len(slices) != len(hu) or content.hex() != beside["content_sha256"]:
        raise LungdbError(
            f"'{volume.name}' has other Hounsfield units than its JSON file was written for. Export it again; a volume "
            "that was changed is another scan, and comes as DICOM."
        )
    columns = {
        "series_uid": beside["series_uid"],
        "study_uid": beside["study_uid"],
        "content_sha256": content,
        **{name: _value(name, beside[name]) for name in COLUMNS},
    }
    extent = Extent(
        beside["series_uid"], beside["spacing_z"], beside["number_images"], beside["monoenergetic_kev"],
        beside["slice_thickness"], beside["convolution_kernel"],
    )  # fmt: skip
    return EncodedScan(beside["patient_id"], extent, columns, slices, 0, settling)


def _value(name: str, value: Any) -> Any:
    return date.fromisoformat(value) if name in DATES and value is not None else value


def _is_rigid(affine: NDArray[np.float64]) -> bool:
    """Tell whether the axes are at right angles: a qform has no place for a tilted gantry's shear."""
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return bool(np.allclose(axes.T @ axes, np.eye(3), atol=1e-4))


def _nibabel() -> Any:
    try:
        import nibabel
    except ModuleNotFoundError as error:
        raise LungdbError(_MODULE.format(error.name)) from error
    return nibabel
