"""Another precision of a network, calibrated on and compared with float32 over scans of the database."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungdb.database import Connection, run
from lungdb.errors import LungdbError
from lungdb.imaging.codecs import decode_slice
from lungdb.imaging.preprocessing import CHANNELS, CtSlice, pipeline, stack
from lungdb.loading.spreading import evenly, shares
from lungdb.networks.inputs.stored import channels_of, reads_volumes, sides_of

PRECISIONS = ("fp16", "int8")
PICTURES = 128
LEAST_SIMILARITY = 0.99
"""Of the least similar held-back picture: a mean hides the one scan whose features are wrong."""

_BATCH = 2  # calibrating keeps every activation of a batch: a ResNet-50 takes 1.0 GB with 2 and 2.3 GB with 8
_HELD_BACK = 4  # every fourth scan, or picture of a single scan, is compared and not calibrated with
_FEWEST, _MOST = 8, 1024
_FEW = (
    "Another precision is calibrated on and compared over {} {} of scans or more, and there are {}. Load scans first "
    "with load-scans, or give a larger --calibration."
)

# Those whose pixels are here.
_SCANS = """
SELECT s.scan_id, s.number_images, s.image_rows, s.image_cols FROM dbo.scans AS s
WHERE EXISTS (SELECT 1 FROM dbo.scan_images AS i WHERE i.scan_id = s.scan_id) ORDER BY s.scan_id;
"""
_SLICES = """
SELECT slice_index, pixels, pixels_sha256, encoding FROM dbo.scan_images
WHERE scan_id = ? AND slice_index IN (?, ?, ?);
"""

Pictures = NDArray[np.float32]


@dataclass(frozen=True)
class Entry:
    """What the `networks` table is to hold: ONNX, the format of the file that it came from, and `details`."""

    model: bytes
    library: str
    details: dict[str, Any]

    @property
    def sha256(self) -> bytes:
        """Of the model, by which it is looked up."""
        return hashlib.sha256(self.model).digest()


def make_precision(connection: Connection, entry: Entry, precision: str, pictures: int, *, force: bool) -> Entry:
    """Make a network in another precision.

    Parameters
    ----------
    entry : Entry
        The network in float32.
    precision : str
        `fp16` or `int8`.
    pictures : int
        Triples of slices, or slices of a network of one channel, spread over the scans of the database and prepared as
        `lung` does; of a network of volumes tiles as `volume` makes them. Three quarters of the scans calibrate int8,
        the others are held back and compared.
    force : bool
        Take it although the least similar picture is below LEAST_SIMILARITY.

    Raises
    ------
    LungdbError
        When there are no scans, ONNX Runtime is missing, or the features are too unlike; or it is a detector.
    """
    from lungdb.networks.entry import NODULES
    from lungdb.networks.quantising import FP16_MAX, largest_value, similarity, to_fp16, to_int8

    if NODULES in entry.details["layers"]:
        raise LungdbError(
            f"The network is a detector, and {precision} is compared by features, of which it has none. Load it in "
            "float32, or a file that is in another precision already."
        )
    if reads_volumes(entry.details):
        calibrating, held_back = _tiles(connection, entry.details, pictures)
    else:
        calibrating, held_back = map(_batches, calibration_pictures(connection, entry.details, pictures))
    if precision == "int8":
        model = to_int8(entry.model, calibrating)
    else:
        model = to_fp16(entry.model)
        largest = largest_value(entry.model, calibrating)
        if largest > FP16_MAX:
            raise LungdbError(f"The network reaches {largest:.0f}, and float16 ends at {FP16_MAX:.0f}. Use float32.")
    least, mean = similarity(entry.model, model, entry.details["penultimate"], held_back, sides_of(entry.details))
    if least < LEAST_SIMILARITY and not force:
        raise LungdbError(
            f"In {precision} the features of a scan have a cosine similarity of only {least:.4f} to those in float32 "
            f"({mean:.4f} on average); {LEAST_SIMILARITY} is asked for. Calibrate with more scans, or store it all the "
            "same with --force."
        )
    found = {
        "cosine_min": least,
        "cosine_mean": mean,
        "pictures": sum(map(len, held_back)),
        "float32_sha256": entry.sha256.hex(),
    }
    return Entry(model, entry.library, {**entry.details, "precision": precision, "similarity": found})


def calibration_pictures(connection: Connection, details: dict[str, Any], number: int) -> tuple[Pictures, Pictures]:
    """Prepare pictures of the database's scans for a network.

    Parameters
    ----------
    details : dict
        `input` and `normalisation` are used.
    number : int
        How many at most; spread evenly over scans, and over the slices of each.

    Returns
    -------
    calibrating, held_back : float32[n, 3, rows, cols], or float32[n, 1, rows, cols]
        Of different scans where there are two or more.

    Raises
    ------
    LungdbError
        There are too few, `number` is above 1024, or stored pixels are damaged.
    """
    if number > _MOST:
        raise LungdbError(f"{number} pictures are too many to hold in memory. Give a --calibration of {_MOST} or less.")
    chosen = _spread(run(connection, _SCANS)[0].rows, number)
    if len(chosen) < _FEWEST:
        raise LungdbError(_FEW.format(_FEWEST, "pictures", len(chosen)))
    size = (details["input"]["height"], details["input"]["width"])
    lung, normalisation = pipeline("lung"), details["normalisation"]
    channels = slice(None) if channels_of(details) == CHANNELS else slice(1, 2)  # the middle slice of each three
    pictures = np.stack(
        [
            stack(_triple(connection, scan, triple)[channels], lung, normalisation["mean"], normalisation["std"], size)
            for scan, triple in chosen
        ]
    )
    held_back = _held_back([scan[0] for scan, _ in chosen])
    return pictures[~held_back], pictures[held_back]


def _spread(scans: Sequence[tuple[Any, ...]], number: int) -> list[tuple[tuple[Any, ...], tuple[int, int, int]]]:
    """Choose scans, and triples of slices of each, evenly."""
    if not scans:
        return []
    used = [scans[index] for index in evenly(len(scans), number)]
    chosen = []
    for scan, share in zip(used, shares(number, len(used)), strict=True):
        triples = pipeline("lung").triples(int(scan[1]))
        chosen += [(scan, triples[index]) for index in evenly(len(triples), share)]
    return chosen


def _tiles(connection: Connection, details: dict[str, Any], number: int) -> tuple[list[Pictures], list[Pictures]]:
    """Give tiles to calibrate with and those held back, as `calibration_pictures` does of pictures."""
    from lungdb.loading.calibration_tiles import calibration_tiles  # SciPy and onnx take a second

    found, failed = calibration_tiles(connection, details, number)
    total = sum(map(len, found))
    if total < _FEWEST:
        raise LungdbError(f"{failed} {_FEW.format(_FEWEST, 'tiles', total)}".lstrip())
    held_back = _held_back([scan for scan, tiles in enumerate(found) for _ in tiles])
    both: tuple[list[Pictures], list[Pictures]] = ([], [])
    for tile, is_held in zip((tile for tiles in found for tile in tiles), held_back, strict=True):
        both[int(is_held)].append(tile)
    return both


def _held_back(scans: Sequence[int]) -> NDArray[np.bool_]:
    different = list(dict.fromkeys(scans))
    if len(different) == 1:
        return np.array([position % _HELD_BACK == 1 for position in range(len(scans))])
    compared = set(different[1::_HELD_BACK])
    return np.array([scan in compared for scan in scans])


def _triple(connection: Connection, scan: tuple[Any, ...], triple: tuple[int, int, int]) -> list[CtSlice]:
    scan_id, _, rows, cols = scan
    found = {index: stored for index, *stored in run(connection, _SLICES, (scan_id, *triple))[0].rows}
    missing = set(triple) - found.keys()
    if missing:
        raise LungdbError(f"The scan {scan_id} lacks the slice {min(missing)}. Load the scan again.")
    slices = [(bytes(pixels), bytes(sha256), encoding) for pixels, sha256, encoding in map(found.__getitem__, triple)]
    return [CtSlice(decode_slice(pixels, rows, cols, sha256, encoding)) for pixels, sha256, encoding in slices]


def _batches(pictures: Pictures) -> list[Pictures]:
    return [pictures[start : start + _BATCH] for start in range(0, len(pictures), _BATCH)]
