"""Lungs that are known, from files of masks into dbo.lung_masks, under the method truth."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungdb.database import Connection, run
from lungdb.database.retrying import committed
from lungdb.errors import LungdbError, SqlError
from lungdb.imaging.volumes.geometry import Geometry
from lungdb.imaging.volumes.lungs import Lungs, dice, lungs_of
from lungdb.imaging.volumes.masks import decode_mask, encode_mask, onto
from lungdb.imaging.volumes.registry import Shape
from lungdb.imaging.volumes.scans import PLACE_COLUMNS, scan_geometry
from lungdb.loading.labels.scan_labels import no_scan_known
from lungdb.loading.mask_files import ENDINGS, MaskFile, read_mask_file, stem_of
from lungdb.loading.site_identity import stored_identity

Mask = NDArray[np.bool_]

LOBES = (
    "lung_upper_lobe_left",
    "lung_lower_lobe_left",
    "lung_upper_lobe_right",
    "lung_middle_lobe_right",
    "lung_lower_lobe_right",
)
"""Files that TotalSegmentator writes into a folder of a scan."""

_EXPORTED = re.compile(r"scan-(\d{1,9})")
_APART = 0.25  # of a voxel, between the middles of the mask's voxels and the scan's
_KNOWN = "SELECT scan_id, series_uid FROM dbo.scans;"
_SCAN = f"""
SELECT content_sha256, number_images, image_rows, image_cols, {", ".join(PLACE_COLUMNS)}
FROM dbo.scans WITH (UPDLOCK, HOLDLOCK) WHERE scan_id = ?;
"""
_MASKS = """
SELECT method, content_sha256, mask, mask_sha256 FROM dbo.lung_masks WITH (UPDLOCK, HOLDLOCK) WHERE scan_id = ?;
"""
_DELETE = "DELETE FROM dbo.lung_masks WHERE scan_id = ? AND method = N'truth';"
_INSERT = """
INSERT INTO dbo.lung_masks (scan_id, method, content_sha256, millilitres, first_slice, last_slice, first_row, last_row,
    first_col, last_col, mask, mask_sha256)
