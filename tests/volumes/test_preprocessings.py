"""Preprocessings of volumes in the database: stored whole, shown as planes, refused where pictures are made."""

from __future__ import annotations

import json

import cv2
import numpy as np

from lungdb.database import Connection, run
from lungdb.phantoms import Phantom
from tests.support.databases import refused, rows

STEPS = (
    '{"dimensions": 3, "steps": [{"step": "orient", "orientation": "SAL"}, '
    '{"step": "window", "low": -1000, "high": 400}]}'
)


def test_a_preprocessing_is_stored_with_every_default(database: Connection) -> None:
    """And lungdb's own, as they stand in the table, are written out whole."""
    run(database, "EXECUTE dbo.StorePreprocessing @Name = N'mine', @Steps = ?;", (STEPS,))
    stored = json.loads(rows(database, "SELECT steps FROM dbo.preprocessings WHERE name = N'mine';")[0][0])
    assert stored == {
        "dimensions": 3,
        "normalise": True,
        "steps": [
            {"step": "orient", "orientation": "SAL"},
            {"step": "window", "unit": "HU", "low": -1000.0, "high": 400.0},
            {"step": "tile", "size": "network", "overlap": 0.25, "weights": "gaussian", "fill": "air"},
        ],
    }
    own = rows(database, "SELECT steps FROM dbo.preprocessings WHERE name = N'volume';")[0][0]
    run(database, "EXECUTE dbo.StorePreprocessing @Name = N'again', @Steps = ?;", (own,))
    assert rows(database, "SELECT steps FROM dbo.preprocessings WHERE name = N'again';") == [(own,)]


def test_own_names_and_unknown_steps_are_refused(database: Connection) -> None:
    """With the steps that there are."""
    refused(database, f"EXECUTE dbo.StorePreprocessing @Name = N'volume', @Steps = N'{STEPS}';", 50101)
    refused(database, "EXECUTE dbo.DeletePreprocessing @Name = N'volume';", 50393)
    blur = '{"dimensions": 3, "steps": [{"step": "blur"}]}'
    message = refused(database, f"EXECUTE dbo.StorePreprocessing @Name = N'mine', @Steps = N'{blur}';", 50390)
    assert "Step 1 (blur): volumes have no such step. Supported are orient, resample, clip" in message


def test_a_preview_shows_planes_of_the_prepared_volume(database: Connection, phantoms: list[Phantom]) -> None:
    """Turned front to back and windowed, by NumPy."""
    shown = run(database, "EXECUTE dbo.PreviewPreprocessing @ScanId = 2, @Steps = ?, @Slices = 4;", (STEPS,))[-1].rows
    assert [row[0] for row in shown] == [2, 7, 12, 17]
    for index, lowest, highest, picture in shown:
        plane = np.clip((phantoms[1].hu[index, ::-1].astype(np.float64) + 1000) / 1400, 0, 1)
        drawn = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_UNCHANGED)
        assert np.abs(drawn / 255 * (highest - lowest) + lowest - plane).max() < 0.01
    run(database, "UPDATE dbo.scans SET spacing_z = NULL WHERE scan_id = 2;")
    call = f"EXECUTE dbo.PreviewPreprocessing @ScanId = 2, @Steps = N'{STEPS}';"
    assert "The spacing of the scan is not known (spacing_z" in refused(database, call, 50120)


def test_pictures_of_slices_are_not_made_by_steps_of_volumes(database: Connection) -> None:
    """Whether named or written."""
    run(
        database,
        "EXECUTE dbo.CreateDataset @Name = N'all', @Query = N'SELECT scan_id FROM dbo.scans';",
    )
    call = f"EXECUTE dbo.TransformImages @Dataset = N'all', @Name = N'made', @Steps = N'{STEPS}';"
    message = refused(database, call, 50390)
    assert "The preprocessing is of volumes ('dimensions' is 3), and slices or pictures are to be made" in message
