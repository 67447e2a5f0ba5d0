"""A search for the largest value of a function that gives no gradient: an evolution strategy that scales each number.

It is sep-CMA-ES, covariance matrix adaptation with a diagonal matrix (Ros and Hansen, A Simple Modification in CMA-ES
Achieving Linear Time and Space Complexity, PPSN 2008), with the settings of Hansen's tutorial (arXiv:1604.00772): its
cost grows with the numbers, not with their square, and it learns within few generations which of them matter.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, ProcedureError

Floats = NDArray[np.float64]
Evaluate = Callable[[Floats], Floats]
"""From float64[points, numbers] to the value of each point."""

_LARGEST_STEP = 1.0  # of the search as a whole: beyond it points lie where all numbers are cut off alike
_SMALLEST_STEP = 1e-6  # below it points are one
_VARIANCES = (1e-12, 1e6)  # beyond them a long search ends in 0 or infinity
_FARTHEST = 4.0  # that a number may be from 0


@dataclass(frozen=True)
class Search:
    """How far a search has come.

    Attributes
    ----------
    generation : int
        Generations done.
    mean : float64[numbers]
        Around which the next points are drawn.
    step : float
        How far from it they are drawn.
    variances : float64[numbers]
        How far in each number, relative to the step.
    step_path, mean_path : float64[numbers]
        Where the mean has gone lately: the tutorial's evolution paths p_σ and p_c.
    best : float64[numbers]
        The best point of all.
    value : float
        Its value.
    """

    generation: int
    mean: Floats
    step: float
    variances: Floats
    step_path: Floats
    mean_path: Floats
    best: Floats
    value: float

    def to_json(self) -> bytes:
        """Write it so that it reads back bit for bit."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return json.dumps(
            {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in values.items()}
        ).encode()


def from_json(text: bytes) -> Search:
    """Read what `to_json` wrote; ProcedureError 50105 when it is something else."""
    try:
        read = json.loads(text)
        names = [each.name for each in fields(Search)]
        given = {name: read[name] for name in names}
        lists = {name: np.array(value, dtype=np.float64) for name, value in given.items() if isinstance(value, list)}
        return Search(**{**given, **lists})
    except (KeyError, TypeError, ValueError):
        raise ProcedureError(
            ErrorNumber.DAMAGED, "What the search has found so far cannot be read back. Call the procedure again."
        ) from None


def begin(starts: Floats, values: Floats, spread: Floats, step: float) -> Search:
    """Begin at the best of some points.

    Parameters
    ----------
    starts : float64[points, numbers]
    values : float64[points]
    spread : float64[numbers]
        Standard deviation of each number in the first generation, relative to the step.
    step : float
    """
    best = int(np.argmax(values))
    nothing = np.zeros(starts.shape[1])
    start = starts[best].copy()
    return Search(0, start, step, spread**2, nothing, nothing.copy(), start.copy(), float(values[best]))


def advance(search: Search, evaluate: Evaluate, population: int, seed: int) -> Search:
    """Draw, evaluate and learn from one generation; the same seed and generation draw the same.

    Parameters
    ----------
    search : Search
    evaluate : Evaluate
    population : int
        Points, at least 4.
    seed : int
        From 0.
    """
    numbers = search.mean.size
    draws = np.random.default_rng([seed, search.generation + 1]).standard_normal((population, numbers))
    scales = np.sqrt(search.variances)
    points = np.clip(search.mean + search.step * scales * draws, -_FARTHEST, _FARTHEST)
    values = evaluate(points)
    order = np.argsort(-values, kind="stable")

    parents = population // 2
    weights = np.log((population + 1) / 2) - np.log(np.arange(1, parents + 1))
    weights /= weights.sum()
    mass = 1 / float((weights**2).sum())
    chosen = points[order[:parents]]
    mean = weights @ chosen
    moved = (mean - search.mean) / search.step

    step_rate = (mass + 2) / (numbers + mass + 5)
    damping = 1 + step_rate + 2 * max(0.0, np.sqrt((mass - 1) / (numbers + 1)) - 1)
    step_path = (1 - step_rate) * search.step_path + np.sqrt(step_rate * (2 - step_rate) * mass) * moved / scales
    length = float(np.linalg.norm(step_path))
    expected = np.sqrt(numbers) * (1 - 1 / (4 * numbers) + 1 / (21 * numbers**2))
    grown = search.step * float(np.exp(step_rate / damping * (length / expected - 1)))

    path_rate = (4 + mass / numbers) / (numbers + 4 + 2 * mass / numbers)
    is_short = length / np.sqrt(1 - (1 - step_rate) ** (2 * (search.generation + 1))) < (
        (1.4 + 2 / (numbers + 1)) * expected
    )
    mean_path = (1 - path_rate) * search.mean_path
    if is_short:
        mean_path = mean_path + np.sqrt(path_rate * (2 - path_rate) * mass) * moved
    # A diagonal has fewer numbers to learn than a matrix, so it may learn faster by this factor (Ros and Hansen).
    faster = (numbers + 2) / 3
    one_rate = min(1.0, faster * 2 / ((numbers + 1.3) ** 2 + mass))
    many_rate = min(1 - one_rate, faster * 2 * (mass - 2 + 1 / mass) / ((numbers + 2) ** 2 + mass))
    spread = (chosen - search.mean) / search.step
    lost = 0.0 if is_short else path_rate * (2 - path_rate)
    variances = (
        (1 - one_rate - many_rate + one_rate * lost) * search.variances
        + one_rate * mean_path**2
        + many_rate * (weights @ spread**2)
    )
    top = int(order[0])
    is_better = values[top] > search.value
    return Search(
        search.generation + 1,
        mean,
        min(max(grown, _SMALLEST_STEP), _LARGEST_STEP),
        np.clip(variances, *_VARIANCES),
        step_path,
        mean_path,
        points[top].copy() if is_better else search.best,
        float(values[top]) if is_better else search.value,
    )