VALUES (?, N'truth', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);
"""
_DICE = "UPDATE dbo.lung_masks SET dice = ? WHERE scan_id = ? AND method = ?;"


@dataclass(frozen=True)
class Known:
    """The files that say where the lungs of a scan lie.

    Attributes
    ----------
    name : str
        SeriesInstanceUID as in the DICOM files or as it is stored, or `scan-` and the scan's number, as `lungdb export`
        names volumes.
    paths : list of Path
        One file, or one of each lobe.
    """

    name: str
    paths: Sequence[Path]


@dataclass
class Outcome:
    """What became of the files.

    Attributes
    ----------
    added, changed, unchanged : int
        Scans.
    wrong : list of (str, str)
        What was refused: the scan's number, or nothing where it is not known, with the reason; and where it is.
    unknown : list of str
        Names that are of no scan.
    """

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    wrong: list[tuple[str, str]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def count(self, what: str) -> None:
        """Count a scan."""
        setattr(self, what, getattr(self, what) + 1)


def find_masks(path: Path) -> list[Known]:
    """Find the masks in a file or a folder with all below it.

    A file is named after its scan; of a folder that holds one of `LOBES` the folder is, and its other files, such as
    TotalSegmentator's of other organs, are passed by.

    Raises
    ------
    LungdbError
        There are none.
    """
    try:
        files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
    except OSError as error:
        raise LungdbError(f"'{path.name}' cannot be read: {error.strerror}.") from None
    masks = [each for each in files if each.name.lower().endswith(ENDINGS)]
    if not masks:
        raise LungdbError(
            f"'{path.name}' has no masks. Supported are files that end in {', '.join(ENDINGS)}; docs/loading.md says "
            "how they are named."
        )
    of_lobes = {each.parent for each in masks if stem_of(each) in LOBES}
    single = [Known(stem_of(each), [each]) for each in masks if each.parent not in of_lobes]
    lobes = [
        Known(folder.name, [each for each in masks if each.parent == folder and stem_of(each) in LOBES])
        for folder in sorted(of_lobes)
    ]
    return [*single, *lobes]


def store_lungs(
    connection: Connection,
    masks: Sequence[Known],
    labels: Collection[int],
    key: str,
    progress: Callable[[str, int, int], object] = lambda what, done, total: None,
) -> Outcome:
    """Store the lungs of scans, each in a transaction of its own; what is there with the same voxels is left.

    A mask that is refused is told in the outcome, and the rest go on. What was found in a scan before is compared with
    lungs that are new.

    Parameters
    ----------
    masks : sequence of Known
    labels : collection of int
        Values of voxels in lungs; none where a mask has one value beside 0.
    key : str
        The site's id_key.
    progress : callable
        Called with what, how many are done, and of how many.

    Raises
    ------
    LungdbError
        None of the masks is of a scan, there are no patients, or `key` is not the key that they were loaded with.
    """
    uid = stored_identity(connection, key).uid
    rows = committed(connection, lambda: run(connection, _KNOWN)[0].rows)[-1]
    by_uid, ids = {stored: scan_id for scan_id, stored in rows}, {scan_id for scan_id, _ in rows}

    def scan_of(name: str) -> int | None:
        exported = _EXPORTED.fullmatch(name)
        if exported:
            return int(exported[1]) if int(exported[1]) in ids else None
        return by_uid.get(uid(name), by_uid.get(name))

    outcome = Outcome()
    seen: set[int] = set()
    for done, known in enumerate(masks):
        progress("masks", done, len(masks))
        scan_id = scan_of(known.name)
        if scan_id is None:
            outcome.unknown.append(known.name)
            continue
        try:
            if scan_id in seen:
                raise LungdbError("Its lungs are there twice, and the first ones were taken. Leave one out.")
            seen.add(scan_id)
            outcome.count(_store(connection, scan_id, known, labels))
        except MemoryError:
            outcome.wrong.append((f"scan {scan_id}: The memory does not hold its mask.", str(known.paths[0])))
        except LungdbError as error:
            if isinstance(error, SqlError):
                raise
            outcome.wrong.append((f"scan {scan_id}: {error}", str(known.paths[0])))
    if len(outcome.unknown) == len(masks):
        raise no_scan_known(len(masks))
    return outcome


def _store(connection: Connection, scan_id: int, known: Known, labels: Collection[int]) -> str:
    """Store the lungs of a scan; says `added`, `changed` or `unchanged`."""
    _check_lobes(known)
    files = [read_mask_file(path) for path in known.paths]

    def store() -> str:
        found = run(connection, _SCAN, (scan_id,))[0].records()
        if not found:
            raise LungdbError("It was removed meanwhile. Load it again, then its lungs.")
        scan = found[0]
        shape = (int(scan["number_images"]), int(scan["image_rows"]), int(scan["image_cols"]))
        place = scan_geometry(scan)
        mask: Mask = np.zeros(shape, dtype=bool)
        for file in files:
            mask |= placed_mask(file, labels, place, shape)
        if not mask.any():
            raise LungdbError("No voxel of the mask is lung. Leave it out, or give the values of lungs as --labels.")
        return _replace(connection, scan_id, bytes(scan["content_sha256"]), lungs_of(mask, place))

    return committed(connection, store)[0]


def _check_lobes(known: Known) -> None:
    if len(known.paths) > 1 or stem_of(known.paths[0]) in LOBES:
        stems = [stem_of(path) for path in known.paths]
        wrong = [lobe for lobe in LOBES if stems.count(lobe) != 1]
        if wrong:
            raise LungdbError(f"Its folder does not have one file of each lobe: {', '.join(wrong)}. Write all five.")


def placed_mask(file: MaskFile, labels: Collection[int], place: Geometry, shape: Shape) -> Mask:
    """Give the lungs of a file on the voxels of a scan, which must be the same voxels, in any order of the axes.

    Raises
    ------
    LungdbError
        The file has other voxels than the scan, or several values beside 0 and none are named.
    """
    values = [float(value) for value in np.unique(file.values) if value]
    if not labels and len(values) > 1:
        raise LungdbError(
            f"The mask has the values {', '.join(f'{value:g}' for value in values[:8])} beside 0. Say which are lungs: "
            "--labels 3,4, as LUNA16 numbers them."
        )
    missing = [label for label in labels if label not in values]
    if missing:
        raise LungdbError(f"The mask has no voxel of the value {missing[0]}. Give the values of lungs as --labels.")
    corners = np.array(list(np.ndindex(2, 2, 2)), np.float64) * (np.array(shape) - 1)
    there = file.geometry.to_voxels(place.to_patient(corners))
    apart = np.abs(there - np.rint(there)).max()
    ends = np.stack([np.rint(there).min(axis=0), np.rint(there).max(axis=0) + 1])
    is_same = sorted(file.values.shape) == sorted(shape) and (ends == [[0, 0, 0], file.values.shape]).all()
    if apart > _APART or not is_same:
        raise LungdbError(
            f"The mask is of other voxels: it has {_sides(file.values.shape)} with {_spacing(file.geometry)} mm, "
            f"first at {_numbers(file.geometry.origin)} mm, and the scan {_sides(shape)} with {_spacing(place)} mm, "
            f"first at {_numbers(place.origin)} mm. Write it on the voxels of the scan."
        )
    lungs: Mask = np.isin(file.values, [*labels]) if labels else file.values != 0
    return onto(lungs, file.geometry, place, shape)


def _sides(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))


def _numbers(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)


def _spacing(place: Geometry) -> str:
    return " × ".join(f"{value:.4g}" for value in place.spacing)


def _replace(connection: Connection, scan_id: int, content: bytes, lungs: Lungs) -> str:
    """Make the lungs of a scan what is given, inside of the caller's transaction."""
    blob, sha256 = encode_mask(lungs.mask)
    present = {row["method"]: row for row in run(connection, _MASKS, (scan_id,))[0].records()}
    before: Mapping[str, Any] | None = present.pop("truth", None)
    if before and (bytes(before["content_sha256"]), bytes(before["mask_sha256"])) == (content, sha256):
        return "unchanged"
    run(connection, _DELETE, (scan_id,))
    (top, front, right), (bottom, back, left) = lungs.box
    box = (top, bottom - 1, front, back - 1, right, left - 1)
    run(connection, _INSERT, (scan_id, content, lungs.millilitres, *box, blob, sha256))
    for method, row in present.items():
        run(connection, _DICE, (_agreement(row, content, lungs.mask), scan_id, method))
    return "changed" if before else "added"


def _agreement(row: Mapping[str, Any], content: bytes, known: Mask) -> float | None:
    """Give Dice's coefficient of what was found; None of other slices, and where it is damaged."""
    if bytes(row["content_sha256"]) != content:
        return None
    z, y, x = known.shape
    try:
        return dice(decode_mask(bytes(row["mask"]), (z, y, x), bytes(row["mask_sha256"])), known)
    except LungdbError:
        return None
