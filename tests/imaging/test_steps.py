"""Each step does what another library or a formula says, and each misuse is refused with value and remedy."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lungdb.errors import LungdbError, ProcedureError
from lungdb.imaging.prepared import preparation_digest
from lungdb.imaging.preprocessing import CtSlice, pipeline
from lungdb.imaging.steps.pipelines import compiled, named_pipeline, recipe
from lungdb.imaging.steps.registry import Image

Pillow = pytest.importorskip("PIL.Image")
ndimage = pytest.importorskip("scipy.ndimage")

LUNG = [
    {"step": "crop", "unit": "fraction", "margin": 0.078125},
    {"step": "clip", "low": -1350, "high": 150},
    {"step": "resize", "size": "network", "interpolation": "area"},
    {"step": "scale", "from": [-1350, 150]},
]
SPACING = (0.7, 1.4)


def slice_of(shape: tuple[int, int] = (60, 84), seed: int = 3) -> NDArray[np.int16]:
    """Draw Hounsfield units."""
    return np.random.default_rng(seed).integers(-1024, 1800, shape).astype(np.int16)


def done(hu: NDArray[np.int16], *steps: dict[str, Any], size: tuple[int, int] = (32, 32)) -> NDArray[np.float32]:
    """Apply steps to a slice with the spacing SPACING."""
    made = recipe(json.dumps(steps), ends_as_network=False)
    return made.run(Image(hu.astype(np.float32), SPACING, size))


@pytest.mark.parametrize("shape", [(512, 512), (416, 160), (100, 90), (300, 511)])
def test_lungs_own_steps_are_lung_bit_for_bit(shape):
    """The rows of dbo.preprocessings say what the older code does."""
    ct_slice = CtSlice(slice_of(shape))
    steps = compiled(recipe(json.dumps(LUNG)))
    for size in ((224, 224), (64, 300)):
        np.testing.assert_array_equal(steps.picture(ct_slice, size), pipeline("lung").picture(ct_slice, size))


def test_seed_as_a_step_is_seed_bit_for_bit():
    """The step reads the slice as stored."""
    steps = compiled(recipe('{"steps": [{"step": "seed"}], "normalise": false, "triples": "seed"}'))
    ct_slice = CtSlice(slice_of((300, 280)), 2.0, -1000.0)
    np.testing.assert_array_equal(steps.picture(ct_slice, (224, 224)), pipeline("seed").picture(ct_slice, (224, 224)))
    assert steps.normalised is False
    assert steps.triples(9) == pipeline("seed").triples(9)


@pytest.mark.parametrize("angle", [90, 17.5, -33, 180, 0])
def test_rotation_is_scipys(angle):
    """Counter-clockwise about the middle, what comes from outside is the fill; within 0.01 HU of 2,800."""
    hu = slice_of()
    turned = done(hu, {"step": "rotate", "angle": angle, "fill": -1000})
    reference = ndimage.rotate(hu.astype(np.float64), angle, reshape=False, order=1, mode="grid-constant", cval=-1000)
    np.testing.assert_allclose(turned, reference, atol=0.01)


def test_a_right_angle_moves_every_pixel_whole():
    """About a pixel of a square, with either interpolation, as numpy turns it."""
    hu = slice_of((41, 41))
    for interpolation in ("nearest", "linear"):
        turned = done(hu, {"step": "rotate", "angle": 90, "interpolation": interpolation, "centre": [20, 20]})
        np.testing.assert_array_equal(turned, np.rot90(hu))


@pytest.mark.parametrize("sigma", [0.8, 3.3, 0])
def test_blur_is_scipys(sigma):
    """A Gaussian cut off at four standard deviations, the edge going on; in pixels and in mm of each axis."""
    hu = slice_of()
    in_pixels = done(hu, {"step": "blur", "sigma": sigma, "unit": "pixels"})
    reference = ndimage.gaussian_filter(hu.astype(np.float64), sigma, mode="nearest", truncate=4)
    np.testing.assert_allclose(in_pixels, reference, atol=0.01)
    in_mm = done(hu, {"step": "blur", "sigma": sigma, "unit": "mm"})
    sigmas = [sigma / SPACING[0], sigma / SPACING[1]]
    reference = ndimage.gaussian_filter(hu.astype(np.float64), sigmas, mode="nearest", truncate=4)
    np.testing.assert_allclose(in_mm, reference, atol=0.01)


@pytest.mark.parametrize("size", [(20, 30), (90, 200), (60, 40)])
@pytest.mark.parametrize(
    ("interpolation", "resampling"),
    [("linear", Pillow.Resampling.BILINEAR), ("cubic", Pillow.Resampling.BICUBIC)],
)
def test_resizing_is_pillows(size, interpolation, resampling):
    """With antialiasing, which Pillow always has; within 0.01 HU."""
    hu = slice_of()
    made = done(hu, {"step": "resize", "size": list(size), "interpolation": interpolation})
    reference = Pillow.fromarray(hu.astype(np.float32)).resize(size[::-1], resampling)
    np.testing.assert_allclose(made, np.asarray(reference), atol=0.01)


@pytest.mark.parametrize("size", [(16, 32), (64, 128)])
def test_the_nearest_pixel_is_pillows(size):
    """At sizes where no pixel lies half-way between two."""
    hu = slice_of()
    made = done(hu, {"step": "resize", "size": list(size), "interpolation": "nearest"})
    reference = Pillow.fromarray(hu.astype(np.float32)).resize(size[::-1], Pillow.Resampling.NEAREST)
    np.testing.assert_array_equal(made, np.asarray(reference))


def test_resizing_without_antialiasing_looks_at_the_nearest_pixels_alone():
    """Halving a side takes the mean of two pixels of four; with antialiasing others count as well."""
    hu = slice_of((8, 8))
    plain = done(hu, {"step": "resize", "size": [2, 8], "antialias": False})
    np.testing.assert_allclose(plain, (hu[1::4] + hu[2::4].astype(np.float64)) / 2, atol=1e-3)
    smooth = done(hu, {"step": "resize", "size": [2, 8]})
    assert np.abs(smooth - plain).max() > 1


def test_averaging_areas_takes_the_mean_of_each():
    """By a whole number a side shrinks to means of blocks."""
    hu = slice_of((30, 40))
    made = done(hu, {"step": "resize", "size": [10, 10], "interpolation": "area"})
    np.testing.assert_allclose(made, hu.reshape(10, 3, 10, 4).mean(axis=(1, 3)), atol=1e-3)


def test_resampling_goes_by_millimetres():
    """To 1 mm, 60 × 84 pixels of 0.7 × 1.4 mm are 42 × 118; on a plane SciPy's values."""
    rows, cols = np.mgrid[:60, :84]
    plane = (3 * rows - 2 * cols).astype(np.int16)
    made = done(plane, {"step": "resample", "spacing": 1.0, "antialias": False})
    assert made.shape == (42, 118)
    at = [(np.arange(42) + 0.5) * 60 / 42 - 0.5, (np.arange(118) + 0.5) * 84 / 118 - 0.5]
    grid = np.meshgrid(*at, indexing="ij")
    reference = ndimage.map_coordinates(plane.astype(np.float64), grid, order=1, mode="nearest")
    np.testing.assert_allclose(made[2:-2, 2:-2], reference[2:-2, 2:-2], atol=1e-3)


