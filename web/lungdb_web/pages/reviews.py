"""What readers find in scans: given on a patient's page, and a file of all for a reader study."""

from __future__ import annotations

import re

from flask import Blueprint, Response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from lungdb_web.access import current_account, require
from lungdb_web.audit import record, record_many
from lungdb_web.listing import present_place
from lungdb_web.queries.patients import Truth, TruthWithheld, show_truth
from lungdb_web.queries.reviews import LONGEST_NOTE, SUSPICIONS, Review, all_reviews, store_review
from lungdb_web.services import call, installed
from lungdb_web.spreadsheets import csv_response

blueprint = Blueprint("reviews", __name__)
_COLUMNS = (
    "reader", "case", "patient_id", "scan_sha256", "scan_is_current", "reading", "suspicion", "verdict", "note",
    "reviewed_at_utc", "model", "model_version", "probability_percent",
)  # fmt: skip
_TRUTH = ("truth", "truth_source")


@blueprint.post("/patients/<int(max=2147483647):index>/review")
def review(index: int) -> ResponseReturnValue:
    """Keep what the account has found in a patient's scan; what it said before stays."""
    given = request.form.get("suspicion", "")
    if given not in {str(number) for number in SUSPICIONS}:
        raise BadRequest("Choose how likely the scan shows cancer, and send the review again.")
    note = request.form.get("note", "").replace("\r\n", "\n").strip()
    if len(note.encode("utf-16-le")) > 2 * LONGEST_NOTE:
        raise BadRequest(f"The note is longer than {LONGEST_NOTE} characters. Shorten it, and send the review again.")
    beside = request.form.get("prediction_id", "")
    prediction_id = int(beside) if beside.isascii() and beside.isdecimal() and len(beside) <= 9 else None
    read = request.form.get("content_sha256", "")
    if read and not re.fullmatch("[0-9A-Fa-f]{64}", read):
        raise BadRequest("The form does not say which scan was read. Load the page again, and repeat the review.")
    place = present_place(index)
    record("ask_review", index)
    store_review(call, installed(), index, int(given), note, prediction_id, bytes.fromhex(read) or None)
    record("review", index)
    return redirect(url_for("patient.show", index=index, **(place.query if place else {}), _anchor="review"), 303)


@blueprint.get("/reviews.csv")
@require("administrator")
def download() -> Response:
    """Send the newest review of each reader and scan, a row each; with the truth to whom may see it."""
    found = [one for page in all_reviews(call, installed()) for one in page]
    cases = sorted({one.patient_index for one in found})
    truths: dict[int, Truth | None] | None = None
    if current_account().sees_truth:
        try:
            truths = {index: show_truth(call, index) for index in cases}
        except TruthWithheld:
            truths = None
    record_many("view_list", cases)
    if truths is not None:
        record_many("view_truth", cases)
    columns = _COLUMNS if truths is None else _COLUMNS + _TRUTH
    return csv_response("reviews.csv", columns, (_row(one, truths) for one in found))


def _row(one: Review, truths: dict[int, Truth | None] | None) -> tuple[object, ...]:
    known = (
        one.account, one.patient_index, one.patient_id, one.content_sha256.lower(), int(one.is_current),
        "unaided" if one.prediction_id is None else "with score", one.suspicion, SUSPICIONS[one.suspicion], one.note,
        one.reviewed_at, one.model_name, one.model_version, one.probability_percent,
    )  # fmt: skip
    if truths is None:
        return known
    truth = truths[one.patient_index]
    return (*known, None, None) if truth is None else (*known, truth.label, truth.source)
