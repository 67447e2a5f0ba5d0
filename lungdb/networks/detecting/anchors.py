"""Anchors of a RetinaNet as MONAI's generators place them (monai.apps.detection.utils.anchor_utils)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def anchors_of_shapes(shapes: Sequence[Sequence[float]], scale: float) -> NDArray[np.float32]:
    """Give float32[anchors, 6], corners around 0, of three sides each, as AnchorGeneratorWithAnchorShape does.

    Halves of sides are rounded, halfway ones to the even.
    """
    half = np.asarray(shapes, np.float32) * np.float32(scale) / np.float32(2)
    anchors: NDArray[np.float32] = np.round(np.concatenate([-half, half], axis=1))
    return anchors


def anchors_of_ratios(sizes: Sequence[float], ratios: Sequence[Sequence[float]]) -> NDArray[np.float32]:
    """Give float32[ratios × sizes, 6], corners around 0, of cubes that are stretched, as AnchorGenerator does.

    A ratio is the second and the third side by the first; the volume stays.
    """
    second, third = np.asarray(ratios, np.float32).T
    scale = np.power(second * third, np.float32(1 / 3))
    sides = np.stack([1 / scale, second / scale, third / scale], axis=1)
    half = (sides[:, None, :] * np.asarray(sizes, np.float32)[None, :, None]).reshape(-1, 3) / np.float32(2)
    anchors: NDArray[np.float32] = np.round(np.concatenate([-half, half], axis=1))
    return anchors


def moved(
    anchors: NDArray[np.float32], moves: NDArray[Any], weights: Sequence[float], clip: float
) -> NDArray[np.float32]:
    """Move and stretch anchors as MONAI's BoxCoder does: float32[boxes, 6] of corners.

    A move is, of each axis, the way of the middle in sides of the anchor, then the logarithm of the side's ratio,
    `clip` at most; both are divided by the weights.
    """
    scaled = moves.astype(np.float32) / np.asarray(weights, np.float32)
    sides = anchors[:, 3:] - anchors[:, :3]
    middles = (anchors[:, :3] + anchors[:, 3:]) / np.float32(2) + scaled[:, :3] * sides
    half = np.exp(np.minimum(scaled[:, 3:], np.float32(clip))) * sides / np.float32(2)
    boxes: NDArray[np.float32] = np.concatenate([middles - half, middles + half], axis=1)
    return boxes
