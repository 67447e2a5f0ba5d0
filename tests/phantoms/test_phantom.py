"""Phantoms have the densities and sizes of people and do not give the answer away."""

from __future__ import annotations

import inspect
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lungdb.cli.demo import PATIENTS
from lungdb.errors import LungdbError
from lungdb.phantoms import Phantom, make_phantom
from lungdb.phantoms.dataset import make_dataset
from lungdb.phantoms.seeds import TRAINING_SEEDS
from tests.phantoms.seeds import DEVELOPMENT_SEEDS


def test_the_same_seed_gives_the_same_scan_and_another_seed_another() -> None:
    """Voxels, geometry and truth follow from the arguments."""
    first, again, other = (make_phantom(seed, cancer=True, slices=8, size=64) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.hu, again.hu)
    assert (first.spacing, first.origin, first.nodules) == (again.spacing, again.origin, again.nodules)
    assert (first.hu != other.hu).mean() > 0.5


def test_a_scan_has_the_type_shape_and_range_of_stored_ct(phantoms: list[Phantom]) -> None:
    """Hounsfield units fit 12 bits with the intercept −1024."""
    for phantom in phantoms:
        assert phantom.hu.dtype == np.int16
        assert phantom.hu.shape == (32, 256, 256)
        # The lowest value is what the intercept gives outside the round field, or the end of 12 bits.
        assert -1024 <= phantom.hu.min() < -990
        assert phantom.hu.max() <= 3071


@pytest.mark.parametrize(
    ("tissue", "search", "low", "high"),
    [
        ("air", (-1023, -960), -1010, -985),
        ("lung", (-940, -700), -920, -780),
        ("fat", (-160, -60), -120, -80),
        ("soft tissue", (0, 100), 20, 70),
    ],
)
def test_each_tissue_has_its_textbook_density(
    phantoms: list[Phantom], tissue: str, search: tuple[int, int], low: int, high: int
) -> None:
    """The histogram peaks where Bushberg et al., The Essential Physics of Medical Imaging, put the tissue."""
    for phantom in phantoms:
        # Values at the edge of the number range pile up there and are no peak.
        counts, edges = np.histogram(phantom.hu[phantom.hu > -1024], np.arange(search[0], search[1], 4))
        smooth = np.convolve(counts, np.ones(5), "same")[2:-2]
        peak = edges[int(np.argmax(smooth)) + 2] + 2
        assert low <= peak <= high, f"{tissue} of seed {phantom.seed} peaks at {peak} HU"


def test_bone_is_a_small_dense_part_of_the_body(phantoms: list[Phantom]) -> None:
    """Spongy bone is above 100 HU and cortical bone far above; a chest has some 3 to 12 % bone by volume."""
    for phantom in phantoms:
        body = phantom.hu > -300
        share = (phantom.hu > 150).sum() / body.sum()
        assert 0.02 < share < 0.12
        assert np.percentile(phantom.hu[phantom.hu > 150], 99) > 350


def test_lungs_hold_the_air_of_a_breath(phantoms: list[Phantom]) -> None:
    """Total lung capacity of adults is some 3.5 to 8 litres (Quanjer et al., Eur. Respir. J. 1993; 6 Suppl. 16: 5)."""
    for phantom in phantoms:
        voxel = float(np.prod(phantom.spacing)) / 1e6
        # The table's foam is as light as emphysema, but it is not in the upper four fifths of the picture.
        inside = phantom.hu[:, 40:190, 30:226]
        litres = ((inside > -950) & (inside < -600)).sum() * voxel
        assert 2.0 < litres < 7.0


def test_people_differ_in_size_density_and_spacing(phantoms: list[Phantom]) -> None:
    """Neither the field of view nor the distance of slices nor the lungs' density is the same twice."""
    for measure in (
        [phantom.spacing[0] for phantom in phantoms],
        [phantom.spacing[1] for phantom in phantoms],
        [np.median(phantom.hu[(phantom.hu > -940) & (phantom.hu < -700)]) for phantom in phantoms],
    ):
        assert len(set(measure)) > 3
    assert all(6.0 < phantom.spacing[0] < 8.0 for phantom in phantoms)


def test_only_people_with_cancer_have_malignant_nodules(phantoms: list[Phantom]) -> None:
    """The truth that a phantom carries agrees with its label."""
    for phantom in phantoms:
        assert any(nodule.kind == "malignant" for nodule in phantom.nodules) == phantom.cancer


def test_malignant_nodules_are_tissue_in_lung_where_the_truth_says(phantoms: list[Phantom]) -> None:
    """At the nodule's place there is tissue; a quarter of the surroundings at least is lung."""
    found = 0
    for phantom in phantoms:
        for nodule in phantom.nodules:
            if nodule.kind != "malignant":
                continue
            k, row, column = (round(v) for v in nodule.index)
            assert phantom.hu[k, row - 1 : row + 2, column - 1 : column + 2].mean() > -300
            around = phantom.hu[k, row - 25 : row + 26, column - 25 : column + 26]
            assert (around < -600).mean() > 0.25
            found += 1
    assert found >= 3


def test_some_series_have_a_round_field_and_some_do_not(small: list[Phantom]) -> None:
    """Outside the round field of view every pixel is what loading makes of padding; elsewhere there is noise."""
    kinds = {phantom.scanner.round_field for phantom in small}
    assert kinds == {True, False}
    for phantom in small:
        corner = phantom.hu[:, :4, :4]
        assert (len(np.unique(corner)) == 1) == phantom.scanner.round_field
        if phantom.scanner.round_field:
            assert corner[0, 0, 0] == -1024


@pytest.mark.parametrize("arguments", [{"seed": -1}, {"seed": 1, "slices": 3}, {"seed": 1, "size": 63}])
def test_an_argument_out_of_range_is_refused_by_name(arguments: dict[str, int]) -> None:
    """The message names the argument and the value."""
    name, value = list(arguments.items())[-1]
    with pytest.raises(LungdbError, match=rf"{value} for {name}"):
        make_phantom(**{"cancer": False, **arguments})


def test_nobody_of_the_demo_or_of_the_tests_was_trained_on() -> None:
    """The demo's patients have the seeds that make_dataset begins with when it is told none."""
    first = inspect.signature(make_dataset).parameters["seed"].default
    looked_at = (*range(first, first + PATIENTS), DEVELOPMENT_SEEDS[0], DEVELOPMENT_SEEDS[-1])
    assert not [seed for seed in looked_at if seed in TRAINING_SEEDS]


def _statistics(seed: int) -> list[float]:
    hu = make_phantom(seed, cancer=seed % 2 == 1, slices=16, size=128).hu.astype(np.float64)
    return [hu.max(), hu.mean(), hu.std()]


@pytest.mark.slow
def test_maximum_mean_and_deviation_do_not_tell_cancer() -> None:
    """Cross-validated on 160 scans, a linear and a boosted classifier on them stay below AUC 0.65."""
    seeds = DEVELOPMENT_SEEDS[1000:1160]
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        values = np.array(list(pool.map(_statistics, seeds, chunksize=4)))
    labels = np.array([seed % 2 for seed in seeds])
    folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=4, random_state=0)
    for model in (
        make_pipeline(StandardScaler(), LogisticRegression()),
        GradientBoostingClassifier(n_estimators=50, max_depth=2, random_state=0),
    ):
        assert cross_val_score(model, values, labels, cv=folds, scoring="roc_auc").mean() < 0.65
