"""`lungdb copy` of models on combined features, and of ensembles: the same scores elsewhere, whole or not at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lungdb.cli.main import main
from lungdb.database import Connection, connect, run
from tests.datasets.conftest import visits_file
from tests.support.databases import contents, copy_to, rows, target_of
from tests.support.trees import scores

__all__ = ["visits_file"]

PARTS = "SELECT position, pooling, source, column_name, first_index, width FROM dbo.feature_parts ORDER BY 1, 2, 5;"


@pytest.fixture(scope="module")
def source_file(visits_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model on two poolings and three columns, one on a pooling, and ensembles of them and of one set alone."""
    file = copy_to(tmp_path_factory.mktemp("source"), visits_file)
    with closing(connect(target_of(file))) as connection:
        run(
            connection,
            "EXECUTE dbo.CreateDataset @Name = N'trained', @Query = N'SELECT scan_id FROM dbo.scans';"
            "EXECUTE dbo.TrainLungCancerModel @ModelName = N'wide', @Features = N'mean; max', "
            "@Columns = N'age, sex, slice_thickness', @Dataset = N'trained', @MaxIterations = 20;"
            "EXECUTE dbo.TrainLungCancerModel @ModelName = N'plain', @Features = N'made up/mean', @MaxIterations = 20;"
            "EXECUTE dbo.TrainLungCancerModel @ModelName = N'linear', @Features = N'made up/mean', "
            "@Algorithm = N'logistic';"
            "EXECUTE dbo.CreateEnsemble @ModelName = N'both', @Members = N'wide:1, plain:1';"
            "EXECUTE dbo.CreateEnsemble @ModelName = N'alike', @Members = N'plain:1, linear:1';",
        )
    return file


