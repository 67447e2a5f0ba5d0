"""Tables of vectors: who is tested on, equal shares, the vectors as they were written, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from lungdb.cli import spark_train
from lungdb.database import Connection, run
from lungdb.dicom.identity import Identity
from lungdb.distributed.vector_tables import TEST, TRAIN, Form, Rows, Split, is_train, share, survey, vectors
from lungdb.errors import LungdbError
from tests.distributed.feature_tables import KEY, WIDTH, drawn, write_features, write_labels, write_plain
from tests.support.databases import rows

PLAIN = Form("v", "who", "y")
LAYER_2 = Form("pooled", "patient_id", None, 2, "mean")


def test_the_same_patients_are_tested_on_as_the_database_chooses(installed: Connection) -> None:
    """For ids of all kinds, whatever key and share the settings have."""
    ids = [f"patient {number}" for number in range(300)] + ["Ünal", "😀", "0", "a/b"]
    run(installed, "UPDATE dbo.settings SET value = N'clé/7' WHERE name = N'split_key';")
    run(installed, "UPDATE dbo.settings SET value = N'37' WHERE name = N'test_percent';")
    for index, name in enumerate(ids):
        run(installed, "INSERT INTO dbo.patients (patient_id, idx) VALUES (?, ?);", (name, index))
    run(installed, "EXECUTE dbo.AssignSplits;")
    stored = dict(rows(installed, "SELECT patient_id, part FROM dbo.splits;"))
    split = Split("clé/7", 37)
    assert stored == {name: "test" if split.is_test(name) else "train" for name in ids}
    assert set(stored.values()) == {"train", "test"}


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_shares_have_the_same_number_of_rows_and_lose_none(workers: int) -> None:
    """Whatever the row groups, empty ones and those without a row to learn from too."""
    rng = np.random.default_rng(workers)
    sizes = [0, 90, 1, 400, 3, 0, 211]
    groups = [
        Rows("f", place, 0, rng.choice([0, 2, 3, 4, 5], size).astype(np.uint8)) for place, size in enumerate(sizes)
    ]
    groups.append(Rows("f", 7, 0, np.full(40, TEST, np.uint8)))
    parts = share(groups, workers)
    learnt = [sum(int(is_train(each.codes).sum()) for each in part) for part in parts]
    assert max(learnt) - min(learnt) <= 1
    flat = [each for part in parts for each in part]
    assert all(
        np.array_equal(each.codes, groups[each.group].codes[each.start : each.start + each.codes.size]) for each in flat
    )
    places = [(each.group, each.start + place) for each in flat for place in range(each.codes.size)]
    assert places == [(each.group, place) for each in groups for place in range(each.codes.size)]


def test_vectors_are_those_of_the_layer_and_pooling(tmp_path: Path) -> None:
    """Bit for bit, by the ids that the table has, over row groups, and parts of them."""
    ids, written, labels = drawn(200)
    table = write_features(tmp_path / "t", ids, written)
    who = Identity("keyed", KEY)
    known = {who.patient(name): int(label) for name, label in zip(ids[:150], labels, strict=False)}
    split = Split("lungdb", 25)
    found = survey(str(table), LAYER_2, known, split)
    assert (found.width, found.unlabelled, found.failed) == (WIDTH, 50, 3)
    codes, read = zip(
        *[each for part in share(found.rows, 3) for rows in part for each in vectors(rows, LAYER_2, WIDTH)], strict=True
    )
    np.testing.assert_array_equal(np.concatenate(read), written[:150])
    wanted = [
        (TEST if split.is_test(who.patient(name)) else TRAIN) + label
        for name, label in zip(ids[:150], labels, strict=False)
    ]
    np.testing.assert_array_equal(np.concatenate(codes), wanted)


def test_a_patient_s_rows_have_one_number(tmp_path: Path) -> None:
    """So that intervals draw patients, not scans."""
    names = [f"p{number // 3}" for number in range(90)]
    table = write_plain(tmp_path / "t", [[1.0]] * 90, [0.0] * 90, who=names)
    split = Split("lungdb", 50)
    found = survey(str(table), PLAIN, None, split)
    tested = [name for name in names if split.is_test(name)]
    assert found.owners.size == len(tested)
    assert {int(owner): name for owner, name in zip(found.owners, tested, strict=True)}.keys() == set(
        range(len(set(tested)))
    )


VECTORS = {
    "a value that is no number": ([[1.0, 2.0], [np.nan, 1.0]], "1 vectors of row group 0 of 'only.parquet' have"),
    "an infinite value": ([[1.0, 2.0], [np.inf, 1.0]], "no finite number"),
    "a value too large for float32": ([[1.0, 2.0], [1e300, 1.0]], "no finite number"),
    "another width": ([[1.0, 2.0], [1.0]], "have 1 values, and others of the table 2"),
    "no vector": ([[1.0, 2.0], None], "1 rows of row group 0 of 'only.parquet' have no vector"),
    "a value that is missing": ([[1.0, 2.0], [None, 1.0]], "no finite number"),
}  # fmt: skip


@pytest.mark.parametrize("case", VECTORS)
def test_a_vector_that_cannot_be_learnt_from_is_refused(tmp_path: Path, case: str) -> None:
    """By the worker that reads it."""
    content, message = VECTORS[case]
    table = write_plain(tmp_path, content, [0.0, 1.0])
    found = survey(str(table), PLAIN, None, Split("lungdb", 1))
    [only] = found.rows
    with pytest.raises(LungdbError, match=message):
        list(vectors(only, PLAIN, 2))


def test_a_vector_s_missing_pooling_names_those_that_there_are(tmp_path: Path) -> None:
    """Of the first row that is meant."""
    ids, written, labels = drawn(20)
    table = write_features(tmp_path / "t", ids, written)
    known = {Identity("keyed", KEY).patient(name): int(label) for name, label in zip(ids, labels, strict=True)}
    with pytest.raises(LungdbError, match=r"has no pooling 'std'\. It has: max, mean"):
        survey(str(table), Form("pooled", "patient_id", None, 2, "std"), known, Split("lungdb", 25))


TABLES: dict[str, tuple[list[str], str]] = {
    "one class": (["--label", "zeros"], "have the label 0. Give labels of both classes"),
    "no labels": (["--label", "none"], "nothing to learn from: 200 rows have no label"),
    "other labels": (["--label", "wrong"], "is not 0 or 1. Correct the column 'wrong'"),
    "no such column": (["--label", "z"], "has no column 'z'. It has: who, v, y, zeros"),
    "no such vector": (["--label", "y", "--vector", "w"], "has no column 'w'"),
    "no list": (["--label", "y", "--vector", "who"], "is string, and has to be a list of numbers"),
    "no such patient": (["--label", "y", "--patient", "id"], "has no column 'id'"),
    "a patient missing": (["--label", "y", "--patient", "nobody"], "has no 'nobody'. Name the column"),
    "too many workers": (["--label", "y", "--workers", "9"], "are too few for 9 workers, which need 450"),
    "layers of no features": (["--label", "y", "--layer", "1"], "was not made by lungdb spark features"),
    "no labels said": ([], "Give one of --labels and --label"),
    "no folder": (["--label", "y", "--out", "nowhere/m.txt"], "There is no folder for 'm.txt'"),
    "a rate of 2": (["--label", "y", "--learning-rate", "2"], "learning_rate is not supported. Supported values are"),
}


@pytest.mark.parametrize("case", TABLES)
def test_a_table_that_cannot_be_learnt_from_is_refused_before_spark_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    """With a sentence, and nothing is written."""
    options, message = TABLES[case]
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "no java here"))
    rng = np.random.default_rng(1)
    table = write_plain(
        tmp_path / "t",
        rng.normal(size=(200, 3)).tolist(),
        (np.arange(200) % 2).astype(float).tolist(),
        zeros=[0] * 200,
        none=pa.array([None] * 200, pa.int8()),
        wrong=[2] * 200,
        nobody=pa.array([None] * 200, pa.string()),
    )
    out = tmp_path / "m.txt"
    given = [str(table), "--out", str(out), "--patient", "who", "--vector", "v", *options]
    assert spark_train.main(given) == 1
    assert message in capsys.readouterr().err
    assert {each.name for each in tmp_path.iterdir()} == {"t"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--pooling", "mean"], "Which layer is not said. Give --layer with one of: 1 (conv), 2 (penultimate)"),
        (["--layer", "2"], "Which pooling is not said. Give --pooling with one of: mean, max"),
        (["--layer", "3", "--pooling", "mean"], "The table has no layer 3"),
        (["--layer", "2", "--pooling", "std"], "The table has no pooling 'std'"),
        (["--vector", "pooled"], "Give --layer and --pooling, not --vector"),
        (["--layer", "2", "--pooling", "mean"], "The id_key is not the one that the features were made with"),
    ],
)
def test_features_are_named_by_layer_and_pooling(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    message: str,
) -> None:
    """And the labels' ids become those of the table by the key that it was made with."""
    monkeypatch.setenv("LUNGDB_ID_KEY", "some other secret of a site 1")
    ids, written, labels = drawn(20)
    table = write_features(tmp_path / "t", ids, written)
    file = write_labels(tmp_path / "labels.csv", ids, labels)
    given = [str(table), "--out", str(tmp_path / "m.txt"), "--labels", str(file), *options]
    assert spark_train.main(given) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "no Parquet file at the URI"), (b"hello", "'a.parquet' is no Parquet that can be read")],
)
def test_what_is_no_table_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, message: str
) -> None:
    """An empty folder, and a file of another kind."""
    if content is not None:
        (tmp_path / "a.parquet").write_bytes(content)
    given = [str(tmp_path), "--out", str(tmp_path / "m.txt"), "--vector", "v", "--label", "y"]
    assert spark_train.main(given) == 1
    assert message in capsys.readouterr().err


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither the classifier nor its description."""
    table = write_plain(tmp_path / "t", [[1.0]] * 4, [0.0, 1.0] * 2)
    (tmp_path / "m.txt.json").write_text("mine")
    given = [str(table), "--out", str(tmp_path / "m.txt"), "--patient", "who", "--vector", "v", "--label", "y"]
    assert spark_train.main(given) == 1
    assert "'m.txt.json' is there already" in capsys.readouterr().err
    assert (tmp_path / "m.txt.json").read_text() == "mine"
