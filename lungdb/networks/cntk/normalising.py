"""Batch normalisation, by channel and by element."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lungdb.networks.cntk.emitting import Emitter, Rule, Value
from lungdb.networks.cntk.functions import Function


def _batch_normalization(emitter: Emitter, function: Function, inputs: list[Value]) -> list[Value]:
    """Write scale * (x - mean) / sqrt(variance + epsilon) + bias; the sixth input, a count, is for training only."""
    if len(inputs) not in (5, 6) or not inputs[0].batched or inputs[0].rank == 0:
        function.refuse(f"has {len(inputs)} inputs", "Save the model again with CNTK 2.")
    picture, parameters = inputs[0], [_vector(function, value) for value in inputs[1:5]]
    epsilon = function.number("epsilon", 1e-5)
    if not 0 <= epsilon <= 1:
        function.refuse(f"has the epsilon {epsilon}", "Save the model again with CNTK 2.")
    if function.flag("spatial", False):
        channels = picture.shape[0]
        if any(parameter.size != channels for parameter in parameters):
            function.refuse(f"has {[parameter.size for parameter in parameters]} parameters for {channels} channels")
        weights = [
            emitter.constant(parameter, value.name) for parameter, value in zip(parameters, inputs[1:5], strict=True)
        ]
        return [emitter.add("BatchNormalization", [picture, *weights], picture.shape, epsilon=epsilon)]
    sizes = [dim for dim in picture.shape if dim is not None]
    if len(sizes) < picture.rank or any(parameter.size != np.prod(sizes) for parameter in parameters):
        function.refuse(f"has parameters of another size than the picture, {picture.shape}")
    scale, bias, mean, variance = (parameter.reshape(sizes) for parameter in parameters)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        factor = scale / np.sqrt(variance + epsilon)
        shift = bias - mean * factor
    scaled = emitter.add("Mul", [picture, emitter.constant(factor)], picture.shape)
    return [emitter.add("Add", [scaled, emitter.constant(shift)], picture.shape)]


def _vector(function: Function, value: Value) -> NDArray[np.float64]:
    if value.constant is None:
        function.refuse("computes its parameters", "Save the model with trained parameters.")
    return value.constant.astype(np.float64).ravel()


RULES: dict[str, Rule] = {"BatchNormalization": _batch_normalization}
