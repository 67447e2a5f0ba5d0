"""A nodule that grows by a known factor between two scans of a phantom, from DICOM files to its doubling time."""

from __future__ import annotations

import math
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from lungdb.cli import load_network, load_scans
from lungdb.database import Connection, connect, run
from lungdb.phantoms import Phantom, make_phantom
from lungdb.phantoms.writing import write_series
from tests.support.databases import copy_to, rows, target_of
from tests.volume_features.writing import write_map

SEEDS = (12, 89)  # from which follow the days, 2020-01-13 and 2020-06-06
DAYS = 145
GROWTH = 1.7
RADIUS, STEADY, NEW = 9.0, 8.0, 7.0  # mm
SOLID = 40  # HU
LEFT_OUT = 6  # slices of the second scan, so that the middles of the two are not one place
RATIO, TIME = 0.05, 0.08
"""Tolerances of the ratio of volumes and of the doubling time, as parts of them.

In voxels of 2.6 by 4.1 by 4.1 mm, resampled to 2 mm, the surface half-way between lung and nodule lies inside of a
ball's, so that volumes are a tenth too small, and that of the smaller ball a little more.
"""
FINER = 4


def ball(phantom: Phantom, centre: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
    """Give the part of each voxel that lies in a ball around a place in voxels, by points in the voxel."""
    steps = (np.arange(FINER) + 0.5) / FINER - 0.5
    covered = np.zeros(phantom.hu.shape)
    reach = np.ceil(radius / np.array(phantom.spacing)) + 1
    low = np.maximum(np.floor(centre - reach), 0).astype(int)
    high = np.minimum(np.ceil(centre + reach) + 1, covered.shape).astype(int)
    axes = [np.arange(start, end) - middle for start, end, middle in zip(low, high, centre, strict=True)]
    box = covered[tuple(slice(start, end) for start, end in zip(low, high, strict=True))]
    for within in np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3):
        squares = [((axis + step) * size) ** 2 for axis, step, size in zip(axes, within, phantom.spacing, strict=True)]
        box += squares[0][:, None, None] + squares[1][:, None] + squares[2] <= radius**2
    return covered / FINER**3


def places(phantom: Phantom) -> list[NDArray[np.float64]]:
    """Give three places in the lungs as far as can be from all that is dense, and from each other."""
    free = (phantom.hu < -600) & phantom.lungs
    free[: LEFT_OUT + 5] = False
    found = []
    for _ in range(3):
        depth = ndimage.distance_transform_edt(free, phantom.spacing)
        at = np.unravel_index(int(depth.argmax()), depth.shape)
        assert depth[at] > RADIUS * math.cbrt(GROWTH) + 3
        # Off the middle of the voxel, as nodules are.
        found.append(np.array(at) + np.array([0.3, -0.2, 0.4]))
        free &= ball(phantom, found[-1], 40.0) == 0
    return found


def draw(phantom: Phantom, balls: list[tuple[NDArray[np.float64], float]], seed: int) -> Phantom:
    """Put balls of soft tissue into a scan, with noise of its own, on a day that follows from the seed."""
    hu = phantom.hu.astype(np.float64)
    for centre, radius in balls:
        part = ball(phantom, centre, radius)
        hu = hu * (1 - part) + SOLID * part
    hu += np.random.default_rng(seed).normal(0, 15, hu.shape)
    return replace(phantom, seed=seed, hu=np.clip(np.rint(hu), -1024, 3000).astype(np.int16))


@dataclass(frozen=True)
class Compared:
    """What CompareNodules says; by study, 1 and 2, the nodules where balls were drawn, in their order."""

    rows: list[dict[str, Any]]
    found: dict[int, list[int]]

    def row(self, first: int | None, second: int | None) -> dict[str, Any]:
        """Give the row of a pair of nodules."""
        (row,) = [row for row in self.rows if (row["first_nodule_id"], row["second_nodule_id"]) == (first, second)]
        return row


