"""Crops around places are those that SimpleITK resamples."""

import numpy as np
import pytest
import SimpleITK
from scipy import ndimage

from lungdb.errors import LungdbError
from lungdb.imaging.volumes.crops import crop_at
from lungdb.imaging.volumes.declared import VolumeInput
from lungdb.imaging.volumes.geometry import Geometry, Volume

SPACING = (2.0, 0.8, 0.7)
ORIGIN = (-60.0, 20.0, -300.0)


def scan(seed=1, shape=(24, 40, 44)):
    """Make a volume of noise, axial, and the same for SimpleITK."""
    values = np.random.default_rng(seed).integers(-1000, 400, shape).astype(np.int16)
    z, y, x = SPACING
    image = SimpleITK.GetImageFromArray(values.astype(np.float32))
    image.SetSpacing((x, y, z))
    image.SetOrigin(ORIGIN)
    return Volume(values, Geometry(ORIGIN, ((0, 0, z), (0, y, 0), (x, 0, 0)))), image


def resampled(image, centre, size, spacing):
    """Resample the crop with SimpleITK: linear, what is outside the image is air."""
    grid = SimpleITK.ResampleImageFilter()
    grid.SetSize([int(side) for side in size[::-1]])
    grid.SetOutputSpacing([float(step) for step in spacing[::-1]])
    first = [place - (side - 1) / 2 * step for place, side, step in zip(centre, size[::-1], spacing[::-1], strict=True)]
    grid.SetOutputOrigin(first)
    grid.SetInterpolator(SimpleITK.sitkLinear)
    grid.SetDefaultPixelValue(-1024.0)
    return SimpleITK.GetArrayFromImage(grid.Execute(image))


@pytest.mark.parametrize("centre", [(-45.3, 36.1, -277.0), (-59.0, 21.0, -299.5), (-29.03, 52.02, -252.6), (500, 0, 0)])
def test_a_crop_is_simpleitks(centre):
    """In the middle, over two edges where air begins, and outside of the scan altogether."""
    volume, image = scan()
    wanted = VolumeInput(channels=1, size=(9, 16, 15), spacing=(1.5, 0.7, 0.65))
    found = crop_at(volume, centre, wanted)
    assert found.shape == (1, 9, 16, 15)
    np.testing.assert_allclose(found[0], resampled(image, centre, (9, 16, 15), (1.5, 0.7, 0.65)), atol=0.01)


def test_what_shrinks_is_blurred_before():
    """As SciPy blurs the whole scan and SimpleITK samples that."""
    volume, _ = scan()
    spacing = (3.0, 1.6, 2.1)
    sigmas = [(new / old - 1) / 2 for new, old in zip(spacing, SPACING, strict=True)]
    blurred = ndimage.gaussian_filter(volume.values.astype(np.float64), sigmas, mode="nearest")
    image = SimpleITK.GetImageFromArray(blurred)
    image.SetSpacing(SPACING[::-1])
    image.SetOrigin(ORIGIN)
    found = crop_at(volume, (-45, 36, -277), VolumeInput(channels=1, size=(6, 10, 8), spacing=spacing))
    np.testing.assert_allclose(found[0], resampled(image, (-45, 36, -277), (6, 10, 8), spacing), atol=0.05)


def test_orientation_window_and_channels_are_the_networks():
    """Rising to the feet, the front and the right it is the same crop from behind; windowed to 0 and 1."""
    volume, image = scan()
    centre, size, spacing = (-45.3, 36.1, -277.0), (8, 8, 8), (1.0, 1.0, 1.0)
    turned = VolumeInput(channels=3, size=size, spacing=spacing, orientation="IAR", window=(-600, 200))
    expected = resampled(image, centre, size, spacing)[::-1, ::-1, ::-1]
    scale = np.clip((expected + 600) / 800, 0, 1)
    np.testing.assert_allclose(crop_at(volume, centre, turned), np.stack([scale] * 3), atol=1e-4)


def test_without_a_spacing_it_is_the_scans_and_a_free_side_is_refused():
    """Of an odd size around a voxel it is just the voxels."""
    volume, _ = scan()
    (x, y, z) = volume.geometry.to_patient(np.array([[10.0, 20, 21]]))[0]
    found = crop_at(volume, (x, y, z), VolumeInput(channels=1, size=(3, 5, 7)))
    np.testing.assert_allclose(found[0], volume.values[9:12, 18:23, 18:25], atol=0.01)
    with pytest.raises(LungdbError, match="leaves a side free"):
        crop_at(volume, (x, y, z), VolumeInput(channels=1, size=(None, 5, 7)))
