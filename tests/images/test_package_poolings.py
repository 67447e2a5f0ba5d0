"""A model of groups of pictures that a package pools is trained and used with the version that was registered alone."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np

from lungdb.database import connect, run
from tests.images.conftest import add_network, add_picture, draw
from tests.support.databases import copy_to, target_of
from tests.support.packages import REGISTER, done, set_version, write_package

MODULE = "import numpy as np\n\n\ndef middle(features):\n    return np.median(features, axis=0)\n"
TRAIN = "EXECUTE dbo.TrainImageClassifier @ModelName = N'films', @Pooling = N'middle', @Folds = 2, @L2 = 1;"
PREDICT = "EXECUTE dbo.PredictImages @ModelName = N'films';"
COUNT = "SELECT 'models', COUNT(*) FROM dbo.image_classifiers;"


def test_another_version_of_a_pooling_neither_trains_nor_scores(installed_file: Path, tmp_path: Path) -> None:
    """Nor does one that is not registered, or is gone; and another is not registered while a model reads it."""
    file = copy_to(tmp_path, installed_file)
    rng = np.random.default_rng(3)
    with closing(connect(target_of(file))) as connection:
        add_network(connection)
        run(connection, "BEGIN TRANSACTION;")
        for film in range(12):
            for order in range(3):
                name, group = f"{film}/{order}", f"film {film:02}"
                add_picture(connection, name, draw(rng, [film % 2]), [film % 2], group=group, order=order, part="train")
        run(connection, "COMMIT TRANSACTION;")
    entry_points = "[lungdb.poolings]\nmiddle = extra_pooling:middle\n"
    site = write_package(tmp_path / "site", "extra_pooling", MODULE, entry_points)
    [unregistered, *_, count] = done(file, site, TRAIN, REGISTER, TRAIN, COUNT)
    assert unregistered.startswith("50394")
    assert "not registered" in unregistered
    assert count == "models|1"
    with closing(connect(target_of(file))) as connection:
        add_picture(connection, "new", draw(rng, [1]), group="film 99", order=0)
    set_version(site, "2.0")
    *refusals, registered = done(file, site, TRAIN, PREDICT, REGISTER)
    assert len(refusals) == 2
    for line in refusals:
        assert line.startswith("50394")
        assert "registered from 'lungdb-extra 1.2', and 'lungdb-extra 2.0' is installed" in line
    assert "models were made with the pooling 'middle'" in registered
    gone, _ = done(file, None, PREDICT, COUNT)
    assert "and it is not installed" in gone
    set_version(site, "1.2")
    assert sum(line.startswith("film 99|") for line in done(file, site, PREDICT)) == 2
