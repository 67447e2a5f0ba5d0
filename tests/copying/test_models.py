"""`lungdb copy` and install_sql_only.sql: a model scores elsewhere without any external script."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pytest

from lungdb.cli.main import main
from lungdb.copying.script import literal
from lungdb.database import Connection, connect, install, run
from tests.sql.gates.check import SQL
from tests.support.databases import contents, copy_to, refused, rows, target_of
from tests.support.trees import scores

MODELS = ("lightgbm_sql", "100% linear")


@pytest.fixture
def source(trained_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with models to copy from, which scores are kept in."""
    return copy_to(tmp_path_factory.mktemp("source"), trained_file)


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


def _calls_scripts(connection: Connection) -> list[str]:
    found = rows(connection, "SELECT OBJECT_NAME(object_id), definition FROM sys.sql_modules;")
    return [name for name, text in found if "external_script" in text]


def test_the_script_for_servers_without_external_scripts_has_none(bare: Connection) -> None:
    """Neither its text nor a procedure that it makes calls one; the full installation has several."""
    text = (SQL / "install_sql_only.sql").read_text(encoding="utf-8")
    assert "external_script" not in text
    assert "external_script" in (SQL / "install.sql").read_text(encoding="utf-8")
    assert _calls_scripts(bare) == []
    assert rows(bare, "SELECT COUNT(*) FROM dbo.model_nodes;") == [(0,)]


def test_the_script_can_be_repeated(bare: Connection) -> None:
    """A second run, and a full installation over it, keep the data."""
    run(bare, "INSERT INTO dbo.patients (patient_id, idx) VALUES (N'a patient', 0);")
    install(bare, script="install_sql_only.sql")
    install(bare)
    assert rows(bare, "SELECT patient_id FROM dbo.patients;") == [("a patient",)]
    assert "ReadModelNodes" in _calls_scripts(bare)


def test_no_procedure_of_it_calls_one_that_is_not_there(bare: Connection) -> None:
    """Every procedure that one executes was made by the same script."""
    names = rows(bare, "SELECT SCHEMA_NAME(schema_id), name FROM sys.procedures;")
    there = {".".join(name) for name in names}
    texts = [text for (text,) in rows(bare, "SELECT definition FROM sys.sql_modules;")]
    called = {
        name
        for text in texts
        for name in re.findall(r"(?m)^ +EXECUTE ((?:dbo|internal)\.\w+)\b", re.sub(r"PRINT N'(?:[^']|'')*'", "", text))
    }
    assert called
    assert called <= there


@pytest.mark.parametrize("model", MODELS)
def test_a_copied_model_scores_the_same_in_another_database(source: Path, bare_file: Path, model: str) -> None:
    """Directly and by a script: the same numbers to the last bit, and again after copying again."""
    script = bare_file.with_name("model.sql")
    other = target_of(bare_file.with_name("other.db"))
    assert main(["install", "--sql-only", "-d", other]) == 0
    assert _copy(source, str(script), model, "--patients", "all") == 0
    assert main(["sql", "-b", "-d", other, "-i", str(script)]) == 0
    assert _copy(source, target_of(bare_file), model, "--patients", "all") == 0
    call = f"EXECUTE dbo.PredictPatientsSql @ModelName = N'{model}', @Prevalence = 0.1;"
    found = []
    for target in (target_of(source), target_of(bare_file), other):
        with closing(connect(target)) as connection:
            found.append(scores(connection, call))
    assert len(found[0]) == 120
    assert (found[0] == found[1]).all()
    assert (found[0] == found[2]).all()
    assert main(["sql", "-b", "-d", target_of(bare_file), "-i", str(script)]) == 0
    with closing(connect(target_of(bare_file))) as connection:
        assert (scores(connection, call) == found[0]).all()
        assert rows(connection, "SELECT COUNT(*) FROM dbo.classifiers;") == [(1,)]


def test_only_the_patients_named_come_and_no_names(source: Path, bare_file: Path, bare: Connection) -> None:
    """Three of 120, with the indices that they had, and nothing that scoring does not need."""
    assert _copy(source, target_of(bare_file), "lightgbm_sql", "--patients", "0,5,7", "--version", "1") == 0
    assert rows(bare, "SELECT idx, display_name, birth_year FROM dbo.patients ORDER BY idx;") == [
        (0, None, None),
        (5, None, None),
        (7, None, None),
    ]
    for table in ("labels", "scan_images", "experiments"):
        assert rows(bare, f"SELECT COUNT(*) FROM dbo.{table};") == [(0,)]
    assert len(scores(bare, "EXECUTE dbo.PredictPatientsSql;")) == 3


