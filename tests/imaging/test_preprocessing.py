"""Pictures equal the original project's (`seed`) and closed forms of windowing and resizing (`lung`)."""

from pathlib import Path

import numpy as np
import pytest

from lungdb.errors import LungdbError
from lungdb.imaging.preprocessing import CtSlice, pipeline, prepare

SEED = Path(__file__).parents[1] / "data" / "seed" / "seed_preprocess_a.npz"


@pytest.fixture(scope="module")
def seed_scan():
    """The original project's stored values and what it made of them."""
    with np.load(SEED) as arrays:
        return arrays["stored_values"], arrays["packed"]


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, -1024.0), (1.0, 0.0), (2.0, -1000.0), (1.0, -1000.25)])
def test_seed_gives_the_original_projects_pictures(seed_scan, slope, intercept):
    """From Hounsfield units with padding as the HU of stored value 0, every grey level is the original's.

    That is how padding is stored by the intake rule 1, and with the intercept −1024 by every later one.
    """
    stored, packed = seed_scan
    hu = np.rint(np.where(stored == -2000, 0, stored) * slope + intercept).astype(np.int16)
    pictures = prepare([CtSlice(image, slope, intercept) for image in hu], "seed")
    assert pictures.dtype == np.float32
    np.testing.assert_array_equal(pictures, packed)


def test_seed_takes_stored_padding_for_zero(seed_scan):
    """Padding that was loaded as the HU of −2000 gives the same pictures."""
    stored, packed = seed_scan
    np.testing.assert_array_equal(prepare([CtSlice(image, 1.0, 0.0) for image in stored], "seed"), packed)


def test_seed_drops_the_last_slices_as_the_original_does():
    """Triples start while start < slices − 3; fewer than four slices make one padded triple."""
    triples = pipeline("seed").triples
    assert [len(triples(count)) for count in (1, 2, 3, 4, 6, 7, 8, 9, 10)] == [1, 1, 1, 1, 1, 2, 2, 2, 3]
    assert triples(7) == [(0, 1, 2), (3, 4, 5)]
    assert triples(2) == [(0, 1, 1)]


def test_seed_refuses_slices_smaller_than_its_crop():
    """There is nothing left of 80 pixels after cutting 40 off each side."""
    with pytest.raises(LungdbError, match="80 × 80"):
        prepare([CtSlice(np.zeros((80, 80), np.int16))], "seed")


def test_seed_gives_zeros_for_an_empty_slice():
    """A slice of nothing but padding has no maximum to scale by."""
    assert not prepare([CtSlice(np.full((128, 128), -1024, np.int16))], "seed").any()


def test_lung_repeats_the_last_slice_to_fill_the_last_triple():
    """(0,1,2), (3,4,5), …: one row per triple, ceil(slices / 3) of them."""
    triples = pipeline("lung").triples
    assert triples(1) == [(0, 0, 0)]
    assert triples(5) == [(0, 1, 2), (3, 4, 4)]
    assert triples(6) == [(0, 1, 2), (3, 4, 5)]
    slices = [CtSlice(np.full((64, 64), value, np.int16)) for value in (-1350, -600, 150, -975)]
    pictures = prepare(slices, "lung")
    np.testing.assert_allclose(pictures[:, :, 0, 0], [[0, 0.5, 1], [0.25, 0.25, 0.25]], atol=1e-6)


def test_lung_windows_between_minus_1350_and_150():
    """Below is 0, above is 1, between is linear."""
    values = [-32768, -1350, -1349, -600, 149, 150, 32767]
    slices = [CtSlice(np.full((224, 224), value, np.int16)) for value in values]
    pictures = prepare(slices, "lung")
    expected = np.clip((np.array(values) + 1350) / 1500, 0, 1)
    np.testing.assert_allclose(pictures[:, :, 100, 100].ravel()[:7], expected, atol=1e-6)


def test_lung_applies_the_networks_normalisation_by_channel():
    """(x − mean) / std with each channel's own numbers."""
    slices = [CtSlice(np.full((64, 64), -600, np.int16))] * 3
    pictures = prepare(slices, "lung", mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    expected = (0.5 - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])
    np.testing.assert_allclose(pictures[0, :, 7, 9], expected, rtol=1e-6)


def _area_weights(size: int, side: int) -> np.ndarray:
    """Rows of the matrix that averages `size` pixels down to `side`, each by the length that it shares."""
    scale = size / side
    edges = np.arange(side + 1) * scale
    pixels = np.arange(size)
    shared = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return np.clip(shared, 0, None) / scale


def _linear_weights(size: int, side: int) -> np.ndarray:
    """Rows of the matrix that interpolates `size` pixels to `side`, pixel centres at half-integers."""
    centres = np.clip((np.arange(side) + 0.5) * size / side - 0.5, 0, size - 1)
    return np.clip(1 - np.abs(centres[:, None] - np.arange(size)), 0, None)


@pytest.mark.parametrize(
    ("rows", "cols", "size", "weights"),
    [
        (512, 512, (224, 224), _area_weights),
        (768, 512, (224, 224), _area_weights),
        (256, 256, (224, 224), _linear_weights),
        (128, 128, (224, 224), _linear_weights),
        (512, 512, (227, 227), _area_weights),
        (512, 512, (300, 64), _area_weights),
        (512, 512, (500, 64), _linear_weights),
    ],
)
def test_lung_crops_and_resizes_as_the_closed_form(rows, cols, size, weights):
    """Area average of the cropped window when both sides shrink, else bilinear, to any rows and columns."""
    hu = np.random.default_rng(rows).integers(-1500, 300, (rows, cols)).astype(np.int16)
    top, left = round(rows * 40 / 512), round(cols * 40 / 512)
    window = np.clip((hu[top : rows - top, left : cols - left] + 1350.0) / 1500, 0, 1)
    expected = weights(window.shape[0], size[0]) @ window @ weights(window.shape[1], size[1]).T
    np.testing.assert_allclose(prepare([CtSlice(hu)], "lung", size=size)[0, 0], expected, atol=2e-5)


@pytest.mark.parametrize("size", [(227, 227), (64, 300), (160, 128)])
def test_seed_resizes_to_what_the_network_reads(seed_scan, size):
    """Bilinear, to a grey level, of the equalised slice without its crop, which its own size leaves as it is."""
    slices = [CtSlice(image, 1.0, 0.0) for image in seed_scan[0][:3]]
    rows, cols = (side - 80 for side in slices[0].hu.shape)
    equalised = prepare(slices, "seed", size=(rows, cols))[0]
    expected = _linear_weights(rows, size[0]) @ equalised @ _linear_weights(cols, size[1]).T
    np.testing.assert_allclose(prepare(slices, "seed", size=size)[0], expected, atol=1)


def test_lung_takes_a_slice_of_a_few_pixels():
    """No picture is too small: a single pixel becomes a plain picture."""
    pictures = prepare([CtSlice(np.full((1, 3), -600, np.int16))], "lung")
    np.testing.assert_allclose(pictures, 0.5, atol=1e-6)


def test_an_unknown_pipeline_is_refused_with_the_names():
    """The message lists what there is."""
    with pytest.raises(LungdbError, match=r"'lungs' is not supported\. Supported values are lung and seed"):
        pipeline("lungs")
