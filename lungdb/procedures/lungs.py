"""What dbo.FindLungs calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.imaging.codecs import from_hex
from lungdb.imaging.volumes.geometry import Volume
from lungdb.imaging.volumes.lungs import LEAST_MILLILITRES, Lungs, dice, find_lungs, lungs_of
from lungdb.imaging.volumes.masks import decode_mask, encode_mask, onto
from lungdb.imaging.volumes.recipes import check_volume
from lungdb.imaging.volumes.registry import Shape
from lungdb.imaging.volumes.scans import scan_geometry
from lungdb.networks.detecting.forms import Segmentation
from lungdb.networks.running.featurizing import LazyScan
from lungdb.procedures.checks import check_columns
from lungdb.procedures.leaving import MESSAGE, check_size, for_t_sql
from lungdb.procedures.networks import open_any
from lungdb.procedures.reading_slices import lazy_scans
from lungdb.procedures.volume_features import VolumeFeatures
from lungdb.procedures.whole_scans import decoded, facts_of

Finder = Callable[[LazyScan, Mapping[str, Any], Shape], Lungs]

_RESULT = {
    "scan_id": np.int32,
    "error": object,
    "millilitres": np.float64,
    "first_slice": np.int32,
    "last_slice": np.int32,
    "first_row": np.int32,
    "last_row": np.int32,
    "first_col": np.int32,
    "last_col": np.int32,
    "dice": np.float64,
    "mask": object,
    "sha256": object,
}
_NO_DICE = -1.0


@for_t_sql({2: MESSAGE}, {"error": MESSAGE})
def find_scan_lungs(
    slices: pd.DataFrame,
    threshold: float,
    network: bytes = b"",
    sha256: str = "",
    details: str = "",
    steps: str = "",
    providers: str | None = None,
    threads: int | None = None,
) -> tuple[pd.DataFrame, int, str]:
    """Find the lungs of scans.

    Parameters
    ----------
    slices : DataFrame
        As of `lungdb.procedures.features.generate_features`, with where the scan lies
        (`lungdb.imaging.volumes.scans.PLACE_COLUMNS`), and in its first row `truth` and `truth_sha256`, a mask that is
        known (hexadecimal), else empty.
    threshold : float
        Hounsfield units below which a voxel is air; not read where a network finds them.
    network, sha256, details
        `networks.model`, its SHA-256 in hexadecimal, and `networks.details` of a network that draws them, loaded as a
        detector of the form segmentation; empty finds them by the threshold.
    steps : str
        Of the preprocessing of volumes that the network reads.
    providers, threads
        As of `generate_features`.

    Returns
    -------
    result : DataFrame
        One row a scan: `scan_id`, `error` (empty when all is well), `millilitres`, `first_slice` to `last_col` (the box
        around them), `dice` against the truth (-1 where none is known), `mask` and `sha256` in hexadecimal. Of one that
        failed only the first two say something.
    error_number, error_message : int, str
        0 and empty, or a refusal of the whole call: 50101 for an argument, 50104 for a network that draws none, 50105
        when its bytes are damaged, 50116 when it cannot be run, 50231 for more than may leave Python.
    """
    try:
        check_columns(slices, ("truth", "truth_sha256"))
        finding: Finder = partial(_by_threshold, threshold=threshold, threads=threads)
        if network:
            opened = open_any(network, sha256, details, None, providers, threads)
            making = VolumeFeatures(opened, "volume", steps, 1, threads) if opened.detects else None
            if making is None or not isinstance(making.form, Segmentation):
                raise ProcedureError(
                    ErrorNumber.OTHER_SHAPE,
                    "The network draws no outline of lungs. Name one that was loaded with --detects segmentation.",
                )
            finding = partial(_by_network, making=making, form=making.form)
        columns = ["image_rows", "image_cols", "truth", "truth_sha256"]
        firsts = slices.drop_duplicates("scan_id").set_index("scan_id")[columns]
        scans, rows = lazy_scans(slices, None), []
        for scan_id, facts in facts_of(slices).items():
            image_rows, image_cols, truth, hashed = firsts.loc[scan_id]
            shape = (scans[scan_id].slices, int(image_rows), int(image_cols))
            try:
                rows.append(_row(scan_id, finding(scans[scan_id], facts, shape), shape, str(truth or ""), hashed))
            except ProcedureError:
                raise
            except (LungdbError, MemoryError) as error:
                reason = str(error) or "The memory does not hold the scan. Give the process more memory."
                rows.append(_failed(scan_id, reason))
        check_size(sum(len(row["mask"]) for row in rows), "masks", "Give a smaller @ChunkMegabytes.")
    except ProcedureError as refusal:
        return _frame([]), refusal.number, refusal.message
    return _frame(rows), 0, ""


def _by_threshold(
    scan: LazyScan, facts: Mapping[str, Any], _: Shape, *, threshold: float, threads: int | None
) -> Lungs:
    volume = Volume(decoded(scan, threads), scan_geometry(facts))
    check_volume(volume)
    return find_lungs(volume.values, volume.geometry, threshold)


def _by_network(
    scan: LazyScan, facts: Mapping[str, Any], shape: Shape, *, making: VolumeFeatures, form: Segmentation
) -> Lungs:
    """Take the voxels that the network gives more than its threshold, each by the nearest one that it has read."""
    prepared = making.prepare(scan, facts)
    found = making.heights(prepared) > form.threshold
    place = scan_geometry(facts)
    lungs = lungs_of(onto(found, prepared.geometry, place, shape), place)
    if lungs.millilitres < LEAST_MILLILITRES:
        raise LungdbError(
            f"The network finds no lungs: what it gives more than its threshold of {form.threshold:g} has "
            f"{lungs.millilitres:.0f} ml, and lungs have at least {LEAST_MILLILITRES:g} ml. Look at the spacing, "
            "window and orientation that are declared with --input, and at the class and threshold of --detects."
        )
    return lungs


def _row(scan_id: int, lungs: Lungs, shape: Shape, truth: str, truth_sha256: Any) -> dict[str, Any]:
    (z, y, x), (z_end, y_end, x_end) = lungs.box
    known = _NO_DICE
    if truth:
        known = dice(lungs.mask, _known(truth, truth_sha256, shape))
    blob, sha256 = encode_mask(lungs.mask)
    return {
        "scan_id": scan_id,
        "error": "",
        "millilitres": lungs.millilitres,
        "first_slice": z,
        "last_slice": z_end - 1,
        "first_row": y,
        "last_row": y_end - 1,
        "first_col": x,
        "last_col": x_end - 1,
        "dice": known,
        "mask": blob.hex(),
        "sha256": sha256.hex(),
    }


def _known(truth: str, sha256: Any, shape: Shape) -> NDArray[np.bool_]:
    try:
        return decode_mask(from_hex(truth), shape, from_hex(sha256))
    except (LungdbError, TypeError, ValueError):
        raise LungdbError(
            "The lungs that are known of it are damaged, or of other slices. Load them again: lungdb load-lungs."
        ) from None


def _failed(scan_id: int, reason: str) -> dict[str, Any]:
    empty: dict[str, Any] = {name: "" if kind is object else 0 for name, kind in _RESULT.items()}
    return {**empty, "scan_id": scan_id, "error": reason}


def _frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    frame: pd.DataFrame = pd.DataFrame(
        {name: pd.Series([row[name] for row in rows], dtype=kind) for name, kind in _RESULT.items()}
    )
    return frame
