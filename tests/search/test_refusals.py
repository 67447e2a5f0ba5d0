"""What searches refuse, before anything is stored."""

from __future__ import annotations

import pytest

from lungdb.database import run
from lungdb.errors import SqlError
from tests.support.databases import refused
from tests.support.searching import Site, Start


@pytest.mark.parametrize(
    ("arguments", "number", "says"),
    [
        ("@ModelName = NULL", 50101, "@ModelName"),
        ("@Method = N'best'", 50101, "'best' for the parameter @Method"),
        ("@Trials = 0", 50101, "0 for the parameter @Trials"),
        ("@Trials = 10001", 50101, "10001 for the parameter @Trials"),
        ("@Method = N'grid', @Trials = 5", 50101, "@Trials = 5"),
        ("@Metric = N'brier'", 50101, "@Metric"),
        ("@Folds = 0", 50101, "@Folds"),
        ("@Folds = NULL", 50101, "NULL for the parameter @Folds"),
        ("@Seed = -1", 50101, "@Seed"),
        ("@Halving = 6", 50101, "@Halving"),
        ("@SkipMissing = NULL", 50101, "@SkipMissing"),
        ("@Poolings = N'max,100%'", 50117, "pooling '100%'"),
        ("@Layers = N'other'", 50117, "layer 'other'"),
        ("@NetworkName = N'100%'", 50117, "network '100%'"),
        ("@Space = N'{\"depth\": [3]}'", 50160, "'depth'"),
        ("@Space = N'100%'", 50160, "no JSON object"),
        ("@Trials = 5, @Space = N'{\"num_leaves\": [3, 4]}', @Poolings = N'max'", 50161, "2 different trials"),
    ],
)
def test_a_search_that_cannot_be_made_is_refused(site: Site, arguments: str, number: int, says: str) -> None:
    """Number, value and remedy; nothing is stored but the split of the patients."""
    run(site.connection, "EXECUTE dbo.AssignSplits;")
    assert says in refused(site.connection, f"EXECUTE dbo.SearchModels {arguments};", number)


def test_too_few_patients_for_the_folds_are_refused(site: Site) -> None:
    """50113 before a trial is made, with the numbers of the training part."""
    run(
        site.connection,
        "EXECUTE dbo.AssignSplits; DELETE FROM dbo.labels WHERE label = 1 AND patient_id > N'patient 0030';",
    )
    [(positives,)] = site.rows(
        "SELECT COUNT(*) FROM dbo.labels AS l INNER JOIN dbo.splits AS sp ON sp.patient_id = l.patient_id "
        "WHERE l.label = 1 AND sp.part = 'train';"
    )
    message = refused(site.connection, "EXECUTE dbo.SearchModels @Folds = 20;", 50113)
    assert f"{positives} patients with label 1" in message


def test_missing_features_are_refused_or_left_out(site: Site) -> None:
    """50140 with the index; with @SkipMissing = 1 the search runs on the others."""
    run(
        site.connection,
        "EXECUTE dbo.AssignSplits; DELETE FROM dbo.pooled_features WHERE scan_id = 3 AND pooling = N'max';",
    )
    message = refused(site.connection, "EXECUTE dbo.SearchModels;", 50140)
    assert "indices: 2" in message
    site.search("@Trials = 2, @SkipMissing = 1")
    run(site.connection, "EXECUTE dbo.RunSearch;")
    assert site.rows("SELECT state FROM dbo.searches;") == [("done",)]


def test_neither_procedure_runs_in_a_transaction(site: Site) -> None:
    """Other workers could not see what it does."""
    site.search("@Trials = 1")
    refused(site.connection, "BEGIN TRANSACTION; EXECUTE dbo.SearchModels;", 50100)
    refused(site.connection, "BEGIN TRANSACTION; EXECUTE dbo.RunSearch;", 50100)


@pytest.mark.parametrize(
    ("arguments", "number"),
    [
        ("", 50162),
        ("@SearchId = 7", 50162),
        ("@LeaseSeconds = 0", 50101),
        ("@LeaseSeconds = NULL", 50101),
        ("@Worker = N''", 50101),
    ],
)
def test_a_worker_without_a_search_or_lease_is_refused(site: Site, arguments: str, number: int) -> None:
    """Nothing to work on, or values that cannot be."""
    refused(site.connection, f"EXECUTE dbo.RunSearch {arguments};", number)


