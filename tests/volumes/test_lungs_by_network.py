"""Lungs that a network draws: brought back onto the scan's voxels, stored under its name, refused if there are none."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from numpy.typing import NDArray

from lungdb.cli import load_network
from lungdb.database import Connection, connect, run
from lungdb.errors import SqlError
from lungdb.imaging.volumes.geometry import Geometry
from lungdb.imaging.volumes.masks import decode_mask, onto
from lungdb.imaging.volumes.moving import oriented, resampled
from lungdb.imaging.volumes.registry import Scan
from lungdb.phantoms import Phantom
from tests.support.databases import copy_to, refused, rows, target_of
from tests.volume_features.writing import write_map
from tests.volumes.conftest import PHANTOMS, geometry_of
from tests.volumes.test_volume_steps import ANY

CALL = "EXECUTE dbo.FindLungs @ModelName = N'lungs'"
STORED = "SELECT mask, mask_sha256, dice, millilitres FROM dbo.lung_masks WHERE method = N'lungs' AND scan_id = ?;"


def loaded(file: Path, tmp_path: Path, window: str, *, spacing: str = "6,6,6", orientation: str = "SPL") -> Connection:
    """Load a network that marks what its window makes more than 0.85 of; the connection is open."""
    network = write_map(tmp_path / "lungs.onnx", (16, 48, 48))
    reads = f"spacing={spacing},window={window},orientation={orientation}"
    told = ["--name", "lungs", "--detects", "segmentation,score=probability", "--input", reads]
    assert load_network.main([str(network), "-d", target_of(file), *told]) == 0
    return connect(target_of(file))


def marked_by_simpleitk(phantom: Phantom, spacing: float) -> NDArray[np.bool_]:
    """Resample a phantom, turned to RAS, linearly; mark what is above 0.85 of -1000 to 200; bring that back."""
    image = image_of(phantom.hu.astype(np.float32), geometry_of(phantom))
    turned = SimpleITK.DICOMOrient(image, "SAR")  # columns, rows, slices
    sides = [round((n - 1) * old / spacing) + 1 for n, old in zip(turned.GetSize(), turned.GetSpacing(), strict=True)]
    filter_ = SimpleITK.ResampleImageFilter()
    filter_.SetOutputDirection(turned.GetDirection())
    filter_.SetOutputOrigin(turned.GetOrigin())
    filter_.SetOutputSpacing([spacing] * 3)
    filter_.SetSize(sides)
    filter_.SetInterpolator(SimpleITK.sitkLinear)
    filter_.UseNearestNeighborExtrapolatorOn()
    mask = SimpleITK.Cast(filter_.Execute(turned) > -1000 + 0.85 * 1200, SimpleITK.sitkUInt8)
    back = SimpleITK.Resample(mask, image, SimpleITK.Transform(), SimpleITK.sitkNearestNeighbor, 0)
    marked: NDArray[np.bool_] = SimpleITK.GetArrayFromImage(back) == 1
    return marked


def test_what_a_network_marks_is_stored_on_the_voxels_of_the_scan(
    phantoms_file: Path, phantoms: list[Phantom], tmp_path: Path
) -> None:
    """The network reads 3 mm, turned; the mask is SimpleITK's but for rounding, Dice and volume are NumPy's."""
    file = copy_to(tmp_path, phantoms_file)
    with closing(loaded(file, tmp_path, "-1000,200", spacing="3,3,3", orientation="RAS")) as connection:
        found = run(connection, f"{CALL};")[-1].rows
        assert [row[0] for row in found] == list(range(1, PHANTOMS + 1))
        for index in (0, 3):
            phantom = phantoms[index]
            blob, sha256, score, millilitres = rows(connection, STORED, (index + 1,))[0]
            z, y, x = phantom.hu.shape
            mask = decode_mask(blob, (z, y, x), sha256)
            expected = marked_by_simpleitk(phantom, 3.0)
            assert 0.1 < expected.mean() < 0.8
            assert np.mean(mask != expected) < 0.002
            both = np.count_nonzero(mask & phantom.lungs)
            assert score == pytest.approx(2 * both / (mask.sum() + phantom.lungs.sum()))
            assert millilitres == pytest.approx(mask.sum() * np.prod(phantom.spacing) / 1000)
        assert rows(connection, "SELECT COUNT(*) FROM dbo.lung_masks WHERE threshold IS NOT NULL;") == [(0,)]
        run(connection, "UPDATE dbo.lung_masks SET network_sha256 = 0x00 WHERE method = N'lungs' AND scan_id > 1;")
        run(connection, "UPDATE dbo.lung_masks SET content_sha256 = 0x00 WHERE method = N'lungs' AND scan_id = 1;")
        run(connection, "UPDATE dbo.lung_masks SET mask = 0x00 WHERE method = N'truth' AND scan_id = 2;")
        run(connection, "DELETE FROM dbo.scan_images WHERE scan_id > 3; DELETE FROM dbo.scans WHERE scan_id > 3;")
        with pytest.raises(SqlError, match=r"1 of 3 scans failed: scan 2: The lungs that are known of it are damaged"):
            run(connection, f"{CALL};")
        assert rows(connection, "SELECT scan_id FROM dbo.lung_masks WHERE method = N'lungs';") == [(1,), (3,)]
        deleted = run(connection, "EXECUTE dbo.DeleteNetwork @ModelName = N'lungs', @Version = 1;")[-1].rows
        assert ("lung_masks", 2) in deleted
        assert rows(connection, "SELECT DISTINCT method FROM dbo.lung_masks;") == [("truth",)]


def test_where_a_network_marks_nothing_the_scan_is_named(phantoms_file: Path, tmp_path: Path) -> None:
    """No empty mask is stored."""
    file = copy_to(tmp_path, phantoms_file)
    with closing(loaded(file, tmp_path, "5000,9000", spacing="3,3,3")) as connection:
        with pytest.raises(
            SqlError, match=r"6 of 6 scans failed: scan 1: The network finds no lungs: what it gives more than"
        ) as error:
            run(connection, f"{CALL};")
        assert error.value.number == 50120
        assert rows(connection, "SELECT COUNT(*) FROM dbo.lung_masks WHERE method = N'lungs';") == [(0,)]


def test_networks_that_draw_no_lungs_are_refused(phantoms_file: Path, tmp_path: Path) -> None:
    """One that is not there, one whose name is a method's, one of another form, and a threshold beside a network."""
    file = copy_to(tmp_path, phantoms_file)
    with closing(loaded(file, tmp_path, "-1000,200")) as connection:
        refused(connection, CALL.replace("lungs", "nobody"), 50102)
        message = refused(connection, f"{CALL}, @Threshold = -500", 50101)
        assert "The value -500 for the parameter @Threshold" in message
        run(connection, "UPDATE dbo.networks SET name = N'truth';")
        assert "is named as a method" in refused(connection, CALL.replace("N'lungs'", "N'truth'"), 50101)
        run(
            connection,
            "UPDATE dbo.networks SET name = N'lungs', details = REPLACE(details, 'segmentation', 'heatmap');",
        )
        assert "draws no outline of lungs" in refused(connection, CALL, 50104)


