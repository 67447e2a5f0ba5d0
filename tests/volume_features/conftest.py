"""A database with three scans of nine slices, loaded as anybody's are, and networks of volumes loaded into it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from lungdb.cli import load_network, load_scans
from lungdb.database import connect, run
from tests.support.databases import copy_to, target_of
from tests.volume_features.writing import write_map, write_network

VOLUMES = ["--input", "spacing=1.5,1.5,1.5,window=-1000,400"]


@pytest.fixture(scope="session")
def scans(tmp_path_factory):
    """Three phantoms as DICOM files."""
    from lungdb.phantoms.dataset import make_dataset

    folder = tmp_path_factory.mktemp("phantoms")
    make_dataset(folder / "scans", patients=3, seed=5, slices=9, size=64)
    return folder / "scans"


@pytest.fixture(scope="session")
def networks(tmp_path_factory) -> dict[str, Path]:
    """Files of networks, by name."""
    folder = tmp_path_factory.mktemp("networks")
    return {
        "fixed": write_network(folder / "fixed.onnx", (8, 96, 96), batch=1),
        "free": write_network(folder / "free.onnx", ("d", "h", "w")),
        "last": write_network(folder / "last.onnx", (8, 96, 96), last=True),
        "grey": write_network(folder / "grey.onnx", (96, 96)),
        "map": write_map(folder / "map.onnx", (8, 96, 96)),
    }


@pytest.fixture(scope="session")
def volumes_file(tmp_path_factory, installed_file, scans, networks) -> Path:
    """The database, closed; its features are made."""
    file = copy_to(tmp_path_factory.mktemp("volumes"), installed_file)
    database = ["-d", target_of(file)]
    assert load_scans.main([*database, "--keep-ids", str(scans)]) == 0
    for name, more in {
        "fixed": VOLUMES,
        "free": [*VOLUMES, "--input", "size=any,any,any", "--input", "orientation=IAR"],
        "last": [*VOLUMES, "--mean", "0.5", "--std", "0.25"],
        "grey": ["--mean", "0", "--std", "1"],
        "map": [*VOLUMES, "--detects", "heatmap,diameter=10,score=probability", "--detects", "threshold=0.2"],
    }.items():
        assert load_network.main([*database, str(networks[name]), "--name", name, *more]) == 0
    with closing(connect(target_of(file))) as connection:
        for name in ("fixed", "free", "grey", "map"):
            run(connection, f"EXECUTE dbo.GenerateFeatures @ModelName = N'{name}';")
        layers = "@Layer = N'vector,malignancy,age', @Pooling = N'mean,max'"
        run(connection, f"EXECUTE dbo.GenerateFeatures @ModelName = N'last', {layers};")
    return file


@pytest.fixture
def volumes_database(volumes_file, tmp_path):
    """A connection to a copy."""
    with closing(connect(target_of(copy_to(tmp_path, volumes_file)))) as connection:
        yield connection
