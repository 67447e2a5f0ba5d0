"""`lungdb load-network --precision` of networks that read volumes, or one slice, over scans of the database."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from lungdb.cli import load_network
from lungdb.database import Connection, connect, run
from lungdb.networks.graphs.layers import select_layer
from tests.support.databases import copy_to, rows, target_of
from tests.volume_features.conftest import VOLUMES
from tests.volume_features.test_features import resampled, tiles

TILES = 24


def load(file: Path, network: Path, name: str, *more: str) -> int:
    """Load a network that the database has, with another precision beside it."""
    return load_network.main(["-d", target_of(file), str(network), "--name", name, *more])


def given(connection: Connection, name: str, items: NDArray[np.float32]) -> NDArray[np.float64]:
    """Run a stored network to its penultimate layer, with ONNX Runtime alone."""
    ((model, details),) = rows(connection, "SELECT model, details FROM dbo.networks WHERE name = ?;", (name,))
    selected, _ = select_layer(model, "penultimate", layers=json.loads(details)["layers"])
    session = onnxruntime.InferenceSession(selected, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {"scan": item[None]})[0] for item in items]).astype(np.float64)


@pytest.mark.parametrize(("precision", "element"), [("int8", np.int8), ("fp16", np.float16)])
def test_a_network_of_volumes_is_compared_over_tiles(
    volumes_file: Path, networks: dict[str, Path], tmp_path: Path, precision: str, element: type
) -> None:
    """Of the second of three scans, held back, whose tiles are cut of what SimpleITK resamples."""
    file = copy_to(tmp_path, volumes_file)
    told = [*VOLUMES, "--precision", precision, "--calibration", str(TILES)]
    assert load(file, networks["fixed"], "fixed", *told) == 0
    with closing(connect(target_of(file))) as connection:
        ((model, details),) = rows(
            connection, "SELECT model, details FROM dbo.networks WHERE name = ?;", (f"fixed-{precision}",)
        )
        own = json.loads(details)
        cut = tiles(resampled(connection, 1.5, "LPS", scan=2), (8, 96, 96))[:, None]
        share = TILES // 3
        cut = cut[[(2 * place + 1) * len(cut) // (2 * share) for place in range(share)]]
        left, right = (given(connection, name, cut) for name in ("fixed", f"fixed-{precision}"))
        cosines = np.sum(left * right, axis=1) / np.linalg.norm(left, axis=1) / np.linalg.norm(right, axis=1)
        assert (own["precision"], own["similarity"]["pictures"]) == (precision, share)
        assert own["similarity"]["cosine_min"] == pytest.approx(cosines.min(), abs=1e-5)
        assert own["similarity"]["cosine_mean"] == pytest.approx(cosines.mean(), abs=1e-5)
        kinds = {numpy_helper.to_array(each).dtype for each in onnx.load_from_string(model).graph.initializer}
        assert np.dtype(element) in kinds

        run(connection, f"EXECUTE dbo.GenerateFeatures @ModelName = N'fixed-{precision}';")
        arrays = rows(
            connection,
            "SELECT n.name, f.array FROM dbo.features AS f INNER JOIN dbo.feature_sets AS s "
            "ON s.feature_set_id = f.feature_set_id INNER JOIN dbo.networks AS n ON n.network_id = s.network_id "
            "WHERE n.name LIKE N'fixed%' AND f.scan_id = 1 ORDER BY n.name;",
        )
        exact, near = (np.frombuffer(array, "<f4") for _, array in arrays)
        assert not np.array_equal(exact, near)
        np.testing.assert_allclose(near, exact, atol=0.02 * np.abs(exact).max())


def test_whole_scans_of_a_network_of_any_size_are_too_few(
    volumes_file: Path, networks: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three scans are three tiles."""
    file = copy_to(tmp_path, volumes_file)
    told = [*VOLUMES, "--input", "size=any,any,any,orientation=IAR", "--precision", "int8"]
    assert load(file, networks["free"], "free", *told) == 1
    assert "over 8 tiles of scans or more, and there are 3" in capsys.readouterr().err


def test_a_scan_that_cannot_be_prepared_is_left_out(
    volumes_file: Path, networks: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The others are compared; where none is left, it is said what is wrong."""
    file = copy_to(tmp_path, volumes_file)
    with closing(connect(target_of(file))) as connection:
        run(connection, "UPDATE dbo.scans SET spacing_x = NULL WHERE scan_id = 2;")
    assert load(file, networks["fixed"], "fixed", *VOLUMES, "--precision", "fp16") == 0
    with closing(connect(target_of(file))) as connection:
        run(connection, "UPDATE dbo.scans SET spacing_x = NULL;")
    capsys.readouterr()
    assert load(file, networks["last"], "last", *VOLUMES, "--mean", "0.5", "--std", "0.25", "--precision", "int8") == 1
    assert "scan 1 cannot be prepared: The spacing of the scan is not known" in capsys.readouterr().err


def test_a_detector_has_no_features_to_compare(
    volumes_file: Path, networks: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its outputs become candidates."""
    detects = ["--detects", "heatmap,diameter=10,score=probability,threshold=0.2"]
    file = copy_to(tmp_path, volumes_file)
    assert load(file, networks["map"], "map", *VOLUMES, *detects, "--precision", "fp16") == 1
    assert "is a detector" in capsys.readouterr().err


def test_a_network_of_single_slices_is_calibrated_on_slices(
    volumes_file: Path, networks: dict[str, Path], tmp_path: Path
) -> None:
    """The middle one of each triple; features of all slices point where those in float32 do."""
    file = copy_to(tmp_path, volumes_file)
    assert load(file, networks["grey"], "grey", "--mean", "0", "--std", "1", "--precision", "int8") == 0
    with closing(connect(target_of(file))) as connection:
        ((details,),) = rows(connection, "SELECT details FROM dbo.networks WHERE name = N'grey-int8';")
        similarity = json.loads(details)["similarity"]
        run(connection, "EXECUTE dbo.GenerateFeatures @ModelName = N'grey-int8';")
        ((pictures, array),) = rows(
            connection,
            "SELECT f.array_rows, f.array FROM dbo.features AS f INNER JOIN dbo.feature_sets AS s "
            "ON s.feature_set_id = f.feature_set_id INNER JOIN dbo.networks AS n ON n.network_id = s.network_id "
            "WHERE n.name = N'grey-int8' AND f.scan_id = 1;",
        )
    assert similarity["pictures"] == 3
    assert similarity["cosine_min"] > 0.99
    assert len(array) == pictures * 4 * 4
