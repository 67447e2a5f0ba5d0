"""What the audit is told of refusals and long views, each once and not a thousand times, and of lists of patients.

`web.queries.accounts.record` writes everything else.
"""

from __future__ import annotations

from collections.abc import Sequence

from flask import g, request, session

from lungdb_web.addresses import client_network
from lungdb_web.queries.accounts import record
from lungdb_web.rate_limit import limits


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


def record_list(shown: Sequence[int]) -> None:
    """Record which patients a page of the list shows, not what was searched for."""
    record("view_list", detail=f"patients: {_listed(shown)}")


def record_similar(patient_index: int, shown: Sequence[int]) -> None:
    """Record which patients are shown as similar to one."""
    record("view_patient", patient_index, detail=f"similar patients: {_listed(shown)}")


def _listed(indices: Sequence[int]) -> str:
    """Write indices as dbo.ReadAudit looks for them."""
    return ", ".join(map(str, indices)) or "none"