def test_what_is_known_of_a_scan_comes_along(source: Path, bare_file: Path, bare: Connection) -> None:
    """Dates, kernel and place to the last bit, and no age; there it is its study's choice, and the newest counts."""
    told = {
        "study_date": "2019-08-03", "acquisition_date": "2019-08-04", "date_rule": "shifted", "study_order": 1,
        "study_year": 2, "convolution_kernel": "Br40d\\3", "kvp": 100, "slice_thickness": 1.25, "has_contrast": 0,
        "frame_of_reference_uid": "1.2.9", "origin_x": -100.1, "origin_y": 1 / 3, "origin_z": -7e-5,
        "row_x": 1, "row_y": 0, "row_z": 0, "column_x": 0, "column_y": 0.96, "column_z": -0.28, "step_x": 0,
        "step_y": 0.1, "step_z": 2.5,
    }  # fmt: skip
    names = ", ".join(f"{name} = ?" for name in told)
    with closing(connect(target_of(source))) as opened:
        run(opened, f"UPDATE dbo.scans SET is_study_choice = 1, {names} WHERE scan_id = 6;", tuple(told.values()))
        (sent,) = rows(opened, "SELECT * FROM dbo.scans WHERE scan_id = 6;")
        run(opened, "UPDATE dbo.scans SET patient_age = 61;")
    assert _copy(source, target_of(bare_file), "lightgbm_sql", "--patients", "5", "--version", "1") == 0
    (arrived,) = rows(bare, "SELECT * FROM dbo.scans;")
    assert arrived[1:] == sent[1:]
    assert rows(bare, "SELECT patient_age FROM dbo.scans;") == [(None,)]
    assert rows(bare, "SELECT follows_newest FROM dbo.patients;") == [(True,)]


def test_patients_meet_those_that_are_there(source: Path, bare_file: Path, bare: Connection) -> None:
    """A patient of the same id is the same one; an index that another has is not taken from them."""
    run(
        bare,
        "INSERT INTO dbo.patients (patient_id, idx, display_name) "
        "VALUES (N'patient 0005', 2, N'kept'), (N'other', 0, NULL);",
    )
    assert _copy(source, target_of(bare_file), "lightgbm_sql", "--patients", "0,5,7") == 0
    found = rows(bare, "SELECT patient_id, idx, display_name FROM dbo.patients ORDER BY idx;")
    assert found == [
        ("other", 0, None),
        ("patient 0005", 2, "kept"),
        ("patient 0007", 7, None),
        ("patient 0000", 8, None),
    ]
    percent = dict(rows(bare, "EXECUTE dbo.PredictPatientsSql;"))
    with closing(connect(target_of(source))) as opened:
        original = np.array(rows(opened, "EXECUTE dbo.PredictPatientsSql @Patients = N'0,5,7';"))[:, 1]
    assert [percent[8], percent[2], percent[7]] == original.tolist()


def test_half_a_script_stores_nothing(source: Path, bare: Connection, tmp_path: Path) -> None:
    """A batch that was lost is noticed by the last one."""
    script = tmp_path / "model.sql"
    assert _copy(source, str(script), "lightgbm_sql", "--patients", "0,1") == 0
    batches = script.read_text(encoding="utf-8").split("GO\n")
    (nodes,) = [batch for batch in batches if batch.startswith("INSERT INTO #copy_nodes")]
    for batch in batches[:-2]:
        if batch is not nodes:
            run(bare, batch)
    assert "arrived" in refused(bare, batches[-2], 50155)


def test_another_model_of_the_name_and_version_is_kept(source: Path, bare_file: Path, bare: Connection) -> None:
    """The copy is refused and changes nothing."""
    assert _copy(source, target_of(bare_file), "lightgbm_sql") == 0
    run(bare, "UPDATE dbo.classifiers SET model = 0x01, sha256 = HASHBYTES('SHA2_256', 0x01);")
    before = contents(bare)
    assert _copy(source, target_of(bare_file), "lightgbm_sql", "--patients", "1") == 1
    assert contents(bare) == before


