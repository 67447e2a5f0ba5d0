"""A database with several models, and the page over a copy of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from lungdb_web.administration import add_account
from lungdb_web.passwords import hash_password

from lungdb.database import Connection, connect, run
from tests.support.databases import fill, target_of, vectors_and_labels
from tests.support.fixtures import PASSWORD, MakeDatabase

HOSTILE = """<script>alert("100%")</script>//&'"""


@pytest.fixture(scope="session")
def models_file(make_database: MakeDatabase) -> Path:
    """120 patients; LightGBM with folds (1, champion), hold-out, uncalibrated (2); a logistic with a hostile name."""

    def complete(connection: Connection) -> None:
        fill(connection, *vectors_and_labels(120, 12, signal=2.0, seed=5), 12)
        run(connection, "UPDATE dbo.settings SET value = N'40' WHERE name = N'test_percent';")
        run(connection, "EXECUTE dbo.TrainLungCancerModel;")
        run(connection, "EXECUTE dbo.PromoteModel @ModelName = N'lightgbm_sql';")
        run(connection, "EXECUTE dbo.TrainLungCancerModel @Folds = 0, @Calibration = N'none', @Seed = 3;")
        run(connection, "EXECUTE dbo.TrainLungCancerModel @ModelName = ?, @Algorithm = N'logistic';", (HOSTILE,))
        run(connection, "EXECUTE dbo.PredictLungCancer @PatientIndex = 1;")
        add_account(connection, "ana", hash_password(PASSWORD), "scorer", True)
        add_account(connection, "rob", hash_password(PASSWORD), "reader", False)

    return make_database("models", complete)


@pytest.fixture
def web_database(models_file: Path, tmp_path: Path) -> Path:
    """A copy of it to change, for the application of these tests."""
    return Path(shutil.copy(models_file, tmp_path / "lung_cancer_database.db"))


@pytest.fixture
def connection(web_database: Path) -> Iterator[Connection]:
    """A connection to the database behind the page."""
    with closing(connect(target_of(web_database))) as opened:
        yield opened


def page_of(client: FlaskClient, path: str) -> str:
    """Get a page that is there."""
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text
