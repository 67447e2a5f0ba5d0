"""Heat maps and segmentations against closed forms and SciPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import distance

from lungdb.errors import LungdbError
from lungdb.imaging.volumes.geometry import Geometry, Tile
from lungdb.networks.detecting.candidates import Candidates
from lungdb.networks.detecting.decoding import decode
from lungdb.networks.detecting.forms import HeatMap, Segmentation
from lungdb.networks.detecting.maps import read_maps
from lungdb.networks.detecting.reading import read_output

# Slices to the head, rows to the back, columns to the left.
PLACED = Geometry((-50.0, 20.0, -300.0), ((0.0, 0.0, 1.25), (0.0, 0.7, 0.0), (0.7, 0.0, 0.0)))
# Columns first to the right, then rows to the front, then slices: an array of x, y, z in RAS.
TURNED = Geometry((50.0, 20.0, -300.0), ((-0.7, 0.0, 0.0), (0.0, -0.7, 0.0), (0.0, 0.0, 1.25)))
HEAT = {"form": "heatmap", "score": "probability", "diameter": 6}
MASK = {"form": "segmentation", "score": "probability"}


def found_of(declared: dict[str, Any], *maps: NDArray[Any], geometry: Geometry = PLACED) -> Candidates:
    """Find candidates in maps of a tile of the size of the first."""
    tile = Tile(np.zeros((1, *maps[0].shape[-3:]), np.float32), (0, 0, 0), geometry)
    return decode(read_output(declared), [each.reshape(1, -1, *each.shape[-3:]) for each in maps], tile)


def distances_to(place: tuple[float, float, float], shape: tuple[int, int, int], geometry: Geometry) -> NDArray[Any]:
    """Give the mm from each voxel to a place in the patient, by the formula of an affine map."""
    indices = np.moveaxis(np.indices(shape), 0, -1).astype(float)
    offsets = np.asarray(geometry.origin) + indices @ np.asarray(geometry.steps) - np.asarray(place)
    length: NDArray[Any] = np.sqrt((offsets**2).sum(axis=-1))
    return length


@pytest.mark.parametrize(("geometry", "place"), [(PLACED, (-30.0, 36.1, -275.0)), (TURNED, (30.9, 6.0, -275.0))])
def test_a_peak_lies_at_its_place_with_the_width_of_its_half(
    geometry: Geometry, place: tuple[float, float, float]
) -> None:
    """A Gaussian is half as high at 2 √(2 ln 2) standard deviations from side to side."""
    sigma, shape = 4.0, (48, 56, 64)
    heat = (0.9 * np.exp(-0.5 * (distances_to(place, shape, geometry) / sigma) ** 2)).astype(np.float32)

    found = found_of({**HEAT, "diameter": "half"}, heat, geometry=geometry)

    width = 2 * np.sqrt(2 * np.log(2)) * sigma
    assert len(found) == 1
    np.testing.assert_allclose(found.centres[0], place, atol=0.7)
    np.testing.assert_allclose(found.sides[0], [width] * 3, rtol=0.02)
    np.testing.assert_allclose(found.volumes[0], np.pi / 6 * width**3, rtol=0.04)
    np.testing.assert_allclose(found.scores[0], 0.9, atol=0.02)


def test_peaks_are_the_local_maxima_that_have_no_higher_one_near() -> None:
    """Of smoothed noise; the maxima and their distances by comparing every pair."""
    noise = ndimage.gaussian_filter(np.random.default_rng(3).random((24, 26, 28)), 1.5)
    heat = ((noise - noise.min()) / np.ptp(noise)).astype(np.float32)
    inner = np.zeros(heat.shape, bool)
    inner[1:-1, 1:-1, 1:-1] = True
    heat[~inner] = 0
    around = [np.roll(heat, (z, y, x), (0, 1, 2)) for z in (-1, 0, 1) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    at = np.argwhere((heat > 0.55) & (heat == np.max(around, axis=0)) & inner)
    places = np.array([[-50 + 0.7 * x, 20 + 0.7 * y, -300 + 1.25 * z] for z, y, x in at])
    heights = heat[tuple(at.T)]
    near = distance.squareform(distance.pdist(places)) <= 4
    expected: list[int] = []
    for candidate in np.argsort(-heights):
        if not near[candidate, expected].any():
            expected.append(int(candidate))

    found = found_of({**HEAT, "threshold": 0.55, "radius": 4}, heat)

    assert 5 < len(expected) < len(at)
    np.testing.assert_allclose(found.centres, places[expected], atol=1e-6)
    np.testing.assert_allclose(found.scores, heights[expected])
    np.testing.assert_allclose(found.sides, 6)


def test_a_plateau_is_one_peak_in_its_middle() -> None:
    """Where a sigmoid is 1 there is no single highest voxel."""
    heat = np.zeros((20, 20, 20), np.float32)
    heat[4:9, 10:13, 2:17] = 1.0

    found = found_of(HEAT, heat)

    np.testing.assert_allclose(found.centres, PLACED.to_patient(np.array([[6.0, 11.0, 9.0]])))


@pytest.mark.parametrize(("unit", "side"), [("mm", (8, 8, 8)), ("voxel", (5.6, 5.6, 10))])
def test_a_diameter_may_be_told_by_another_output(unit: str, side: tuple[float, float, float]) -> None:
    """It is read at the peak."""
    heat, told = np.zeros((2, 20, 20, 20), np.float32)
    heat[10, 11, 12], told[10, 11, 12] = 0.8, 8

    found = found_of({**HEAT, "diameter": "output", "diameter_unit": unit}, heat, told)

    np.testing.assert_allclose(found.sides, [side], rtol=1e-6)
    with pytest.raises(LungdbError, match="tells the diameter 0 of a candidate"):
        found_of({**HEAT, "diameter": "output", "diameter_unit": unit}, heat, told * 0)


@pytest.mark.parametrize("geometry", [PLACED, TURNED])
def test_spheres_of_a_mask_have_their_place_diameter_and_volume(geometry: Geometry) -> None:
    """Two of 10 and 16 mm; one of 2 mm is too small to be counted."""
    shape = (48, 56, 64) if geometry is PLACED else (64, 56, 48)
    sign = 1 if geometry is PLACED else -1
    mask, spheres = np.zeros(shape, np.float32), [(12.0, 12.0, 15.0, 5.0), (30.0, 25.0, 35.0, 8.0), (8.0, 30, 50, 1.0)]
    for x, y, z, radius in spheres:
        place = (geometry.origin[0] + sign * x, geometry.origin[1] + sign * y, geometry.origin[2] + z)
        mask[distances_to(place, shape, geometry) <= radius] = 0.6 + radius / 40

    found = found_of(MASK, mask, geometry=geometry)

    order = [1, 0]
    assert len(found) == 2
    for candidate, (x, y, z, radius) in enumerate([spheres[at] for at in order]):
        place = np.add(geometry.origin, (sign * x, sign * y, z))
        np.testing.assert_allclose(found.centres[candidate], place, atol=0.1)
        np.testing.assert_allclose(found.diameters[candidate], 2 * radius, rtol=0.02)
        np.testing.assert_allclose(found.volumes[candidate], 4 / 3 * np.pi * radius**3, rtol=0.05)
        np.testing.assert_allclose(found.sides[candidate], 2 * radius, atol=1.3)
        np.testing.assert_allclose(found.scores[candidate], 0.6 + radius / 40, rtol=1e-6)


def test_parts_are_those_of_scipy_with_their_mean_score() -> None:
    """Counts, middles and means of noise above a threshold, by the connectivity that is declared."""
    noise = ndimage.gaussian_filter(np.random.default_rng(5).random((30, 32, 34)), 1.2)
    mask = ((noise - noise.min()) / np.ptp(noise)).astype(np.float32)
    for connectivity, rank in ((6, 1), (26, 3)):
        labels, count = ndimage.label(mask > 0.6, ndimage.generate_binary_structure(3, rank))
        voxels = [np.argwhere(labels == number) for number in range(1, count + 1)]
        large = [each for each in voxels if len(each) * 1.25 * 0.7 * 0.7 >= np.pi / 6 * 3**3]
        means = np.array([mask[tuple(each.T)].mean() for each in large])
        order = np.argsort(-means)

        found = found_of(
            {**MASK, "threshold": 0.6, "score_of_part": "mean", "connectivity": connectivity, "most": 5}, mask
        )

        assert len(large) > 5
        np.testing.assert_allclose(found.scores, means[order][:5], rtol=1e-5)
        for at, number in enumerate(order[:5]):
            np.testing.assert_allclose(found.volumes[at], len(large[number]) * 1.25 * 0.7 * 0.7)
            np.testing.assert_allclose(found.centres[at], PLACED.to_patient(large[number].mean(axis=0)[None])[0])


def test_logits_and_softmax_become_probabilities_of_the_declared_class() -> None:
    """By their formulas."""
    logits = np.random.default_rng(7).normal(size=(1, 3, 4, 5, 6)).astype(np.float32)
    tile = Tile(np.zeros((1, 4, 5, 6), np.float32), (0, 0, 0), PLACED)
    both = np.exp(logits[0, [0, 2]]).sum(axis=0) / np.exp(logits[0]).sum(axis=0)
    for score, classes, expected in (
        ("logit", 2, 1 / (1 + np.exp(-logits[0, 2]))),
        ("softmax", 2, np.exp(logits[0, 2]) / np.exp(logits[0]).sum(axis=0)),
        ("logit", [2, 0], 1 / (1 + np.exp(-np.maximum(logits[0, 0], logits[0, 2])))),
        ("softmax", [2, 0], both),
    ):
        form = read_output({**MASK, "score": score, "class": classes})
        assert isinstance(form, Segmentation)
        np.testing.assert_allclose(read_maps(form, [logits], tile)[0], expected, rtol=1e-5)


def test_a_coarser_map_is_spread_over_the_tile() -> None:
    """A ramp of cells of 2 × 2 × 4 voxels stays a ramp, its cells' middles where they were."""
    cells = np.broadcast_to(np.arange(6.0) / 8, (5, 4, 6)).astype(np.float32)
    form = read_output(HEAT)
    assert isinstance(form, HeatMap)

    spread = read_maps(form, [cells[None, None]], Tile(np.zeros((1, 10, 8, 24), np.float32), (0, 0, 0), PLACED))

    expected = np.interp((np.arange(24) - 1.5) / 4, np.arange(6), np.arange(6.0) / 8)
    np.testing.assert_allclose(spread[0], np.broadcast_to(expected, (10, 8, 24)), atol=1e-6)


