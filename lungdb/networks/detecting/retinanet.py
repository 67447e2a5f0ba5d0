"""Heads of a RetinaNet, decoded as MONAI's RetinaNetDetector does (monai.apps.detection)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungdb.imaging.volumes.geometry import Tile
from lungdb.networks.detecting.anchors import moved
from lungdb.networks.detecting.boxes import of_voxels, suppress
from lungdb.networks.detecting.candidates import Candidates
from lungdb.networks.detecting.forms import RetinaNet
from lungdb.networks.detecting.outputs import Outputs, in_range, other_shape, output_at, probabilities


def decode_heads(form: RetinaNet, outputs: Outputs, tile: Tile) -> Candidates:
    """Find the candidates of a tile: anchors of each level, moved, clipped to the tile, suppressed over the levels."""
    boxes, scores = zip(*(_level(form, outputs, tile, level) for level in range(len(form.anchors))), strict=True)
    all_boxes, all_scores = np.concatenate(boxes), np.concatenate(scores)
    kept = suppress(all_boxes, all_scores, form.suppression, form.most)
    return of_voxels(all_boxes[kept], all_scores[kept], tile.geometry, tile.values.shape[1:])


def _level(
    form: RetinaNet, outputs: Outputs, tile: Tile, level: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    anchors, size = form.anchors[level], tile.values.shape[1:]
    classes = _cells(outputs, form.classification[level], len(anchors), form.classes, "class maps")
    moves = _cells(outputs, form.regression[level], len(anchors), 6, "maps of box regression")
    if classes.shape[:3] != moves.shape[:3]:
        raise other_shape(
            form.regression[level], moves.shape[:3], f"the class map of its level has {classes.shape[:3]}"
        )
    position = form.classification[level]
    chosen = _best(form, classes[..., form.label].reshape(-1), position)
    scores = probabilities(classes[..., form.label].reshape(-1)[chosen], form.score, position)
    at = np.unravel_index(chosen, classes.shape[:4])
    stride = form.strides[level] if form.strides else [size[axis] // classes.shape[axis] for axis in range(3)]
    middles = np.stack([at[axis] * stride[axis] + stride[axis] // 2 for axis in range(3)], axis=1).astype(np.float32)
    boxes = moved(np.tile(middles, 2) + anchors[at[3]], moves[at], form.weights, form.clip).astype(np.float64)
    boxes = np.clip(boxes, 0, np.tile(np.asarray(size, float), 2))
    # MONAI's clip_boxes_to_image drops what is thinner than a voxel.
    filled = (boxes[:, 3:] >= boxes[:, :3] + 1).all(axis=1)
    return boxes[filled], scores[filled]


def _cells(outputs: Outputs, position: int, anchors: int, width: int, what: str) -> NDArray[Any]:
    """Give a map as [cells along three axes, anchors, width]; its channels are anchors first."""
    values = output_at(outputs, position, 4, what)
    if len(values) != anchors * width:
        raise other_shape(position, values.shape, f"{anchors} anchors × {width} channels are declared of {what}")
    cells: NDArray[Any] = values.reshape(anchors, width, *values.shape[1:]).transpose(2, 3, 4, 0, 1)
    return cells


def _best(form: RetinaNet, scores: NDArray[Any], position: int) -> NDArray[np.intp]:
    """Choose what scores above the threshold, the best of a level, the most probable first."""
    if form.score == "probability":
        scores = in_range(scores, position)
    # A logit's sigmoid is in float32, as MONAI computes it before it compares.
    compared = scores.astype(np.float32)
    if form.score == "logit":
        compared = (1 / (1 + np.exp(-np.clip(compared, -80, 80)))).astype(np.float32)
    above = np.flatnonzero(compared > np.float32(form.threshold))
    return above[np.argsort(-compared[above], kind="stable")[: form.per_level]]
