"""What a benchmark found: a figure beside what it is compared with, and README's table of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Work = Callable[[], object]

ONE_ROUND = "one round"
"""What stands for the values of the rounds where there was one."""


@dataclass(frozen=True)
class Figure:
    """A row of README's table.

    Attributes
    ----------
    what : str
        What was measured, with its own figure.
    against : str
        What somebody would take instead, with its figure.
    value : str
        The ratio, or whatever else the row is about: the median of the rounds.
    rounds : str
        The same in each round, with commas; empty for what has no rounds, such as bytes.
    aim : str
        What `value` is to be at whole sizes; empty where nothing was set.
    """

    what: str
    against: str
    value: str
    rounds: str = ""
    aim: str = ""


@dataclass(frozen=True)
class Compared:
    """Seconds of two ways, timed in turn, a place a round."""

    bare: tuple[float, ...]
    ours: tuple[float, ...]

    @property
    def bare_seconds(self) -> float:
        """Median of the bare way."""
        return statistics.median(self.bare)

    @property
    def our_seconds(self) -> float:
        """Median of ours."""
        return statistics.median(self.ours)

    def speedup(self, digits: int = 2) -> tuple[str, str]:
        """Give how many times as fast ours is: the median of the rounds, and each."""
        return _median_and_each([bare / ours for bare, ours in zip(self.bare, self.ours, strict=True)], digits)

    def times_as_long(self, digits: int = 2) -> tuple[str, str]:
        """Give how many times the other's time ours takes: the median of the rounds, and each."""
        return _median_and_each([ours / bare for bare, ours in zip(self.bare, self.ours, strict=True)], digits)


def compare(bare: Work, ours: Work, rounds: int) -> Compared:
    """Time two ways in turn; a round of each that is not counted first warms caches and processes up."""
    bare()
    ours()
    times = [(seconds(bare), seconds(ours)) for _ in range(rounds)]
    first, second = zip(*times, strict=True)
    return Compared(first, second)


def seconds(work: Work) -> float:
    """Time one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def each(values: Sequence[float], digits: int = 2) -> str:
    """Write the values of the rounds with commas; a single one is no median, which is said."""
    return ONE_ROUND if len(values) == 1 else ", ".join(f"{value:.{digits}f}" for value in values)


def markdown(figures: Sequence[Figure], *, has_aims: bool = True) -> str:
    """Write figures as the table that README has; aims are those of whole sizes, so other tables go without."""
    rows: list[tuple[str, ...]] = [("what", "against", "ratio or figure", "of the rounds", "aim"), ("---",) * 5]
    rows += [(figure.what, figure.against, figure.value, figure.rounds, figure.aim) for figure in figures]
    if not has_aims:
        rows = [row[:-1] for row in rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows)


def _median_and_each(ratios: Sequence[float], digits: int) -> tuple[str, str]:
    return f"{statistics.median(ratios):.{digits}f}", each(ratios, digits)
