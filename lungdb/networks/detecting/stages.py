"""What is declared of a later stage's output: a probability of a crop, and no nodules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lungdb.errors import LungdbError

PROBABILITY = "probability"
"""The form of such an output, in `networks.details` under `output`."""

ACTIVATIONS = ("none", "sigmoid", "softmax")
"""What makes a probability of it."""


def is_stage(output: object) -> bool:
    """Tell whether an output is declared to be a later stage's."""
    return isinstance(output, Mapping) and output.get("form") == PROBABILITY


def is_detector(details: Mapping[str, Any]) -> bool:
    """Tell whether a network, by its `networks.details`, detects nodules."""
    return "output" in details and not is_stage(details["output"])


def read_stage(output: Mapping[str, Any]) -> dict[str, Any]:
    """Check what is declared of a later stage's output.

    Raises
    ------
    LungdbError
        The activation is missing or none that is known, the class no whole number from 0, or there is another key.
    """
    activation, column = output.get("activation"), output.get("class", 0)
    if activation not in ACTIVATIONS:
        raise LungdbError(
            f"The activation {activation!r} of the network's output is not supported. Supported are none, where it is "
            "a probability, sigmoid and softmax: --stage activation=sigmoid."
        )
    if isinstance(column, bool) or not isinstance(column, int) or column < 0:
        raise LungdbError(
            f"The class {column!r} of the network's output is not supported. Give the number of the output's column, "
            "from 0: --stage activation=softmax,class=1."
        )
    others = sorted(output.keys() - {"form", "activation", "class"})
    if others:
        raise LungdbError(f"A stage's output has no key '{others[0]}'. Its keys are activation and class.")
    return dict(output)
