"""A package adds a step and a pooling, in a process of its own Python path, and is missed when it is gone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.support.databases import copy_to
from tests.support.packages import REGISTER, done, set_version, write_package

ENTRY_POINTS = """
[lungdb.steps]
invert = extra_steps:INVERT

[lungdb.poolings]
middle = extra_steps:middle
"""
MODULE = """
from dataclasses import replace

import numpy as np

from lungdb.imaging.steps.registry import Step


def _check(arguments):
    arguments.number("about", -1000, 1000, 0)


def _apply(image, arguments):
    return replace(image, values=2 * np.float32(arguments["about"]) - image.values)


INVERT = Step(_check, _apply)


def middle(features):
    return np.median(features, axis=0)
"""
STORE = 'EXECUTE dbo.StorePreprocessing @Name = N\'turned\', @Steps = N\'[{"step": "invert", "about": 5}]\';'
GENERATE = "EXECUTE dbo.GenerateFeatures @ModelName = N'small', @Preprocessing = N'{}', @Pooling = N'{}';"
VECTORS = (
    "SELECT f.preprocessing, p.pooling, p.vector FROM dbo.pooled_features AS p INNER JOIN dbo.feature_sets AS f "
    "ON f.feature_set_id = p.feature_set_id WHERE p.scan_id = 1 ORDER BY f.preprocessing, p.pooling;"
)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder with an installed package, as pip lays it out."""
    return write_package(tmp_path / "site", "extra_steps", MODULE, ENTRY_POINTS)


def test_a_step_and_a_pooling_of_a_package_are_used_and_missed(few_file, tmp_path, package):
    """Medians by numpy of the stored arrays; without the package, or with another version, a refusal says so."""
    file = copy_to(tmp_path, few_file)
    before = done(file, package, GENERATE.format("lung", "middle"), STORE.replace("invert", "inverse"))
    assert before[0].startswith("50101")
    assert "'middle' for the parameter @Pooling" in before[0]
    assert before[1].startswith("50390")
    assert "there is no such step" in before[1]
    assert "invert" in before[1]

    found = done(
        file, package, REGISTER, STORE, GENERATE.format("turned", "middle,mean"), VECTORS,
        "SELECT array_rows, array_cols, CONVERT(VARCHAR(MAX), array, 2) FROM dbo.features WHERE scan_id = 1;",
    )  # fmt: skip
    assert "pooling|middle|lungdb-extra 1.2|1" in found
    assert "step|invert|lungdb-extra 1.2|None" in found
    *_, mean, median, array = found
    rows, cols, pixels = array.split("|")
    features = np.frombuffer(bytes.fromhex(pixels), "<f4").reshape(int(rows), int(cols))
    for line, name, reference in ((mean, "mean", np.mean), (median, "middle", np.median)):
        preprocessing, pooling, vector = line.split("|")
        assert (preprocessing, pooling) == ("turned", name)
        np.testing.assert_allclose(json.loads(vector), reference(features, axis=0), rtol=1e-5)

    again = f"{GENERATE.format('turned', 'mean')[:-1]}, @Recompute = 1;"
    [gone] = done(file, None, again)
    assert gone.startswith("50394")
    assert "'lungdb-extra 1.2' that registered it is not installed" in gone
    [pooling] = done(file, None, GENERATE.format("lung", "middle"))
    assert pooling.startswith("50101")
    assert "Pooling 'middle' is not supported" in pooling
    set_version(package, "2.0")
    [other] = done(file, package, again)
    assert other.startswith("50394")
    assert "'lungdb-extra 2.0' is installed" in other
    pooled, registered = done(file, package, f"{GENERATE.format('lung', 'middle')[:-1]}, @Recompute = 1;", REGISTER)
    assert pooled.startswith("50394")
    assert "'middle' was registered from 'lungdb-extra 1.2', and 'lungdb-extra 2.0' is installed" in pooled
    assert registered.startswith("50394")
    assert "of the package lungdb-extra 1.2, and the package lungdb-extra 2.0 is installed" in registered
    found = done(file, package, "DELETE FROM dbo.pooled_features WHERE pooling = N'middle';", REGISTER)
    assert "pooling|middle|lungdb-extra 2.0|1" in found