@pytest.mark.parametrize(
    ("declared", "values", "message"),
    [
        (MASK, np.full((1, 1, 4, 4, 4), np.inf), "64 values of 64 that are no finite numbers"),
        (MASK, np.full((1, 1, 4, 4, 4), 1.5), r"score 1\.5, which is no probability"),
        (MASK, np.zeros((1, 2, 4, 4, 4)), "has 2 channels. Declare which of them"),
        ({**MASK, "class": 4}, np.zeros((1, 2, 4, 4, 4)), "has 2 channels, and class 4 is declared"),
        ({**MASK, "class": [0, 4]}, np.zeros((1, 2, 4, 4, 4)), "has 2 channels, and class 4 is declared"),
        ({**MASK, "class": [1, 1]}, np.zeros((1, 2, 4, 4, 4)), r"the value \[1, 1\] for class is not supported"),
        ({**MASK, "class": []}, np.zeros((1, 2, 4, 4, 4)), r"the value \[\] for class is not supported"),
        ({**MASK, "score": "softmax"}, np.zeros((1, 1, 4, 4, 4)), "needs two channels and more"),
        (MASK, np.zeros((1, 1, 3, 4, 4)), r"shape \[3, 4, 4\]; it divides no tile of \[4, 4, 4\] voxels"),
        (MASK, np.zeros((1, 4)), r"shape \[1, 4\]; as a map of channels and three axes it has 4 axes"),
    ],
)
def test_maps_of_another_form_are_refused(declared: dict[str, Any], values: NDArray[Any], message: str) -> None:
    """With the shape or the value, and what to declare."""
    tile = Tile(np.zeros((1, 4, 4, 4), np.float32), (0, 0, 0), PLACED)
    with pytest.raises(LungdbError, match=message):
        decode(read_output(declared), [values], tile)


