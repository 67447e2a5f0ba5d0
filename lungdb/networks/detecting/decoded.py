"""Boxes that a network has decoded itself."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import LungdbError
from lungdb.imaging.volumes.geometry import Tile
from lungdb.networks.detecting.boxes import Corners, of_patient, of_voxels, suppress
from lungdb.networks.detecting.candidates import Candidates
from lungdb.networks.detecting.forms import Boxes
from lungdb.networks.detecting.outputs import Outputs, other_shape, output_at, probabilities

_AXES = ("z", "y", "x")


def decode_boxes(form: Boxes, outputs: Outputs, tile: Tile) -> Candidates:
    """Read the candidates of a tile from rows of boxes."""
    rows = output_at(outputs, form.boxes, 2, "boxes")
    if rows.shape[1] != len(form.columns):
        raise other_shape(
            form.boxes, rows.shape, f"{len(form.columns)} columns are declared ({' '.join(form.columns)}), a box a row"
        )
    columns = {name: rows[:, at].astype(np.float64) for at, name in enumerate(form.columns) if name != "-"}
    scores = _scores(form, outputs, columns, len(rows))
    chosen = scores > form.threshold
    labels = _labels(form, outputs, columns, len(rows))
    if labels is not None:
        chosen &= labels == form.label
    boxes = _corners({name: values[chosen] for name, values in columns.items()})
    _check_order(boxes, form)
    scores = scores[chosen]
    filled = (boxes[:, 3:] > boxes[:, :3]).all(axis=1)
    boxes, scores = boxes[filled], scores[filled]
    if form.origin == "corner":
        boxes = boxes - 0.5
    if form.unit == "mm":
        boxes = _in_patient(boxes, form.frame, tile)
    kept = suppress(boxes, scores, form.suppression, form.most)
    made = of_patient if form.unit == "mm" else of_voxels
    return made(boxes[kept], scores[kept], tile.geometry, tile.values.shape[1:])


def _scores(form: Boxes, outputs: Outputs, columns: dict[str, NDArray[np.float64]], count: int) -> NDArray[np.float64]:
    if form.scores is None:
        return _without_padding(columns["score"], form, form.boxes)
    given = np.asarray(outputs[form.scores]) if form.scores < len(outputs) else np.empty(0)
    is_table = given.ndim == 3 or (given.ndim == 2 and given.shape[0] == count and given.shape != (1, count))
    values = output_at(outputs, form.scores, 2 if is_table else 1, "scores")
    if len(values) != count:
        raise other_shape(form.scores, given.shape, f"there are {count} boxes")
    if values.ndim == 2:
        values = values[:, _class_of(form, values.shape[1])]
    return _without_padding(values, form, form.scores)


def _without_padding(scores: NDArray[Any], form: Boxes, position: int) -> NDArray[np.float64]:
    """Make probabilities; rows that fill up may have the score -1, as exporters write it, where others have 0."""
    if form.score == "probability":
        scores = np.where(scores == -1, 0, scores)
    return probabilities(scores, form.score, position)


def _class_of(form: Boxes, classes: int) -> int:
    label = 0 if classes == 1 or form.labels is not None or "label" in form.columns else form.label
    if label is None or label >= classes:
        raise LungdbError(
            f"Output {form.scores} of the network has scores of {classes} classes"
            f"{'' if label is None else f', and class {label} is declared'}. Declare which class the nodules are, "
            "counted from 0, under class when the network is loaded."
        )
    return label


def _labels(form: Boxes, outputs: Outputs, columns: dict[str, NDArray[np.float64]], count: int) -> NDArray[Any] | None:
    if form.labels is None:
        return columns.get("label")
    labels = output_at(outputs, form.labels, 1, "labels")
    if len(labels) != count:
        raise other_shape(form.labels, labels.shape, f"there are {count} boxes")
    return labels


def _corners(columns: dict[str, NDArray[np.float64]]) -> Corners:
    low, high = [], []
    for axis in _AXES:
        side = columns.get(f"{axis}s", columns.get("d"))
        if f"{axis}c" in columns:
            assert side is not None  # read_output takes no centre without a side
            low.append(columns[f"{axis}c"] - side / 2)
            high.append(columns[f"{axis}c"] + side / 2)
        else:
            low.append(columns[f"{axis}1"])
            high.append(columns[f"{axis}2"] if side is None else columns[f"{axis}1"] + side)
    return np.stack([*low, *high], axis=1)


def _check_order(boxes: Corners, form: Boxes) -> None:
    wrong = (boxes[:, 3:] < boxes[:, :3]).any(axis=1)
    if wrong.any():
        raise LungdbError(
            f"Of {len(boxes)} boxes that score above {form.threshold:g}, {int(wrong.sum())} end before they begin, as "
            f"the columns {' '.join(form.columns)} are declared. Declare the columns in the network's own order, "
            "corners as 1 and 2, sides as s."
        )


def _in_patient(boxes: Corners, frame: str, tile: Tile) -> Corners:
    """Turn mm from a tile's first voxel, z, y, x of LPS or RAS, to the patient's x, y, z."""
    low, high = boxes[:, 2::-1], boxes[:, :2:-1]
    if frame == "RAS":
        sign = np.array([-1.0, -1.0, 1.0])
        low, high = np.minimum(low * sign, high * sign), np.maximum(low * sign, high * sign)
    origin = np.asarray(tile.geometry.origin)
    return np.concatenate([low + origin, high + origin], axis=1)
