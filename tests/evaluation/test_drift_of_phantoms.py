"""CheckDrift on phantoms: of another scanner it alarms, of the same kind of scanners it does not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lungdb.cli import load_scans
from lungdb.database import Connection, connect, run
from lungdb.phantoms import phantom
from lungdb.phantoms.phantom import make_phantom
from lungdb.phantoms.scanner import Scanner, draw_scanner
from lungdb.phantoms.writing import write_series
from tests.support.databases import copy_to, rows, target_of

pytestmark = pytest.mark.slow

LATER = 30


def load_later(file: Path, folder: Path, connection: Connection) -> None:
    """Make and load phantoms, make their features and score them."""
    for place in range(LATER):
        name = f"later-{place:04}"
        write_series(folder / name, make_phantom(3_000_000 + place, cancer=place % 2 == 0, slices=9, size=64), name)
    assert load_scans.main(["-d", target_of(file), "--keep-ids", str(folder)]) == 0
    run(connection, "EXECUTE dbo.GenerateFeatures @ModelName = N'ResNet_152.model';")
    run(connection, "EXECUTE dbo.PredictPatients;")


@pytest.fixture
def file(loaded_file: Path, tmp_path: Path) -> Path:
    """Forty phantoms, most of them for testing, and a model that is trained on the others."""
    copy = copy_to(tmp_path, loaded_file)
    with closing(connect(target_of(copy))) as connection:
        run(connection, "UPDATE dbo.settings SET value = N'60' WHERE name = N'test_percent';")
        run(connection, "EXECUTE dbo.GenerateFeatures @ModelName = N'ResNet_152.model';")
        run(connection, "EXECUTE dbo.TrainLungCancerModel @Algorithm = N'logistic', @Folds = 2;")
    return copy


@pytest.fixture
def connection(file: Path) -> Iterator[Connection]:
    """A connection to it."""
    with closing(connect(target_of(file))) as connection:
        yield connection


def test_phantoms_of_the_same_scanners_raise_no_alarm(file: Path, tmp_path: Path, connection: Connection) -> None:
    """Other people, seeds that nothing was made with."""
    load_later(file, tmp_path / "later", connection)
    run(connection, "EXECUTE dbo.CheckDrift @Since = '2000-01-01';")
    ((is_alarm, tested, later),) = rows(
        connection, "SELECT is_alarm, tested_patients, later_patients FROM dbo.drift_alarms;"
    )
    assert tested >= 10
    assert (is_alarm, later) == (0, LATER)


def test_phantoms_of_another_scanner_raise_an_alarm_by_their_features(
    file: Path, tmp_path: Path, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same people with the noise of a tenth of the dose or less; makers and kernels are named as before."""

    def draw_other(rng: np.random.Generator) -> Scanner:
        return replace(draw_scanner(rng), noise=250.0, blur=2.2)

    monkeypatch.setattr(phantom, "draw_scanner", draw_other)
    load_later(file, tmp_path / "later", connection)
    run(connection, "EXECUTE dbo.CheckDrift @Since = '2000-01-01';")
    assert rows(connection, "SELECT is_alarm FROM dbo.drift_alarms;") == [(1,)]
    kinds = {kind for (kind,) in rows(connection, "SELECT kind FROM dbo.drift_items WHERE p_value <= 0.01;")}
    assert "feature" in kinds
    assert not kinds & {"scanner", "kernel"}
