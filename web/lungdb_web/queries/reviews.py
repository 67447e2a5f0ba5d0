"""What readers have found in scans: their suspicion of cancer, with a note."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from lungdb_web.queries.calling import Call
from lungdb_web.queries.installed import NO_REVIEWS, Installed, NotInstalled, granted_or

SUSPICIONS = {
    1: "Definitely no cancer",
    2: "Probably no cancer",
    3: "Cannot tell",
    4: "Probably cancer",
    5: "Definitely cancer",
}
"""The scale of a reader study: five ordered steps, so that a curve can be drawn for every reader."""
LONGEST_NOTE = 2000
_AT_ONCE = 1000


@dataclass(frozen=True)
class Review:
    """What a reader found in a scan; the time is in UTC.

    Attributes
    ----------
    suspicion : int
        One of SUSPICIONS.
    prediction_id, probability_percent, model_name, model_version
        The score that stood beside the scan; None where none did, or where it is deleted.
    is_current : bool
        Whether the scan that was read is still the patient's primary one.
    """

    review_id: int
    patient_index: int
    patient_id: str
    account: str
    suspicion: int
    note: str | None
    prediction_id: int | None
    probability_percent: float | None
    model_name: str | None
    model_version: int | None
    reviewed_at: datetime
    content_sha256: str
    is_current: bool


def store_review(
    call: Call,
    installed: Installed,
    index: int,
    suspicion: int,
    note: str,
    prediction_id: int | None,
    content_sha256: bytes | None,
) -> None:
    """Keep what the account that asks has found in a patient's primary scan, which has this content.

    Raises
    ------
    NotInstalled
        The database has no procedure for it.
    SqlError
        50107: no such patient. 50145: the score is not of this scan. 50232: another scan took its place. 50101: no
        such suspicion, or too long a note.
    """
    if not installed.reviews:
        raise NotInstalled(NO_REVIEWS)
    with granted_or(NO_REVIEWS):
        call(
            "EXECUTE dbo.StoreReview @PatientIndex = ?, @Suspicion = ?, @Note = ?, @PredictionId = ?, "
            "@ContentSha256 = ?;",
            index,
            suspicion,
            note or None,
            prediction_id,
            content_sha256,
        )


def list_reviews(call: Call, installed: Installed, index: int) -> list[Review]:
    """Return what was said of a patient's scans, the newest first; the newest thousand.

    Raises
    ------
    NotInstalled
        The database has no procedure for it.
    """
    if not installed.reviews:
        raise NotInstalled(NO_REVIEWS)
    with granted_or(NO_REVIEWS):
        (found,) = call("EXECUTE dbo.ListReviews @PatientIndex = ?;", index)
    return [Review(**row) for row in found.records()]


def all_reviews(call: Call, installed: Installed) -> Iterator[list[Review]]:
    """Go through what all readers have said, the newest of each about a scan, by pages.

    Raises
    ------
    NotInstalled
        The database has no procedure for it.
    """
    if not installed.reviews:
        raise NotInstalled(NO_REVIEWS)
    before: int | None = None
    while True:
        with granted_or(NO_REVIEWS):
            (found,) = call("EXECUTE dbo.ListReviews @Newest = 1, @Before = ?, @Limit = ?;", before, _AT_ONCE)
        page = [Review(**row) for row in found.records()]
        if page:
            yield page
        if len(page) < _AT_ONCE:
            return
        before = page[-1].review_id
