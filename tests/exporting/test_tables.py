"""Tables out of a database, as pyarrow and the csv module read them, and back with equal hashes."""

from __future__ import annotations

import csv
import hashlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import lungdb
from lungdb.cli.main import main
from lungdb.database import Connection, run
from lungdb.errors import LungdbError, SqlError
from lungdb.exporting.reading import rights
from tests.support.databases import copy_to, rows, target_of

TABLES = ("labels", "numeric_labels", "scan_labels", "dataset_members", "scores")


@pytest.fixture(scope="module")
def written(exported_file: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The export of everything, as Parquet and as CSV."""
    folder = tmp_path_factory.mktemp("written")
    found = {name: folder / name for name in ("parquet", "csv")}
    for name, out in found.items():
        file = copy_to(folder, exported_file)
        assert main(["export", str(out), "-d", target_of(file), "--what", "all", "--format", name]) == 0
    return found


def _files(folder: Path) -> dict[str, bytes]:
    return {each.relative_to(folder).as_posix(): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def _hashes(out: Path) -> dict[str, str]:
    files = json.loads((out / "manifest.json").read_text(encoding="utf-8"))["files"]
    return {name: facts["sha256"] for name, facts in files.items()}


def test_the_tables_are_those_of_the_database(written: dict[str, Path], exported: Connection) -> None:
    """Scores to the last bit, with their model, in both formats."""
    expected = {
        (uid, name, version, sha256.hex(), probability, raw, prevalence, scope)
        for uid, name, version, sha256, probability, raw, prevalence, scope in rows(
            exported,
            "SELECT s.series_uid, c.name, c.version, c.sha256, r.probability, r.raw_probability, r.prevalence, r.scope "
            "FROM dbo.predictions AS r INNER JOIN dbo.scans AS s ON s.scan_id = r.scan_id "
            "INNER JOIN dbo.classifiers AS c ON c.classifier_id = r.classifier_id;",
        )
    }
    names = ("series_uid", "model_name", "model_version", "model_sha256", "probability", "raw_probability",
             "prevalence", "scope")  # fmt: skip
    read = pq.read_table(written["parquet"] / "scores.parquet").to_pylist()
    assert {tuple(row[name] for name in names) for row in read} == expected
    assert len(read) == len(expected) == 41
    with (written["csv"] / "scores.csv").open(newline="", encoding="utf-8") as file:
        texts = list(csv.DictReader(file))
    assert [[row[name] or None for name in names] for row in texts] == [
        [None if row[name] is None else str(row[name]) for name in names] for row in read
    ]


def test_contributions_add_up_to_the_margin(written: dict[str, Path], exported: Connection) -> None:
    """Those of the features, the expected margin among them, sum to what the model gave."""
    read = pq.read_table(written["parquet"] / "contributions.parquet").to_pylist()
    (margin,) = rows(exported, "SELECT margin FROM dbo.explained_scores;")[0]
    assert sum(row["contribution"] for row in read) == pytest.approx(margin, abs=1e-9)
    assert [row["feature_name"] for row in read if row["feature"] is None] == ["expected margin"]


def test_features_have_the_form_that_load_features_reads(written: dict[str, Path], exported: Connection) -> None:
    """Arrays bit by bit, vectors as their text reads, what dbo.scans has as JSON, the hashes of both."""
    (folder,) = written["parquet"].glob("features-*")
    about = json.loads((folder / "lungdb.json").read_text(encoding="utf-8"))
    (network,) = rows(exported, "SELECT name, sha256 FROM dbo.networks;")
    assert about["network"] == {"name": network[0], "sha256": network[1].hex()}
    assert about["poolings"] == ["max", "mean"]
    assert about["layers"] == [{"number": 1, "name": "penultimate", "width": 64}]
    assert about["identity"]["mode"] == "kept"
    read = pq.read_table(folder / "features").to_pylist()
    stored = rows(
        exported,
        "SELECT s.series_uid, f.array, f.sha256, s.content_sha256, s.number_images, s.spacing_z, s.step_z "
        "FROM dbo.features AS f INNER JOIN dbo.scans AS s ON s.scan_id = f.scan_id ORDER BY s.series_uid;",
    )
    assert [
        (row["series_uid"], np.array(row["array"], "<f4").tobytes(), row["sha256"], row["content_sha256"])
        for row in read
    ] == [tuple(row[:4]) for row in stored]
    for row, (*_, images, spacing, step) in zip(read, stored, strict=True):
        scan = json.loads(row["scan"])
        assert (scan["number_images"], len(scan["slices"]), scan["spacing_z"], scan["step_z"]) == (
            images, images, spacing, step)  # fmt: skip
        array = np.array(row["array"], np.float32).reshape(row["array_rows"], row["array_cols"])
        assert np.array_equal(dict(row["pooled"])["max"], array.max(axis=0))
        assert np.allclose(dict(row["pooled"])["mean"], array.mean(axis=0), atol=1e-6)
    assert pq.read_table(folder / "series").num_rows == 40


def test_the_page_says_what_the_database_says(written: dict[str, Path], exported: Connection) -> None:
    """Every column of every table has a meaning, and that of a column of the database is its comment."""
    described = json.loads((written["parquet"] / "schema.json").read_text(encoding="utf-8"))
    page = (written["parquet"] / "SCHEMA.md").read_text(encoding="utf-8")
    for name, columns in described.items():
        if name != "features":
            read = pq.read_schema(written["parquet"] / f"{name}.parquet")
            assert [each["column"] for each in columns] == read.names
        assert all(each["meaning"] and each["type"] and each["meaning"].replace("|", "/") in page for each in columns)
    (said,) = rows(
        exported,
        "SELECT CAST(p.value AS NVARCHAR(1500)) FROM sys.extended_properties AS p INNER JOIN sys.columns AS c "
        "ON c.object_id = p.major_id AND c.column_id = p.minor_id "
        "WHERE c.object_id = OBJECT_ID(N'dbo.predictions') AND c.name = N'scope' AND p.name = N'MS_Description';",
    )
    assert {each["column"]: each["meaning"] for each in described["scores"]}["scope"] == said[0]


def test_the_manifest_has_the_hash_of_every_file(written: dict[str, Path]) -> None:
    """Of all files and no others."""
    for out in written.values():
        files = {name: hashlib.sha256(content).hexdigest() for name, content in _files(out).items()}
        del files["manifest.json"]
        assert _hashes(out) == files


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_what_comes_back_is_exported_with_equal_hashes(
    written: dict[str, Path], done_file: Path, tmp_path: Path, form: str
) -> None:
    """Into a database with the same scans and model and no labels; twice adds nothing."""
    target = target_of(copy_to(tmp_path, done_file))
    with lungdb.open(target) as db:
        db.execute("DELETE FROM dbo.labels;")
        folder = _without_features(written[form], tmp_path)
        assert main(["import", str(folder), "-d", target]) == 0
        before = db.execute("SELECT COUNT(*) AS n FROM dbo.predictions;")[0]["n"][0]
        assert main(["import", str(folder), "-d", target]) == 0
        assert db.execute("SELECT COUNT(*) AS n FROM dbo.predictions;")[0]["n"][0] == before == 41
    again = tmp_path / "again"
    what = "datasets,labels,scores"
    assert main(["export", str(again), "-d", target, "--what", what, "--format", form]) == 0
    old, new = _hashes(written[form]), _hashes(again)
    assert {name: new[f"{name}.{form}"] for name in TABLES} == {name: old[f"{name}.{form}"] for name in TABLES}


def _without_features(out: Path, tmp_path: Path) -> Path:
    """Copy an export but for its features, which a command of its own loads."""
    folder = tmp_path / "partial"
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    manifest["files"] = {name: facts for name, facts in manifest["files"].items() if "/" not in name}
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    for name in manifest["files"]:
        (folder / name).write_bytes((out / name).read_bytes())
    return folder


def test_what_contradicts_is_refused_and_changes_nothing(
    written: dict[str, Path], exported_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another label, another score of the moment, a model that is not here, a file that was changed."""
    target = target_of(copy_to(tmp_path, exported_file))
    folder = _without_features(written["parquet"], tmp_path)
    with lungdb.open(target) as db:
        for change, back, said in (
            ("UPDATE dbo.labels SET label = 1 - label WHERE patient_id = (SELECT MIN(patient_id) FROM dbo.labels);",
             "UPDATE dbo.labels SET label = 1 - label WHERE patient_id = (SELECT MIN(patient_id) FROM dbo.labels);",
             "1 rows of labels are here with another value"),
            ("UPDATE dbo.predictions SET probability = probability / 2 WHERE prediction_id = 7;",
             "UPDATE dbo.predictions SET probability = probability * 2 WHERE prediction_id = 7;",
             "1 scores of the same scans, model and time are here with other values"),
            ("UPDATE dbo.classifiers SET sha256 = 0x00;", "UPDATE dbo.classifiers SET sha256 = 0x01;",
             "is not here with the same SHA-256"),
        ):  # fmt: skip
            db.execute(change)
            before = db.execute("SELECT * FROM dbo.predictions; SELECT * FROM dbo.labels;")
            assert main(["import", str(folder), "-d", target]) == 1
            assert said in capsys.readouterr().err
            after = db.execute("SELECT * FROM dbo.predictions; SELECT * FROM dbo.labels;")
            assert all(a.equals(b) for a, b in zip(before, after, strict=True))
            db.execute(back)
    (folder / "labels.parquet").write_bytes(b"other")
    assert main(["import", str(folder), "-d", target]) == 1
    assert "'labels.parquet' differs from its SHA-256" in capsys.readouterr().err


def test_an_export_restricts_to_a_data_set_and_a_model(exported_file: Path, tmp_path: Path) -> None:
    """Patients and scans of the newest version alone, scores of the model's version."""
    target = target_of(copy_to(tmp_path, exported_file))
    out = tmp_path / "out"
    assert (
        main(["export", str(out), "-d", target, "--what", "all", "--dataset", "some", "--model", "lightgbm_sql"]) == 0
    )
    read = {name: pq.read_table(out / f"{name}.parquet").to_pylist() for name in ("labels", "scores", "datasets")}
    assert (len(read["labels"]), len(read["scores"]), len(read["datasets"])) == (5, 6, 1)
    assert {row["model_name"] for row in read["scores"]} == {"lightgbm_sql"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--what", "all", "--dataset", "none"], "no data set of scans 'none'"),
        (["--what", "all", "--model", "none"], "no model 'none'"),
        (["--what", "labels,pixels"], "'pixels' of --what is not supported"),
        ([], "Nothing to export is named"),
    ],
)
def test_what_cannot_be_exported_is_said_and_leaves_nothing(
    exported_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    """One sentence, and no folder."""
    target = target_of(copy_to(tmp_path, exported_file))
    assert main(["export", str(tmp_path / "out"), "-d", target, *options]) == 1
    assert said in capsys.readouterr().err
    assert [each.name for each in tmp_path.iterdir() if each.is_dir()] == []


def test_an_output_with_other_settings_is_refused(
    written: dict[str, Path], exported_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """So is a folder that is none of ours; the same settings again change nothing."""
    target = target_of(copy_to(tmp_path, exported_file))
    before = _files(written["parquet"])
    assert main(["export", str(written["parquet"]), "-d", target, "--what", "labels"]) == 1
    assert "another setting of what" in capsys.readouterr().err
    assert main(["export", str(written["parquet"]), "-d", target, "--what", "all"]) == 0
    assert "there already and unchanged" in capsys.readouterr().out
    assert _files(written["parquet"]) == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "x").write_text("x", encoding="utf-8")
    assert main(["export", str(tmp_path / "mine"), "-d", target, "--what", "all"]) == 1
    assert "no output of lungdb export" in capsys.readouterr().err


def test_an_export_follows_its_database(exported: Connection, exported_file: Path, tmp_path: Path) -> None:
    """What changed in the database is in the next export into the same folder."""
    target, out = target_of(tmp_path / exported_file.name), tmp_path / "out"
    assert main(["export", str(out), "-d", target, "--what", "labels"]) == 0
    run(exported, "DELETE FROM dbo.labels;")
    assert main(["export", str(out), "-d", target, "--what", "labels"]) == 0
    assert pq.read_table(out / "labels.parquet").num_rows == 0
    assert [each.name for each in tmp_path.iterdir() if each.is_dir()] == ["out"]


def test_a_damaged_vector_ends_the_export_and_leaves_nothing(
    exported: Connection, exported_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Found by its SHA-256 after other files were written."""
    run(exported, "UPDATE dbo.pooled_features SET vector = REPLACE(vector, N'[', N'[ ') WHERE scan_id = 3;")
    target = target_of(tmp_path / exported_file.name)
    assert main(["export", str(tmp_path / "out"), "-d", target, "--what", "all"]) == 1
    assert "does not match its SHA-256" in capsys.readouterr().err
    assert [each.name for each in tmp_path.iterdir() if each.is_dir()] == []


@pytest.mark.parametrize("number", [229, 230])
def test_a_login_without_the_right_gets_a_sentence(number: int) -> None:
    """The role that has it is named; the embedded engine enforces no rights, so this is SQL Server's own error."""

    with pytest.raises(LungdbError, match=r"may not see scans.*lungdb_trainer"), rights("scans", "trainer"):
        raise SqlError(number, "The SELECT permission was denied on the object 'scans'.")


def test_a_killed_export_leaves_no_folder_and_the_next_one_does_it_all(
    written: dict[str, Path], exported_file: Path, tmp_path: Path
) -> None:
    """Killed at several moments of its work."""
    target, out = target_of(copy_to(tmp_path, exported_file)), tmp_path / "out"
    command = [sys.executable, "-m", "lungdb.cli.main", "export", str(out), "-d", target, "--what", "all"]
    unfinished = tmp_path / "out.unfinished"
    for name in ("labels.parquet", "vectors.parquet"):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            while process.poll() is None and not (unfinished / name).exists():
                time.sleep(0.001)
            process.send_signal(signal.SIGKILL)
        assert not out.exists()
    assert main(command[3:]) == 0
    assert _hashes(out) == _hashes(written["parquet"])
    assert not unfinished.exists()
