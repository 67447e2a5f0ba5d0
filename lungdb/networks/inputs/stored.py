"""Reading what `networks.details` holds of an input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.imaging.preprocessing import CHANNELS, SIDE

MAX_SIDE = 4096
"""Rows or columns of the pictures that a network may read: one picture of more takes 200 MB."""

Sides = tuple[int | None, ...]


def reads_volumes(details: Mapping[str, Any]) -> bool:
    """Tell whether a network reads volumes, from the whole of its details."""
    return _of(details).get("dimensions") == 3


def channels_of(details: Mapping[str, Any]) -> int:
    """Give how many channels a network reads; 3 where nothing is said."""
    channels = _of(details).get("channels", CHANNELS)
    return channels if type(channels) is int and channels >= 1 else CHANNELS


def sides_of(details: Mapping[str, Any]) -> Sides:
    """Give the sides of what a network reads: rows and columns, or slices, rows and columns, None where scans decide.

    Raises
    ------
    ProcedureError
        50116 when the details do not say.
    """
    own = _of(details)
    if reads_volumes(details):
        sizes = own.get("size")
        given = sizes if isinstance(sizes, list) and len(sizes) == 3 else [0]
        what = "the slices, rows and columns"
    else:
        given = [own.get("height", SIDE if not own else 0), own.get("width", SIDE if not own else 0)]
        what = "the height and width"
    if all((side is None and len(given) == 3) or (type(side) is int and 1 <= side <= MAX_SIDE) for side in given):
        return tuple(given)
    raise ProcedureError(
        ErrorNumber.UNREADABLE,
        f"The network's details do not give {what} of its input as whole numbers from 1 to {MAX_SIDE}. "
        "Make the network again.",
    )


def _of(details: Mapping[str, Any]) -> Mapping[str, Any]:
    own = details.get("input", {})
    return own if isinstance(own, dict) else {"height": None}
