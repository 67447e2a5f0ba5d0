"""Boxes along three axes: overlap, suppression, and what they are in a patient."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lungdb.imaging.volumes.geometry import Geometry
from lungdb.networks.detecting.candidates import Candidates

Corners = NDArray[np.float64]
"""float64[boxes, 6]: the lower corner, then the upper."""

_BORDER = 0.5  # voxels: a box that comes as near to the last voxel's centre may have been cut


def sizes_of(boxes: Corners) -> NDArray[np.float64]:
    """Give the volumes of boxes."""
    volumes: NDArray[np.float64] = np.prod(boxes[:, 3:] - boxes[:, :3], axis=1)
    return volumes


def shared(box: NDArray[np.float64], boxes: Corners) -> NDArray[np.float64]:
    """Give the volumes that a box shares with others."""
    sides = np.minimum(box[3:], boxes[:, 3:]) - np.maximum(box[:3], boxes[:, :3])
    volumes: NDArray[np.float64] = np.prod(np.maximum(sides, 0), axis=1)
    return volumes


def suppress(boxes: Corners, scores: NDArray[np.float64], overlap: float, most: int) -> NDArray[np.intp]:
    """Give the positions of boxes that stay, the most probable first, by greedy non-maximum suppression.

    As MONAI's `non_max_suppression`: a box goes where it shares with a more probable one that stays more than this
    part of their union; of equal scores the first in the array stands first.
    """
    left = np.argsort(-scores, kind="stable")
    volumes = sizes_of(boxes)
    kept: list[int] = []
    while len(left) and len(kept) < most:
        first, left = int(left[0]), left[1:]
        kept.append(first)
        both = shared(boxes[first], boxes[left])
        # The last bits as MONAI has them: it adds float32's epsilon to the union.
        union = volumes[first] + volumes[left] - both + np.finfo(np.float32).eps
        left = left[both / union <= overlap]
    return np.asarray(kept, np.intp)


def of_voxels(boxes: Corners, scores: NDArray[np.float64], geometry: Geometry, shape: tuple[int, ...]) -> Candidates:
    """Make candidates of boxes in voxels of an array, 0 being the centre of its first voxel."""
    sides = boxes[:, 3:] - boxes[:, :3]
    steps = np.asarray(geometry.steps)
    in_mm = sides @ np.abs(steps)
    whole = _within(boxes[:, :3], boxes[:, 3:], shape)
    volumes = np.pi / 6 * np.prod(sides, axis=1) * np.prod(geometry.spacing)
    centres = geometry.to_patient((boxes[:, :3] + boxes[:, 3:]) / 2)
    return Candidates(centres, in_mm, in_mm[:, :2].mean(axis=1), volumes, scores, whole)


def of_patient(boxes: Corners, scores: NDArray[np.float64], geometry: Geometry, shape: tuple[int, ...]) -> Candidates:
    """Make candidates of boxes in mm along the patient's axes, LPS."""
    sides = boxes[:, 3:] - boxes[:, :3]
    centres = (boxes[:, :3] + boxes[:, 3:]) / 2
    ends = geometry.to_voxels(np.concatenate([boxes[:, :3], boxes[:, 3:]])).reshape(2, -1, 3)
    whole = _within(ends.min(axis=0), ends.max(axis=0), shape)
    volumes = np.pi / 6 * np.prod(sides, axis=1)
    return Candidates(centres, sides, sides[:, :2].mean(axis=1), volumes, scores, whole)


def _within(low: NDArray[np.float64], high: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Tell which boxes, in voxels, stay off the border of an array."""
    last = np.asarray(shape, np.float64) - 1
    inside: NDArray[np.bool_] = np.all((low > _BORDER) & (high < last - _BORDER), axis=1)
    return inside