def test_what_cannot_be_copied_is_refused_and_leaves_no_file(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unknown model, an unknown patient, a list that is none, a folder that is none."""
    script = tmp_path / "model.sql"
    for model, options, word in (
        ("no such", (), "No trained model"),
        ("lightgbm_sql", ("--patients", "1,4000"), "4000"),
        ("lightgbm_sql", ("--patients", "first"), "'first'"),
    ):
        assert _copy(source, str(script), model, *options) == 1
        assert word in capsys.readouterr().err
    assert _copy(source, str(tmp_path / "no folder" / "model.sql"), "lightgbm_sql") == 1
    assert "cannot be written" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    assert _copy(source, target_of(tmp_path / "empty.db"), "lightgbm_sql") == 1
    assert "lungdb install" in capsys.readouterr().err


@pytest.mark.parametrize(
    "value",
    [
        *(0.1 + 0.2, 5e-324, 1.7976931348623157e308, -1.0000000180025095e-35, 2.2250738585072014e-308),
        *("it's", "a\nGO\nb", "back\\\nslash", "$(user)", "µ ☂ 😀", "", "100 %"),
        *(b"", bytes(range(256)) * 40, -7, None, datetime(2026, 1, 2, 3, 4, 5, 678000), date(1999, 12, 31)),
    ],
)
def test_a_literal_reads_back_as_the_value(bare: Connection, value: object) -> None:
    """Through the column of its type, with GO lines, continued lines and sqlcmd's variables inside."""
    kinds = {
        float: "FLOAT",
        str: "NVARCHAR(MAX)",
        bytes: "VARBINARY(MAX)",
        int: "INT",
        datetime: "DATETIME2(3)",
        date: "DATE",
    }
    text = literal(value)
    assert "\n" not in text
    assert "$(" not in text
    run(bare, f"CREATE TABLE #one (value {kinds.get(type(value), 'INT')} NULL);")
    run(bare, f"INSERT INTO #one (value) VALUES ({text});")
    assert rows(bare, "SELECT value FROM #one;") == [(value,)]


def test_a_copy_that_would_score_otherwise_is_refused(source: Path, bare_file: Path, bare: Connection) -> None:
    """The scores that come along are compared on arrival; with another comparison in WalkTrees nothing is stored."""
    right = (SQL / "procedures/native_scoring/internal/WalkTrees.sql").read_text(encoding="utf-8")
    run(bare, re.sub(r"(x <= n\d?\.threshold)", r"\1 + 0.1", right))
    before = contents(bare)
    assert _copy(source, target_of(bare_file), "lightgbm_sql", "--patients", "all") == 1
    assert contents(bare) == before
    run(bare, right)
    assert _copy(source, target_of(bare_file), "lightgbm_sql", "--patients", "all") == 0


def test_a_database_with_nothing_but_a_copy_is_whole(
    source: Path, bare_file: Path, bare: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    """Slices, arrays and the network's bytes did not come; what is missing else is found as before."""
    assert _copy(source, target_of(bare_file), "lightgbm_sql", "--patients", "0,1") == 0
    assert main(["check", "-d", target_of(bare_file)]) == 0
    run(bare, "DELETE FROM dbo.features WHERE scan_id = 1;")
    capsys.readouterr()
    assert main(["check", "-d", target_of(bare_file)]) == 1
    assert "scan_id 1: it has 0 slices" in capsys.readouterr().out


@pytest.mark.parametrize("steps", ["same", "others"])
def test_the_preprocessing_of_its_features_comes_along(
    source: Path, bare_file: Path, bare: Connection, steps: str
) -> None:
    """With its digest; where the name stands for other steps there, nothing is stored."""
    made = '{"steps": [{"step": "standardise"}]}'
    store = "INSERT INTO dbo.preprocessings (name, steps, digest) SELECT N'soft', s.x, HASHBYTES('SHA2_256', s.x) "
    store += "FROM (SELECT CAST(? AS NVARCHAR(MAX)) AS x) AS s;"
    with closing(connect(target_of(source))) as opened:
        run(opened, store, (made,))
        run(opened, "UPDATE dbo.feature_sets SET preprocessing = N'soft';")
        [(model,)] = rows(opened, "SELECT MIN(name) FROM dbo.classifiers;")
    if steps == "others":
        run(bare, store, ("{}",))
        before = contents(bare)
        assert _copy(source, target_of(bare_file), model) != 0
        assert contents(bare) == before
        return
    assert _copy(source, target_of(bare_file), model) == 0
    digest = hashlib.sha256(made.encode("utf-16-le")).digest()
    assert rows(bare, "SELECT steps, digest FROM dbo.preprocessings WHERE name = N'soft';") == [(made, digest)]
    assert rows(bare, "SELECT DISTINCT preprocessing FROM dbo.feature_sets;") == [("soft",)]
