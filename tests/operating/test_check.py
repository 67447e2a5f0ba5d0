"""`lungdb check` finds damage of every kind, names the rows, and finds nothing where the job has filled a database."""

from __future__ import annotations

import gzip
import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lungdb.cli.main import main
from lungdb.cli.support import progress_lines
from lungdb.database import connect, run
from lungdb.operating import checking
from lungdb.operating.checks import CHECKS
from tests.old_schema import DATA, unpack_schema_7
from tests.support.databases import NAME, copy_to, target_of

LAYERS = """
INSERT INTO dbo.dense_layers (network, layer, inputs, units, activation) VALUES (N'dense', 0, 2, 1, N'relu'),
    (N'dense', 1, 1, 1, N'softmax'); INSERT INTO dbo.tensors (network, tensor, row_index, column_index, value) VALUES
    (N'dense', N'0.weight', 0, 0, 1), (N'dense', N'0.weight', 1, 0, 2), (N'dense', N'0.bias', 0, 0, 3),
    (N'dense', N'1.weight', 0, 0, 1), (N'dense', N'1.bias', 0, 0, 3);
INSERT INTO dbo.examples (dataset, example_id, feature_index, value) VALUES (N'd', 7, 0, 1), (N'd', 7, 1, 1);
INSERT INTO dbo.images (name, image, sha256) VALUES (N'a.png', 0x0102, HASHBYTES('SHA2_256', 0x0102));
INSERT INTO dbo.image_features (name, feature_set_id, array_rows, array_cols, array, sha256)
SELECT N'a.png', feature_set_id, 1, array_cols, SUBSTRING(array, 1, 4 * array_cols),
    HASHBYTES('SHA2_256', SUBSTRING(array, 1, 4 * array_cols)) FROM dbo.features WHERE scan_id = 1;
INSERT INTO dbo.animations (scan_id, format, animation, sha256, content_sha256)
SELECT scan_id, N'gif', 0x01, HASHBYTES('SHA2_256', 0x01), content_sha256 FROM dbo.scans WHERE scan_id < 3;
INSERT INTO dbo.prepared_scans (scan_id, preprocessing, picture_rows, picture_cols, bytes) VALUES (2, N'lung', 1, 1, 4);
INSERT INTO dbo.prepared_slices VALUES (2, N'lung', 1, 1, 0, 0x00, 0x01020304, HASHBYTES('SHA2_256', 0x01020304));
INSERT INTO dbo.slice_maps SELECT scan_id, feature_set_id, i,1, 1, 1, 1, 0, 0, 0x1, HASHBYTES('SHA2_256', 0x1), sha256
FROM dbo.features JOIN (SELECT DISTINCT slice_index AS i FROM dbo.scan_images) AS n ON i < array_rows AND scan_id = 3;
EXECUTE dbo.SimilarPatients @PatientIndex = 1; EXECUTE dbo.PredictLungCancer @PatientIndex = 0;
EXECUTE dbo.ExplainScans @PredictionId = 1, @Permutations = 4;
"""


