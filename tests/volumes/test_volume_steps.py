"""The steps of volumes against SimpleITK and SciPy, which do the same another way."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its own manual calls it so
from numpy.typing import NDArray
from scipy import ndimage

from lungdb.errors import LungdbError, ProcedureError
from lungdb.imaging.volumes.declared import ORIENTATIONS, VolumeInput
from lungdb.imaging.volumes.geometry import Geometry, Volume
from lungdb.imaging.volumes.recipes import volume_recipe
from lungdb.imaging.volumes.tiles import Prepared

ANY = VolumeInput(1, (None, None, None))
SPACING = (2.0, 0.8, 0.7)
AXIAL = Geometry((-20.0, -30.0, -40.0), ((0, 0, SPACING[0]), (0, SPACING[1], 0), (SPACING[2], 0, 0)))


def smooth(shape: tuple[int, int, int] = (18, 40, 44), seed: int = 1) -> NDArray[np.int16]:
    """Hounsfield units as a scan has them: blobs, −1000 to 1000, with noise."""
    rng = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(rng.normal(size=shape), (1, 2, 2))
    made: NDArray[np.int16] = (field / np.abs(field).max() * 900 + rng.normal(0, 30, shape)).astype(np.int16)
    return made


def prepared(steps: list[dict[str, Any]], volume: Volume, wanted: VolumeInput = ANY) -> Prepared:
    """Run steps."""
    return volume_recipe(json.dumps({"dimensions": 3, "steps": steps})).prepare(volume, wanted)


def to_sitk(volume: Volume) -> sitk.Image:
    """As SimpleITK has it: x, y, z, and directions as columns."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(volume.values))
    z, y, x = (np.asarray(step) for step in volume.geometry.steps)
    image.SetOrigin(volume.geometry.origin)
    image.SetSpacing([float(np.linalg.norm(step)) for step in (x, y, z)])
    image.SetDirection(np.column_stack([step / np.linalg.norm(step) for step in (x, y, z)]).ravel().tolist())
    return image


def places(image: sitk.Image) -> NDArray[np.float64]:
    """Of the first and the last voxel."""
    last = [side - 1 for side in image.GetSize()]
    return np.array([image.TransformIndexToPhysicalPoint((0, 0, 0)), image.TransformIndexToPhysicalPoint(last)])


def ends(made: Prepared) -> NDArray[np.float64]:
    """Of the same voxels."""
    return made.geometry.to_patient(np.array([[0, 0, 0], [side - 1 for side in made.shape]], dtype=np.float64))


@pytest.mark.parametrize("angle", [0.0, 20.0])
def test_all_48_orientations_are_those_of_simple_itk(angle: float) -> None:
    """DICOMOrient names x, y, z where we name slices, rows, columns; also of a scan that is turned by 20°."""
    turn = math.radians(angle)
    across, down = (math.cos(turn), math.sin(turn), 0.0), (-math.sin(turn), math.cos(turn), 0.0)
    steps = ((0.0, 0.0, 2.0), (0.8 * down[0], 0.8 * down[1], 0.0), (0.7 * across[0], 0.7 * across[1], 0.0))
    volume = Volume(smooth((5, 6, 7)), Geometry((1.0, 2.0, 3.0), steps))
    image = to_sitk(volume)
    assert len(set(ORIENTATIONS)) == 48
    for orientation in ORIENTATIONS:
        made = prepared([{"step": "orient", "orientation": orientation}], volume)
        reference = sitk.DICOMOrient(image, orientation[::-1])
        assert (made.values == sitk.GetArrayFromImage(reference)).all(), orientation
        assert np.allclose(ends(made), places(reference), atol=1e-9), orientation


def test_an_axis_between_two_of_the_patients_is_refused() -> None:
    """With its angle and the limit."""
    turn = math.radians(40)
    steps = ((0.0, 0.0, 2.0), (-math.sin(turn), math.cos(turn), 0.0), (math.cos(turn), math.sin(turn), 0.0))
    with pytest.raises(LungdbError, match=r"40\.0° away from the patient's, more than 30°.*Reformat"):
        prepared([{"step": "orient"}], Volume(smooth(), Geometry((0, 0, 0), steps)))


