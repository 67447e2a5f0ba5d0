"""EvaluateNodules measures a detector as LUNA16 does, stores it, and refuses what would be measured wrongly."""

from __future__ import annotations

import pytest

from lungdb.database import Connection, run
from tests.support.databases import refused, rows
from tests.support.nodules import add_network, add_scan, add_truth

CALL = "EXECUTE dbo.EvaluateNodules @ModelName = N'detector', @Dataset = N'marked'"
FIGURES = "SELECT false_alarms_per_scan, sensitivity FROM dbo.detector_figures ORDER BY position;"


def test_the_case_worked_by_hand_is_measured_and_kept(searched: Connection) -> None:
    """1/3 at 1/8 and 1/4, 2/3 from 1/2 on, 4/7 in the mean; every number that led there is in the row."""
    run(searched, f"{CALL};")
    figures = rows(searched, FIGURES)
    assert [rate for rate, _ in figures] == [None, 0.125, 0.25, 0.5, 1, 2, 4, 8]
    assert [value for _, value in figures] == pytest.approx([4 / 7, 1 / 3, 1 / 3, *[2 / 3] * 5])
    assert rows(
        searched,
        "SELECT scans, test_scans, nodules, irrelevant, candidates, hits, repeated, ignored, false_alarms, beyond, "
        "least_readers, least_diameter, most_per_scan, resamples, stages FROM dbo.nodule_evaluations;",
    ) == [(4, 0, 3, 1, 7, 2, 1, 1, 3, 0, 3, 3.0, 100, 1000, None)]
    assert all(
        low <= value <= high
        for value, low, high in rows(searched, "SELECT sensitivity, low, high FROM dbo.detector_figures;")
    )
    assert rows(searched, "SELECT procedure_name, status, scans FROM dbo.runs;") == [("EvaluateNodules", "done", 4)]


def test_who_marked_how_large_a_nodule_is_asked_at_evaluation(searched: Connection) -> None:
    """With two readers the finding of 10 mm is a nodule that 0.99 hits; above 8 mm that of 6 is irrelevant instead."""
    run(searched, f"{CALL}, @LeastReaders = 2; {CALL}, @LeastDiameter = 8;")
    assert rows(
        searched, "SELECT nodules, irrelevant, hits, ignored FROM dbo.nodule_evaluations ORDER BY nodule_evaluation_id;"
    ) == [(4, 0, 3, 0), (2, 2, 2, 1)]


def test_what_is_marked_irrelevant_or_has_no_diameter_is_no_nodule(searched: Connection) -> None:
    """A point, and a finding of a list of those to be left out, whoever marked them; unknown readers are enough."""
    scan = add_scan(searched, "e", "1.e")
    add_truth(searched, scan, (0, 0, 0), None, None)
    add_truth(searched, scan, (50, 0, 0), 9, None)
    add_truth(searched, scan, (90, 0, 0), 9, None)
    run(searched, "UPDATE dbo.nodules SET is_relevant = 0 WHERE x = 90;")
    run(searched, f"EXECUTE dbo.CreateDataset @Name = N'one', @Query = N'SELECT {scan} AS scan_id';")
    assert "(scan_id 6) have not been searched" in refused(searched, f"{CALL.replace('marked', 'one')};", 50140)
    run(searched, "INSERT INTO dbo.features (scan_id, feature_set_id, array_rows, array_cols, array, sha256) "
        "VALUES (6, 1, 1, 6, 0x, 0x);")  # fmt: skip
    run(searched, f"{CALL.replace('marked', 'one')};")
    assert rows(searched, "SELECT nodules, irrelevant, hits FROM dbo.nodule_evaluations;") == [(1, 2, 0)]
    assert {value for _, value in rows(searched, FIGURES)} == {0.0}


def test_stages_multiply_scores_and_must_have_scored_every_candidate(searched: Connection) -> None:
    """A stage that gives false alarms 0 and hits 1 leaves the nodules that are found before the first false alarm."""
    stage = add_network(searched, "false_alarms")
    call = f"{CALL}, @Stages = N'false_alarms'"
    assert "have candidates that the stage 'false_alarms' has not scored" in refused(searched, f"{call};", 50140)
    run(
        searched,
        "INSERT INTO dbo.nodule_scores (nodule_id, network_id, preprocessing, score) "
        "SELECT nodule_id, ?, N'volume', CASE WHEN x IN (0, -7) AND z <> 5 THEN 1 ELSE 0 END FROM dbo.nodules "
        "WHERE source = 'network';",
        (stage,),
    )
    run(searched, f"{call};")
    assert [value for _, value in rows(searched, FIGURES)] == pytest.approx([2 / 3] * 8)
    assert rows(searched, "SELECT DISTINCT stages FROM dbo.detector_figures;") == [("false_alarms:1",)]


def test_looks_at_test_patients_are_counted(searched: Connection) -> None:
    """The row says how many of the scans are of patients who are held out."""
    run(searched, "INSERT INTO dbo.splits (patient_id, part) VALUES (N'a', 'test'), (N'b', 'train'); " + CALL + ";")
    assert rows(searched, "SELECT test_scans FROM dbo.nodule_evaluations;") == [(1,)]


@pytest.mark.parametrize(
    ("number", "part", "change"),
    [
        (50101, "The value NULL for the parameter @Dataset", ("@Dataset = N'marked'", "@Seed = 1")),
        (50101, "@LeastReaders", ("@Dataset", "@LeastReaders = 0, @LeastDiameter = -1, @MostPerScan = 0, @Dataset")),
        (50102, "No network is named 'nobody'", ("N'detector'", "N'nobody'")),
        (50102, "No network is named 'x'", ("@Dataset", "@Stages = N'x', @Dataset")),
        (50171, "no data set of scans with the name 'none'", ("N'marked'", "N'none'")),
        (50140, "with the preprocessing 'other'", ("@Dataset", "@Preprocessing = N'other', @Dataset")),
        (50289, "No nodule of 99 mm and more", ("@Dataset", "@LeastDiameter = 99, @Dataset")),
    ],
)
def test_it_is_refused_with_number_and_value(
    searched: Connection, number: int, part: str, change: tuple[str, str]
) -> None:
    """Nothing is stored."""
    assert part in refused(searched, f"{CALL.replace(*change)};", number)
    assert rows(searched, "SELECT COUNT(*) FROM dbo.nodule_evaluations;") == [(0,)]


@pytest.mark.parametrize(("source", "part"), [("truth", "marked in them"), ("network", "searched them")])
def test_marks_and_candidates_of_other_pixels_are_refused(searched: Connection, source: str, part: str) -> None:
    """They may lie elsewhere now."""
    run(searched, "UPDATE dbo.nodules SET content_sha256 = 0x00 WHERE source = ? AND scan_id = 1;", (source,))
    assert part in refused(searched, f"{CALL};", 50274)


def test_what_is_measured_is_not_deleted_below_it(searched: Connection) -> None:
    """The data set and the detector stay while an evaluation refers to them."""
    run(searched, f"{CALL};")
    refused(searched, "EXECUTE dbo.DeleteDataset @Name = N'marked';", 50275)
    run(
        searched,
        "DELETE FROM dbo.nodules WHERE source = 'network'; DELETE FROM dbo.features; DELETE FROM dbo.feature_sets;",
    )
    refused(searched, "EXECUTE dbo.DeleteNetwork @ModelName = N'detector', @Version = 1;", 50305)