def test_a_later_step_in_mm_knows_the_new_spacing():
    """After resampling to 2 mm a blur of 2 mm is one of a pixel."""
    resample = {"step": "resample", "spacing": 2}
    in_mm = done(slice_of(), resample, {"step": "blur", "sigma": 2, "unit": "mm"})
    # 60 rows of 0.7 mm are 21 of 2 mm exactly, 84 columns of 1.4 mm are 58.8 of them.
    resampled = done(slice_of(), resample)
    reference = ndimage.gaussian_filter(
        resampled.astype(np.float64), [1, 2 / (1.4 * 84 / 59)], mode="nearest", truncate=4
    )
    np.testing.assert_allclose(in_mm, reference, atol=0.01)


def test_crops_take_what_slices_of_an_array_take():
    """Margins and sizes, in pixels and mm, about the middle or another place; beyond the edge lies the fill."""
    hu = slice_of()
    take = {"step": "crop", "unit": "pixels"}
    np.testing.assert_array_equal(done(hu, {**take, "margin": [1, 2, 3, 4]}), hu[1:-2, 3:-4])
    np.testing.assert_array_equal(done(hu, {**take, "size": [20, 24]}), hu[20:40, 30:54])
    np.testing.assert_array_equal(done(hu, {**take, "size": [3, 5], "centre": [10, 20]}), hu[9:12, 18:23])
    in_mm = done(hu, {"step": "crop", "unit": "mm", "size": [14, 14], "centre": [7, 14]})
    np.testing.assert_array_equal(in_mm, hu[0:20, 5:15])
    beyond = done(hu, {**take, "size": [64, 86], "fill": -7})
    np.testing.assert_array_equal(beyond, np.pad(hu, ((2, 2), (1, 1)), constant_values=-7))
    nowhere = done(hu, {**take, "size": [2, 2], "centre": [-50, 0]})
    np.testing.assert_array_equal(nowhere, np.full((2, 2), -1024))


