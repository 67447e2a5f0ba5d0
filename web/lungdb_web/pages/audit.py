"""/audit: what was done and refused on the page, for administrators."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from flask import Blueprint, abort, render_template, request

from lungdb_web.access import require
from lungdb_web.audit import record
from lungdb_web.queries.administering import read_audit
from lungdb_web.services import call

blueprint = Blueprint("audit", __name__, url_prefix="/audit")

PAGE = 100
ACTIONS = (
    "sign_in", "sign_out", "view_list", "search", "view_patient", "view_scan", "view_truth", "ask_score", "score",
    "ask_explanation", "explain", "refused", "read_audit", "ask_promote", "promote", "ask_roll_back", "roll_back",
    "ask_train", "train", "ask_search_models", "search_models", "ask_end_search", "end_search", "ask_check_drift",
    "check_drift", "ask_review", "review", "load", "report", "ask_compare", "compare",
)  # fmt: skip
"""Offered while one types; others are searched for as well."""
_MOST_INT = 2**31 - 1
_MOST_BIGINT = 2**63 - 1


@dataclass(frozen=True)
class _Asked:
    account: str | None = None
    patient: int | None = None
    action: str | None = None
    since: date | None = None
    until: date | None = None


@blueprint.get("")
@require("administrator")
def index() -> str:
    """Ask what is looked for; nothing is shown before."""
    return render_template("audit.html", asked=_Asked(), rows=None, before=None, actions=ACTIONS)


@blueprint.post("")
@require("administrator")
def search() -> str:
    """Show rows of the audit. A form and no address asks for them, because addresses are kept by browsers and logs."""
    asked = _Asked(
        request.form.get("account", "").strip() or None,
        _number("patient", _MOST_INT),
        request.form.get("action", "").strip()[:20] or None,
        _day("from"),
        _day("to"),
    )
    told = (("account", asked.account), ("action", asked.action), ("from", asked.since), ("to", asked.until))
    detail = "; ".join(f"{name} {value}" for name, value in told if value is not None) or "all"
    record("read_audit", asked.patient, detail=detail[:1000])
    rows = read_audit(
        call,
        asked.account,
        asked.patient,
        asked.action,
        None if asked.since is None else datetime.combine(asked.since, time()),
        # The day after the last of all is none.
        None if asked.until in (None, date.max) else datetime.combine(asked.until + timedelta(days=1), time()),
        _number("before", _MOST_BIGINT),
        PAGE,
    )
    before = rows[-1].audit_id if len(rows) == PAGE else None
    return render_template("audit.html", asked=asked, rows=rows, before=before, actions=ACTIONS)


def _number(field: str, most: int) -> int | None:
    given = request.form.get(field, "").strip()
    if not given:
        return None
    if not (given.isascii() and given.isdigit() and len(given) < 20 and int(given) <= most):
        abort(400, f"The field {field} needs a whole number from 0 to {most}, or nothing.")
    return int(given)


def _day(field: str) -> date | None:
    given = request.form.get(field, "").strip()
    if not given:
        return None
    try:
        return date.fromisoformat(given)
    except ValueError:
        abort(400, f"The field {field} needs a day such as 2026-11-30, or nothing.")
