"""MaximiseImage: what it makes lights a feature more than slices do, and comes near the most that there can be."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.fft import dctn, idctn
from scipy.optimize import linprog

from lungdb.database import Connection, connect, run
from lungdb.imaging.contact_sheet import SIDE
from lungdb.imaging.cosines import Cosines
from lungdb.imaging.preprocessing import CtSlice, prepare
from lungdb.learning.questions.maximising import advance, begin, from_json
from lungdb.procedures import maximise_image
from tests.questions.conftest import EDGE, SEEN, filters, volumes
from tests.support.databases import copy_to, refused, rows, said, target_of
from tests.support.fixtures import DEMO_NETWORK
from tests.support.networks import NORMALISATION

COLUMNS = ("patient_index", "scan_id", "triple", "first_slice", "activation", "largest_activation", "exceeds",
           "network_runs", "started_from", "png")  # fmt: skip


def maximise(connection: Connection, arguments: str) -> dict[str, Any]:
    """Call the procedure, and give its row by name."""
    result = run(connection, f"EXECUTE dbo.MaximiseImage {arguments};")[-1]
    assert tuple(result.columns) == COLUMNS
    assert len(result.rows) == 1
    return dict(zip(COLUMNS, result.rows[0], strict=True))


def most(feature: int) -> tuple[float, float]:
    """Give what the linear network's feature can be at most: of sums of four cosines a side, and of any picture."""
    low, high = (-1024 + 1350) / 1500, 1.0
    std, mean = (np.array(NORMALISATION[name])[:, None, None] for name in ("std", "mean"))
    weights = filters()[feature] / std
    offset = float((weights * ((low + high) / 2 - mean)).sum())
    anything = offset + float(np.abs(weights).sum()) * (high - low) / 2
    places = np.pi * (np.arange(SEEN) + 0.5) / SEEN
    waves = np.cos(np.outer(places, np.arange(4)))
    basis = np.einsum("ri,cj->rcij", waves, waves).reshape(SEEN * SEEN, 16)
    bounded = offset
    for channel in weights:
        found = linprog(
            -(channel.ravel() @ basis),
            A_ub=np.concatenate([basis, -basis]),
            b_ub=np.ones(2 * len(basis)),
            bounds=(None, None),
        )
        assert found.success
        bounded -= found.fun * (high - low) / 2
    return bounded, anything


def test_a_linear_filter_comes_near_its_bound(seen: Connection) -> None:
    """Above the best sum of cosines that needs no cutting off, by linear programming; no picture at all can do more."""
    bounded, anything = most(0)
    found = maximise(seen, "@Feature = 0, @FeatureSetId = 1, @Frequencies = 4, @Generations = 120, @Population = 16")
    assert bounded < found["activation"] <= anything + 1e-6
    assert found["exceeds"] is True
    assert found["network_runs"] == 1 + 17 + 120 * 16


def test_what_slices_reach_is_the_largest_that_is_stored(seen: Connection) -> None:
    """By NumPy's own sums; a checkerboard, which no low frequency has, is not exceeded, and that is said."""
    std, mean = (np.array(NORMALISATION[name])[:, None, None] for name in ("std", "mean"))
    pictures = (np.clip(volumes()[:, :, 5:59, 5:59], -1350, 150) + 1350) / 1500
    normalised = (pictures.reshape(3, 2, 3, SEEN, SEEN) - mean) / std
    for feature in (0, 1):
        values = (normalised * filters()[feature]).sum(axis=(2, 3, 4))
        scan, triple = np.unravel_index(np.argmax(values), values.shape)
        found = maximise(seen, f"@Feature = {feature}, @FeatureSetId = 1, @Frequencies = 3, @Generations = 20")
        assert (found["scan_id"], found["patient_index"]) == (scan + 1, scan + 1)
        assert (found["triple"], found["first_slice"]) == (triple, 3 * triple)
        assert found["largest_activation"] == pytest.approx(values.max(), rel=1e-4, abs=1e-6)
        assert found["exceeds"] is (feature == 0)
        assert (found["activation"] > found["largest_activation"]) is (feature == 0)


