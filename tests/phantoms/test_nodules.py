"""Nodules measured on the volume, without a body around them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from lungdb.phantoms.grid import Elements, Grid, blend
from lungdb.phantoms.nodules import Nodule, add_nodules

LUNG = -860.0


def _in_empty_lung(seed: int, *, cancer: bool) -> tuple[np.ndarray, list[Nodule], Grid]:
    """Put nodules into a block of lung of 0.9 mm voxels."""
    grid = Grid(slices=130, size=130, spacing=0.9, pixel=0.9, left=0.0, top=0.0)
    hu = np.full((130, 130, 130), LUNG, np.float32)
    lung = np.zeros_like(hu)
    lung[20:-20, 20:-20, 20:-20] = 1
    nodules = add_nodules(hu, lung, grid, np.random.default_rng(seed), cancer=cancer, element=0.45)
    return hu, nodules, grid


def _component(hu: np.ndarray, index: tuple[float, float, float], threshold: float) -> np.ndarray:
    labels, _ = ndimage.label(hu > threshold)
    return labels == labels[tuple(round(v) for v in index)]


def _measured(hu: np.ndarray, nodule: Nodule, grid: Grid) -> float:
    """Diameter in mm of the sphere of the volume that is denser than half-way between lung and nodule."""
    body = _component(hu, nodule.index, (LUNG + nodule.hu) / 2)
    return float((body.sum() * grid.voxel * 6 / np.pi) ** (1 / 3))


@pytest.mark.parametrize("seed", range(6))
def test_malignant_nodules_measure_8_to_30_mm_and_as_the_truth_says(seed: int) -> None:
    """Measured by segmentation; spicules add at most a sixth to the diameter of the body."""
    hu, nodules, grid = _in_empty_lung(seed, cancer=True)
    malignant = [nodule for nodule in nodules if nodule.kind == "malignant"]
    assert malignant
    for nodule in malignant:
        diameter = _measured(hu, nodule, grid)
        assert 8 <= diameter <= 30
        assert diameter == pytest.approx(nodule.diameter, rel=1 / 6)


def _roughness(body: np.ndarray) -> float:
    """Surface over that of a sphere of the same volume, counted in voxel faces (a digital sphere has 1.5)."""
    faces = sum(np.abs(np.diff(np.pad(body, 1).astype(np.int8), axis=axis)).sum() for axis in range(3))
    return float(faces / (np.pi ** (1 / 3) * (6 * body.sum()) ** (2 / 3)))


def test_malignant_nodules_have_rougher_surfaces_than_benign_ones() -> None:
    """Lobes and spicules raise the surface over a sphere's; benign nodules are close to spheres."""
    rough: dict[str, list[float]] = {"malignant": [], "benign": []}
    for seed in range(14):
        hu, nodules, _ = _in_empty_lung(seed, cancer=seed % 2 == 0)
        for nodule in nodules:
            if nodule.kind in rough and nodule.diameter > 6:
                body = _component(hu, nodule.index, (LUNG + nodule.hu) / 2)
                rough[nodule.kind].append(_roughness(body))
    assert len(rough["benign"]) >= 3
    assert np.median(rough["malignant"]) > np.median(rough["benign"]) + 0.15
    assert np.median(rough["benign"]) == pytest.approx(1.5, abs=0.12)


def test_granulomas_are_small_and_calcified() -> None:
    """2 to 5 mm, denser than any soft tissue."""
    granulomas = [n for seed in range(12) for n in _in_empty_lung(seed, cancer=False)[1] if n.kind == "granuloma"]
    assert len(granulomas) > 5
    assert all(2 <= n.diameter <= 5 and n.hu > 200 for n in granulomas)


def test_controls_have_no_malignant_nodule_and_as_many_others() -> None:
    """What else there is does not depend on cancer."""
    counts = {True: 0, False: 0}
    for seed in range(40):
        for cancer in counts:
            grid = Grid(slices=20, size=64, spacing=4.0, pixel=2.0, left=0.0, top=0.0)
            hu = np.full((20, 64, 64), LUNG, np.float32)
            lung = np.pad(np.ones((20, 60, 60), np.float32), ((0, 0), (2, 2), (2, 2)))
            nodules = add_nodules(hu, lung, grid, np.random.default_rng(seed), cancer=cancer, element=1.0)
            counts[cancer] += sum(nodule.kind != "malignant" for nodule in nodules)
            assert any(nodule.kind == "malignant" for nodule in nodules) == cancer
    assert counts[True] == pytest.approx(counts[False], rel=0.35)


def test_matter_between_two_slices_is_shared_by_them() -> None:
    """An element half-way between slices gives each half of its volume; one on a slice gives that slice all."""
    grid = Grid(slices=4, size=8, spacing=5.0, pixel=1.0, left=0.0, top=0.0)
    for z, parts in ((7.5, [0, 0.5, 0.5, 0]), (10.0, [0, 0, 1, 0])):
        hu = np.zeros((4, 8, 8), np.float32)
        element = Elements(np.array([[3.0, 4.0, z]]), np.array([grid.voxel / 2]), np.zeros(1))
        blend(hu, grid, element, 100.0)
        np.testing.assert_allclose(hu[:, 4, 3] / hu.sum(), parts, atol=1e-6)
        # blend adds a tenth so that voxels which elements fill unevenly count as full.
        assert hu.sum() == pytest.approx(0.5 * 1.1 * 100)