def test_nothing_above_the_threshold_is_no_candidate() -> None:
    """An empty map is a scan without nodules, no error."""
    nothing = np.zeros((6, 6, 6), np.float32)
    assert len(found_of(HEAT, nothing)) == len(found_of(MASK, nothing)) == 0


@pytest.mark.parametrize("diameter", ["half", "output"])
def test_a_ring_is_measured_on_itself_and_not_in_its_hole(diameter: str) -> None:
    """Its middle lies where the map is 0 and tells no diameter: the place stays, the width is of a voxel beside."""
    heat = np.zeros((9, 15, 15), np.float32)
    heat[4, 4:11, 4:11] = 1.0
    heat[4, 5:10, 5:10] = 0.0
    told = np.where(heat > 0, 8.0, -1.0).astype(np.float32)
    declared = {**HEAT, "diameter": diameter, **({"diameter_unit": "mm"} if diameter == "output" else {})}

    found = found_of(declared, heat, *([told] if diameter == "output" else []))

    np.testing.assert_allclose(found.centres, PLACED.to_patient(np.array([[4.0, 7.0, 7.0]])))
    assert np.isfinite(found.diameters).all()
    if diameter == "output":
        assert found.diameters[0] == 8
    else:
        assert 0 < found.diameters[0] <= 7 * 0.7


@pytest.mark.parametrize("value", [1.0 + 1e-6, 1.0009765625])
def test_a_probability_that_rounding_has_put_above_one_is_one(value: float) -> None:
    """As linear interpolation and half precision do; what is further away is no probability."""
    heat = np.zeros((9, 9, 9), np.float32)
    heat[4, 4, 4], heat[0, 0, 0] = value, 1 - value

    assert found_of(HEAT, heat).scores.tolist() == [1.0]
    heat[4, 4, 4] = 1.01
    with pytest.raises(LungdbError, match=r"has the score 1\.01, which is no probability"):
        found_of(HEAT, heat)