@pytest.fixture(scope="module")
def whole_file(done_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that the job has filled, with a dense network, a picture and moving pictures besides."""
    file = copy_to(tmp_path_factory.mktemp("whole"), done_file)
    with closing(connect(target_of(file))) as connection:
        run(connection, LAYERS)
    return file


@pytest.fixture
def file(whole_file: Path, tmp_path: Path) -> Path:
    """A copy of it to damage."""
    return copy_to(tmp_path, whole_file)


def _found(file: Path) -> list[str]:
    faults: list[str] = []
    with closing(connect(target_of(file))) as connection:
        outcome = checking.check(connection, faults.append, lambda what, done, total: None)
    assert outcome.faults == len(faults)
    return faults


def test_a_database_that_the_job_has_filled_is_whole(whole_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every check is made, none finds anything, the exit status is 0; every query of the table has rows to look at."""
    assert main(["check", "-d", target_of(whole_file)]) == 0
    assert "0 of them not made. No fault was found." in capsys.readouterr().out
    with closing(connect(target_of(whole_file))) as connection:
        for each in CHECKS:
            assert not each.keys or run(connection, each.keys)[-1].rows, each.says


# What is changed, and what is then said. `{}` stands for what only the test knows.
DAMAGE: dict[str, tuple[str, str]] = {
    "no primary scan": (
        "UPDATE dbo.scans SET is_primary = 0 WHERE scan_id = 3; DELETE FROM dbo.worklist WHERE scan_id = 3;",
        "Patients of whose scans not exactly one is primary: patient_index 2, scans 1 (1 in all).",
    ),
    "contributions that do not sum": (
        "UPDATE dbo.score_contributions SET contribution = contribution + 1 WHERE feature IS NULL;",
        "Explained scores whose contributions or slices do not sum to the margin: prediction_id ",
    ),
    "a member's expected margin": (
        "INSERT INTO dbo.score_contributions (prediction_id, member, feature, contribution) VALUES (1, 1, 0, 0);",
        "Explained scores whose contributions lack a member or its expected margin: prediction_id 1 (1 in all).",
    ),
    "slices that do not sum": (
        "DELETE FROM dbo.score_slices WHERE triple = 0;",
        "Explained scores whose contributions or slices do not sum to the margin: prediction_id ",
    ),
    "another choice beside a primary scan": (
        "UPDATE dbo.scans SET is_study_choice = 0 WHERE scan_id = 3; "
        "INSERT INTO dbo.scans (patient_id, is_primary, series_uid, study_uid, image_rows, image_cols, number_images, "
        "content_sha256, is_study_choice) SELECT patient_id, 0, N'9.9', study_uid, 1, 1, 1, 0x00, 1 FROM dbo.scans "
        "WHERE scan_id = 3;",
        "Primary scans of whose studies another scan is the choice: scan_id 3 (1 in all).",
    ),
    "no choice of a study": (
        "UPDATE dbo.scans SET is_study_choice = 0 WHERE scan_id = 3;",
        "Studies that load-scans has stored and of which no scan is the choice: scan_id 3 (1 in all).",
    ),
    "a choice noted otherwise": (
        "UPDATE dbo.series_choices SET is_study_choice = 0 WHERE scan_id = 4;",
        "Choices of series that say other than the scans: scan_id 4 (1 in all).",
    ),
    "a whole date that is said to be a year": (
        "UPDATE dbo.scans SET date_rule = 'year' WHERE scan_id = 5;",
        "Scans with a date of which it is not said whether it is the true one: scan_id 5 (1 in all).",
    ),
    "padding as water": (
        "UPDATE dbo.scans SET intake_rule = 1; UPDATE dbo.scan_images SET rescale_intercept = -1024; "
        "UPDATE dbo.scan_images SET rescale_intercept = 0 WHERE scan_id = 5 AND slice_index = 4;",
        "Scans that an older version loaded with their padding as water: scan_id 5 (1 in all).",
    ),
    "a slice's pixels": (
        "UPDATE dbo.scan_images SET pixels = COMPRESS('another picture') WHERE scan_id = 4 AND slice_index = 2;",
        "scan_id 4: pixels of slices 2 (1 in all) do not match their SHA-256 or size (1 in all).",
    ),
    "a slice that is no gzip": (
        "UPDATE dbo.scan_images SET pixels = 0x010203 WHERE scan_id = 4 AND slice_index IN (2, 3);",
        "scan_id 4: pixels of slices 2, 3 (2 in all) do not match",
    ),
    "two slices swapped": (
        "UPDATE dbo.scan_images SET slice_index = 100 WHERE scan_id = 4 AND slice_index = 2; "
        "UPDATE dbo.scan_images SET slice_index = 2 WHERE scan_id = 4 AND slice_index = 3; "
        "UPDATE dbo.scan_images SET slice_index = 3 WHERE scan_id = 4 AND slice_index = 100;",
        "scan_id 4: its slices are not those, or not in the order, of its content_sha256 (1 in all).",
    ),
    "a slice missing": (
        "DELETE FROM dbo.scan_images WHERE scan_id = 4 AND slice_index = 0;",
        "scan_id 4: it has 8 slices, not 0 to 8 without a gap (1 in all).",
    ),
    "a slice too many": (
        "UPDATE dbo.scan_images SET slice_index = 9 WHERE scan_id = 4 AND slice_index = 8;",
        "Slices of which their scan has no room, or whose scan is not there: scan_id 4, slice_index 9 (1 in all).",
    ),
    "an array's size": (
        "UPDATE dbo.features SET array_rows = 2 WHERE scan_id = 6;",
        "Feature arrays of another size than their feature set, scan or bytes have: scan_id 6, feature_set_id 1",
    ),
    "an array's bytes": (
        "UPDATE dbo.features SET array = CAST(0 AS BINARY(100)) WHERE scan_id = 6;",
        "Feature arrays that do not match their SHA-256: scan_id 6, feature_set_id 1 (1 in all).",
    ),
    "a vector": (
        "UPDATE dbo.pooled_features SET vector_sha256 = HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), vector)); "
        "UPDATE dbo.pooled_features SET vector = JSON_MODIFY(vector, N'$[1]', 7) "
        "WHERE scan_id = 7 AND pooling = N'max';",
        "Vectors that do not match their SHA-256, or have none: scan_id 7, feature_set_id 1, pooling max (1 in all).",
    ),
    "a vector's width": (
        "UPDATE dbo.pooled_features SET vector = N'[1, 2]' WHERE scan_id = 7 AND pooling = N'mean'; "
        "UPDATE dbo.pooled_features SET vector_sha256 = HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), vector));",
        "Vectors of another width than their feature set has: scan_id 7, feature_set_id 1, pooling mean (1 in all).",
    ),
    "a vector in float32": (
        "UPDATE dbo.binary_vectors SET array = 0x00 WHERE scan_id = 9;",
        "Vectors in float32 that do not match their SHA-256: scan_id 9,",
    ),
    "a moving picture": (
        "UPDATE dbo.animations SET animation = 0x02 WHERE scan_id = 2;",
        "Moving pictures that do not match their SHA-256: scan_id 2, format gif (1 in all).",
    ),
    "a prepared picture": (
        "UPDATE dbo.prepared_slices SET picture = 0x00000000;",
        "Prepared pictures that do not match their SHA-256: scan_id 2, preprocessing lung, picture_rows 1, "
        "picture_cols 1, slice_index 0 (1 in all).",
    ),
    "a network": (
        "UPDATE dbo.networks SET model = model + 0x00;",
        "Networks that do not match their SHA-256: network_id 1, name ResNet_152.model, version 1 (1 in all).",
    ),
    "a model": (
        "UPDATE dbo.classifiers SET model = 0x00;",
        "Models that do not match their SHA-256: classifier_id 1, name lightgbm_sql, version 1 (1 in all).",
    ),
    "a name without a champion": (
        "DELETE FROM dbo.model_promotions;",
        "Names of models of which no version is the champion: name lightgbm_sql (1 in all).",
    ),
    "a champion of another name": (
        "UPDATE dbo.model_promotions SET name = N'other';",
        "Champions that are not versions of the name that they stand for: name other, classifier_id 1 (1 in all).",
    ),
    "a scope without features": (
        "DELETE FROM dbo.model_scope_features;",
        "Scopes of models that are not whole: classifier_id 1 (1 in all).",
    ),
    "a setting that is none": (
        "UPDATE dbo.settings SET value = N'latest' WHERE name = N'serve';",
        "Settings that no procedure can work with: name serve (1 in all).",
    ),
    "features of another patient": (
        "UPDATE dbo.features SET patient_id = (SELECT patient_id FROM dbo.patients WHERE idx = 1) WHERE scan_id = 1;",
        "Features that are said to be of another patient than their scan: scan_id 1, feature_set_id 1",
    ),
    "a picture": (
        "UPDATE dbo.images SET image = 0x00;",
        "Pictures that do not match their SHA-256: name a.png (1 in all).",
    ),
    "a picture's features": (
        "UPDATE dbo.image_features SET array_cols = array_cols - 1;",
        "Features of pictures that do not match their SHA-256, feature set or bytes: name a.png, feature_set_id 1",
    ),
    "a node without children": (
        "DELETE FROM dbo.model_nodes WHERE tree = 0 AND node = (SELECT MAX(node) FROM dbo.model_nodes WHERE tree = 0);",
        "Nodes of trees whose children are not there: classifier_id 1, tree 0, node ",
    ),
    "a tree without its root": (
        "DELETE FROM dbo.model_nodes WHERE tree = 0 AND node = 0;",
        "Trees that lack their root or have nodes that no other leads to: classifier_id 1, tree 0 (1 in all).",
    ),
    "a tree missing": (
        "DELETE FROM dbo.model_nodes WHERE tree = 0;",
        "Models that plain T-SQL cannot score: The model 'lightgbm_sql' version 1 has no nodes",
    ),
    "a feature beyond the width": (
        "UPDATE dbo.model_nodes SET feature_index = 99999 WHERE tree = 0 AND node = 0;",
        "Nodes and coefficients of features that their model does not read: classifier_id 1, feature_index 99999",
    ),
    "a model's width": (
        "UPDATE dbo.model_scoring SET width = width + 1;",
        "Models of another width than their features have: classifier_id 1 (1 in all).",
    ),
    "a calibration": (
        "DELETE FROM dbo.model_calibration; INSERT INTO dbo.model_calibration (classifier_id, position, method, x, y) "
        "VALUES (1, 0, 'isotonic', 0, 0), (1, 2, 'isotonic', 1, 1);",
        "Calibrations with gaps, or of two methods: classifier_id 1 (1 in all).",
    ),
    "a test patient's split": (
        "UPDATE dbo.splits SET part = 'train' "
        "WHERE patient_id = (SELECT MIN(patient_id) FROM dbo.splits WHERE part = 'test');",
        "Patients whose part in a training run is not that of dbo.splits: experiment_id 1, patient_index ",
    ),
    "the worklist": (
        "DELETE FROM dbo.worklist WHERE scan_id = 8; UPDATE dbo.worklist SET slices = 1 WHERE scan_id = 9;",
        "Scans that the worklist lacks, or has otherwise: scan_id 8; scan_id 9 (2 in all). Call EXECUTE ",
    ),
    "layers that do not follow": (
        "UPDATE dbo.dense_layers SET inputs = 5 WHERE layer = 1;",
        "Dense networks whose layers do not follow each other: network dense, layer 1 (1 in all).",
    ),
    "a tensor": (
        "DELETE FROM dbo.tensors WHERE tensor = N'0.weight' AND row_index = 1;",
        "Layers of dense networks whose numbers are not whole: network dense, layer 0 (1 in all).",
    ),
    "a data set": (
        "INSERT INTO dbo.examples (dataset, example_id, feature_index, value) VALUES (N'd', 8, 1, 1);",
        "Data sets of which some examples lack features: dataset d (1 in all).",
    ),
    "nodules of other slices": (
        "INSERT INTO dbo.nodules (scan_id, x, y, z, source, content_sha256) "
        "SELECT scan_id, 1, 2, 3, 'truth', content_sha256 FROM dbo.scans; "
        "UPDATE dbo.nodules SET content_sha256 = 0x00 WHERE scan_id = 2;",
        "Nodules of other slices than their scan has: nodule_id 2, scan_id 2 (1 in all).",
    ),
    "labels of two horizons": (
        "INSERT INTO dbo.scan_labels (scan_id, horizon_days, label) "
        "VALUES (1, 365, 1), (1, 730, 0), (2, 365, 0), (2, 730, 1);",
        "Scans with cancer within a horizon and none within a longer one: scan_id 1, horizon_days 365, longer 730 (1 ",
    ),
    "a run": (
        "UPDATE dbo.run_steps SET step = step + 100 WHERE run_id = 1;",
        "Runs with steps missing: run_id 1 (1 in all).",
    ),
    "an index": (
        "DROP INDEX IX_scans_patient ON dbo.scans;",
        "The schema is not whole: index IX_scans_patient of dbo.scans is",
    ),
    "a view": (
        "DROP VIEW dbo.champions;",
        "The schema is not whole: view dbo.champions is missing (1 in all). Install again",
    ),
    "a procedure": ("DROP PROCEDURE internal.WalkTrees;", "procedure internal.WalkTrees is missing (1 in all)."),
    "a setting": ("DELETE FROM dbo.settings WHERE name = N'threads';", "setting threads is missing (1 in all)."),
    "the version": ("DELETE FROM dbo.schema_version WHERE version > 4;", "schema version is 4, not "),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_found_and_named(file: Path, what: str) -> None:
    """What was changed, by the numbers of its rows."""
    sql, said = DAMAGE[what]
    with closing(connect(target_of(file))) as connection:
        run(connection, sql)
    assert said in "\n".join(_found(file))


# Changes that a program without our constraints can make.
BEHIND: dict[str, tuple[str, str]] = {
    "a foreign key": ("DELETE FROM networks", "Rows that FK_feature_sets_networks of dbo.feature_sets does not allow"),
    "a check": (
        "UPDATE patients SET sex = 'X' WHERE idx < 2",
        "CK_patients_sex of dbo.patients does not allow: number_of_rows 2",
    ),
    "a second primary": (
        "INSERT INTO scans (scan_id, patient_id, is_primary, series_uid, study_uid, image_rows, image_cols, "
        "number_images, content_sha256, intake_rule, is_study_choice) SELECT 999, patient_id, 1, 'other', study_uid, "
        "image_rows, image_cols, number_images, content_sha256, intake_rule, 0 FROM scans WHERE scan_id = 3",
        "Patients of whose scans not exactly one is primary: patient_index 2, scans 2",
    ),
}


@pytest.mark.parametrize("what", BEHIND)
def test_what_another_program_has_changed_is_found(file: Path, what: str) -> None:
    """With SQLite's own enforcement off, and the index that would forbid it away."""
    sql, said = BEHIND[what]
    with closing(sqlite3.connect(file)) as raw, raw:
        raw.create_collation("tsql_text", lambda a, b: (a.lower() > b.lower()) - (a.lower() < b.lower()))
        raw.execute("PRAGMA ignore_check_constraints = ON")
        if what == "a second primary":
            raw.execute('DROP INDEX "scans.UX_scans_primary"')
        raw.execute(sql)
    assert said in "\n".join(_found(file))


def test_a_damaged_page_is_found(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Zeros over a page of an index: the integrity check says so, the other checks go on, the exit status is 1."""
    with closing(sqlite3.connect(file)) as raw:
        raw.create_collation("tsql_text", lambda a, b: (a > b) - (a < b))
        (page,) = raw.execute("SELECT rootpage FROM sqlite_master WHERE name = 'worklist.IX_worklist_date'").fetchone()
        (size,) = raw.execute("PRAGMA page_size").fetchone()
    content = bytearray(file.read_bytes())
    content[(page - 1) * size : page * size] = bytes(size)
    file.write_bytes(content)
    assert main(["check", "-d", target_of(file)]) == 1
    out = capsys.readouterr().out
    assert "The database is damaged: " in out
    assert " checks, 0 of them not made. 1 found something." in out


def test_an_incomplete_schema_is_told_to_install_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What needs the missing parts is named as not checked, the rest is checked."""
    file = tmp_path / NAME
    file.write_bytes(gzip.decompress((DATA / "broken_installations" / "killed_before_versions.db.gz").read_bytes()))
    with closing(connect(target_of(file))) as connection:
        run(connection, "DROP TABLE dbo.worklist; DROP TABLE dbo.scan_images;")
    assert main(["check", "-d", target_of(file)]) == 1
    out = capsys.readouterr().out
    assert "The schema is not whole: table dbo." in out
    assert "Install again: lungdb install." in out
    assert "Not checked: scans that the worklist lacks, or has otherwise (the schema lacks what that needs)." in out


def test_scans_of_a_schema_that_is_not_upgraded_are_not_called_damaged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Their slices lack a column that reading needs: nothing can be said of them."""
    assert main(["check", "-d", target_of(unpack_schema_7(tmp_path))]) == 1
    out = capsys.readouterr().out
    assert "Not checked: slices, their hashes and their order (the schema lacks what that needs)." in out
    assert "not as they were stored" not in out


def test_an_installation_without_python_procedures_is_whole(sql_only_file: Path) -> None:
    """It lacks what its installer leaves out; one procedure with Python makes the others missing."""
    assert _found(sql_only_file) == []


def test_a_missing_file_is_not_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A target that is not there is a mistake, not an empty database."""
    assert main(["check", "-d", target_of(tmp_path / "none.db")]) == 1
    assert "is not there" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_changed_by_checking(whole_file: Path, tmp_path: Path) -> None:
    """The file has the bytes that it had."""
    file = copy_to(tmp_path, whole_file)
    before = hashlib.sha256(file.read_bytes()).digest()
    _found(file)
    assert hashlib.sha256(file.read_bytes()).digest() == before


def test_progress_says_how_fast_it_goes_and_what_is_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line in two seconds at most, with the rate since the start."""
    times = iter([0.0, 1.0, 4.0, 5.0, 10.0])
    report = progress_lines(lambda: next(times))
    report("slices", 1, 4000)
    report("slices", 40, 4000)
    report("slices", 60, 4000)
    report("vectors", 2000, 4000)
    assert capsys.readouterr().err == (
        "40 of 4,000 (10/s, about 7 min left): slices\n2,000 of 4,000 (200/s, about 10 s left): vectors\n"
    )


def test_progress_never_goes_back_and_ends_near_the_total(whole_file: Path) -> None:
    """It counts slices, rows of keys and queries."""
    seen: list[tuple[int, int]] = []
    with closing(connect(target_of(whole_file))) as connection:
        checking.check(connection, lambda fault: None, lambda what, done, total: seen.append((done, total)))
    counts = [done for done, _ in seen]
    assert counts == sorted(counts)
    assert len({total for _, total in seen}) == 1
    assert seen[-1][1] - seen[-1][0] <= 1