@pytest.fixture
def source(source_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of it to change."""
    return copy_to(tmp_path_factory.mktemp("source"), source_file)


@pytest.fixture
def bare_file(sql_only_file: Path, tmp_path: Path) -> Path:
    """An empty database with install_sql_only.sql alone."""
    return Path(shutil.copy(sql_only_file, tmp_path / "bare.db"))


@pytest.fixture
def bare(bare_file: Path) -> Iterator[Connection]:
    """A connection to it."""
    with closing(connect(target_of(bare_file))) as connection:
        yield connection


def _copy(source: Path, to: str, model: str, *options: str) -> int:
    return main(["copy", "--from", target_of(source), "--to", to, "--model", model, *options])


@pytest.mark.parametrize("model", ["wide", "both", "alike"])
def test_a_copied_model_of_several_features_scores_the_same(
    source: Path, bare_file: Path, bare: Connection, model: str
) -> None:
    """Directly and by a script, and again after copying again: to the last bit."""
    script = bare_file.with_name("model.sql")
    assert _copy(source, str(script), model, "--patients", "all") == 0
    call = f"EXECUTE dbo.PredictPatientsSql @ModelName = N'{model}', @Prevalence = 0.1;"
    with closing(connect(target_of(source))) as opened:
        expected = scores(opened, call)
    for arguments in (["sql", "-b", "-d", target_of(bare_file), "-i", str(script)], None):
        assert (main(arguments) if arguments else _copy(source, target_of(bare_file), model, "--patients", "all")) == 0
        found = scores(bare, call)
        assert len(found) == 60
        assert (found == expected).all()
    members = {"wide": 0, "both": 2, "alike": 2}[model]
    assert rows(bare, "SELECT COUNT(*) FROM dbo.classifiers;") == [(1 + members,)]
    assert rows(bare, "SELECT COUNT(*) FROM dbo.ensemble_members;") == [(members,)]


def test_its_parts_names_scope_and_training_set_come_along(source: Path, bare_file: Path, bare: Connection) -> None:
    """The parts at their places, the names of features, what it knows, and the set by name and digest, no member."""
    assert _copy(source, target_of(bare_file), "wide", "--patients", "0,1") == 0
    queries = (
        PARTS,
        "SELECT s.item, s.position, s.low, s.high, s.text, s.scans FROM dbo.model_scope AS s INNER JOIN "
        "dbo.classifiers AS c ON c.classifier_id = s.classifier_id WHERE c.name = N'wide' ORDER BY 1, 2;",
        "SELECT s.feature_index, s.mean, s.sd FROM dbo.model_scope_features AS s INNER JOIN dbo.classifiers AS c "
        "ON c.classifier_id = s.classifier_id WHERE c.name = N'wide' ORDER BY 1;",
    )
    with closing(connect(target_of(source))) as opened:
        ((wide,),) = rows(opened, "SELECT feature_set_id FROM dbo.classifiers WHERE name = N'wide';")
        sent = [rows(opened, query) for query in queries[1:]]
        sent.insert(0, rows(opened, PARTS.replace(" ORDER", f" WHERE feature_set_id = {wide} ORDER")))
        ((details,),) = rows(opened, "SELECT details FROM dbo.classifiers WHERE name = N'wide';")
        ((members, digest),) = rows(opened, "SELECT members, members_sha256 FROM dbo.dataset_versions;")
    assert [rows(bare, query) for query in queries] == sent
    assert all(sent)
    ((arrived, task),) = rows(bare, "SELECT details, task FROM dbo.classifiers;")
    found = json.loads(arrived)
    assert found["feature_names"] == json.loads(details)["feature_names"]
    assert found["trained_on_dataset"] == {
        "name": "trained",
        "version": 1,
        "members": members,
        "sha256": bytes(digest).hex(),
    }
    assert task == "classification"
    assert rows(bare, "SELECT COUNT(*) FROM dbo.datasets;") == [(0,)]
    assert rows(bare, "SELECT birth_year, display_name FROM dbo.patients;") == [(None, None)] * 2
    run(bare, "UPDATE dbo.scans SET slice_thickness = 9; EXECUTE dbo.PredictPatientsSql @ModelName = N'wide';")
    assert rows(bare, "SELECT DISTINCT scope FROM dbo.predictions;") == [("outside",)]


def test_sex_and_age_stay_behind_where_the_model_does_not_read_them(
    source: Path, bare_file: Path, bare: Connection
) -> None:
    """The plain model reads no column, another columns of these names of a view that has something else."""
    view = "CREATE VIEW dbo.own AS SELECT scan_id, image_rows AS age, image_cols AS sex FROM dbo.scans;"
    with closing(connect(target_of(source))) as opened:
        run(opened, view)
        run(
            opened,
            "EXECUTE dbo.TrainLungCancerModel @ModelName = N'own', @Features = N'mean', @Columns = N'age, sex', "
            "@ColumnsFrom = N'dbo.own', @MaxIterations = 5;",
        )
    run(bare, view)
    for model in ("plain", "own"):
        assert _copy(source, target_of(bare_file), model, "--patients", "all") == 0
        assert rows(bare, "SELECT DISTINCT p.sex, s.patient_age FROM dbo.patients AS p, dbo.scans AS s;") == [
            (None, None)
        ]


def test_a_model_that_reads_age_comes_to_where_another_has_brought_its_patients(
    source: Path, bare_file: Path, bare: Connection
) -> None:
    """What the first left out is filled in, and what is known there already stays."""
    assert _copy(source, target_of(bare_file), "plain", "--patients", "all") == 0
    run(bare, "UPDATE dbo.scans SET slice_thickness = NULL, kvp = 99;")
    assert _copy(source, target_of(bare_file), "wide", "--patients", "all") == 0
    query = (
        "SELECT s.series_uid, s.patient_age, s.slice_thickness FROM dbo.scans AS s "
        "WHERE s.is_primary = 1 ORDER BY s.series_uid;"
    )
    with closing(connect(target_of(source))) as opened:
        sent = rows(opened, query)
    assert rows(bare, query) == sent
    assert sum(age is not None for _, age, _ in sent) > 40
    assert rows(bare, "SELECT DISTINCT kvp FROM dbo.scans;") == [(99,)]


def test_what_a_network_was_trained_on_stays_behind(source: Path, bare_file: Path, bare: Connection) -> None:
    """It names scans; the rest of its details comes."""
    with closing(connect(target_of(source))) as opened:
        ((details,),) = rows(opened, "SELECT details FROM dbo.networks;")
        run(opened, "UPDATE dbo.networks SET details = JSON_MODIFY(details, N'$.trained_on', JSON_QUERY(N'[\"AB\"]'));")
    assert _copy(source, target_of(bare_file), "plain") == 0
    ((arrived,),) = rows(bare, "SELECT details FROM dbo.networks;")
    assert json.loads(arrived) == json.loads(details)


def test_an_interrupted_copy_of_an_ensemble_leaves_whole_models_and_goes_on(
    source: Path, bare_file: Path, bare: Connection, tmp_path: Path
) -> None:
    """Cut before the ensemble's own TakeCopy: its members are whole, it is not there; the whole script mends it."""
    script = tmp_path / "model.sql"
    assert _copy(source, str(script), "both", "--patients", "all") == 0
    text = script.read_text(encoding="utf-8")
    cut = tmp_path / "cut.sql"
    cut.write_text(text[: text.rindex("EXECUTE dbo.TakeCopy")], encoding="utf-8")
    assert main(["sql", "-b", "-d", target_of(bare_file), "-i", str(cut)]) == 0
    assert rows(bare, "SELECT name FROM dbo.classifiers ORDER BY name;") == [("plain",), ("wide",)]
    assert rows(bare, "SELECT COUNT(*) FROM dbo.patients;") == [(0,)]
    assert main(["sql", "-b", "-d", target_of(bare_file), "-i", str(script)]) == 0
    assert len(scores(bare, "EXECUTE dbo.PredictPatientsSql @ModelName = N'both';")) == 60


def test_a_column_that_has_another_value_there_is_refused_and_nothing_is_stored(
    source: Path, bare_file: Path, bare: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    """A patient who is there already, of another sex."""
    with closing(connect(target_of(source))) as opened:
        ((patient, sex),) = rows(opened, "SELECT TOP (1) patient_id, sex FROM dbo.patients WHERE sex IS NOT NULL;")
    other = "M" if sex == "F" else "F"
    run(bare, "INSERT INTO dbo.patients (patient_id, idx, sex) VALUES (?, 0, ?);", (patient, other))
    before = contents(bare)
    assert _copy(source, target_of(bare_file), "wide", "--patients", "all") == 1
    assert "The combined features of 1 scans are others here" in capsys.readouterr().err
    assert contents(bare) == before


def test_a_view_that_is_not_there_is_refused_and_named(
    source: Path, bare_file: Path, bare: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    """Columns of a view of the user's own; with the view of the same values the copy is taken."""
    view = "CREATE VIEW dbo.mine AS SELECT scan_id, slice_thickness AS thick FROM dbo.scans;"
    with closing(connect(target_of(source))) as opened:
        run(opened, view)
        run(
            opened,
            "EXECUTE dbo.TrainLungCancerModel @ModelName = N'mine', @Features = N'mean', @Columns = N'thick', "
            "@ColumnsFrom = N'dbo.mine', @MaxIterations = 5;",
        )
    before = contents(bare)
    assert _copy(source, target_of(bare_file), "mine", "--patients", "all") == 1
    assert "thick" in capsys.readouterr().err
    assert contents(bare) == before
    run(bare, view)
    assert _copy(source, target_of(bare_file), "mine", "--patients", "all") == 0


def test_a_model_whose_features_nobody_has_goes_alone(source: Path, bare_file: Path, bare: Connection) -> None:
    """As a model on one network does; who is asked for by index is missed."""
    with closing(connect(target_of(source))) as opened:
        run(opened, "DELETE FROM dbo.binary_vectors; DELETE FROM dbo.pooled_features; DELETE FROM dbo.features;")
    assert _copy(source, target_of(bare_file), "wide", "--patients", "0") == 1
    for model in ("plain", "wide"):
        assert _copy(source, target_of(bare_file), model, "--patients", "all") == 0
    assert rows(bare, "SELECT COUNT(*) FROM dbo.classifiers;") == [(2,)]
    assert rows(bare, "SELECT COUNT(*) FROM dbo.patients;") == [(0,)]
