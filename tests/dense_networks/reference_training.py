"""TrainNetworkSql's algorithm in NumPy, written from its description: the generator, the order, the steps."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Layers = list[tuple[NDArray[np.float64], NDArray[np.float64]]]
MODULUS = 2**31 - 1


class Generator:
    """Lehmer's generator with the multiplier 48271."""

    def __init__(self, seed: int) -> None:
        self.state = seed

    def next(self) -> int:
        """Return the next state."""
        self.state = self.state * 48271 % MODULUS
        return self.state


def begin(widths: list[int], generator: Generator) -> Layers:
    """Draw the weights row by row, layer by layer."""
    layers = []
    for inputs, units in pairwise(widths):
        limit = np.sqrt(6 / (inputs + units))
        drawn = [[(2 * (generator.next() / MODULUS) - 1) * limit for _ in range(units)] for _ in range(inputs)]
        layers.append((np.array(drawn), np.zeros(units)))
    return layers


def loss(layers: Layers, x: NDArray[np.float64], y: NDArray[np.int64], l2: float) -> float:
    """Return the mean cross-entropy with L2."""
    values = x
    for number, (weight, bias) in enumerate(layers):
        values = values @ weight + bias
        if number < len(layers) - 1:
            values = np.maximum(values, 0)
    logs = values - values.max(1, keepdims=True)
    logs = logs - np.log(np.exp(logs).sum(1, keepdims=True))
    return float(-logs[np.arange(len(y)), y].mean() + l2 / 2 * sum((w * w).sum() for w, _ in layers))


def gradients(layers: Layers, x: NDArray[np.float64], y: NDArray[np.int64], l2: float) -> Layers:
    """Return the loss's derivatives by back-propagation."""
    values = [x]
    for weight, bias in layers[:-1]:
        values.append(np.maximum(values[-1] @ weight + bias, 0))
    sums = values[-1] @ layers[-1][0] + layers[-1][1]
    shares = np.exp(sums - sums.max(1, keepdims=True))
    delta = shares / shares.sum(1, keepdims=True)
    delta[np.arange(len(y)), y] -= 1
    delta /= len(y)
    found: Layers = []
    for number in reversed(range(len(layers))):
        weight = layers[number][0]
        found.insert(0, (values[number].T @ delta + l2 * weight, delta.sum(0)))
        delta = (delta @ weight.T) * (values[number] > 0)
    return found


def train(
    x: NDArray[np.float64],
    y: NDArray[np.int64],
    hidden: list[int],
    iterations: int,
    *,
    rate: float,
    l2: float,
    batch: int,
    momentum: float,
    seed: int,
) -> tuple[Layers, list[float]]:
    """Return the trained layers and the loss of every iteration."""
    generator = Generator(seed)
    layers = begin([x.shape[1], *hidden, int(y.max()) + 1], generator)
    keys = [generator.next() for _ in range(len(x))]
    order = np.argsort(np.array(keys), kind="stable")
    velocities = [(np.zeros_like(w), np.zeros_like(b)) for w, b in layers]
    losses = []
    for iteration in range(iterations):
        chosen = order[(iteration * batch + np.arange(batch)) % len(x)]
        losses.append(loss(layers, x[chosen], y[chosen], l2))
        slopes = gradients(layers, x[chosen], y[chosen], l2)
        velocities = [
            (momentum * vw - rate * gw, momentum * vb - rate * gb)
            for (vw, vb), (gw, gb) in zip(velocities, slopes, strict=True)
        ]
        layers = [(w + vw, b + vb) for (w, b), (vw, vb) in zip(layers, velocities, strict=True)]
    return layers, losses
