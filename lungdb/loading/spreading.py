"""Choosing some of many, spread evenly."""

from __future__ import annotations


def evenly(total: int, number: int) -> list[int]:
    """Choose positions out of a total, in the middles of equal parts."""
    number = min(total, number)
    return [(2 * position + 1) * total // (2 * number) for position in range(number)]


def shares(number: int, parts: int) -> list[int]:
    """Part a number into whole numbers that differ by one at most."""
    return [number * (position + 1) // parts - number * position // parts for position in range(parts)]
