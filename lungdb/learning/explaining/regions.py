"""What places in a picture do to a model's margin, by the features that they make."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.learning import logistic
from lungdb.learning.explaining.margins import margins
from lungdb.learning.explaining.vectors import Part, TripleScan, pooled

Features = NDArray[np.float32]
Values = NDArray[np.float64]

_SAME = 0.02  # of a triple's length as a vector: other processors round otherwise, other slices differ by far more


@dataclass(frozen=True)
class Model:
    """A classifier.

    Attributes
    ----------
    library : str
    model : bytes
    details : mapping
    """

    library: str
    model: bytes
    details: Mapping[str, Any]

    def margins(self, vectors: Features) -> Values:
        """Compute what `lungdb.learning.explaining.margins.margins` does."""
        return margins(self.library, self.model, self.details, vectors)


def read_parts(text: str) -> tuple[Part, ...]:
    """Read a JSON array of objects with the attributes of `Part`."""
    return tuple(Part(str(each["pooling"]), int(each["first_index"]), int(each["width"])) for each in json.loads(text))


def with_triple(scan: TripleScan, triple: int, row: Features) -> Features:
    """Give the vector of a scan whose parts are all pooled from one array with one triple's features replaced."""
    changed = scan.arrays[0].copy()
    changed[triple] = row
    return pooled(scan.vector, scan.parts, [changed] * len(scan.parts))


def check_row(stored: Features, computed: Features, what: str) -> None:
    """Refuse a triple whose features are not the stored ones when they are computed again with ProcedureError 50381."""
    if stored.shape != computed.shape:
        raise ProcedureError(
            ErrorNumber.EXPLAINED_OTHERWISE,
            f"The network gives {what} {computed.size} features, other features than are stored, which are "
            f"{stored.size}. Call GenerateFeatures with @Recompute = 1, score the scan and explain the new score.",
        )
    length = float(np.linalg.norm(stored.astype(np.float64)))
    distance = float(np.linalg.norm(computed.astype(np.float64) - stored))
    if not distance <= _SAME * length + 1e-6:
        percent = 100 * distance / (length or 1)
        raise ProcedureError(
            ErrorNumber.EXPLAINED_OTHERWISE,
            f"The network gives {what} other features than are stored: they differ by {percent:.0f} % "
            "of their length. Call GenerateFeatures with @Recompute = 1, score the scan and explain the new score.",
        )


def mean_weights(model: Model, scan: TripleScan) -> Values | None:
    """Give what each of the features, averaged over the triples, weighs in a linear margin.

    Returns
    -------
    float64[width], or None
        None unless the model is a logistic regression and its vector holds the features by the mean alone.
    """
    if model.library != "logistic" or [part.pooling for part in scan.parts] != ["mean"]:
        return None
    regression = logistic.from_json(model.model.decode("utf-8", "replace"))
    first, width = scan.parts[0].first_index, scan.parts[0].width
    weights: Values = (regression.coefficients / regression.scale)[first : first + width]
    return weights


def map_of_mean(activations: Features, weights: Values, triples: int) -> Values:
    """Share a linear margin among the places of a triple's map.

    The margin is weights · mean over triples of mean over places of the activations, and a constant. So the share of a
    place is weights · activations there / (places × triples), and the shares of all places of all triples are the
    margin without the constant. It is what Grad-CAM (Selvaraju et al. 2017) gives of such a network before its ReLU.

    Parameters
    ----------
    activations : float32[channels, rows, cols]
    weights : float64[channels]
    triples : int
        Of the scan.

    Returns
    -------
    float64[rows, cols]
    """
    places = activations.shape[1] * activations.shape[2]
    return np.asarray(np.tensordot(weights, activations.astype(np.float64), axes=1) / (places * triples))


def map_of_occlusion(
    scan: TripleScan,
    model: Model,
    triple: int,
    whole: Features,
    hidden: Features,
    cells: Sequence[tuple[int, int]],
    size: tuple[int, int],
) -> Values:
    """Say what hiding each cell of a triple takes from the margin.

    Parameters
    ----------
    whole : float32[width]
        Features of the triple as it is, computed now.
    hidden : float32[cells, width]
        Its features with one cell hidden each.
    cells : sequence of (row, column)
        Those that were hidden; any other has the value 0.
    size : (rows, cols)
        Of the grid.

    Returns
    -------
    float64[rows, cols]
        The margin as it is less the margin without the cell: positive where a cell raises the score.
    """
    vectors = np.stack([with_triple(scan, triple, row) for row in (whole, *hidden)])
    found = model.margins(vectors)
    values = np.zeros(size)
    for (row, col), margin in zip(cells, found[1:], strict=True):
        values[row, col] = found[0] - margin
    return values
