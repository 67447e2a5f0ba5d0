"""Decoded boxes: columns, corners and centres, voxels and millimetres, where they lie in a patient."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import SimpleITK
from numpy.typing import NDArray

from lungdb.errors import LungdbError
from lungdb.imaging.volumes.geometry import Geometry, Tile
from lungdb.networks.detecting.candidates import Candidates
from lungdb.networks.detecting.decoding import decode
from lungdb.networks.detecting.reading import read_output

ORIGIN, SPACING = (-120.0, 35.5, 900.25), (0.7, 0.8, 1.25)  # x, y, z as SimpleITK has them
SHAPE = (40, 50, 60)
VOXEL = {"form": "boxes", "columns": "z1 y1 x1 z2 y2 x2", "unit": "voxel", "score": "probability"}


def tile_of(image: SimpleITK.Image) -> Tile:
    """Make a tile that lies where an image of SimpleITK does."""
    direction = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    steps = [tuple(direction[:, axis].tolist()) for axis in (2, 1, 0)]
    geometry = Geometry(image.GetOrigin(), (steps[0], steps[1], steps[2]))
    return Tile(np.zeros((1, *reversed(image.GetSize())), np.float32), (0, 0, 0), geometry)


def image_of(direction: NDArray[np.float64] | None = None) -> SimpleITK.Image:
    """Make an image with the axes of a patient, or turned."""
    image = SimpleITK.Image(SHAPE[::-1], SimpleITK.sitkUInt8)
    image.SetOrigin(ORIGIN)
    image.SetSpacing(SPACING)
    if direction is not None:
        image.SetDirection(direction.ravel().tolist())
    return image


def found_of(declared: dict[str, Any], *outputs: NDArray[Any], tile: Tile | None = None) -> Candidates:
    """Decode outputs for a tile."""
    return decode(read_output(declared), outputs, tile or tile_of(image_of()))


BOX = np.array([[10.0, 20.0, 30.0, 16.0, 24.0, 38.0]], np.float32)  # z, y, x
ONE = np.array([0.75], np.float32)


@pytest.mark.parametrize("turned", ["not", "flipped", "permuted", "tilted"])
def test_a_box_in_voxels_lies_where_simpleitk_has_its_corners(turned: str) -> None:
    """Its middle, and its extents along x, y, z; a tilted one takes the box around it, and keeps its volume."""
    angle = np.deg2rad(20)
    direction = {
        "not": np.eye(3),
        "flipped": np.diag([-1.0, -1.0, 1.0]),
        "permuted": np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]),
        "tilted": np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]]),
    }[turned]
    image = image_of(direction)

    found = found_of(VOXEL, BOX, ONE, tile=tile_of(image))

    corners = np.array(
        [
            image.TransformContinuousIndexToPhysicalPoint((x, y, z))
            for z in (10.0, 16.0)
            for y in (20.0, 24.0)
            for x in (30.0, 38.0)
        ]
    )
    np.testing.assert_allclose(found.centres, [corners.mean(axis=0)], atol=1e-6)
    np.testing.assert_allclose(found.sides, [np.ptp(corners, axis=0)], atol=1e-6)
    np.testing.assert_allclose(found.diameters, [np.ptp(corners, axis=0)[:2].mean()], atol=1e-6)
    np.testing.assert_allclose(found.volumes, [np.pi / 6 * (6 * 1.25) * (4 * 0.8) * (8 * 0.7)], rtol=1e-6)
    np.testing.assert_allclose(found.scores, [0.75])


@pytest.mark.parametrize(
    ("columns", "row"),
    [
        ("x1 y1 z1 x2 y2 z2", [30, 20, 10, 38, 24, 16]),
        ("zc yc xc zs ys xs", [13, 22, 34, 6, 4, 8]),
        ("z1 y1 x1 zs ys xs", [10, 20, 30, 6, 4, 8]),
        ("z1 y1 z2 y2 x1 x2", [10, 20, 16, 24, 30, 38]),  # nnDetection
        ("- z1 z2 y1 y2 x1 x2", [99, 10, 16, 20, 24, 30, 38]),
    ],
)
def test_columns_may_stand_in_any_order(columns: str, row: list[float]) -> None:
    """Each order of the same box gives the same candidate."""
    found = found_of({**VOXEL, "columns": columns}, np.array([row], np.float32), ONE)

    expected = found_of(VOXEL, BOX, ONE)
    np.testing.assert_allclose(found.centres, expected.centres, atol=1e-5)
    np.testing.assert_allclose(found.sides, expected.sides, atol=1e-5)


def test_a_row_of_score_centre_and_diameter_is_a_candidate() -> None:
    """As detectors of LUNA16 give them; a logit of 0 is a probability of a half."""
    declared = {**VOXEL, "columns": "score zc yc xc d", "score": "logit"}
    image = image_of()

    found = found_of(declared, np.array([[0.0, 13, 22, 34, 5]], np.float32))

    np.testing.assert_allclose(found.scores, [0.5])
    np.testing.assert_allclose(found.centres, [image.TransformContinuousIndexToPhysicalPoint((34.0, 22.0, 13.0))])
    np.testing.assert_allclose(found.sides, [np.multiply(SPACING, 5)])


def test_voxels_counted_from_the_outer_corner_lie_half_a_voxel_before() -> None:
    """A box from 0 to 1 is the first voxel."""
    first = np.array([[0, 0, 0, 1, 1, 1]], np.float32)

    found = found_of({**VOXEL, "origin": "corner"}, first, ONE)

    np.testing.assert_allclose(found.centres, [ORIGIN])
    np.testing.assert_allclose(found_of(VOXEL, first, ONE).centres, [np.add(ORIGIN, np.divide(SPACING, 2))])


@pytest.mark.parametrize("frame", ["LPS", "RAS"])
def test_millimetres_count_from_the_first_voxel_of_the_tile(frame: str) -> None:
    """Along the patient's axes of the frame; RAS has x and y the other way round."""
    sign = np.array([-1.0, -1.0, 1.0] if frame == "RAS" else [1.0, 1.0, 1.0])
    image = image_of(np.diag(sign))
    index, size = (34.0, 22.0, 13.0), np.array([8.0, 4.0, 6.0])
    place = np.array(image.TransformContinuousIndexToPhysicalPoint(index))
    middle = (place - ORIGIN) * sign
    row = np.concatenate([middle - size / 2, middle + size / 2])[None].astype(np.float32)
    declared = {**VOXEL, "columns": "x1 y1 z1 x2 y2 z2", "unit": "mm", "frame": frame}

    found = found_of(declared, row, ONE, tile=tile_of(image))

    np.testing.assert_allclose(found.centres, [place], atol=1e-4)
    np.testing.assert_allclose(found.sides, [size], atol=1e-4)
    np.testing.assert_allclose(found.volumes, [np.pi / 6 * 8 * 4 * 6], rtol=1e-5)


