"""What each triple of slices does to the margin: left out, as an exact share, or by sampled permutations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungdb.learning import logistic
from lungdb.learning.explaining.margins import margins
from lungdb.learning.explaining.sampling import permutations_of, settle
from lungdb.learning.explaining.vectors import TripleScan, along, reference_of, triple_weights, without_each

Values = NDArray[np.float64]

_BATCH_BYTES = 64_000_000  # of vectors in one run of the model


@dataclass(frozen=True)
class TripleValues:
    """What the triples of a scan do to its margin.

    Attributes
    ----------
    margin : float
        Of the scan.
    reference_margin : float
        Of the reference that shares and Shapley values start from; NaN where there are none.
    without : float64[triples]
        How the margin changes when the triple is left out; empty for a scan of one triple.
    method : str
        `share`, `shapley`, or empty where neither was asked for.
    values : float64[triples]
        They sum to margin minus reference margin; empty without a method.
    errors : float64[triples]
        Standard errors of `shapley`; NaN where a value is exact or no error can be told.
    """

    margin: float
    reference_margin: float
    without: Values
    method: str
    values: Values
    errors: Values


def explain_triples(
    library: str,
    model: bytes,
    details: Mapping[str, Any],
    scan: TripleScan,
    means: Values,
    permutations: int,
    seed: int,
) -> TripleValues:
    """Compute what each triple of slices does to the margin.

    A logistic regression over mean features or thirds is a sum over triples, whose shares are exact. Of everything else
    Shapley values over the triples are estimated; `lungdb.learning.explaining.vectors.along` says what stands in for
    triples that are absent. The last of a path is the scan itself and the first the reference, so they sum exactly.

    Parameters
    ----------
    library, model, details
        As of `lungdb.learning.explaining.margins.margins`.
    scan : TripleScan
    means : float64[width]
        Of the training scans, NaN where not known; a logistic regression brings its own.
    permutations, seed : int
        Of Shapley values; without permutations there are none.

    Raises
    ------
    ProcedureError
        50372 when permutations are asked for and the means are not known; else as of `margins`.
    """
    vectors = without_each(scan)
    found = margins(library, model, details, np.concatenate([scan.vector[None], vectors]))
    margin, without = float(found[0]), found[1:] - found[0]
    none = np.empty(0)
    if not scan.triples:
        return TripleValues(margin, np.nan, none, "", none, none)
    if library == "logistic":
        regression = logistic.from_json(model.decode("utf-8", "replace"))
        if scan.is_linear:
            values = _shares(regression, scan)
            errors = np.full(scan.triples, np.nan)
            return TripleValues(margin, margin - float(values.sum()), without, "share", values, errors)
        means = regression.mean
    if permutations == 0:
        return TripleValues(margin, np.nan, without, "", none, none)
    reference = reference_of(scan, means)
    orders = list(permutations_of(scan.triples, permutations, seed))
    at_once = max(1, _BATCH_BYTES // (4 * scan.vector.size * (scan.triples + 1)))
    paths = []
    for first in range(0, len(orders), at_once):
        some = orders[first : first + at_once]
        rows = np.concatenate([along(scan, reference, order) for order in some])
        values = margins(library, model, details, rows).reshape(len(some), scan.triples + 1)
        paths += list(zip(some, values, strict=True))
    sampled = settle(paths, margin)
    return TripleValues(margin, sampled.start, without, "shapley", sampled.values, sampled.errors)


def _shares(regression: logistic.Logistic, scan: TripleScan) -> Values:
    """Give what each triple adds: its weight in the vector times its distance from the training mean, in log-odds."""
    slopes = regression.coefficients / regression.scale
    values = np.zeros(scan.triples)
    for part, array in zip(scan.parts, scan.arrays, strict=True):
        weights = triple_weights(part.pooling, scan.triples)
        pieces = zip(
            weights,
            slopes[part.place].reshape(len(weights), -1),
            regression.mean[part.place].reshape(len(weights), -1),
            strict=True,
        )
        for weight, slope, mean in pieces:
            values += weight * ((array.astype(np.float64) - mean) @ slope)
    return values