def _by_sitk(image: sitk.Image, made: Prepared, interpolator: int) -> NDArray[np.float32]:
    spacing = made.geometry.spacing[::-1]
    # Points beyond the last voxel have its value there, too.
    grown = sitk.ZeroFluxNeumannPad(sitk.Cast(image, sitk.sitkFloat32), [0] * 3, [2] * 3)
    reference = sitk.Resample(
        grown, made.shape[::-1], sitk.Transform(), interpolator, image.GetOrigin(), spacing, image.GetDirection()
    )
    array: NDArray[np.float32] = sitk.GetArrayFromImage(reference)
    return array


@pytest.mark.parametrize("spacing", [[1.25, 1.0, 1.0], [2.0, 0.5, 0.6], [3.1, 1.7, 0.7]])
def test_linear_resampling_is_that_of_simple_itk(spacing: list[float]) -> None:
    """Within 0.01 HU, at each of whose voxels; the new grid begins at the first voxel."""
    volume = Volume(smooth(), AXIAL)
    steps = [{"step": "resample", "spacing": spacing, "antialias": False}]
    made = prepared(steps, volume)
    assert made.geometry.spacing == pytest.approx(spacing)
    assert made.geometry.origin == pytest.approx(AXIAL.origin)
    assert np.abs(made.values - _by_sitk(to_sitk(volume), made, sitk.sitkLinear)).max() < 0.01


def test_antialiased_resampling_is_a_gaussian_of_scipy_and_then_simple_itk() -> None:
    """Of (new / old − 1) / 2 voxels along each axis that shrinks, as scikit-image has it."""
    volume = Volume(smooth(), AXIAL)
    spacing = [3.0, 2.0, 0.6]
    made = prepared([{"step": "resample", "spacing": spacing}], volume)
    sigma = [max((new / old - 1) / 2, 0) for new, old in zip(spacing, SPACING, strict=True)]
    blurred = ndimage.gaussian_filter(volume.values.astype(np.float64), sigma, mode="nearest", truncate=4.0)
    reference = _by_sitk(to_sitk(Volume(blurred.astype(np.float32), AXIAL)), made, sitk.sitkLinear)
    assert np.abs(made.values - reference).max() < 0.01


def test_cubic_resampling_is_scipys_spline() -> None:
    """Of order 3, mirrored at the ends, within 0.01 HU."""
    volume = Volume(smooth(), AXIAL)
    spacing = [1.25, 1.0, 0.9]
    made = prepared([{"step": "resample", "spacing": spacing, "interpolation": "cubic", "antialias": False}], volume)
    grid = np.meshgrid(
        *(
            np.minimum(np.arange(side) * new / old, whole - 1)
            for side, whole, new, old in zip(made.shape, volume.values.shape, spacing, SPACING, strict=True)
        ),
        indexing="ij",
    )
    reference = ndimage.map_coordinates(volume.values.astype(np.float64), grid, order=3, mode="mirror")
    assert np.abs(made.values - reference).max() < 0.01


def test_nearest_resampling_is_that_of_simple_itk_and_keeps_the_type() -> None:
    """For masks; the spacings leave no place half-way between two voxels."""
    volume = Volume(smooth(), AXIAL)
    made = prepared([{"step": "resample", "spacing": [1.37, 1.13, 0.93], "interpolation": "nearest"}], volume)
    assert made.values.dtype == np.int16
    assert (made.values == _by_sitk(to_sitk(volume), made, sitk.sitkNearestNeighbor)).all()


def test_a_window_and_a_scale_are_those_of_simple_itk() -> None:
    """IntensityWindowing; and the network's own window where none is written."""
    volume = Volume(smooth(), AXIAL)
    reference = sitk.GetArrayFromImage(
        sitk.IntensityWindowing(sitk.Cast(to_sitk(volume), sitk.sitkFloat32), -600, 300, 0, 1)
    )
    written = prepared([{"step": "window", "low": -600, "high": 300}], volume)
    declared = prepared([{"step": "window"}], volume, VolumeInput(1, (None, None, None), window=(-600, 300)))
    twice = prepared(
        [{"step": "clip", "low": -600, "high": 300}, {"step": "scale", "from": [-600, 300], "to": [0, 1]}], volume
    )
    for made in (written, declared, twice):
        assert np.abs(made.values - reference).max() < 1e-6
        assert made.fill == 0
    assert volume.values.dtype == np.int16
    assert (volume.values == smooth()).all(), "the scan itself was changed"


