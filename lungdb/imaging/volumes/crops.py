"""The crop around a place in a scan, as a network reads it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lungdb.errors import LungdbError
from lungdb.imaging.steps.registry import AIR
from lungdb.imaging.volumes.declared import VolumeInput
from lungdb.imaging.volumes.geometry import Triple, Volume
from lungdb.imaging.volumes.moving import oriented
from lungdb.imaging.volumes.registry import Scan

_TRUNCATED = 4.0  # standard deviations at which a Gaussian ends


def crop_at(volume: Volume, centre: Triple, wanted: VolumeInput) -> NDArray[np.float32]:
    """Cut out what lies around a place, in the network's orientation, spacing, size and window.

    The place is the middle of the crop, between two voxels where a side is even. Values are interpolated linearly, of
    an axis that shrinks after a Gaussian of (new / old - 1) / 2 voxels, as the step resample has it. What lies more
    than half a voxel beyond the scan is air.

    Parameters
    ----------
    volume : Volume
        Hounsfield units.
    centre : (x, y, z)
        In mm, in DICOM's patient coordinates.

    Returns
    -------
    float32[channels, depth, rows, cols]
        Before the network's own normalisation.

    Raises
    ------
    LungdbError
        The network leaves an axis free, or the scan is tilted too far.
    """
    if None in wanted.size:
        raise LungdbError(
            f"The network reads crops of the size {list(wanted.size)}, which leaves a side free. Load it again with "
            "the --input size that its crops have."
        )
    scan = oriented(Scan(volume.values, volume.geometry, wanted), wanted.orientation)
    old = scan.geometry.spacing
    middle = scan.geometry.to_voxels(np.asarray([centre], np.float64))[0]
    block: NDArray[np.generic] = scan.values
    weights, outside = [], []
    for axis, side in enumerate(side or 0 for side in wanted.size):
        ratio = 1.0 if wanted.spacing is None else wanted.spacing[axis] / old[axis]
        places = middle[axis] + (np.arange(side) - (side - 1) / 2) * ratio
        low, high, along = _along(places, ratio, scan.values.shape[axis])
        block = block[(slice(None),) * axis + (slice(low, high),)]
        weights.append(along)
        outside.append((places < -0.5) | (places > scan.values.shape[axis] - 0.5))
    values = block.astype(np.float32)
    for axis, along in enumerate(weights):
        values = np.moveaxis(np.tensordot(along, values, axes=(1, axis)), 0, axis)
    beyond = outside[0][:, None, None] | outside[1][None, :, None] | outside[2][None, None, :]
    values = np.where(beyond, np.float32(AIR), values)
    if wanted.window is not None:
        bottom, top = wanted.window
        values = (np.clip(values, bottom, top) - np.float32(bottom)) / np.float32(top - bottom)
    return np.repeat(values[None].astype(np.float32), wanted.channels, axis=0)


def _along(places: NDArray[np.float64], ratio: float, side: int) -> tuple[int, int, NDArray[np.float32]]:
    """Give the first voxel that is needed of an axis, the one after the last, and how much each counts."""
    sigma = max(0.0, (ratio - 1) / 2)
    margin = math.ceil(_TRUNCATED * sigma) + 1
    inside = np.clip(places, 0, side - 1)
    low = max(0, math.floor(float(inside.min())) - margin)
    high = min(side, math.ceil(float(inside.max())) + margin + 1)
    voxels: NDArray[np.float64] = np.eye(high - low)
    if sigma:
        voxels = ndimage.gaussian_filter1d(voxels, sigma, axis=0, mode="nearest", truncate=_TRUNCATED)
    lower = np.clip(np.floor(inside).astype(np.intp), 0, max(side - 2, 0))
    part = (inside - lower)[:, None]
    upper = np.minimum(lower + 1, side - 1)
    return low, high, (voxels[lower - low] * (1 - part) + voxels[upper - low] * part).astype(np.float32)
