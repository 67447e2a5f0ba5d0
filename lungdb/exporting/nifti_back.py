"""Volumes that `lungdb export` wrote as NIfTI, back as scans."""

from __future__ import annotations

import json
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lungdb.database import Connection
from lungdb.database.retrying import retried
from lungdb.dicom.rejection import REASONS, RejectedError
from lungdb.dicom.series_rule import Extent
from lungdb.errors import LungdbError
from lungdb.exporting.nifti import FOLDER, nibabel_module
from lungdb.exporting.scan_facts import COLUMNS, DATES, SLICES
from lungdb.imaging.codecs import SHUFFLED, content_sha256, encode_slice
from lungdb.loading.scan_store import EncodedScan, store_scan
from lungdb.loading.studies import Settling, read_rule


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
        try:
            scan = _read(path, settling)
        except (KeyError, TypeError, ValueError) as error:
            raise LungdbError(
                f"'{path.name}' does not describe a volume as lungdb export does. Export it again."
            ) from error
        try:
            outcome = retried(partial(store_scan, connection, scan, replace=False), connection)
        except RejectedError as error:
            outcome = REASONS[error.reason]
        counts[outcome] = counts.get(outcome, 0) + 1
    return counts


def _read(path: Path, settling: Settling) -> EncodedScan:
    beside = json.loads(path.read_text(encoding="utf-8"))
    nibabel = nibabel_module()
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
