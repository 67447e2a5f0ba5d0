"""What a network that prepares pictures does, found out by giving it pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.imaging.preprocessing import CHANNELS
from lungdb.networks.graphs.cost import check_cost
from lungdb.networks.graphs.graph import image_input, nodes_of, shape_of
from lungdb.networks.graphs.operators import SUPPORTED
from lungdb.networks.running.providers import CPU, short, start_session
from lungdb.networks.wording import printable

Floats = NDArray[np.float32]

_LEARNED = {"Conv", "Gemm", "MatMul", "ConvTranspose", "ConvInteger", "MatMulInteger", "QLinearConv", "QLinearMatMul"}
_WHITE = 255.0
_EXACT = 1e-6  # what float32 leaves of a factor that is meant to be a whole number
_TOLERANCE = 1e-4  # of the largest level
_ORDERS = {(0, 1, 2): "rgb", (2, 1, 0): "bgr"}


@dataclass(frozen=True)
class Preparation:
    """A network that prepares pictures, and what it does where that is simple.

    Attributes
    ----------
    model : ModelProto
    channel_order : str
        What the network behind it reads, where it is simple: `rgb` or `bgr`.
    scale : tuple of float or None
        By channel of what it gives; None when it does something else than scaling and shifting each level.
    shift : float32[3, rows, cols]
        What is then added.
    """

    model: onnx.ModelProto
    channel_order: str
    scale: tuple[float, ...] | None
    shift: Floats


def is_preparation(model: onnx.ModelProto) -> bool:
    """Tell a network that makes a picture of a picture without layers that learn."""
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    if len(inputs) != 1 or len(model.graph.output) != 1:
        return False
    given, made = shape_of(inputs[0]), shape_of(model.graph.output[0])
    if given is None or made is None or len(given) != 4 or given[1] != CHANNELS or made[1:] != given[1:]:
        return False
    return _LEARNED.isdisjoint(node.op_type for node in nodes_of(model.graph))


def read_preparation(model: onnx.ModelProto) -> Preparation:
    """Find out what a network does to pictures of 0…255 in RGB; one of four pictures checks that it is that.

    Raises
    ------
    ProcedureError
        50116 when it cannot be run.
    """
    sides = (shape_of(image_input(model)) or [])[2:]
    size = tuple(side for side in sides if isinstance(side, int))
    if len(size) != 2:
        return Preparation(model, "rgb", None, np.zeros((CHANNELS, 1, 1), np.float32))
    shift, *answers, mixed_answer = _run(model, [*_probes(size), _mixed(size)])
    factors = np.array([((answer - shift) / np.float32(_WHITE)).mean(axis=(1, 2)) for answer in answers]).T
    order = tuple(int(np.argmax(np.abs(row))) for row in factors)
    scale = tuple(_rounded(float(factors[channel, source])) for channel, source in enumerate(order))
    expected = np.stack([_mixed(size)[source] * factor for source, factor in zip(order, scale, strict=True)]) + shift
    is_simple = np.abs(expected - mixed_answer).max() <= _TOLERANCE * max(1.0, float(np.abs(mixed_answer).max()))
    if not is_simple or order not in _ORDERS or min(scale) <= 0:
        return Preparation(model, "rgb", None, shift)
    return Preparation(model, _ORDERS[order], scale, shift)


def _probes(size: tuple[int, ...]) -> list[Floats]:
    """Make a black picture and a red, a green and a blue one."""
    black = np.zeros((CHANNELS, *size), np.float32)
    probes = [black]
    for channel in range(CHANNELS):
        coloured = black.copy()
        coloured[channel] = _WHITE
        probes.append(coloured)
    return probes


def _mixed(size: tuple[int, ...]) -> Floats:
    levels = np.random.default_rng(20).integers(0, int(_WHITE) + 1, (CHANNELS, *size))
    return levels.astype(np.float32)


def _rounded(factor: float) -> float:
    nearest = round(factor)
    return float(nearest) if abs(factor - nearest) <= _EXACT else factor


def _run(model: onnx.ModelProto, pictures: list[Floats]) -> list[Floats]:
    foreign = {node.op_type for node in nodes_of(model.graph)} - SUPPORTED
    if foreign:
        raise ProcedureError(
            ErrorNumber.UNREADABLE, "The network that prepares pictures uses operators that need no picture. Unpack it."
        )
    picture = image_input(model)
    check_cost(model, (pictures[0].shape[1], pictures[0].shape[2]))
    session, _ = start_session(model.SerializeToString(), [CPU], 1)
    try:
        return [np.asarray(session.run(None, {picture.name: each[None]})[0])[0] for each in pictures]
    except Exception as error:  # its exceptions share no base but this one
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            f"ONNX Runtime cannot run the network that prepares pictures: {printable(short(error))} Unpack the package "
            "and load the other network.",
        ) from None