def test_standardising_is_that_of_simple_itk() -> None:
    """NormalizeImageFilter divides by the standard deviation of a sample, which n voxels make larger by n / (n − 1)."""
    volume = Volume(smooth(), AXIAL)
    reference = sitk.GetArrayFromImage(sitk.Normalize(sitk.Cast(to_sitk(volume), sitk.sitkFloat64)))
    made = prepared([{"step": "standardise"}], volume)
    size = volume.values.size
    assert np.abs(made.values - reference * np.sqrt(size / (size - 1))).max() < 1e-4


def test_padding_is_that_of_simple_itk_and_moves_the_origin() -> None:
    """To a multiple, half in front, air around."""
    volume = Volume(smooth((18, 40, 43)), AXIAL)
    made = prepared([{"step": "pad", "multiple": [8, 16, 16]}], volume)
    reference = sitk.ConstantPad(to_sitk(volume), [2, 4, 3], [3, 4, 3], -1024.0)
    assert (made.values == sitk.GetArrayFromImage(reference)).all()
    assert np.allclose(ends(made), places(reference))


@pytest.mark.parametrize(
    ("volume", "said"),
    [
        (
            Volume(smooth((1, 40, 40)), AXIAL),
            "The scan has 1 slice, and a volume needs 2 or more. Use a network of two",
        ),
        (Volume(smooth(), Geometry((0, 0, 0), ((0, 0, 15), (0, 0.7, 0), (0.7, 0, 0)))), "21.4 times its narrowest"),
        (Volume(smooth(), Geometry((0, 0, 0), ((0, 0, 0), (0, 1, 0), (1, 0, 0)))), "0 × 1 × 1 mm, is no spacing"),
        (Volume(smooth(), Geometry((0, 0, math.nan), ((0, 0, 1), (0, 1, 0), (1, 0, 0)))), "is no spacing"),
        (Volume(np.full((2, 4, 4), np.nan, np.float32), AXIAL), "no finite numbers. Load it again"),
        (Volume(np.zeros((2, 4, 4), np.float64), AXIAL), "not float64"),
        (Volume(np.broadcast_to(np.int16(0), (2000, 600, 600)), AXIAL), "720,000,000 voxels, more than 536,870,912"),
    ],
)
def test_what_is_no_volume_to_work_with_is_refused(volume: Volume, said: str) -> None:
    """With the value and what to do."""
    with pytest.raises(LungdbError) as refusal:
        prepared([{"step": "orient"}], volume)
    assert said in str(refusal.value)


def test_a_resampling_beyond_the_memory_is_refused() -> None:
    """Before anything is made."""
    volume = Volume(np.broadcast_to(np.int16(0), (500, 512, 512)), AXIAL)
    with pytest.raises(
        LungdbError, match=r"The resampled scan has .* voxels, more than 536,870,912\. Resample to a wider"
    ):
        prepared([{"step": "resample", "spacing": 0.3}], volume)


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([{"step": "blur"}], "Step 1 (blur): volumes have no such step. Supported are orient, resample"),
        ([{"step": "resample", "spacing": [1, 1]}], "Supported are a list of 3 numbers"),
        ([{"step": "resample", "spacing": 1, "interpolation": "nearest", "antialias": True}], "antialias"),
        ([{"step": "orient", "orientation": "SSL"}], "'SSL' for orientation"),
        ([{"step": "window"}, {"step": "lung_mask"}], "Step 2 (lung_mask): it works on Hounsfield units"),
        ([{"step": "tile"}, {"step": "orient"}], "Step 1 (tile): the network reads what it makes. Put it last."),
        ([{"step": "tile", "overlap": 1}], "the value 1 for overlap"),
        ([{"step": "pad"}], "size and multiple are missing"),
        ([{"step": "crop_to_lungs", "margin": -1}], "margin"),
        ([{"step": "orient", "axis": 1}], "it has no argument 'axis' here"),
    ],
)
def test_steps_that_cannot_be_worked_with_are_refused(steps: list[dict[str, Any]], said: str) -> None:
    """As number 50390."""
    with pytest.raises(ProcedureError) as refusal:
        volume_recipe(json.dumps({"dimensions": 3, "steps": steps}))
    assert refusal.value.number == 50390
    assert said in str(refusal.value)


def test_what_is_written_differently_and_does_the_same_has_one_text() -> None:
    """Defaults are written out, and the text reads back to itself."""
    short = volume_recipe('{"dimensions": 3, "steps": [{"step": "resample", "spacing": 1}]}')
    long = volume_recipe(short.text)
    assert (short.text, short.identity) == (long.text, long.identity)
    assert json.loads(short.text)["steps"][0]["spacing"] == [1.0, 1.0, 1.0]
