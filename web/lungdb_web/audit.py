"""What the audit is told: of refusals and long views each once and not a thousand times, of lists who was on them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from flask import g, request, session
from werkzeug.exceptions import ServiceUnavailable

from lungdb.database import ResultSet
from lungdb.errors import ErrorNumber, SqlError
from lungdb_web.addresses import client_address, client_network
from lungdb_web.database import Lane
from lungdb_web.queries.accounts import write_audit
from lungdb_web.rate_limit import limits
from lungdb_web.services import call, services

_LOG = logging.getLogger("lungdb_web")
_IN_A_ROW = 300
"""Indices that a detail of 4,000 characters holds, however large they are."""


class AuditUnavailable(ServiceUnavailable):
    """Nothing is shown that cannot be recorded: 503."""

    description = "This view could not be recorded, so it is not shown. Try again, or tell the administrator."


def record(
    action: str,
    patient_index: int | None = None,
    outcome: str = "ok",
    detail: str | None = None,
    *,
    account: str | None = None,
) -> None:
    """Write a row of the audit for the present request. Never give a patient's name or a search as detail.

    Parameters
    ----------
    action : str
        sign_in, sign_out, view_list, search, view_patient, view_scan, view_truth, ask_score, score, ask_explanation,
        explain, review, refused or read_audit; of `lungdb_web.recorded_work` its own, with ask_ before each.
    outcome : str
        ok, refused or failed.
    account : str, optional
        Whom it is about, while nobody is signed in; else it is the signed-in account.

    Raises
    ------
    AuditUnavailable
        The row cannot be written, so what it would tell of must not happen.
    """
    try:
        write_audit(call, action, patient_index, outcome, detail, client_address(), account)
    except SqlError as error:
        _LOG.error("The audit cannot be written: error %s in %s, line %s.", error.number, error.procedure, error.line)
        raise AuditUnavailable from error


def refuse(reason: str) -> None:
    """Record a refusal. Of requests that nobody signed in for, only the first few of a network are recorded."""
    if "account" in g or limits().refusals.attempt(client_network()) == 0:
        route = request.url_rule.rule if request.url_rule is not None else "no such page"
        index = (request.view_args or {}).get("index")
        record("refused", index if isinstance(index, int) else None, "refused", f"{request.method} {route}: {reason}")


def record_view(action: str, patient_index: int) -> None:
    """Record a view that takes many requests, such as of a scan's slices, once in ten minutes of a session."""
    key = _viewed(action, patient_index)
    if limits().views.attempt(key) == 0:
        try:
            record(action, patient_index)
        except BaseException:
            limits().views.forget(key)
            raise


def note_listed(shown: Sequence[int]) -> None:
    """Remember who was on a recorded list, so that the small pictures beside them need no rows of their own."""
    for index in shown:
        limits().listed.attempt(_viewed("thumbnail", index))


def record_thumbnail(patient_index: int) -> None:
    """Record that a small picture of a scan is shown, unless a recorded list of this session has the patient."""
    key = _viewed("thumbnail", patient_index)
    if limits().listed.attempt(key) == 0:
        try:
            record_view("view_scan", patient_index)
        except BaseException:
            limits().listed.forget(key)
            raise


def record_many(action: str, shown: Sequence[int]) -> None:
    """Record the same of many patients, so many in a row as its detail holds; one row where there is none."""
    for detail in _details(shown):
        record(action, detail=detail)


def background_recorder() -> Callable[[str, list[int], str], None]:
    """Give what records actions on patients in the name of this request's account when the request is long over."""
    account, address, database = g.account.name, client_address(), services().database

    def ask(sql: str, *parameters: Any, lane: Lane = "audit") -> list[ResultSet]:
        return database.call(sql, parameters, account, lane)

    def record_later(action: str, patients: list[int], outcome: str) -> None:
        for detail in _details(patients):
            write_audit(ask, action, None, outcome, detail, address, account)

    return record_later


def record_list(shown: Sequence[int], *, searched: bool) -> None:
    """Record which patients a page of the list shows, and that they were searched for, not what for."""
    record_many("search" if searched else "view_list", shown)


def record_unknown(error: Exception) -> None:
    """Record that somebody asked for a patient who is not there, if an error says so: guesses leave a trace."""
    if isinstance(error, SqlError) and error.number == ErrorNumber.UNKNOWN_PATIENT and "account" in g:
        index = (request.view_args or {}).get("index")
        record("view_patient", index if isinstance(index, int) else None, "failed", "no such patient")


def record_similar(patient_index: int, shown: Sequence[int]) -> None:
    """Record which patients are shown as similar to one."""
    record("view_patient", patient_index, detail=f"similar patients: {_listed(shown)}")


def _viewed(action: str, patient_index: int) -> str:
    return f"{session.get('id', '')} {g.account.name} {action} {patient_index}"


def _details(shown: Sequence[int]) -> Iterator[str]:
    for start in range(0, max(1, len(shown)), _IN_A_ROW):
        yield f"patients: {_listed(shown[start : start + _IN_A_ROW])}"


def _listed(indices: Sequence[int]) -> str:
    """Write indices as dbo.ReadAudit looks for them."""
    return ", ".join(map(str, indices)) or "none"
