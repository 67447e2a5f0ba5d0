"""The forms that a detector's outputs may have, as `networks.details` declares them under `output`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Boxes:
    """Boxes that the network has decoded itself, one a row.

    Attributes
    ----------
    boxes : int
        Position of the output with the boxes, `[boxes, columns]`, with or without a batch of 1 before.
    columns : tuple of str
        What each column is: `z1`, `z2` the lower and upper corner, `zc` the centre, `zs` the side along z, so for y and
        x; `d` a diameter for all three; `score`; `label`; `-` what is not read.
    unit, frame, origin : str
        `voxel` (z, y, x are the first, second and third axis of the network's array) or `mm`; of mm, `LPS` or `RAS`;
        of voxels, whether 0 is the `centre` of the first voxel or its outer `corner`.
    scores, labels : int or None
        Outputs with them, where they are no columns of the boxes.
    label : int or None
        The class of nodules: a value of the labels, else a column of the scores.
    score : str
        `probability` or `logit`.
    threshold : float
        What scores no more is no candidate, nor are rows that fill up.
    suppression : float
        Intersection over union from which on the less probable of two boxes is dropped; 1 drops none.
    most : int
        Candidates of a tile.
    """

    boxes: int
    columns: tuple[str, ...]
    unit: str
    frame: str
    origin: str
    scores: int | None
    labels: int | None
    label: int | None
    score: str
    threshold: float
    suppression: float
    most: int


@dataclass(frozen=True)
class RetinaNet:
    """Heads of a RetinaNet as MONAI exports them: a map of class logits and one of box regression a level.

    Attributes
    ----------
    classification, regression : tuple of int
        Positions of the outputs, a level each: `[1, anchors × classes, …]` and `[1, anchors × 6, …]`.
    anchors : tuple of float32[anchors, 6]
        Of a level, corners around 0 in voxels.
    strides : tuple of (int, int, int) or None
        Voxels of the tile from cell to cell of a level; None: the tile's size divided by the map's, as MONAI has it.
    weights : six numbers
        What regressions are divided by.
    clip : float
        Largest logarithm of a side's ratio.
    classes, label : int
        Classes of the heads, and the one of nodules.
    score : str
        `logit` or `probability`.
    threshold : float
    per_level : int
        Boxes of a level that go into the suppression.
    suppression : float
    most : int
    """

    classification: tuple[int, ...]
    regression: tuple[int, ...]
    anchors: tuple[NDArray[np.float32], ...]
    strides: tuple[tuple[int, int, int], ...] | None
    weights: tuple[float, ...]
    clip: float
    classes: int
    label: int
    score: str
    threshold: float
    per_level: int
    suppression: float
    most: int


@dataclass(frozen=True)
class HeatMap:
    """A map that is high in the middle of nodules.

    Attributes
    ----------
    output, channel : int
        Where it is.
    score : str
        `probability`, `logit` or `softmax` (over the output's channels).
    threshold : float
        Peaks have more.
    radius : float
        Millimetres around a peak within which lower ones are not counted.
    diameter : float, "half" or "output"
        In mm; or the width of the map at half of the peak; or read from an output at the peak.
    diameters, diameter_channel : int
        Where that output is.
    diameter_unit : str
        `mm` or `voxel`.
    most : int
    """

    output: int
    channel: int | None
    score: str
    threshold: float
    radius: float
    diameter: float | str
    diameters: int
    diameter_channel: int
    diameter_unit: str
    most: int


@dataclass(frozen=True)
class Segmentation:
    """A mask whose connected parts are nodules.

    Attributes
    ----------
    output, channel, score, threshold
        As of a heat map; voxels with more belong to a nodule.
    others : tuple of int
        Further channels of what is drawn, such as the other lung: a softmax adds them, otherwise the highest counts.
    of_part : str
        A candidate's score: the `max` or the `mean` of its voxels.
    connectivity : int
        6, 18 or 26 neighbours.
    smallest : float
        Diameter in mm of the sphere of its volume, below which a part is not counted.
    most : int
    """

    output: int
    channel: int | None
    score: str
    threshold: float
    of_part: str
    connectivity: int
    smallest: float
    most: int
    others: tuple[int, ...] = ()


Form = Boxes | RetinaNet | HeatMap | Segmentation


def is_map(form: Form) -> bool:
    """Tell whether its outputs are combined over tiles before anything is found in them."""
    return isinstance(form, HeatMap | Segmentation)