def test_values_follow_their_formulas():
    """Window, scale, standardise and mask in closed form."""
    hu = slice_of()
    exact = hu.astype(np.float64)
    windowed = np.clip((exact + 600) / 1500 + 0.5, 0, 1)
    np.testing.assert_allclose(done(hu, {"step": "window", "low": -1350, "high": 150}), windowed, atol=1e-6)
    np.testing.assert_allclose(done(hu, {"step": "window", "level": -600, "width": 1500}), windowed, atol=1e-6)
    scaled = done(hu, {"step": "scale", "from": [-1000, 1000], "to": [5, -5]})
    np.testing.assert_allclose(scaled, -exact / 200, atol=1e-5)
    standard = done(hu, {"step": "standardise"})
    np.testing.assert_allclose(standard, (exact - exact.mean()) / exact.std(), atol=1e-5)
    known = done(hu, {"step": "standardise", "mean": -500, "std": 400})
    np.testing.assert_allclose(known, (exact + 500) / 400, atol=1e-5)
    np.testing.assert_array_equal(done(np.full((4, 4), 9, np.int16), {"step": "standardise"}), np.zeros((4, 4)))
    mask = {"step": "mask", "low": -950, "high": -300}
    np.testing.assert_array_equal(done(hu, mask), np.where((hu >= -950) & (hu <= -300), hu, -1024))
    outside = done(hu, {**mask, "keep": "outside", "fill": 0})
    np.testing.assert_array_equal(outside, np.where((hu >= -950) & (hu <= -300), 0, hu))


BAD = [
    ("[", "no JSON"),
    ("[]", "no steps"),
    ("{}", "no list"),
    ('{"steps": [{"step": "seed"}], "more": 1}', "'more' is not known"),
    ('{"steps": [{"step": "seed"}], "normalise": 1}', "1 for normalise"),
    ('{"steps": [{"step": "seed"}], "triples": "none"}', "'none' for triples"),
    ("[7]", "Step 1 is 7"),
    ('[{"step": "blurr"}]', r"Step 1 \(blurr\): there is no such step\. Supported are clip, window"),
    ('[{"step": "blur", "sigma": 1}]', "unit is missing. Supported are 'pixels' and 'mm'"),
    ('[{"step": "blur", "sigma": 1, "unit": "inches"}]', "'inches' for unit"),
    ('[{"step": "blur", "sigma": -1, "unit": "mm"}]', "-1 for sigma is not supported. Supported are 0 to 100"),
    ('[{"step": "blur", "sigma": 1, "sigma": 2, "unit": "mm"}]', "stands twice"),
    ('[{"step": "blur", "sigma": 1, "unit": "mm", "strength": 4}]', "no argument 'strength' here"),
    ('[{"step": "rotate", "angle": NaN}]', "NaN is no number"),
    ('[{"step": "rotate", "angle": 1e999}]', "inf for angle"),
    ('[{"step": "rotate", "angle": true}]', "True for angle"),
    ('[{"step": "rotate", "angle": 1, "interpolation": "cubic"}]', "'cubic' for interpolation"),
    ('[{"step": "window", "low": 0, "high": 0}]', "0.0 for high is not supported. Supported are numbers above low"),
    ('[{"step": "scale", "from": [1, 1]}]', "two different numbers"),
    ('[{"step": "scale", "from": [1, 2, 3]}]', "a list of 2 numbers"),
    ('[{"step": "window", "low": 0, "high": 1}, {"step": "mask", "low": 0, "high": 1}]', "works on Hounsfield units"),
    ('[{"step": "window", "low": 0, "high": 1}, {"step": "rotate", "angle": 5}]', "fill is missing"),
    ('[{"step": "crop", "margin": 1, "unit": "pixels"}, {"step": "seed"}]', "Put it first"),
    ('[{"step": "resize", "size": "network"}, {"step": "crop", "margin": 1, "unit": "pixels"}]', "Put it before"),
    ('[{"step": "resize", "size": [5000, 2]}]', "5000 for size"),
    ('[{"step": "resize", "size": [2.5, 2]}]', "whole numbers"),
    ('[{"step": "resize", "size": "whole"}]', "'whole' for size"),
    ('[{"step": "resize", "size": [2, 2], "interpolation": "nearest", "antialias": true}]', "True for antialias"),
    ('[{"step": "crop", "margin": 0.6, "unit": "fraction"}]', "0.6 for margin"),
    ('[{"step": "seed", "package": "x 1"}]', "no argument 'package'"),
    (json.dumps([{"step": "blur", "sigma": 1, "unit": "mm"}] * 33), "of 34 steps"),
]  # fmt: skip


