"""Steps that need to know where the lungs lie, on phantoms whose lungs are known; and what a scan takes of memory."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from lungdb.imaging.volumes.geometry import Volume
from lungdb.imaging.volumes.lungs import dice
from lungdb.phantoms import Phantom
from tests.volumes.conftest import geometry_of
from tests.volumes.test_volume_steps import prepared

MEMORY = """
import sys
import numpy as np
from lungdb.imaging.volumes.declared import VolumeInput
from lungdb.imaging.volumes.geometry import Geometry, Volume
from lungdb.imaging.volumes.recipes import volume_recipe

def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) // 1024

slices, side, spacing = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
hu = np.random.default_rng(0).integers(-1000, 1000, (slices, side, side), dtype=np.int16)
place = Geometry((0, 0, 0), ((0, 0, 0.6), (0, 0.7, 0), (0.7, 0, 0)))
recipe = volume_recipe('{"dimensions": 3, "steps": [{"step": "orient"}, {"step": "resample"}, {"step": "window"}]}')
wanted = VolumeInput(1, (96, 96, 96), spacing=(spacing,) * 3, orientation="SAR", window=(-1000, 400))
before = peak()
made = recipe.prepare(Volume(hu, place), wanted)
for tile in made.tiles():
    pass
print(peak() - before, made.values.nbytes // 2**20, *made.shape)
"""


def test_outside_the_lungs_a_masked_scan_is_air(phantoms: list[Phantom]) -> None:
    """What is left agrees with the known lungs, with the values that were there; the scan itself stays as it was."""
    phantom = phantoms[0]
    before = phantom.hu.copy()
    made = prepared([{"step": "lung_mask", "fill": -2000}], Volume(phantom.hu, geometry_of(phantom)))
    kept = made.values != -2000
    assert dice(kept, phantom.lungs) > 0.97
    assert (made.values[kept] == phantom.hu[kept]).all()
    assert (phantom.hu == before).all()


def test_a_crop_holds_the_lungs_and_a_margin_in_millimetres(phantoms: list[Phantom]) -> None:
    """Its box is that of the known lungs and 20 mm, but for voxels where mask and truth differ."""
    phantom = phantoms[1]
    place = geometry_of(phantom)
    made = prepared([{"step": "crop_to_lungs", "margin": [0, 20, 20]}], Volume(phantom.hu, place))
    start = np.rint(place.to_voxels(np.array([made.geometry.origin]))[0]).astype(int)
    true = np.argwhere(phantom.lungs)
    margin = np.ceil(np.array([0, 20, 20]) / np.array(phantom.spacing) - 1e-9)
    assert np.abs(start - np.maximum(true.min(axis=0) - margin, 0)).max() <= 2
    ends = np.minimum(true.max(axis=0) + margin, np.array(phantom.hu.shape) - 1)
    assert np.abs(start + np.array(made.shape) - 1 - ends).max() <= 2
    box = tuple(slice(first, first + side) for first, side in zip(start, made.shape, strict=True))
    assert (made.values == phantom.hu[box]).all()


def test_lungs_that_a_step_has_found_are_turned_and_resampled_with_the_scan(phantoms: list[Phantom]) -> None:
    """Masked, turned, resampled, then cropped: in the masked scan they could not be found again."""
    phantom = phantoms[2]
    place = geometry_of(phantom)
    steps = [
        {"step": "lung_mask"},
        {"step": "orient", "orientation": "RAI"},
        {"step": "resample", "spacing": 4},
        {"step": "crop_to_lungs", "margin": 0},
    ]
    made = prepared(steps, Volume(phantom.hu, place))
    ends = made.geometry.to_patient(np.array([[0, 0, 0], [side - 1 for side in made.shape]], dtype=np.float64))
    true = place.to_patient(np.argwhere(phantom.lungs).astype(np.float64))
    assert np.abs(ends.min(axis=0) - true.min(axis=0)).max() < 12
    assert np.abs(ends.max(axis=0) - true.max(axis=0)).max() < 12


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells the peak of a process this way")
def test_a_scan_takes_the_prepared_volume_and_little_more() -> None:
    """A hundred slices of 512 × 512 take what is prepared of them and less than 80 MB, not another whole volume."""
    made = subprocess.run(
        [sys.executable, "-c", MEMORY, "100", "512", "0.5"], capture_output=True, text=True, check=True, timeout=300
    )
    grown, prepared_size, *_ = map(int, made.stdout.split())
    assert prepared_size > 200
    assert grown < prepared_size + 80
