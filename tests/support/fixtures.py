"""Databases that many tests start from, each made once a run of the tests, and copies of them to change.

A fixture ``…_file`` is a closed file that no test writes to; one without ``_file`` is a connection to a copy.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from lungdb.database import Connection, connect, install, run
from tests.support.databases import NAME, copy_to, fill, hash_vectors, target_of, vectors_and_labels
from tests.support.once import Once, once_a_run

DEMO_NETWORK = Path(__file__).parents[2] / "lungdb" / "networks" / "data" / "demo_resnet.onnx"
PATIENTS = 120
WIDTH = 12
ARCHIVED = 40
"""Patients with scans."""
UNSCORED = 36
"""Patients of the page's database from this index on are loaded last and have no features."""
PASSWORD = "correct horse battery staple"
PEOPLE = (
    "Anthony Okafor", "Ana Lindqvist", "Mei Tanaka", "Joost van der Berg", "Fatima Haddad", "Pedro Álvarez",
    "Anthony Rossi", "O'Neil Brennan", "100% Müller", "Anja Nowak", "Li Wei", "Ünal Demir",
)  # fmt: skip
"""Display names of the page's first patients; the others have none."""
LISTED = (
    "Anthony Okafor", "Ana Lindqvist", "ana lindqvist", None, "Ünal Demir", "ünal demir", "100% Müller", "a_b [c]",
    "O'Neil", "back\\slash", "😀 Grin", None, "Zoë", "ZOË", "izmir", "İzmir",
)  # fmt: skip
"""Display names of the worklist's patients."""
LISTED_WIDTH = 5
SEARCHED = 80
SEARCHED_WIDTH = 8
REPORTED = 90
HOSTILE = """<script>alert("100%")</script> & 'co'"""

MakeDatabase = Callable[[str, Callable[[Connection], None]], Path]


@dataclass(frozen=True)
class Archive:
    """Scans on disk with their labels."""

    scans: Path
    labels: Path


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Once]:
    """Give a function that makes a file once a run."""
    with once_a_run(tmp_path_factory, os.environ.get("PYTEST_XDIST_WORKER")) as function:
        yield function


@pytest.fixture(scope="session")
def installed_file(once: Once) -> Path:
    """A database with everything of ours and no data; installing takes more than a second."""

    def make(folder: Path) -> Path:
        with closing(connect(target_of(folder / NAME))) as connection:
            install(connection)
        return folder / NAME

    return once("installed", make)


@pytest.fixture(scope="session")
def sql_only_file(once: Once) -> Path:
    """A database as a server without external scripts has it."""

    def make(folder: Path) -> Path:
        with closing(connect(target_of(folder / NAME))) as connection:
            install(connection, script="install_sql_only.sql")
        return folder / NAME

    return once("sql_only", make)


@pytest.fixture(scope="session")
def make_database(once: Once, installed_file: Path) -> MakeDatabase:
    """Give a function that makes a file once a run: a copy of the installed one that a function fills."""

    def make(name: str, complete: Callable[[Connection], None]) -> Path:
        def fill_copy(folder: Path) -> Path:
            file = copy_to(folder, installed_file)
            with closing(connect(target_of(file))) as connection:
                complete(connection)
            return file

        return once(name, fill_copy)

    return make


@pytest.fixture
def installed(installed_file: Path, tmp_path: Path) -> Iterator[Connection]:
    """A connection to a database with everything of ours and no data."""
    with closing(connect(target_of(copy_to(tmp_path, installed_file)))) as connection:
        yield connection


def _fill_featured(connection: Connection) -> None:
    fill(connection, *vectors_and_labels(PATIENTS, WIDTH, signal=2.0, seed=5), WIDTH)
    run(connection, "UPDATE dbo.settings SET value = N'40' WHERE name = N'test_percent';")


@pytest.fixture(scope="session")
def featured_file(make_database: MakeDatabase) -> Path:
    """120 patients, a third of them with cancer, told by the first of twelve features."""
    return make_database("featured", _fill_featured)