def test_a_search_of_which_every_trial_fails_says_why(site: Site) -> None:
    """50163 with the first reason, and again whenever it is run; no model."""
    site.search("@Method = N'grid', @Space = N'{\"min_data_in_leaf\": [200, 300]}'")
    for _ in range(2):
        with pytest.raises(SqlError) as caught:
            run(site.connection, "EXECUTE dbo.RunSearch @SearchId = 1;")
        assert caught.value.number == 50163
        assert "two leaves of 200" in caught.value.message
    assert site.states() == {"failed": 4}
    assert site.rows("SELECT state FROM dbo.searches;") == [("failed",)]
    assert site.rows("SELECT COUNT(*) FROM dbo.classifiers;") == [(0,)]


def test_an_ended_search_is_taken_by_no_worker_and_keeps_no_features(site: Site) -> None:
    """A number that is none, or that of a search that has ended, is refused; what was measured stays."""
    for number in (1, 2):
        site.search("@Trials = 2, @Poolings = N'max'")
        run(site.connection, f"UPDATE dbo.search_trials SET state = 'done' WHERE trial_id = {2 * number};")
    named = refused(site.connection, "EXECUTE dbo.DeleteFeatures @FeatureSetId = 1;", 50305)
    assert "EXECUTE dbo.EndSearch @SearchId = 2 ends it" in named
    run(site.connection, "UPDATE dbo.searches SET state = 'training' WHERE search_id = 2;")
    for number in (1, 2):
        run(site.connection, f"EXECUTE dbo.EndSearch @SearchId = {number};")
    assert site.states() == {"done": 2, "failed": 2}
    refused(site.connection, "EXECUTE dbo.RunSearch;", 50162)
    with pytest.raises(SqlError) as caught:
        run(site.connection, "EXECUTE dbo.RunSearch @SearchId = 1;")
    assert caught.value.number == 50163
    assert "Search 1 failed: The search was ended with EndSearch." in caught.value.message
    for wrong in ("1", "3", "NULL"):
        refused(site.connection, f"EXECUTE dbo.EndSearch @SearchId = {wrong};", 50162)
    counts = dict(site.rows("EXECUTE dbo.DeleteFeatures @FeatureSetId = 1;"))
    assert (counts["search_trials"], counts["feature_sets"]) == (4, 1)
    assert site.states() == {}


def test_features_made_anew_during_a_search_are_not_trained_on_instead(site: Site) -> None:
    """A newer version of the network has features of the same layer by the time that the best is trained: 50164."""
    site.search("@Trials = 1, @Poolings = N'max'")
    run(
        site.connection,
        "INSERT INTO dbo.networks (name, version, library, model, sha256, details) "
        "SELECT name, 2, library, 0x00, HASHBYTES('SHA2_256', 0x00), details FROM dbo.networks;"
        "INSERT INTO dbo.feature_sets (network_id, layer, preprocessing, width) "
        "SELECT 2, layer, preprocessing, width FROM dbo.feature_sets;"
        "INSERT INTO dbo.features (scan_id, feature_set_id, array_rows, array_cols, array, sha256) "
        "SELECT scan_id, 2, array_rows, array_cols, array, sha256 FROM dbo.features;"
        "INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector) "
        "SELECT scan_id, 2, pooling, vector FROM dbo.pooled_features;",
    )
    with pytest.raises(SqlError) as caught:
        run(site.connection, "EXECUTE dbo.RunSearch;")
    assert caught.value.number == 50164
    assert site.rows("SELECT COUNT(*) FROM dbo.classifiers;") == [(0,)]


def test_the_command_without_a_search_says_what_to_do(site: Site, start: Start) -> None:
    """One sentence and exit status 1."""
    process = start("search", "5", "--workers", "1")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors == "There is no search 5 in the database. Make one with EXECUTE dbo.SearchModels.\n"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["5", "--dataset", "all"], "--dataset and --horizon"),
        (["--trials", "3"], "--dataset or --horizon"),
        (["--dataset", "none such"], "'none such'"),
    ],
)
def test_the_command_makes_no_search_of_options_that_contradict(
    site: Site, start: Start, options: list[str], says: str
) -> None:
    """One sentence, and nothing is stored."""
    process = start("search", *options, "--workers", "1")
    _, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    assert says in errors
    assert "Traceback" not in errors
    assert site.rows("SELECT COUNT(*) FROM dbo.searches;") == [(0,)]
