"""The list that somebody looks at: what it is searched, filtered and sorted by, and where in it a patient stands.

All of it stands in the address, so that each tab has its own list, that a patient's page knows its neighbours, and that
the way back leads where one came from; of what is searched for the address has a random name alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import g, request

from lungdb_web.access import current_account
from lungdb_web.queries.lists import find_search
from lungdb_web.queries.patients import SORTS, STATES, PatientRow, list_patients
from lungdb_web.services import call

PAGE = 50
LAST_PAGE = 1_000_000
DEFAULT_SORT = "work"
_LONGEST_NAME = 64
_AROUND = 5
"""How many patients are looked at to either side of a place, because others may have changed the list meanwhile."""


@dataclass(frozen=True)
class Listing:
    """A list.

    Attributes
    ----------
    name : str or None
        The random name of what is searched for; None where nothing is.
    text : str
        What is searched for; empty where nothing is.
    state, sort_given : str or None
        One of STATES and of SORTS; None for all, and for the order of what needs work.
    descending : bool
        Whether the order is turned round.
    unread : bool
        Whether only what the account has not reviewed is listed.
    """

    name: str | None
    text: str
    state: str | None
    sort_given: str | None
    descending: bool
    unread: bool

    @property
    def sort(self) -> str:
        """What it is sorted by."""
        return self.sort_given or DEFAULT_SORT

    @property
    def query(self) -> dict[str, Any]:
        """The part of an address that says which list it is; None for what is as ever."""
        return {
            "s": self.name,
            "state": self.state,
            "sort": self.sort_given,
            "order": "desc" if self.descending else None,
            "unread": 1 if self.unread else None,
        }

    def but(self, **changed: str | int | None) -> dict[str, Any]:
        """Give the same part of an address with some of it changed."""
        return {**self.query, **changed}

    def read(self, offset: int, limit: int) -> tuple[list[PatientRow], int]:
        """Read a part of it, and how many patients it has."""
        reader = current_account().name
        return list_patients(
            call, self.text, self.state, self.sort, self.descending, offset, limit, reader, self.unread
        )


@dataclass(frozen=True)
class Place:
    """Where in a list a patient stands, from 1 up, and the indices of those before and after; None at an end."""

    listing: Listing
    at: int
    total: int
    before: int | None
    after: int | None

    @property
    def page(self) -> int | None:
        """The page of the list that he is on; None for the first, which needs no number."""
        page = -(-self.at // PAGE)
        return page if page > 1 else None

    @property
    def query(self) -> dict[str, Any]:
        """The part of an address that keeps this place, though what is done to the patient may move him in the list."""
        return self.listing.but(at=self.at, of=self.total, before=self.before, after=self.after)


def present_listing() -> Listing:
    """Read the list from the address of the request; what there is not is taken for nothing."""
    if "listing" not in g:
        name = request.args.get("s", "")[:_LONGEST_NAME] or None
        text = find_search(call, current_account().name, name) if name else None
        g.listing = Listing(
            name=name if text else None,
            text=text or "",
            state=_known("state", STATES),
            sort_given=_known("sort", SORTS),
            descending=request.args.get("order") == "desc",
            unread=request.args.get("unread") == "1",
        )
    found: Listing = g.listing
    return found


def present_place(index: int) -> Place | None:
    """Find where the patient of the request stands in its list; None where he was not reached from one.

    Where the address tells who was before and after him, they still are, whatever has become of him since.
    """
    at = _number("at")
    if at is None or at < 1:
        return None
    listing = present_listing()
    total = _number("of")
    if total is not None:
        return Place(listing, at, max(total, at), _number("before"), _number("after"))
    first = max(0, at - 1 - _AROUND)
    rows, total = listing.read(first, 2 * _AROUND + 1)
    indices = [row.patient_index for row in rows]
    if index in indices:
        here = indices.index(index)
        before, after = indices[:here], indices[here + 1 :]
        at = first + here + 1
    else:
        before, after = indices[: at - 1 - first], indices[at - 1 - first :]
    return Place(listing, at, max(total, at), before[-1] if before else None, after[0] if after else None)


def _known(name: str, values: tuple[str, ...]) -> str | None:
    value = request.args.get(name)
    return value if value in values else None


def _number(name: str) -> int | None:
    value = request.args.get(name, "")
    return int(value) if value.isascii() and value.isdecimal() and len(value) <= 9 else None
