"""Reviews: what readers say of scans, in dbo.reviews, in ListPatients and in ListReviews, against plain queries."""

from __future__ import annotations

from lungdb.database import Connection, run
from tests.support.databases import refused, rows


def _review(connection: Connection, reader: str, index: int, suspicion: int, note: str | None = None) -> int:
    run(connection, "EXECUTE sp_set_session_context N'user', ?;", (reader,))
    stored = rows(
        connection,
        "EXECUTE dbo.StoreReview @PatientIndex = ?, @Suspicion = ?, @Note = ?;",
        (index, suspicion, note),
    )
    return int(stored[0][0])


def _listed(connection: Connection, more: str = "") -> dict[int, tuple[object, ...]]:
    """Give readers and suspicion of each patient, in the order of the list."""
    found = rows(connection, f"EXECUTE dbo.ListPatients @Sort = N'work'{more};")
    return {row[0]: row[-2:] for row in found}


def test_reviews_are_kept_beside_each_other_and_the_newest_of_a_reader_counts(listed: Connection) -> None:
    """Nothing that was said before is changed or gone; an empty note is none."""
    first = _review(listed, "ana", 4, 2, "nothing much")
    second = _review(listed, "rob", 4, 5, "")
    third = _review(listed, "ana", 4, 4)
    stored = rows(listed, "SELECT review_id, account, suspicion, note FROM dbo.reviews ORDER BY review_id;")
    assert [tuple(row) for row in stored] == [
        (first, "ana", 2, "nothing much"), (second, "rob", 5, None), (third, "ana", 4, None),
    ]  # fmt: skip
    everything = rows(listed, "EXECUTE dbo.ListReviews @PatientIndex = 4;")
    assert [(row[0], row[1], row[3], row[4], row[5]) for row in everything] == [
        (third, 4, "ana", 4, None), (second, 4, "rob", 5, None), (first, 4, "ana", 2, "nothing much"),
    ]  # fmt: skip
    assert [row[0] for row in rows(listed, "EXECUTE dbo.ListReviews @Newest = 1;")] == [third, second]
    assert [row[0] for row in rows(listed, "EXECUTE dbo.ListReviews @Before = ?, @Limit = 1;", (third,))] == [second]
    assert rows(listed, "EXECUTE dbo.ListReviews @PatientIndex = 5;") == []
    assert _listed(listed, ", @Reader = N'ana'")[4] == (2, 4)
    assert _listed(listed, ", @Reader = N'tess'")[4] == (2, None)


def test_a_reviewed_scan_stands_last_and_is_left_out_for_its_reader_alone(listed: Connection) -> None:
    """Whichever state it has, with searches and filters, too; the total says the same."""
    before = list(_listed(listed))
    _review(listed, "ana", before[0], 1)
    assert list(_listed(listed)) == [*before[1:], before[0]]
    assert list(_listed(listed, ", @Reader = N'ana', @Unread = 1")) == before[1:]
    assert list(_listed(listed, ", @Reader = N'rob', @Unread = 1")) == [*before[1:], before[0]]
    for more in ("", ", @Search = N'a'", ", @State = N'failed'"):
        call = (
            f"DECLARE @Total INT; EXECUTE dbo.ListPatients @Reader = N'ana', @Unread = 1{more}, @Total = @Total OUTPUT;"
        )
        shown, total = run(listed, call + " SELECT @Total;")
        assert total.scalar() == len(shown.rows)
        assert before[0] not in {row[0] for row in shown.rows}
    assert "@Unread" in refused(listed, "EXECUTE dbo.ListPatients @Unread = 1;", 50101)


def test_a_scan_that_takes_the_place_of_another_is_not_reviewed(listed: Connection) -> None:
    """The review stays and says that it is of another scan; the patient cannot go while it is there."""
    _review(listed, "ana", 3, 5)
    run(listed, "UPDATE dbo.scans SET content_sha256 = HASHBYTES('SHA2_256', N'another') WHERE scan_id = 4;")
    run(listed, "EXECUTE dbo.RefreshWorklist;")
    assert _listed(listed, ", @Reader = N'ana'")[3] == (0, None)
    assert rows(listed, "EXECUTE dbo.ListReviews @PatientIndex = 3;")[0][-1] == 0
    refused(listed, "DELETE FROM dbo.scans WHERE scan_id = 4; DELETE FROM dbo.patients WHERE idx = 3;", 547)


def test_what_is_no_review_is_refused_and_not_stored(listed: Connection) -> None:
    """An unknown patient, a suspicion off the scale, a note that would be cut, a score of another scan."""
    other = rows(listed, "SELECT MIN(prediction_id) FROM dbo.predictions WHERE scan_id <> 1;")[0][0]
    refused(listed, "EXECUTE dbo.StoreReview @PatientIndex = 99, @Suspicion = 1;", 50107)
    for value in ("0", "6", "NULL"):
        assert value in refused(listed, f"EXECUTE dbo.StoreReview @PatientIndex = 0, @Suspicion = {value};", 50101)
    long = "EXECUTE dbo.StoreReview @PatientIndex = 0, @Suspicion = 1, @Note = N'" + "x" * 2001 + "';"
    assert "2001" in refused(listed, long, 50101)
    refused(listed, f"EXECUTE dbo.StoreReview @PatientIndex = 0, @Suspicion = 1, @PredictionId = {other};", 50145)
    assert rows(listed, "SELECT COUNT(*) FROM dbo.reviews;")[0][0] == 0
    for arguments in ("@Limit = 0", "@Limit = 10001", "@Newest = NULL"):
        refused(listed, f"EXECUTE dbo.ListReviews {arguments};", 50101)


def test_a_review_of_a_scan_that_was_replaced_meanwhile_is_refused(listed: Connection) -> None:
    """With the hash of the scan that was read; nothing is stored, and the present scan's is."""
    [(content,)] = rows(
        listed,
        "SELECT s.content_sha256 FROM dbo.scans AS s INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id "
        "WHERE p.idx = 0 AND s.is_primary = 1;",
    )
    call = "EXECUTE dbo.StoreReview @PatientIndex = 0, @Suspicion = 2, @ContentSha256 = {};"
    refused(listed, call.format("0x" + "00" * 32), 50232)
    assert rows(listed, "SELECT COUNT(*) FROM dbo.reviews;") == [(0,)]
    run(listed, call.format("0x" + content.hex()))
    assert rows(listed, "SELECT suspicion, content_sha256 FROM dbo.reviews;") == [(2, content)]