@pytest.mark.parametrize("orientation", ["SPL", "RAS", "LIP"])
@pytest.mark.parametrize("spacing", [(2.0, 1.1, 1.1), (0.7, 3.0, 0.5)])
def test_a_mask_comes_back_as_simpleitk_resamples_it(orientation: str, spacing: tuple[float, float, float]) -> None:
    """The nearest voxel of a coarser or finer one, turned; 0 beyond it. Ties, which rounding decides, do not count."""
    turned = np.array([[0.0, 0.1, 1.25], [0.0, 0.8, -0.06], [0.9, 0.0, 0.0]])
    steps = tuple((float(x), float(y), float(z)) for x, y, z in turned)
    place = Geometry((-12.0, 30.0, 7.0), (steps[0], steps[1], steps[2]))
    scan = Scan(np.zeros((13, 17, 19), np.int16), place, ANY)
    read = resampled(oriented(scan, orientation), spacing)
    mask = np.random.default_rng(5).random(read.values.shape) > 0.5

    back = onto(mask, read.geometry, place, (13, 17, 19))

    image = image_of(mask.astype(np.uint8), read.geometry)
    expected = np.zeros(back.shape, bool)
    is_tie = np.zeros(back.shape, bool)
    for index in np.ndindex(*back.shape):
        point = place.to_patient(np.array([index], float))[0]
        voxel = np.array(image.TransformPhysicalPointToContinuousIndex(point.tolist()))
        is_tie[index] = (np.abs(voxel - np.floor(voxel) - 0.5) < 1e-6).any()
        nearest = image.TransformPhysicalPointToIndex(point.tolist())
        if all(0 <= each < side for each, side in zip(nearest, image.GetSize(), strict=True)):
            expected[index] = image.GetPixel(nearest) == 1
    assert is_tie.mean() < 0.4
    assert (back == expected)[~is_tie].all()


def image_of(values: NDArray[np.uint8], place: Geometry) -> SimpleITK.Image:
    """Make SimpleITK's image of an array and its geometry."""
    image = SimpleITK.GetImageFromArray(values)
    steps = np.array(place.steps)[::-1]
    spacing = np.linalg.norm(steps, axis=1)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(place.origin)
    image.SetDirection((steps / spacing[:, None]).T.ravel().tolist())
    return image