def test_rows_that_fill_up_and_other_classes_are_no_candidates() -> None:
    """Of five rows one is a nodule: two score nothing, one is of another class, one is empty."""
    rows = np.repeat(BOX, 5, axis=0)
    rows[3, 3:] = rows[3, :3]
    rows[:, :] += np.array([[0], [20], [5], [10], [15]])
    labels, scores = np.array([3, 3, 1, 3, 3]), np.array([0.9, 0.02, 0.9, 0.9, -1], np.float32)
    declared = {**VOXEL, "labels": 2, "class": 3}

    found = found_of(declared, rows, scores, labels)

    assert len(found) == 1
    np.testing.assert_allclose(found.centres, found_of(VOXEL, BOX, ONE).centres)


def test_scores_of_several_classes_are_read_where_the_nodules_are_declared() -> None:
    """With a batch of 1 before everything; without a class the error asks for it by name."""
    scores = np.array([[[0.1, 0.6, 0.3]]], np.float32)

    found = found_of({**VOXEL, "class": 1}, BOX[None], scores)

    np.testing.assert_allclose(found.scores, [0.6])
    with pytest.raises(LungdbError, match=r"3 classes\. Declare which class the nodules are"):
        found_of(VOXEL, BOX[None], scores)


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ([BOX], "has 1 outputs, and output 1 is declared as scores"),
        ([BOX[:, :4], ONE], r"shape \[1, 4\]; 6 columns are declared"),
        ([BOX * np.nan, ONE], "6 values of 6 that are no finite numbers"),
        ([BOX, ONE * 4], "score 3, which is no probability. Declare its score as 'logit'"),
        ([BOX, np.array([0.5, 0.5], np.float32)], r"shape \[2\]; there are 1 boxes"),
        ([BOX[:, [3, 4, 5, 0, 1, 2]], ONE], "Of 1 boxes that score above 0.02, 1 end before they begin"),
        ([BOX[None, None], ONE], r"shape \[1, 1, 1, 6\]; as boxes it has 2 axes"),
    ],
)
def test_outputs_of_another_form_are_refused(outputs: list[NDArray[Any]], message: str) -> None:
    """With the shape or the value, and what to declare."""
    with pytest.raises(LungdbError, match=message):
        found_of(VOXEL, *outputs)


def test_no_row_is_no_candidate() -> None:
    """A network that finds nothing gives no rows, or rows of zeros."""
    assert len(found_of(VOXEL, np.zeros((0, 6), np.float32), np.zeros(0, np.float32))) == 0
    assert len(found_of(VOXEL, np.zeros((5, 6), np.float32), np.zeros(5, np.float32))) == 0