@pytest.fixture(scope="session")
def trained_file(once: Once, featured_file: Path) -> Path:
    """The same with two versions of a LightGBM model, and a logistic regression with a percent sign in its name."""

    def make(folder: Path) -> Path:
        file = copy_to(folder, featured_file)
        with closing(connect(target_of(file))) as connection:
            run(connection, "EXECUTE dbo.TrainLungCancerModel;")
            run(connection, "EXECUTE dbo.TrainLungCancerModel @MaxIterations = 1, @Seed = 3;")
            run(connection, "EXECUTE dbo.TrainLungCancerModel @ModelName = N'100% linear', @Algorithm = N'logistic';")
        return file

    return once("trained", make)


@pytest.fixture(scope="session")
def scored_file(once: Once, featured_file: Path) -> Path:
    """120 patients, a model trained on them, all of them in the worklist."""

    def make(folder: Path) -> Path:
        file = copy_to(folder, featured_file)
        with closing(connect(target_of(file))) as connection:
            run(connection, "EXECUTE dbo.TrainLungCancerModel; EXECUTE dbo.RefreshWorklist;")
        return file

    return once("scored", make)


def numbers_of(vectors: list[str], seed: int = 1) -> list[float]:
    """Draw a number for each vector, around 70, which the vector's first feature tells to about 1."""
    noise = np.random.default_rng(seed).normal(size=len(vectors))
    return [70 + 9 * json.loads(vector)[0] + float(error) for vector, error in zip(vectors, noise, strict=True)]


@pytest.fixture(scope="session")
def numbered_file(once: Once, featured_file: Path) -> Path:
    """The patients of `featured` with numbers beside, a classifier, and a regression of every algorithm for them."""

    def make(folder: Path) -> Path:
        file = copy_to(folder, featured_file)
        with closing(connect(target_of(file))) as connection:
            numbers = numbers_of(vectors_and_labels(PATIENTS, WIDTH, signal=2.0, seed=5)[0])
            run(connection, "BEGIN TRANSACTION;")
            for index, number in enumerate(numbers):
                sql = "INSERT INTO dbo.numeric_labels (patient_id, value, source) VALUES (?, ?, N'ages.csv');"
                run(connection, sql, (f"patient {index:04}", number))
            run(connection, "COMMIT TRANSACTION;")
            run(connection, "EXECUTE dbo.TrainLungCancerModel @MaxIterations = 10;")
            run(
                connection,
                "EXECUTE dbo.TrainLungCancerModel @ModelName = N'age', @Task = N'regression', @MaxIterations = 30, "
                "@LearningRate = 0.2;",
            )
            for forest in ("random_forest", "extra_trees"):
                named = f"@ModelName = N'{forest}', @Algorithm = N'{forest}'"
                run(
                    connection,
                    f"EXECUTE dbo.TrainLungCancerModel {named}, @Task = N'regression', @MaxIterations = 10;",
                )
        return file

    return once("numbered", make)


@pytest.fixture
def numbered(numbered_file: Path, tmp_path: Path) -> Iterator[Connection]:
    """A connection to a copy of the database with models that predict numbers."""
    with closing(connect(target_of(copy_to(tmp_path, numbered_file)))) as connection:
        yield connection


@pytest.fixture
def featured(featured_file: Path, tmp_path: Path) -> Iterator[Connection]:
    """A connection to a copy of the database with features."""
    with closing(connect(target_of(copy_to(tmp_path, featured_file)))) as connection:
        yield connection


@pytest.fixture
def trained(trained_file: Path, tmp_path: Path) -> Iterator[Connection]:
    """A connection to a copy of the database with models."""
    with closing(connect(target_of(copy_to(tmp_path, trained_file)))) as connection:
        yield connection


@pytest.fixture
def scored(scored_file: Path, tmp_path: Path) -> Iterator[Connection]:
    """A connection to a copy of the database with a model and a worklist."""
    with closing(connect(target_of(copy_to(tmp_path, scored_file)))) as connection:
        yield connection


