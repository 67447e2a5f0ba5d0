"""What other packages add to lungdb: named objects of their entry points."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from lungdb.errors import ErrorNumber, ProcedureError

STEPS = "lungdb.steps"
"""Group of entry points, each a `lungdb.imaging.steps.registry.Step`."""

POOLINGS = "lungdb.poolings"
"""Group of entry points, each a function from float32[triples, width] to a vector."""

ALGORITHMS = "lungdb.algorithms"
"""Group of entry points, each a `lungdb.learning.algorithms.Algorithm`."""

GROUPS = {"step": STEPS, "pooling": POOLINGS, "algorithm": ALGORITHMS}
"""Groups by what they add."""


@dataclass(frozen=True)
class Extension:
    """An object that a package adds.

    Attributes
    ----------
    value : object
        What the entry point names.
    package : str
        Name and version of the package, with a blank between.
    """

    value: Any
    package: str


def names(group: str) -> dict[str, str]:
    """Give the names that packages add to a group, with the package of each; without loading any."""
    return {point.name: _package(point) for point in _points(group)}


def extension(group: str, name: str) -> Extension | None:
    """Load what a package adds under a name, or give None where none does.

    Raises
    ------
    ProcedureError
        50394 when two packages add the name, or it cannot be loaded.
    """
    found = [point for point in _points(group) if point.name == name]
    if not found:
        return None
    packages = sorted({_package(point) for point in found})
    if len(packages) > 1:
        raise ProcedureError(
            ErrorNumber.NOT_REGISTERED,
            f"The name {name!r} is registered in {group} by {' and by '.join(packages)}. Remove one of the packages.",
        )
    try:
        value = found[0].load()
    except Exception as error:  # whatever a foreign package does when it is imported
        raise ProcedureError(
            ErrorNumber.NOT_REGISTERED,
            f"What the package {packages[0]} registers as {name!r} cannot be loaded ({type(error).__name__}: {error}). "
            "Install the package again, or another version of it.",
        ) from error
    return Extension(value, packages[0])


def _points(group: str) -> Iterator[EntryPoint]:
    yield from sorted(entry_points(group=group), key=lambda point: (point.name, _package(point)))


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else "a package without a name"
