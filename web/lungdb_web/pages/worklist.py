"""The worklist: all patients, searched, filtered, sorted and paged by the database, on the page and as CSV.

What somebody searches for may be a name, so it never stands in an address, where logs, histories and referrers would
keep it: the search is posted, kept in the database under a random name, and the answer leads back here (303) with that
name alone. So each tab has its own search, and an account finds its own only.
"""

from __future__ import annotations

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from lungdb_web import listing as lists
from lungdb_web.access import current_account
from lungdb_web.audit import note_listed, record_list
from lungdb_web.listing import LAST_PAGE, present_listing
from lungdb_web.queries.lists import keep_search
from lungdb_web.queries.patients import STATES, PatientRow
from lungdb_web.queries.reviews import SUSPICIONS
from lungdb_web.services import bulk, call, installed
from lungdb_web.spreadsheets import csv_response

blueprint = Blueprint("worklist", __name__)
LONGEST_SEARCH = 128
MOST_IN_CSV = 20_000
_CSV_AT_ONCE = 1000
_CSV_COLUMNS = (
    "index", "patient_id", "name", "sex", "birth_year", "study_date", "slices", "state", "probability_percent", "model",
    "model_version", "scored_at_utc", "readers", "my_suspicion",
)  # fmt: skip


@blueprint.get("/")
def index() -> ResponseReturnValue:
    """Show a page of the list. A filter, order or page that there is not is taken for the nearest that there is."""
    listing = present_listing()
    page = min(max(1, request.args.get("page", 1, type=int)), LAST_PAGE)
    patients, total = listing.read((page - 1) * lists.PAGE, lists.PAGE)
    pages = max(1, -(-total // lists.PAGE))
    if page > pages:
        return redirect(url_for("worklist.index", **listing.but(page=pages)))
    shown = [patient.patient_index for patient in patients]
    record_list(shown, searched=bool(listing.text))
    note_listed(shown)
    return render_template(
        "worklist.html",
        patients=patients,
        total=total,
        states=STATES,
        listing=listing,
        first=(page - 1) * lists.PAGE,
        page=page,
        pages=pages,
        suspicions=SUSPICIONS,
        installed=installed(),
        scoring=bulk().state(),
        most_in_csv=MOST_IN_CSV,
    )


@blueprint.post("/search")
def search() -> ResponseReturnValue:
    """Keep what is searched for, and show the list; an empty text ends the search."""
    return redirect(url_for("worklist.index", s=kept_search(request.form.get("q", ""))), 303)


def kept_search(text: str) -> str | None:
    """Keep what is searched for; returns the name of it, None for an empty text."""
    wanted = text.strip()[:LONGEST_SEARCH]
    return keep_search(call, installed(), current_account().name, wanted) if wanted else None


@blueprint.get("/patients.csv")
def download() -> Response:
    """Send the whole list as CSV, as it is filtered and sorted; every patient of it is recorded first."""
    listing = present_listing()
    rows: list[PatientRow] = []
    total = 1
    while len(rows) < total:
        part, total = listing.read(len(rows), _CSV_AT_ONCE)
        if total > MOST_IN_CSV:
            raise BadRequest(
                f"The list has {total} patients, and a file of it at most {MOST_IN_CSV}. Filter or search it, or have "
                "the administrator export the database with lungdb export."
            )
        if not part:
            break
        record_list([row.patient_index for row in part], searched=bool(listing.text))
        rows += part
    return csv_response("patients.csv", _CSV_COLUMNS, map(_csv_row, rows))


def _csv_row(row: PatientRow) -> tuple[object, ...]:
    return (
        row.patient_index, row.patient_id, row.display_name, row.sex, row.birth_year, row.study_date, row.slices,
        row.state, row.probability_percent, row.model_name, row.model_version, row.predicted_at, row.readers,
        row.suspicion,
    )  # fmt: skip
