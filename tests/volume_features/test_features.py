"""GenerateFeatures gives what ONNX Runtime gives of arrays that SimpleITK has made of the stored scan."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import onnxruntime
import pytest

from lungdb.database import Connection, run
from lungdb.imaging.codecs import decode_slice
from lungdb.operating.checks import CHECKS
from tests.support.databases import refused, rows

sitk = pytest.importorskip("SimpleITK")

GEOMETRY = """
SELECT origin_x, origin_y, origin_z, row_x, column_x, step_x, row_y, column_y, step_y, row_z, column_z, step_z,
    spacing_x, spacing_y, spacing_z, image_rows, image_cols FROM dbo.scans WHERE scan_id = ?;
"""
ARRAY = """
SELECT f.array_rows, f.array_cols, f.array FROM dbo.features AS f
INNER JOIN dbo.feature_sets AS s ON s.feature_set_id = f.feature_set_id
INNER JOIN dbo.networks AS n ON n.network_id = s.network_id WHERE f.scan_id = 1 AND n.name = ? AND s.layer = ?;
"""


def stored_scan(connection: Connection, scan: int = 1) -> tuple[np.ndarray, tuple]:
    """Give a scan in HU, and where it lies."""
    (place,) = rows(connection, GEOMETRY, (scan,))
    slices = rows(connection, "SELECT pixels, pixels_sha256, encoding FROM dbo.scan_images WHERE scan_id = ? "
                  "ORDER BY slice_index;", (scan,))  # fmt: skip
    hu = [decode_slice(bytes(pixels), *place[-2:], bytes(sha256), kind) for pixels, sha256, kind in slices]
    return np.stack(hu), place


def resampled(connection: Connection, spacing: float, orientation: str, scan: int = 1) -> np.ndarray:
    """Bring a scan to a spacing with SimpleITK alone; axes turned as its filter does it, for letters of ITK."""
    hu, place = stored_scan(connection, scan)
    image = sitk.GetImageFromArray(hu.astype(np.float32))
    image.SetOrigin(place[:3])
    direction = np.array(place[3:12]).reshape(3, 3)
    image.SetDirection((direction / np.linalg.norm(direction, axis=0)).reshape(-1).tolist())
    image.SetSpacing((place[12], place[13], float(np.linalg.norm(direction[:, 2]))))
    image = sitk.DICOMOrient(image, orientation)
    sides = [round((n - 1) * old / spacing) + 1 for n, old in zip(image.GetSize(), image.GetSpacing(), strict=True)]
    image = sitk.Resample(
        image, sides, sitk.Transform(), sitk.sitkLinear, image.GetOrigin(), [spacing] * 3, image.GetDirection(), -1000.0
    )
    return np.clip((sitk.GetArrayFromImage(image) + 1000) / 1400, 0, 1).astype(np.float32)


def computed(network, name: str, items: np.ndarray) -> np.ndarray:
    """Give an output of the network as people have it, or its pooled layer, one item at a time."""
    import onnx

    model = onnx.load(network)
    if name not in {value.name for value in model.graph.output}:
        model.graph.output.append(onnx.ValueInfoProto(name=name))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.concatenate([session.run([name], {"scan": item[None]})[0] for item in items])


def features(connection: Connection, name: str, layer: str) -> np.ndarray:
    """Read a stored array of the first scan."""
    ((count, width, array),) = rows(connection, ARRAY, (name, layer))
    return np.frombuffer(bytes(array), "<f4").reshape(count, width)


def tiles(volume: np.ndarray, size: tuple[int, int, int]) -> np.ndarray:
    """Cut a volume as MONAI's sliding window does with an overlap of a quarter, air where it is smaller."""
    starts = []
    for axis, side in enumerate(size):
        short = max(side - volume.shape[axis], 0)
        volume = np.pad(volume, [(short // 2, short - short // 2) if at == axis else (0, 0) for at in range(3)])
        whole, step = volume.shape[axis], int(side * 0.75)
        number = -(-(whole - side) // step) + 1
        starts.append([min(place * step, whole - side) for place in range(number)])
    depth, rows_, cols = size
    corners = [(z, y, x) for z in starts[0] for y in starts[1] for x in starts[2]]
    return np.stack([volume[z : z + depth, y : y + rows_, x : x + cols] for z, y, x in corners])


@pytest.mark.parametrize("spacing", [1.5])
def test_tiles_of_a_fixed_size_give_a_row_each(volumes_database, networks, spacing) -> None:
    """Of a network whose batch was fixed to one; SimpleITK resamples, the network is the user's file."""
    cut = tiles(resampled(volumes_database, spacing, "LPS"), (8, 96, 96))[:, None]
    expected = computed(networks["fixed"], "vector", cut)
    found = features(volumes_database, "fixed", "penultimate")
    assert found.shape == expected.shape
    assert len(found) > 4
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_network_of_any_size_gets_the_whole_scan_in_its_own_orientation(volumes_database, networks) -> None:
    """Indices rise to the feet, the front and the right: ITK's letters are those in the order x, y, z."""
    whole = resampled(volumes_database, 1.5, "RAI")[None, None]
    found = features(volumes_database, "free", "penultimate")
    np.testing.assert_allclose(found, computed(networks["free"], "vector", whole), atol=1e-4)


@pytest.mark.parametrize("layer", ["vector", "malignancy", "age"])
def test_several_outputs_and_layers_come_of_one_pass(volumes_database, networks, layer) -> None:
    """Of a network with its channels last, normalised by a mean and a standard deviation of its own."""
    cut = (tiles(resampled(volumes_database, 1.5, "LPS"), (8, 96, 96))[..., None] - 0.5) / 0.25
    found = features(volumes_database, "last", layer)
    np.testing.assert_allclose(found, computed(networks["last"], layer, cut.astype(np.float32)), atol=1e-4)


def test_poolings_are_over_tiles(volumes_database) -> None:
    """As they are over triples: mean and maximum of each column."""
    array = features(volumes_database, "last", "age").astype(np.float64)
    found = dict(rows(volumes_database, """
        SELECT p.pooling, p.vector FROM dbo.pooled_features AS p
        INNER JOIN dbo.feature_sets AS s ON s.feature_set_id = p.feature_set_id
        WHERE p.scan_id = 1 AND s.layer = N'age';
    """))  # fmt: skip
    np.testing.assert_allclose(json.loads(found["mean"]), array.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(json.loads(found["max"]), array.max(axis=0), rtol=1e-6)


def test_a_network_of_one_channel_gives_a_row_a_slice(volumes_database, networks) -> None:
    """Each slice windowed, its border cut off, resized: the pictures of `lung`, one at a time."""
    hu, _ = stored_scan(volumes_database)
    border = round(64 * 40 / 512)
    inner = np.clip(hu[:, border:-border, border:-border].astype(np.float32), -1350, 150)
    import cv2

    pictures = np.stack([cv2.resize(plane, (96, 96), interpolation=cv2.INTER_LINEAR) for plane in inner])
    expected = computed(networks["grey"], "vector", ((pictures + 1350) / 1500)[:, None].astype(np.float32))
    found = features(volumes_database, "grey", "penultimate")
    assert len(found) == len(hu)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_nodules_of_a_detector_become_rows_and_five_scores(volumes_database) -> None:
    """The table, the array and the pooled vector say the same; the SHA-256 is the scan's."""
    table = rows(volumes_database, """
        SELECT n.x, n.y, n.z, n.diameter, n.volume, n.score FROM dbo.nodules AS n
        INNER JOIN dbo.scans AS s ON s.scan_id = n.scan_id AND s.content_sha256 = n.content_sha256
        WHERE n.scan_id = 1 AND n.source = 'network' AND n.preprocessing = N'volume' ORDER BY n.nodule_id;
    """)  # fmt: skip
    assert table
    array = features(volumes_database, "map", "nodules")
    np.testing.assert_allclose(array, np.array(table), rtol=1e-6)
    (vector,) = rows(volumes_database, """
        SELECT p.vector FROM dbo.pooled_features AS p WHERE p.scan_id = 1 AND p.pooling = N'top5';
    """)[0]  # fmt: skip
    scores = sorted((row[5] for row in table), reverse=True)[:5]
    np.testing.assert_allclose(json.loads(vector), scores + [0.0] * (5 - len(scores)), rtol=1e-6)


def test_nodules_are_replaced_when_they_are_found_again(volumes_database) -> None:
    """And what readers marked stays."""
    run(volumes_database, "INSERT INTO dbo.nodules (scan_id, x, y, z, source, content_sha256) "
        "SELECT scan_id, 0, 0, 0, 'truth', content_sha256 FROM dbo.scans WHERE scan_id = 1;")  # fmt: skip
    before = rows(volumes_database, "SELECT source, x, y, z, score FROM dbo.nodules ORDER BY source, scan_id, x, y, z;")
    run(volumes_database, "EXECUTE dbo.GenerateFeatures @ModelName = N'map', @Recompute = 1;")
    after = rows(volumes_database, "SELECT source, x, y, z, score FROM dbo.nodules ORDER BY source, scan_id, x, y, z;")
    assert after == before
    run(volumes_database, "EXECUTE dbo.DeleteFeatures @NetworkName = N'map';")
    assert rows(volumes_database, "SELECT source FROM dbo.nodules;") == [("truth",)]


@pytest.mark.parametrize(
    ("call", "number", "words"),
    [
        ("GenerateFeatures @ModelName = N'fixed', @Preprocessing = N'lung'", 50101, "the network reads volumes"),
        ("GenerateFeatures @ModelName = N'grey', @Preprocessing = N'volume'", 50101, "the network reads pictures"),
        ("QueueFeatures @ModelName = N'grey', @Preprocessing = N'volume'", 50101, "the network reads pictures"),
        ("GenerateFeatures @ModelName = N'fixed', @Pooling = N'top5'", 50101, "of a detector alone"),
        ("GenerateFeatures @ModelName = N'map', @Pooling = N'mean'", 50101, "The supported value is top5"),
        ("GenerateFeatures @ModelName = N'fixed', @KeepMaps = 1", 50104, "pictures of three channels"),
    ],
)
def test_what_is_of_another_kind_is_refused(volumes_database, call, number, words) -> None:
    """Before anything is done, in one sentence."""
    assert words in refused(volumes_database, f"EXECUTE dbo.{call};", number)


def test_tiles_are_no_triples_of_slices(volumes_database) -> None:
    """TopSlices would show slices that the value has nothing to do with; the check of arrays takes them."""
    ((number,),) = rows(volumes_database, "SELECT feature_set_id FROM dbo.feature_sets WHERE layer = N'age';")
    call = f"EXECUTE dbo.TopSlices @FeatureSetId = {number}, @Feature = 0;"
    assert "tiles of volumes" in refused(volumes_database, call, 50104)
    (check,) = [check for check in CHECKS if check.says.startswith("feature arrays of another size")]
    assert rows(volumes_database, check.query) == []


def test_a_scan_that_fails_is_named_and_the_rest_go_on(volumes_database) -> None:
    """One whose spacing is not known, and one of which a single slice is left."""
    run(volumes_database, "UPDATE dbo.scans SET spacing_x = NULL WHERE scan_id = 1;")
    run(volumes_database, "DELETE FROM dbo.scan_images WHERE scan_id = 2 AND slice_index > 0;")
    ((sha256,),) = rows(volumes_database, "SELECT pixels_sha256 FROM dbo.scan_images WHERE scan_id = 2;")
    run(volumes_database, "UPDATE dbo.scans SET number_images = 1, content_sha256 = ? WHERE scan_id = 2;",
        (hashlib.sha256(bytes(sha256)).digest(),))  # fmt: skip
    run(volumes_database, "DELETE FROM dbo.pooled_features; DELETE FROM dbo.features;")
    with pytest.raises(Exception, match=r"2 of 3 scans failed.*spacing.*1 slice"):
        run(volumes_database, "EXECUTE dbo.GenerateFeatures @ModelName = N'fixed';")
    assert rows(volumes_database, "SELECT scan_id FROM dbo.features;") == [(3,)]
