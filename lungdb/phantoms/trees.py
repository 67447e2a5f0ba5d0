"""Branching trees that fill the lungs: pulmonary vessels and airways."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungdb.phantoms.grid import Points


@dataclass(frozen=True)
class Tree:
    """A tree of nodes, parents before children.

    Attributes
    ----------
    positions : float64[n, 3]
        In mm; the first is the root.
    parents : intp[n]
        Index of each node's parent; the root's is 0.
    radii : float64[n]
        Of the edge that ends in each node, in mm.
    """

    positions: Points
    parents: NDArray[np.intp]
    radii: NDArray[np.float64]


def grow(trunk: Points, targets: Points, *, balance: float, twig: float, exponent: float) -> Tree:
    """Connect targets to a trunk, each by the cheapest way: distance plus `balance` times the way back to the root.

    Cuntz et al., PLoS Comput. Biol. 6 (2010) e1000877, use this rule for nerve cells; it suits vessels as well.
    Radii follow Murray's law, a parent's radius to the power `exponent` being the sum of its children's
    (PNAS 12 (1926) 207; the exponent is 3 there and measured as 2.3 to 3 in lungs).

    Parameters
    ----------
    trunk : float64[m, 3]
        The first nodes, one after the other from the root, in mm.
    targets : float64[n, 3]
    twig : float
        Radius of the last branches in mm.
    """
    count = len(trunk) + len(targets)
    positions = np.empty((count, 3))
    positions[: len(trunk)] = trunk
    parents = np.zeros(count, np.intp)
    parents[1 : len(trunk)] = np.arange(len(trunk) - 1)
    away = np.zeros(count)
    away[1 : len(trunk)] = np.cumsum(np.linalg.norm(np.diff(trunk, axis=0), axis=1))

    left = targets.copy()
    cost = np.full(len(targets), np.inf)
    nearest = np.zeros(len(targets), np.intp)
    for node in range(count):
        if node >= len(trunk):
            chosen = int(cost.argmin())
            parent = nearest[chosen]
            positions[node] = left[chosen]
            parents[node] = parent
            away[node] = away[parent] + np.linalg.norm(left[chosen] - positions[parent])
            last = len(left) - 1
            for array in (left, cost, nearest):
                array[chosen] = array[last]
            left, cost, nearest = left[:last], cost[:last], nearest[:last]
        apart = left - positions[node]
        price = np.sqrt(np.einsum("ij,ij->i", apart, apart))
        price += balance * away[node]
        better = price < cost
        np.copyto(cost, price, where=better)
        np.copyto(nearest, node, where=better)

    carried = np.zeros(count)
    for node in range(count - 1, 0, -1):
        carried[node] = max(carried[node], twig**exponent)
        carried[parents[node]] += carried[node]
    return Tree(positions, parents, carried ** (1 / exponent))
