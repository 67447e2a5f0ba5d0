"""A database with two explained scores: of trees over the demo network's features, and of a line over a map's mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lungdb.cli import load_network
from lungdb.database import Connection, connect, run
from tests.support.databases import copy_to, target_of
from tests.support.networks import write_network
from tests.support.once import Once

SIDE = 56
SCAN = 1


def explain(connection: Connection, prediction: int) -> None:
    """Explain a score, and then say that its second triple counts most."""
    run(
        connection,
        "EXECUTE dbo.ExplainScans @PredictionId = ?, @Permutations = 0;"
        "DELETE FROM dbo.score_slices WHERE prediction_id = ?;"
        "INSERT INTO dbo.score_slices (prediction_id, triple, first_slice, method, value) "
        "VALUES (?, 0, 0, 'without', 0.1), (?, 1, 3, 'without', -0.3), (?, 2, 6, 'without', 0.2);",
        (prediction,) * 5,
    )


@pytest.fixture(scope="session")
def mapped_file(once: Once, done_file: Path) -> Path:
    """Prediction 1 is of the trees, prediction 2 of the line, both of scan 1, which has nine slices of 64 x 64."""

    def make(folder: Path) -> Path:
        file = copy_to(folder, done_file)
        (folder / "small.onnx").write_bytes(write_network(SIDE, SIDE))
        assert load_network.main(["-d", target_of(file), str(folder / "small.onnx"), "--name", "small"]) == 0
        with closing(connect(target_of(file))) as connection:
            run(
                connection,
                "EXECUTE dbo.GenerateFeatures @ModelName = N'small';"
                "EXECUTE dbo.TrainLungCancerModel @ModelName = N'line', @NetworkName = N'small', "
                "@Algorithm = N'logistic';"
                "EXECUTE dbo.PredictLungCancer @ScanId = 1;"
                "EXECUTE dbo.PredictLungCancer @ScanId = 1, @ModelName = N'line';",
            )
            explain(connection, 1)
            explain(connection, 2)
        return file

    return once("mapped", make)


@pytest.fixture
def explained(mapped_file: Path, tmp_path: Path) -> Iterator[Connection]:
    """A connection to a copy of it."""
    with closing(connect(target_of(copy_to(tmp_path, mapped_file)))) as connection:
        yield connection