@pytest.mark.parametrize(("steps", "message"), BAD)
def test_steps_that_cannot_be_worked_with_are_refused(steps, message):
    """With what is wrong, where, and what would be right."""
    with pytest.raises(ProcedureError, match=message) as caught:
        recipe(steps)
    assert caught.value.number == 50390


def test_a_step_of_a_package_that_is_gone_is_named_with_the_package():
    """It was stored with it."""
    with pytest.raises(ProcedureError, match=r"'lungdb-extra 1\.0' that registered it is not installed") as caught:
        recipe('[{"step": "invert", "package": "lungdb-extra 1.0"}]')
    assert caught.value.number == 50394


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ({"step": "crop", "margin": 40, "unit": "pixels"}, "leaves nothing of 60 × 84 pixels"),
        ({"step": "resample", "spacing": 0.05, "interpolation": "nearest"}, None),
    ],
)
def test_a_slice_that_a_step_cannot_work_on_fails_with_the_reason(step, message):
    """What depends on the slice is seen when it comes."""
    if message is None:
        assert done(slice_of(), step).shape == (840, 2352)
        return
    with pytest.raises(LungdbError, match=message):
        done(slice_of(), step)


def test_a_slice_without_spacing_fails_in_mm_alone():
    """Pixels need none."""
    hu = CtSlice(slice_of())
    compiled(recipe('[{"step": "blur", "sigma": 1, "unit": "pixels"}]')).picture(hu, (32, 32))
    for steps in ('[{"step": "blur", "sigma": 1, "unit": "mm"}]', '[{"step": "resample", "spacing": 1}]'):
        with pytest.raises(LungdbError, match="pixel spacing is not known"):
            compiled(recipe(steps)).picture(hu, (32, 32))


def test_the_digest_of_kept_pictures_follows_the_steps():
    """Pictures of other steps under one name are not taken for each other; lung's digest is as it was."""
    digests = {
        preparation_digest("soft", compiled(recipe(f'[{{"step": "blur", "sigma": {sigma}, "unit": "mm"}}]')), (8, 8))
        for sigma in (1, 1.5)
    }
    assert len(digests) == 2
    lung = named_pipeline("lung", json.dumps(LUNG))
    assert preparation_digest("lung", lung, (8, 8)) == preparation_digest("lung", pipeline("lung"), (8, 8))


def test_the_same_steps_written_otherwise_are_the_same_text():
    """Defaults are written out, and the order of arguments does not count."""
    one = recipe('[{"step": "window", "level": -600, "width": 1500}]').text
    other = recipe('{"steps": [{"high": 150.0, "unit": "HU", "low": -1350, "step": "window"}], "triples": "all"}').text
    assert one == other
    assert json.loads(one)["steps"][-1] == {
        "step": "resize", "size": "network", "unit": "pixels", "interpolation": "area", "antialias": True,
    }  # fmt: skip
    assert recipe(one).text == one


@pytest.mark.parametrize(
    ("apply", "said"), [(lambda *_: 1 / 0, "fails (ZeroDivisionError"), (lambda *_: 1, "gives no Image")]
)
def test_a_step_that_fails_is_named_with_its_package(apply: Callable[..., Any], said: str) -> None:
    """So that whoever reads it knows whom to ask; the package is the one that the function lies in."""
    whole = recipe('[{"step": "blur", "sigma": 1, "unit": "pixels"}]', ends_as_network=False)
    package = __name__.partition(".")[0]
    broken = replace(whole, steps=tuple((replace(step, apply=apply), given) for step, given in whole.steps))
    with pytest.raises(LungdbError) as refusal:
        broken.run(Image(np.zeros((4, 4), np.float32), (1.0, 1.0), (4, 4)))
    assert f"The step blur of the preprocessing, which is of the package {package}, {said}" in str(refusal.value)
