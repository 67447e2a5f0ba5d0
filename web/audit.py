"""What the audit is told of refusals and long views, each once and not a thousand times, and of lists of patients.

`web.queries.accounts.record` writes everything else.
"""

from __future__ import annotations

from collections.abc import Sequence

from flask import g, request, session

from web.addresses import client_network
from web.queries.accounts import record
from web.rate_limit import limits

_INDICES_PER_ROW = 15
"""So that indices of ten digits fit into the 200 characters of a row's detail."""


def refuse(reason: str) -> None:
    """Record a refusal. Of requests that nobody signed in for, only the first few of a network are recorded."""
    if "account" in g or limits().refusals.attempt(client_network()) == 0:
        route = request.url_rule.rule if request.url_rule is not None else "no such page"
        index = (request.view_args or {}).get("index")
        record("refused", index if isinstance(index, int) else None, "refused", f"{request.method} {route}: {reason}")


def record_view(action: str, patient_index: int) -> None:
    """Record a view that takes many requests, such as of a scan's slices, once in ten minutes of a session."""
    key = f"{session.get('id', '')} {g.account.name} {action} {patient_index}"
    if limits().views.attempt(key) == 0:
        try:
            record(action, patient_index)
        except BaseException:
            limits().views.forget(key)
            raise


def record_list(offset: int, count: int) -> None:
    """Record that a page of the list of patients is shown: where it begins, how many are on it, not what it is of."""
    record("view_list", detail=f"{count} patients after the first {offset}")


def record_similar(patient_index: int, shown: Sequence[int]) -> None:
    """Record which patients are shown as similar to one, in as many rows as that takes."""
    for first in range(0, max(1, len(shown)), _INDICES_PER_ROW):
        indices = ", ".join(str(index) for index in shown[first : first + _INDICES_PER_ROW])
        record("view_patient", patient_index, detail=f"similar patients: {indices or 'none'}")
