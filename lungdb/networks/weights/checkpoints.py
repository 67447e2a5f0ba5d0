"""Finding the state dict in what a training script saved."""

from __future__ import annotations

from typing import Any

from lungdb.errors import LungdbError
from lungdb.networks.weights.opcodes import ADVICE, Tensor
from lungdb.networks.wording import MOST_NAMES


def state_dict(saved: Any) -> dict[str, Tensor]:
    """Give the one table of tensors: what was saved itself, or the only such table in it.

    Checkpoints keep it beside the optimiser's state and scores as `state_dict` (PyTorch's ImageNet example, Lightning)
    or `model` (torchvision's references).

    Raises
    ------
    LungdbError
        When there is none, or more than one.
    """
    if type(saved) is not dict:
        raise LungdbError(f"The weights file holds no state dict. {ADVICE}")
    if _is_state_dict(saved):
        return saved
    found = {key: value for key, value in saved.items() if type(key) is str and _is_state_dict(value)}
    if not found:
        raise LungdbError(f"The weights file holds no state dict, a table with tensors only. {ADVICE}")
    if len(found) > 1:
        names = ", ".join(map(repr, sorted(found)[:MOST_NAMES]))
        raise LungdbError(f"The weights file holds several state dicts: {names}. {ADVICE}")
    return next(iter(found.values()))


def _is_state_dict(value: Any) -> bool:
    return (
        type(value) is dict
        and len(value) > 0
        and all(type(name) is str and type(tensor) is Tensor for name, tensor in value.items())
    )
