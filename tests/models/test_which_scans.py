"""Which scans are scored: any by its number, the newest, all, those of a data set, and only what is not scored yet."""

from __future__ import annotations

import pytest

from lungdb.database import Connection, run
from tests.support.databases import hash_vectors, refused, rows, said

BOTH = pytest.mark.parametrize("suffix", ["", "Sql"])


@pytest.fixture
def followed(scored: Connection) -> Connection:
    """Patients 0 to 2 have a second study a year later, 2 with two series of it; its vectors are those of others."""
    run(scored, "UPDATE dbo.scans SET is_study_choice = 1, study_date = '2020-01-01', date_rule = 'kept';")
    for index, series, is_choice in ((0, "a", 1), (1, "a", 1), (2, "a", 0), (2, "b", 1)):
        run(
            scored,
            "DECLARE @Id INT;"
            "INSERT INTO dbo.scans (patient_id, is_primary, is_study_choice, series_uid, study_uid, study_date, "
            "date_rule, image_rows, image_cols, number_images, content_sha256) "
            "VALUES (?, 0, ?, ?, N'1.3', '2021-01-01', 'kept', 1, 1, 3, 0x01); SET @Id = SCOPE_IDENTITY();"
            "INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector) SELECT @Id, 1, N'mean', vector "
            "FROM dbo.pooled_features WHERE scan_id = ? AND pooling = N'mean';",
            (f"patient {index:04}", is_choice, f"1.3.{index}.{series}", index + 51),
        )
    hash_vectors(scored)
    return scored


def _scans(connection: Connection, call: str) -> list[tuple[int, int]]:
    """Give index and scan_id of each row."""
    return [(row[0], row[2]) for row in rows(connection, call)]


@BOTH
def test_any_scan_is_scored_by_its_number_and_the_primary_one_without(followed: Connection, suffix: str) -> None:
    """The follow-up has the vector of patient 50, and so its score; the score is kept of the scan."""
    call = f"EXECUTE dbo.PredictLungCancer{suffix}"
    [(percent,)] = rows(followed, f"{call} @ScanId = 121;")
    assert percent == rows(followed, f"{call} @PatientIndex = 50;")[0][0]
    assert percent != rows(followed, f"{call} @PatientIndex = 0;")[0][0]
    assert rows(followed, f"{call} @PatientIndex = 0, @ScanId = 121;") == [(percent,)]
    assert rows(followed, "SELECT scan_id FROM dbo.predictions ORDER BY prediction_id;") == [
        (121,),
        (51,),
        (1,),
        (121,),
    ]
    assert "121 is not of the patient with index 5" in refused(
        followed, f"{call} @PatientIndex = 5, @ScanId = 121;", 50280
    )
    assert "scan_id 999" in refused(followed, f"{call} @ScanId = 999;", 50280)
    refused(followed, f"{call};", 50101)


@BOTH
def test_all_scans_the_newest_and_the_primary_ones_are_scored(followed: Connection, suffix: str) -> None:
    """Of the newest study the series that the rule chose; with @Only the rows name their scans."""
    call = f"EXECUTE dbo.PredictPatients{suffix}"
    primary = [(index, index + 1) for index in range(120)]
    assert _scans(followed, f"{call} @Only = N'primary';") == primary
    newest = [(0, 121), (1, 122), (2, 124), *primary[3:]]
    assert _scans(followed, f"{call} @Only = N'newest';") == newest
    assert _scans(followed, f"{call} @Only = N'all';") == sorted([*primary, (0, 121), (1, 122), (2, 123), (2, 124)])
    assert _scans(followed, f"{call} @Only = N'newest', @Patients = N'2, 0';") == [(0, 121), (2, 124)]
    assert [len(row) for row in rows(followed, f"{call} @Patients = N'2, 0';")] == [2, 2]


@BOTH
def test_a_nightly_job_scores_what_is_new_and_nothing_twice(followed: Connection, suffix: str) -> None:
    """Scans never scored by the version that is served, and those with other features than when they were."""
    call = f"EXECUTE dbo.PredictPatients{suffix} @Only = N'new';"
    run(followed, f"EXECUTE dbo.PredictPatients{suffix};")
    assert _scans(followed, call) == [(0, 121), (1, 122), (2, 123), (2, 124)]
    assert rows(followed, call) == []
    assert "nothing new" in said(followed, call)
    run(
        followed,
        "UPDATE dbo.pooled_features SET vector = (SELECT f.vector FROM dbo.pooled_features AS f WHERE f.scan_id = 9 "
        "AND f.pooling = N'mean') WHERE scan_id = 7 AND pooling = N'mean';",
    )
    hash_vectors(followed)
    assert _scans(followed, call) == [(6, 7)]
    run(followed, "EXECUTE dbo.TrainLungCancerModel @MaxIterations = 2;")
    assert rows(followed, call) == []
    run(followed, "EXECUTE dbo.PromoteModel @Force = 1;")
    assert len(rows(followed, call)) == 124


@BOTH
def test_new_scans_without_features_are_refused_or_left_out(followed: Connection, suffix: str) -> None:
    """50140 names the patients; left out with @SkipMissing, though nothing else is new; those scored are not missed."""
    call = f"EXECUTE dbo.PredictPatients{suffix} @Only = N'new'"
    run(followed, f"{call};")
    run(followed, "DELETE FROM dbo.pooled_features WHERE scan_id IN (4, 122);")
    run(followed, "DELETE FROM dbo.predictions WHERE scan_id = 122;")
    assert "1 scans have no features that the model can read; indices of their patients: 1." in refused(
        followed, f"{call};", 50140
    )
    assert rows(followed, f"{call}, @SkipMissing = 1;") == []


@BOTH
def test_the_scans_of_a_data_set_are_scored(followed: Connection, suffix: str) -> None:
    """All of them, those of patients asked for, or the new ones; an unknown set and an unknown choice are refused."""
    run(
        followed,
        "EXECUTE dbo.CreateDataset @Name = N'follow-ups', @Query = N'SELECT scan_id FROM dbo.scans "
        "WHERE scan_id > 119';",
    )
    call = f"EXECUTE dbo.PredictPatients{suffix} @Dataset = N'follow-ups'"
    assert _scans(followed, f"{call};") == [(0, 121), (1, 122), (2, 123), (2, 124), (119, 120)]
    assert _scans(followed, f"{call}, @Only = N'primary';") == [(119, 120)]
    assert _scans(followed, f"{call}, @Patients = N'2';") == [(2, 123), (2, 124)]
    assert rows(followed, f"{call}, @Only = N'new';") == []
    refused(followed, f"{call}, @Patients = N'50';", 50107)
    assert "'5%'" in refused(followed, call.replace("follow-ups", "5%") + ";", 50171)
    assert "'latest%'" in refused(followed, f"{call}, @Only = N'latest%';", 50101)


def test_scores_that_are_not_kept_name_their_scans_too(followed: Connection) -> None:
    """ScorePatientsSql takes the same arguments and leaves no prediction."""
    found = rows(followed, "EXECUTE dbo.ScorePatientsSql @Only = N'newest', @Patients = N'0';")
    assert [(row[0], row[3]) for row in found] == [(0, 121)]
    assert rows(followed, "SELECT COUNT(*) FROM dbo.predictions;") == [(0,)]