def _fill_listed(connection: Connection) -> None:
    fill(connection, *vectors_and_labels(len(LISTED), LISTED_WIDTH, signal=1.0, seed=1), LISTED_WIDTH)
    for index, name in enumerate(LISTED):
        run(
            connection,
            "UPDATE dbo.patients SET display_name = ?, birth_year = ? WHERE idx = ?;"
            "UPDATE dbo.scans SET study_date = ?, number_images = ? WHERE scan_id = ?;",
            (name, 1950 + index, index, None if index % 5 == 4 else f"2020-01-{1 + index % 3:02}", 80 + index % 4,
             index + 1),
        )  # fmt: skip
    run(
        connection,
        "INSERT INTO dbo.classifiers (name, version, library, feature_set_id, pooling, model, sha256, details) "
        "VALUES (N'm', 1, N'logistic', 1, N'mean', 0x00, 0x00, N'{}'), "
        "(N'm', 2, N'logistic', 1, N'mean', 0x00, 0x00, N'{}');",
    )
    for scan, classifier, probability in (
        *((scan, 1, 0.07 * scan) for scan in (9, 2, 5, 3)),
        *((scan, 2, 0.5) for scan in (2, 7, 11, 12)),
    ):
        run(
            connection,
            "INSERT INTO dbo.predictions (scan_id, classifier_id, probability) VALUES (?, ?, ?);",
            (scan, classifier, probability),
        )
    run(
        connection,
        "DELETE FROM dbo.pooled_features WHERE scan_id > 13; DELETE FROM dbo.features WHERE scan_id > 13;"
        "INSERT INTO dbo.scan_failures (scan_id, message) VALUES (7, N'damaged'), (14, N'damaged');"
        "EXECUTE dbo.RefreshWorklist;",
    )


@pytest.fixture(scope="session")
def listed_file(make_database: MakeDatabase) -> Path:
    """Sixteen patients: dates and slices that repeat, two models, scores of some, several of a few, failures."""
    return make_database("listed", _fill_listed)


@pytest.fixture
def listed(listed_file: Path, tmp_path: Path) -> Iterator[Connection]:
    """A connection to a copy of it."""
    with closing(connect(target_of(copy_to(tmp_path, listed_file)))) as connection:
        yield connection


def _fill_searched(connection: Connection) -> None:
    vectors, labels = vectors_and_labels(SEARCHED, SEARCHED_WIDTH, signal=0.7, seed=5)
    better, same = vectors_and_labels(SEARCHED, SEARCHED_WIDTH, signal=2.5, seed=5)
    assert same == labels
    fill(connection, vectors, labels, SEARCHED_WIDTH)
    run(connection, "BEGIN TRANSACTION;")
    for scan, vector in enumerate(better, start=1):
        run(
            connection,
            "INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector) VALUES (?, 1, N'max', ?);",
            (scan, vector),
        )
    run(connection, "COMMIT TRANSACTION;")
    hash_vectors(connection)


@pytest.fixture(scope="session")
def searched_file(make_database: MakeDatabase) -> Path:
    """80 patients; the pooling max tells their labels better than mean."""
    return make_database("searched", _fill_searched)


def _fill_reported(connection: Connection) -> None:
    fill(connection, *vectors_and_labels(REPORTED, SEARCHED_WIDTH, signal=2.0, seed=9), SEARCHED_WIDTH)
    run(connection, "UPDATE dbo.settings SET value = N'40' WHERE name = N'test_percent';")
    run(connection, "EXECUTE dbo.TrainLungCancerModel;")
    run(connection, "EXECUTE dbo.PromoteModel @ModelName = N'lightgbm_sql';")
    run(connection, "EXECUTE dbo.TrainLungCancerModel @Folds = 0, @Calibration = N'none';")
    run(connection, "EXECUTE dbo.TrainLungCancerModel @ModelName = ?, @Algorithm = N'logistic';", (HOSTILE,))


@pytest.fixture(scope="session")
def reported_file(make_database: MakeDatabase) -> Path:
    """Ninety patients; LightGBM with folds (version 1, champion) and hold-out (2); a logistic with a hostile name."""
    return make_database("reported", _fill_reported)