def test_the_picture_has_what_was_made_above_the_real_slices(seen: Connection) -> None:
    """Of a checkerboard the real half shows black and white, and the made half no such thing."""
    found = maximise(seen, "@Feature = 1, @FeatureSetId = 1, @Generations = 1, @Population = 4")
    picture = cv2.imdecode(np.frombuffer(found["png"], np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture.shape == (2 * (SIDE + 26) + 6, 3 * (SIDE + 6) + 6)
    for column in range(3):
        left = 6 + column * (SIDE + 6)
        made, real = picture[6 : 6 + SIDE, left : left + SIDE], picture[SIDE + 32 : 2 * SIDE + 32, left : left + SIDE]
        assert (np.abs(np.diff(real.astype(int), axis=1)).mean(), real.max()) > (20, 200)
        assert np.abs(np.diff(made.astype(int), axis=1)).mean() < 20


@pytest.fixture
def done(done_file: Path, tmp_path: Path) -> Iterator[Connection]:
    """A connection to a copy of the database with the demo network's features."""
    with closing(connect(target_of(copy_to(tmp_path, done_file)))) as connection:
        yield connection


def test_it_beats_the_best_slice_with_five_seeds(done: Connection) -> None:
    """Of the demo network; each seed finds another picture, and the same one again."""
    stored = rows(done, "SELECT array, array_cols FROM dbo.features WHERE feature_set_id = 1;")
    arrays = np.concatenate([np.frombuffer(blob, "<f4").reshape(-1, cols) for blob, cols in stored])
    calls = [f"@Feature = 20, @Generations = 4, @Population = 12, @Seed = {seed}" for seed in (1, 2, 3, 4, 5)]
    found = [maximise(done, call) for call in calls]
    assert all(each["largest_activation"] == float(arrays[:, 20].max()) for each in found)
    assert all(each["activation"] > each["largest_activation"] for each in found)
    assert all(each["exceeds"] for each in found)
    assert len({each["activation"] for each in found}) == 5
    assert maximise(done, calls[0]) == found[0]


def inputs(network: bytes, hu: NDArray[np.int16], stored: float) -> dict[str, Any]:
    """Give what the script is given of three slices."""
    from lungdb.imaging.codecs import encode_slice
    from lungdb.networks.entry import network_details

    encoded = [encode_slice(each) for each in hu]
    frame = pd.DataFrame(
        {
            "slice_index": [6, 7, 8],
            "image_rows": hu.shape[1],
            "image_cols": hu.shape[2],
            "rescale_slope": 1.0,
            "rescale_intercept": -1024.0,
            "pixels": [pixels.hex() for pixels, _ in encoded],
            "pixels_sha256": [sha256.hex() for _, sha256 in encoded],
            "encoding": "",
        }
    )
    return {
        "slices": frame,
        "network": network,
        "network_sha256": hashlib.sha256(network).hexdigest(),
        "network_details": json.dumps(network_details(network)),
        "layer": "penultimate",
        "preprocessing": "lung",
        "steps": None,
        "feature": 5,
        "first_slice": 6,
        "stored": stored,
        "frequencies": 5,
        "generations": 3,
        "population": 6,
        "seed": 7,
        "state": b"",
        "seconds": 60,
        "providers": None,
        "threads": 1,
    }


def demo_activation(hu: NDArray[np.int16], feature: int) -> float:
    """Run the demo network on three slices with ONNX Runtime itself."""
    network = onnx.load(DEMO_NETWORK)
    properties = {each.key: json.loads(each.value) for each in network.metadata_props}["lungdb"]["normalisation"]
    del network.graph.output[:]
    network.graph.output.append(onnx.helper.make_tensor_value_info("features", onnx.TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(network.SerializeToString(), providers=["CPUExecutionProvider"])
    picture = prepare([CtSlice(each) for each in hu], "lung", properties["mean"], properties["std"])
    found: NDArray[np.float32] = session.run(None, {session.get_inputs()[0].name: picture})[0]
    return float(found[0, feature])


def test_the_activation_is_the_networks_own_for_slices_of_cosines() -> None:
    """SciPy's inverse DCT makes the slices of the coefficients found; in calls of one generation the same comes out."""
    hu = np.random.default_rng(3).integers(-1000, 200, size=(3, EDGE, EDGE)).astype(np.int16)
    given = inputs(DEMO_NETWORK.read_bytes(), hu, demo_activation(hu, 5))
    state, png, activation, generation, runs, start, number, message = maximise_image(**given)
    assert (number, message, generation, runs) == (0, "", 3, 1 + 7 + 3 * 6)
    assert start in ("slice", "noise")
    assert png
    best = from_json(state).best.reshape(3, 5, 5)
    made = np.full((3, EDGE, EDGE), -1024, np.int16)
    lengths = np.where(np.arange(5) == 0, 1, np.sqrt(0.5))
    padded = np.zeros((3, SEEN, SEEN))
    padded[:, :5, :5] = best * np.outer(lengths, lengths) * SEEN
    values = idctn(padded, axes=(1, 2), norm="ortho")
    made[:, 5:59, 5:59] = np.rint(np.clip((150 - 1024) / 2 + values * (150 + 1024) / 2, -1024, 150))
    assert demo_activation(made, 5) == pytest.approx(activation, rel=1e-4)

    further: dict[str, Any] = {**given, "seconds": 0}
    for done in (1, 2, 3):
        part = maximise_image(**further)
        assert part[3] == done
        assert bool(part[1]) is (done == 3)
        further["state"] = part[0]
    assert (part[0], part[1], part[2]) == (state, png, activation)


def test_low_frequencies_of_a_slice_are_those_of_the_discrete_cosine_transform() -> None:
    """SciPy's; a slice that has no others comes back, to the rounding of Hounsfield units."""
    cosines = Cosines((20, 30), (2, 18, 1, 29), 6, -1000.0, 1000.0)
    hu = np.random.default_rng(2).integers(-1000, 1000, size=(20, 30)).astype(np.int16)
    wanted = dctn(hu[2:18, 1:29] / 1000, norm="ortho")[:6, :6] / np.sqrt(16 * 28)
    wanted[1:] *= np.sqrt(2)
    wanted[:, 1:] *= np.sqrt(2)
    np.testing.assert_allclose(cosines.coefficients(hu), wanted, atol=1e-12)
    made = cosines.slices(wanted)
    assert (made[:2] == -1024).all()
    np.testing.assert_allclose(cosines.coefficients(made), wanted, atol=1e-3)


def test_the_search_finds_the_top_of_a_stretched_hill() -> None:
    """Twenty numbers, of which each weighs more than the one before; the top is known."""
    top = np.linspace(-1, 1, 20)
    weights = 10 ** np.linspace(0, 3, 20)

    def height(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return -((points - top) ** 2 @ weights)

    start = np.zeros((1, 20))
    search = begin(start, height(start), np.ones(20), 0.3)
    for _ in range(250):
        search = advance(search, height, 16, seed=1)
    np.testing.assert_allclose(search.best, top, atol=0.02)
    assert search.value == pytest.approx(height(search.best[None])[0], rel=1e-9)
    assert search.value > -1e-3
    assert from_json(search.to_json()).to_json() == search.to_json()


def test_what_cannot_be_searched_is_refused(seen: Connection) -> None:
    """Each by number, with the value and a way out; nothing is left behind."""
    call = "EXECUTE dbo.MaximiseImage @FeatureSetId = 1, "
    assert "features 0 to 1" in refused(seen, call + "@Feature = 2;", 50101)
    refused(seen, call + "@Feature = NULL;", 50101)
    for wrong in ("@Generations = 0", "@Population = 3", "@Frequencies = 17", "@Seed = -1", "@Generations = NULL"):
        assert wrong.split(" =")[0] in refused(seen, f"{call}@Feature = 0, {wrong};", 50101)
    assert "1000000 runs" in refused(seen, call + "@Feature = 0, @Generations = 10000, @Population = 100;", 50410)
    reason = refused(seen, call + "@Feature = 0, @Method = 'guided backpropagation';", 50411)
    assert "'guided backpropagation'" in reason
    assert "gradients" in reason
    refused(seen, call + "@Feature = 0, @Method = NULL;", 50411)
    refused(seen, "EXECUTE dbo.MaximiseImage @Feature = 0, @FeatureSetId = 9;", 50117)
    refused(seen, "EXECUTE dbo.MaximiseImage @Feature = 0;", 50108)
    refused(seen, call + "@Feature = 0, @Dataset = N'none';", 50171)


def test_features_that_are_gone_or_other_are_refused(seen: Connection) -> None:
    """A data set of scans without features, a layer that the network has not, other slices or none, no features."""
    call = "EXECUTE dbo.MaximiseImage @FeatureSetId = 1, @Feature = 1;"
    run(seen, "EXECUTE dbo.CreateDataset @Name = N'one', @Query = N'SELECT scan_id FROM dbo.scans WHERE scan_id = 1';")
    run(seen, "DELETE FROM dbo.features WHERE scan_id = 1;")
    refused(seen, call.replace(";", ", @Dataset = N'one';"), 50109)
    run(seen, "UPDATE dbo.feature_sets SET layer = N'pruned' WHERE feature_set_id = 1;")
    assert "'pruned'" in refused(seen, call, 50115)
    run(seen, "UPDATE dbo.feature_sets SET layer = N'features' WHERE feature_set_id = 1;")
    array = np.array([[0, 1], [0, 9]], "<f4").tobytes()
    run(
        seen,
        "UPDATE dbo.features SET array = ?, sha256 = ? WHERE scan_id = 3 AND feature_set_id = 1;",
        (array, hashlib.sha256(array).digest()),
    )
    assert "9 is stored" in refused(seen, call, 50412)
    run(seen, "UPDATE dbo.scan_images SET pixels = 0x00 WHERE scan_id = 3;")
    assert "Slice 3" in refused(seen, call, 50412)
    run(seen, "DELETE FROM dbo.scan_images WHERE scan_id = 3;")
    assert "Load the scan again" in refused(seen, call, 50412)
    run(seen, "DELETE FROM dbo.features;")
    refused(seen, call, 50109)


def test_progress_is_said(seen: Connection) -> None:
    """How many generations and runs, and how far it is."""
    heard = said(seen, "EXECUTE dbo.MaximiseImage @FeatureSetId = 1, @Feature = 1, @Generations = 2, @Population = 4;")
    assert "Generation 2 of 2, 14 runs of the network: activation" in heard
