"""What a network gave, checked before it is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import LungdbError

Outputs = Sequence[NDArray[Any]]
"""A network's outputs for one tile, in the order of the network's file."""

Floating = TypeVar("Floating", bound=np.generic)

ROUNDING = 1e-3
"""Of a probability: half precision has as much, and a linear interpolation goes beyond 1 by its last bit."""


def output_at(outputs: Outputs, position: int, dimensions: int, what: str) -> NDArray[Any]:
    """Give an output of so many axes, without the batch of 1 that may stand before them.

    Raises
    ------
    LungdbError
        There is no such output, it has other axes, or values that are no numbers.
    """
    if position >= len(outputs):
        raise LungdbError(
            f"The network has {len(outputs)} outputs, and output {position} is declared as {what}. Declare other "
            "outputs when the network is loaded."
        )
    values = np.asarray(outputs[position])
    given = values.shape
    if values.ndim == dimensions + 1 and given[0] == 1:
        values = values[0]
    if values.ndim != dimensions:
        raise LungdbError(
            f"Output {position} of the network has the shape {list(given)}; as {what} it has {dimensions} axes, or a "
            "batch of 1 before them. Declare another form or other outputs when the network is loaded."
        )
    if values.dtype.kind == "f":
        wrong = values.size - int(np.count_nonzero(np.isfinite(values)))
        if wrong:
            raise LungdbError(
                f"Output {position} of the network has {wrong} values of {values.size} that are no finite numbers. "
                "Run the network in float32, and look at its input's window and normalisation."
            )
    return values


def other_shape(position: int, shape: Sequence[int], wanted: str) -> LungdbError:
    """Make the error of an output that has another size than was declared."""
    return LungdbError(
        f"Output {position} of the network has the shape {list(shape)}; {wanted}. Declare it as it is when the network "
        "is loaded."
    )


def probabilities(values: NDArray[Any], score: str, position: int) -> NDArray[np.float64]:
    """Make probabilities of scores, which are `probability` or `logit`."""
    scores = values.astype(np.float64)
    if score == "logit":
        logistic: NDArray[np.float64] = 1 / (1 + np.exp(-np.clip(scores, -700, 700)))
        return logistic
    return in_range(scores, position)


def in_range(scores: NDArray[Floating], position: int) -> NDArray[Floating]:
    """Give probabilities, cut off to 0 to 1 where rounding went beyond; refuse what is further away."""
    lowest, highest = (scores.min(initial=0), scores.max(initial=1))
    if lowest < -ROUNDING or highest > 1 + ROUNDING:
        extreme = float(lowest if lowest < -ROUNDING else highest)
        raise LungdbError(
            f"Output {position} of the network has the score {extreme:g}, which is no probability. Declare its score "
            "as 'logit' when the network is loaded, or scale it to 0 to 1 inside the network."
        )
    inside: NDArray[Floating] = np.clip(scores, 0, 1) if lowest < 0 or highest > 1 else scores
    return inside