def nearest(connection: Connection, scan: int, phantom: Phantom, centre: NDArray[np.float64]) -> int:
    """Give the nodule of a scan that lies within 1 mm of a place in voxels, by DICOM's formula for axial slices."""
    slice_index, row, column = centre * phantom.spacing
    place = np.add(phantom.origin, (column, row, slice_index))
    found = rows(connection, "SELECT nodule_id, x, y, z FROM dbo.nodules WHERE scan_id = ?;", (scan,))
    (number,) = [number for number, *at in found if np.linalg.norm(np.array(at) - place) < 1]
    return int(number)


@pytest.fixture(scope="module")
def compared(installed_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Compared:
    """Load both scans and a segmentation of known threshold, and compare what it finds."""
    folder = tmp_path_factory.mktemp("growth")
    phantom = make_phantom(3, cancer=False, slices=80, size=96)
    growing, steady, new = places(phantom)
    first = draw(phantom, [(growing, RADIUS), (steady, STEADY)], SEEDS[0])
    second = draw(phantom, [(growing, RADIUS * math.cbrt(GROWTH)), (steady, STEADY), (new, NEW)], SEEDS[1])
    x, y, _ = second.origin
    second = replace(second, hu=second.hu[LEFT_OUT:], lungs=second.lungs[LEFT_OUT:], origin=(x + 4, y + 25, -700.0))
    for scan in (first, second):
        write_series(folder / "scans" / str(scan.seed), scan, "P")
    file = copy_to(folder, installed_file)
    target = target_of(file)
    assert load_scans.main(["-d", target, "--keep-ids", "--workers", "1", str(folder / "scans")]) == 0
    # The map is 0.5 where a voxel is 0.85 between the ends of the window: half-way between lung and nodule, -410 HU.
    told = ["--input", "spacing=2,2,2,window=-1000,-306", "--detects", "segmentation,score=probability"]
    network = write_map(folder / "map.onnx", (64, 64, 64))
    assert load_network.main([str(network), "-d", target, "--name", "parts", *told]) == 0
    with closing(connect(target)) as connection:
        run(connection, "EXECUTE dbo.GenerateFeatures @ModelName = N'parts';")
        shown = run(connection, "EXECUTE dbo.CompareNodules @PatientIndex = 0, @ModelName = N'parts';")[-1]
        scans = [scan for (scan,) in rows(connection, "SELECT scan_id FROM dbo.scans ORDER BY study_date;")]
        down = np.array([LEFT_OUT, 0, 0])
        return Compared(
            [dict(row) for row in shown.records()],
            {
                1: [nearest(connection, scans[0], first, one) for one in (growing, steady)],
                2: [nearest(connection, scans[1], second, one - down) for one in (growing, steady, new)],
            },
        )


def test_a_ball_that_grows_has_the_doubling_time_of_the_closed_form(compared: Compared) -> None:
    """Schwartz: days times ln 2 over ln of the ratio, which is that of the cubes of the drawn radii."""
    row = compared.row(compared.found[1][0], compared.found[2][0])
    assert (row["state"], row["days"], bool(row["is_sphere"]), bool(row["has_grown"])) == ("matched", DAYS, False, True)
    assert 1 + row["change_percent"] / 100 == pytest.approx(GROWTH, rel=RATIO)
    assert row["doubling_days"] == pytest.approx(DAYS * math.log(2) / math.log(GROWTH), rel=TIME)


def test_a_ball_that_stays_has_not_grown_and_another_is_new(compared: Compared) -> None:
    """The noise of two scans and another place among the voxels are no growth."""
    row = compared.row(compared.found[1][1], compared.found[2][1])
    assert (row["state"], bool(row["has_grown"])) == ("matched", False)
    assert row["second_volume"] == pytest.approx(row["first_volume"], rel=RATIO)
    assert compared.row(None, compared.found[2][2])["state"] == "new"


def test_scans_of_two_tables_are_laid_over_each_other(compared: Compared) -> None:
    """The second begins six slices higher, so that the middles alone are 8 mm apart; vessels and balls say how much."""
    assert {row["aligned_by"] for row in compared.rows} == {"middles of the scans, median shift"}
    for number in range(2):
        assert compared.row(compared.found[1][number], compared.found[2][number])["distance"] < 0.5