@pytest.fixture(scope="session")
def archive(once: Once) -> Archive:
    """Forty patients of nine slices of 64 × 64, half of them with cancer."""
    from lungdb.phantoms.dataset import make_dataset

    def make(folder: Path) -> Path:
        return make_dataset(folder / "scans", patients=ARCHIVED, seed=2_000_000, slices=9, size=64)

    labels = once("archive", make)
    return Archive(labels.parent / "scans", labels)


@pytest.fixture(scope="session")
def loaded_file(once: Once, installed_file: Path, archive: Archive) -> Path:
    """A database with scans, labels and the demo network, under the original project's name."""
    from lungdb.cli import load_labels, load_network, load_scans

    def make(folder: Path) -> Path:
        file = copy_to(folder, installed_file)
        database = ["-d", target_of(file)]
        assert load_scans.main([*database, "--keep-ids", str(archive.scans)]) == 0
        assert load_labels.main([*database, str(archive.labels)]) == 0
        assert load_network.main([*database, str(DEMO_NETWORK), "--name", "ResNet_152.model"]) == 0
        return file

    return once("loaded", make)


@pytest.fixture(scope="session")
def done_file(once: Once, loaded_file: Path) -> Path:
    """The same with features and a trained model."""

    def make(folder: Path) -> Path:
        file = copy_to(folder, loaded_file)
        with closing(connect(target_of(file))) as connection:
            run(connection, "EXECUTE dbo.GenerateFeatures @ModelName = N'ResNet_152.model', @Pooling = N'mean,max';")
            run(connection, "EXECUTE dbo.TrainLungCancerModel;")
        return file

    return once("done", make)


@pytest.fixture(scope="session")
def web_database_file(once: Once, installed_file: Path, archive: Archive) -> Path:
    """Forty patients, twelve of them named, thirty-six with features, a model, the accounts ana, rob, tess and ada."""
    from lungdb_web.administration import add_account
    from lungdb_web.passwords import hash_password

    from lungdb.cli import load_labels, load_network, load_patients, load_scans

    def make(folder: Path) -> Path:
        file = copy_to(folder, installed_file)
        database = ["-d", target_of(file)]
        for place, scan in enumerate(sorted(archive.scans.iterdir())):
            shutil.copytree(scan, folder / ("scans" if place < UNSCORED else "later") / scan.name)
        with closing(connect(target_of(file))) as connection:
            assert load_scans.main([*database, "--keep-ids", str(folder / "scans")]) == 0
            assert load_labels.main([*database, str(archive.labels)]) == 0
            assert load_network.main([*database, str(DEMO_NETWORK), "--name", "demo_resnet"]) == 0
            ids = [row[0] for row in run(connection, "SELECT patient_id FROM dbo.patients ORDER BY idx;")[0].rows]
            people = folder / "people.csv"
            lines = [
                f'{patient},"{name}",,19{50 + index}'
                for index, (patient, name) in enumerate(zip(ids, PEOPLE, strict=False))
            ]
            people.write_text("patient_id,display_name,sex,birth_year\n" + "\n".join(lines) + "\n", encoding="utf-8")
            assert load_patients.main([*database, str(people)]) == 0
            run(connection, "UPDATE dbo.settings SET value = N'35' WHERE name = N'test_percent';")
            run(connection, "EXECUTE dbo.GenerateFeatures @ModelName = N'demo_resnet';")
            run(connection, "EXECUTE dbo.TrainLungCancerModel @MinDataInLeaf = 3;")
            assert load_scans.main([*database, "--keep-ids", str(folder / "later")]) == 0
            assert load_labels.main([*database, str(archive.labels)]) == 0
            for name, role, sees_truth in (
                ("ana", "scorer", True), ("rob", "reader", False), ("tess", "reader", True),
                ("ada", "administrator", True),
            ):  # fmt: skip
                add_account(connection, name, hash_password(PASSWORD), role, sees_truth)
        return file

    return once("web", make)
