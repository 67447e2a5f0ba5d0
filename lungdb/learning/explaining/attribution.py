"""What each feature adds to the margin of a model: exact of trees and linear models, an estimate of dense networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.learning import ensembles, logistic, perceptron
from lungdb.learning.explaining.margins import margins, tree_factor
from lungdb.learning.explaining.sampling import Sampled, permutations_of, settle
from lungdb.learning.explaining.vectors import no_reference
from lungdb.learning.scoring import raw_contributions

Features = NDArray[np.float32]
Values = NDArray[np.float64]

_CLOSE = 1e-6


@dataclass(frozen=True)
class Contributions:
    """What the features of scans add to a model's margins.

    Attributes
    ----------
    member : int
        0, or of an ensemble which of its members, from 1.
    first_index : int
        Where its features begin in the vector.
    expected : float64[scans]
        What a margin is before anything is known of the scan.
    values : float64[scans, width]
        With the expected margin they sum to the margin of the model or member, before its calibration.
    errors : float64[scans, width] or None
        Standard errors; None where the values are exact.
    """

    member: int
    first_index: int
    expected: Values
    values: Values
    errors: Values | None


def contributions(
    library: str,
    model: bytes,
    details: Mapping[str, Any],
    vectors: Features,
    means: Values,
    permutations: int,
    seed: int,
) -> list[Contributions]:
    """Compute what each feature adds to the margin of scans.

    Of trees these are LightGBM's own TreeSHAP values, which take a feature that is not known as the trees' training
    patients fell along their paths (Lundberg, Erion and Lee, Consistent individualized feature attribution for tree
    ensembles, 2018); a forest's are divided by its trees. Of a logistic regression they are its terms: coefficient
    times the standardised value, and the expected margin is the intercept. Of a dense network they are Shapley values
    by sampled permutations, features that are not known standing at the training mean. An ensemble is explained by
    member.

    Parameters
    ----------
    library, model, details
        As of `lungdb.learning.explaining.margins.margins`.
    vectors : float32[scans, width]
    means : float64[width]
        Of the training scans; looked at for a network alone.
    permutations, seed : int
        Of the estimates.

    Returns
    -------
    list of Contributions
        One, of an ensemble one a member.

    Raises
    ------
    ProcedureError
        50101 for a network and fewer than 2 permutations; 50371 when the model has none; 50372 when the means of a
        network are not known; 50110 and 50116 as of `margins`.
    """
    if library == "ensemble":
        return _of_members(model, vectors, means, permutations, seed)
    return [_of_one(library, model, details, vectors, means, permutations, seed)]


def _of_members(model: bytes, vectors: Features, means: Values, permutations: int, seed: int) -> list[Contributions]:
    found = []
    for number, member in enumerate(ensembles.from_json(model.decode("utf-8", "replace")).members, 1):
        place = slice(member.first_index, member.first_index + member.width)
        own = _of_one(member.library, member.model, {}, vectors[:, place], means[place], permutations, seed)
        found.append(Contributions(number, member.first_index, own.expected, own.values, own.errors))
    return found


def _of_one(
    library: str,
    model: bytes,
    details: Mapping[str, Any],
    vectors: Features,
    means: Values,
    permutations: int,
    seed: int,
) -> Contributions:
    wanted = margins(library, model, details, vectors)
    errors = None
    if library == "lightgbm":
        expected, values = _of_trees(model, details, vectors)
    elif library == "logistic":
        regression = logistic.from_json(model.decode("utf-8", "replace"))
        values = (vectors.astype(np.float64) - regression.mean) / regression.scale * regression.coefficients
        expected = np.full(len(vectors), regression.intercept)
    elif library == "network":
        sampled = [_of_network(model, each, means, permutations, seed) for each in vectors]
        expected = np.array([each.start for each in sampled])
        values, errors = np.stack([each.values for each in sampled]), np.stack([each.errors for each in sampled])
    else:
        raise ProcedureError(
            ErrorNumber.NO_CONTRIBUTIONS,
            f"A model of the library {library} gives scores alone, so that its features have no contributions. Call "
            "ExplainScans with @Features = 0, which explains its slices.",
        )
    differing = np.abs(expected + values.sum(axis=1) - wanted)
    if not (differing <= _CLOSE * np.maximum(1, np.abs(wanted))).all():
        raise ProcedureError(
            ErrorNumber.NO_CONTRIBUTIONS,
            f"The contributions of the features and the margin differ by {differing.max():.3g} in sum: the "
            "model does not count its training patients. Train it again, or call ExplainScans with @Features = 0.",
        )
    return Contributions(0, 0, expected, values, errors)


def _of_trees(model: bytes, details: Mapping[str, Any], vectors: Features) -> tuple[Values, Values]:
    if b"\nis_linear=1\n" in model:
        raise ProcedureError(
            ErrorNumber.NO_CONTRIBUTIONS,
            "The model has linear models in its leaves (linear_tree), of which LightGBM computes no contributions. "
            "Call ExplainScans with @Features = 0, which explains its slices.",
        )
    parts = tree_factor(model, details) * raw_contributions(model, vectors)
    return parts[:, -1], parts[:, :-1]


def _of_network(model: bytes, vector: Features, means: Values, permutations: int, seed: int) -> Sampled:
    network = perceptron.from_json(model.decode("utf-8", "replace"))
    if means.size != network.width or np.isnan(means).any():
        raise no_reference()
    if permutations < 2:
        raise ProcedureError(
            ErrorNumber.ARGUMENT,
            f"The value {permutations} for the parameter @Permutations is not supported with the features of a "
            "network, which are estimated. Supported values are 2 and more, or any with @Features = 0.",
        )
    start = means @ network.weights[0] + network.biases[0]
    added = (vector.astype(np.float64) - means)[:, None] * network.weights[0]
    paths = []
    for order in permutations_of(vector.size, permutations, seed):
        # Only the sums that enter the first layer change with a feature.
        sums = np.concatenate([start[None], start + np.cumsum(added[order], axis=0)])
        paths.append((order, network.margins_of_sums(sums)))
    return settle(paths, float(network.margins(vector[None])[0]))
