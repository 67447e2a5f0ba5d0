"""What a network takes for one picture, told from its shapes before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence

import onnx

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.networks.graphs.graph import infer_bytes, item_shape, names_used, noun_of
from lungdb.networks.wording import shortened

MOST_ACTIVATIONS = 1_000_000_000
"""Bytes of what layers give at one time for one picture. A ResNet-152 takes 10 MB at 224 × 224, a U-Net with 64
channels 300 MB at 512 × 512."""

_MOST_CONSTANTS = 1 << 26
_CONSTANTS_PER_BYTE = 8  # weights stored in 4 bits become float32


def check_cost(model: onnx.ModelProto, size: Sequence[int]) -> None:
    """Refuse a network whose shapes ask for more memory than a network needs.

    Parameters
    ----------
    model : ModelProto
        With one input, pictures or volumes with their channels first; its nodes in order.
    size : sequence of int
        What free sides of the input become.

    Raises
    ------
    ProcedureError
        50116 with the figure, when what layers give at one time for one picture takes more than MOST_ACTIVATIONS, or
        constants that the network computes from nothing far more than its file has. What depends on the picture's
        values has no size here; running the network shows that.
    """
    shape = item_shape(model, size)
    sizes = infer_bytes(model, (1, *shape))
    weights = {tensor.name for tensor in model.graph.initializer}
    picture = next(value.name for value in model.graph.input if value.name not in weights)
    _check_constants(model, picture, sizes)
    most, largest = _most_at_once(model.graph, picture, sizes)
    if most > MOST_ACTIVATIONS:
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            f"The network would take {_written(most)} for one {noun_of(model)} of {written_size(shape[1:])}, "
            f"{_written(sizes[largest])} of it for the tensor '{shortened(largest)}'; {_written(MOST_ACTIVATIONS)} is "
            f"the most. Use smaller {noun_of(model)}s or a smaller network.",
        )


def _check_constants(model: onnx.ModelProto, picture: str, sizes: dict[str, int]) -> None:
    seen = {picture}
    total = 0
    largest = ""
    for node in model.graph.node:
        if not seen.isdisjoint(names_used(node)):
            seen.update(node.output)
            continue
        for name in node.output:
            total += sizes.get(name, 0)
            largest = max(largest, name, key=lambda each: sizes.get(each, 0))
    weights = sum(len(tensor.raw_data) or tensor.ByteSize() for tensor in model.graph.initializer)
    most = _MOST_CONSTANTS + _CONSTANTS_PER_BYTE * weights
    if total > most:
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            f"The network computes {_written(total)} of constants, '{shortened(largest)}' the largest of them; for its "
            f"size {_written(most)} is the most. Export it again with its constants folded.",
        )


def _most_at_once(graph: onnx.GraphProto, picture: str, sizes: dict[str, int]) -> tuple[int, str]:
    """Give the most bytes that tensors take together, each until the last node that reads it, and the last of them."""
    last = {name: position for position, node in enumerate(graph.node) for name in names_used(node)}
    ends: dict[int, list[str]] = {}
    for name, position in last.items():
        ends.setdefault(position, []).append(name)
    alive: dict[str, int] = {}
    now = most = 0
    largest = picture
    for position, node in enumerate(graph.node):
        made = {name: sizes[name] for name in node.output if name in sizes}
        alive |= made
        now += sum(made.values())
        if now > most:
            most, largest = now, max(made, key=lambda name: made[name])
        unread = [name for name in made if name not in last]
        now -= sum(alive.pop(name, 0) for name in [*ends.get(position, []), *unread])
    return most, largest


def written_size(sides: Sequence[int]) -> str:
    """Write the sides of a picture or a volume."""
    return " × ".join(str(side) for side in sides)


def _written(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
