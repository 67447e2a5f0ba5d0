"""The worklist: all patients, searched, filtered, sorted and paged by the database.

What somebody searches for may be a name, so it never stands in an address, where logs, histories and referrers would
keep it: the search is posted, kept in the signed session cookie, which scripts cannot read and sign-out deletes, and
the answer leads back here (303). The list says what it is searched for, so that a second tab cannot mislead.
"""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from lungdb_web.audit import record_list
from lungdb_web.queries.patients import SORTS, STATES, list_patients
from lungdb_web.services import call

blueprint = Blueprint("worklist", __name__)
PAGE = 50
LAST_PAGE = 1_000_000
LONGEST_SEARCH = 128


@blueprint.get("/")
def index() -> ResponseReturnValue:
    """Show a page of the list. A filter, order or page that there is not is taken for the nearest that there is."""
    search = str(session.get("search", ""))
    state = _known(request.args.get("state"), STATES)
    sort_given = _known(request.args.get("sort"), SORTS)
    order_given = _known(request.args.get("order"), ("desc",))
    sort, descending = sort_given or "index", order_given is not None
    page = min(max(1, request.args.get("page", 1, type=int)), LAST_PAGE)
    offset = (page - 1) * PAGE
    patients, total = list_patients(call, search, state, sort, descending, offset, PAGE)
    pages = max(1, -(-total // PAGE))
    if page > pages:
        return redirect(url_for("worklist.index", state=state, sort=sort_given, order=order_given, page=pages))
    record_list([patient.patient_index for patient in patients], searched=bool(search))
    return render_template(
        "worklist.html",
        patients=patients,
        total=total,
        states=STATES,
        state=state,
        sort=sort,
        descending=descending,
        sort_given=sort_given,
        order_given=order_given,
        page=page,
        pages=pages,
    )


@blueprint.post("/search")
def search() -> ResponseReturnValue:
    """Keep what is searched for, and show the list; an empty text ends the search."""
    session["search"] = request.form.get("q", "").strip()[:LONGEST_SEARCH]
    return redirect(url_for("worklist.index"), 303)


def _known(value: str | None, values: tuple[str, ...]) -> str | None:
    return value if value in values else None
