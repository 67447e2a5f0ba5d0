"""The worklist: all patients, searched, filtered, sorted and paged by the database.

What somebody searches for may be a name, so it never stands in an address, where logs, histories and referrers would
keep it: the search is posted, kept in the signed session cookie, which scripts cannot read and sign-out deletes, and
the answer leads back here (303). The list says what it is searched for, so that a second tab cannot mislead.
"""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from web.queries.patients import SORTS, STATES, list_patients

blueprint = Blueprint("worklist", __name__)
PAGE = 50
LONGEST_SEARCH = 128


@blueprint.get("/")
def index() -> ResponseReturnValue:
    """Show a page of the list."""
    search = str(session.get("search", ""))
    state = request.args.get("state")
    state = state if state in STATES else None
    sort = request.args.get("sort", "index")
    sort = sort if sort in SORTS else "index"
    descending = request.args.get("order") == "desc"
    page = max(1, request.args.get("page", 1, type=int))
    patients, total = list_patients(search, state, sort, descending, (page - 1) * PAGE, PAGE)
    return render_template(
        "worklist.html", patients=patients, total=total, state=state, sort=sort, descending=descending, page=page,
        pages=max(1, -(-total // PAGE)), states=STATES,
    )  # fmt: skip


@blueprint.post("/search")
def search() -> ResponseReturnValue:
    """Keep what is searched for, and show the list; an empty text ends the search."""
    session["search"] = request.form.get("q", "").strip()[:LONGEST_SEARCH]
    return redirect(url_for("worklist.index"), 303)
