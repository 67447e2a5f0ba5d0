"""What curves are made of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Point:
    """A point of a curve; None where a value is not defined."""

    position: int
    x: float | None
    y: float | None
    threshold: float | None
