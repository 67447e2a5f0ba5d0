"""Scans go through a network one after the other, in bounded memory, and a bad one does not stop the rest."""

import threading

import numpy as np
import pytest

from lungdb.errors import LungdbError, ProcedureError
from lungdb.imaging.preprocessing import CtSlice, pipeline, prepare
from lungdb.networks.graphs.layers import select_layer
from lungdb.networks.running.featurizing import LazyScan, Preparation, featurize
from lungdb.networks.running.sessions import open_session

PREPARATION = Preparation(pipeline("lung"), (0.1, 0.2, 0.3), (1.0, 2.0, 3.0))


class Scans:
    """Random scans that count how many of their slices were loaded."""

    def __init__(self, *sizes: int, damaged: int | None = None) -> None:
        rng = np.random.default_rng(2)
        self.volumes = [rng.integers(-1300, 200, (size, 64, 64)).astype(np.int16) for size in sizes]
        self.damaged = damaged
        self.loaded = 0
        self._lock = threading.Lock()

    def __iter__(self):
        """Give the scans, not decoded."""
        for number, volume in enumerate(self.volumes):
            yield LazyScan(len(volume), lambda index, number=number: self._load(number, index))

    def _load(self, number: int, index: int) -> CtSlice:
        with self._lock:
            self.loaded += 1
        if number == self.damaged and index == 4:
            raise LungdbError("slice 4 is damaged")
        return CtSlice(self.volumes[number][index])


@pytest.fixture
def session(make_network):
    """The small network, five features, on the CPU."""
    return open_session(select_layer(make_network().SerializeToString(), "vector")[0], ["CPUExecutionProvider"], 1)


@pytest.fixture(params=["CPUExecutionProvider", "CUDAExecutionProvider"])
def scheduled(request, session):
    """The same session, batches scheduled as for either provider."""
    session.provider = request.param
    return session


@pytest.mark.parametrize("batch_size", [1, 2, 100])
def test_each_scan_gets_what_it_gives_alone(scheduled, batch_size):
    """Bit for bit, in order, whatever the batches."""
    scans = Scans(7, 1, 12, 3)
    results = list(featurize(scans, scheduled, PREPARATION, batch_size))
    assert len(results) == 4
    for volume, features in zip(scans.volumes, results, strict=True):
        slices = [CtSlice(hu) for hu in volume]
        pictures = prepare(slices, "lung", PREPARATION.mean, PREPARATION.std)
        assert len(features) == 1
        np.testing.assert_array_equal(features[0], scheduled.run(pictures)[0])


def test_a_damaged_scan_gives_its_error_and_the_others_their_features(scheduled):
    """In its place, also when it fails in the middle of its batches."""
    sound = list(featurize(Scans(6, 12, 3), scheduled, PREPARATION, 1))
    results = list(featurize(Scans(6, 12, 3, damaged=1), scheduled, PREPARATION, 1))
    assert isinstance(results[1], LungdbError)
    assert str(results[1]) == "slice 4 is damaged"
    np.testing.assert_array_equal(results[0][0], sound[0][0])
    np.testing.assert_array_equal(results[2][0], sound[2][0])


@pytest.mark.parametrize(("provider", "ahead"), [("CPUExecutionProvider", 1), ("CUDAExecutionProvider", 2)])
def test_no_more_slices_are_decoded_than_the_next_batches_need(session, provider, ahead):
    """Memory does not grow with the number of scans."""
    session.provider = provider
    scans = Scans(*[6] * 20)
    results = featurize(scans, session, PREPARATION, batch_size=1)
    next(results)
    assert scans.loaded <= 3 * (2 + ahead)
    assert len(list(results)) == 19
    assert scans.loaded == 120


def test_a_network_that_fails_ends_the_run(session, make_network):
    """It is no fault of the scan."""
    for_seven = open_session(make_network(reshape=(7, 5)).SerializeToString(), ["CPUExecutionProvider"])
    with pytest.raises(ProcedureError, match=r"failed on a batch of 2: .*reshape") as caught:
        list(featurize(Scans(6), for_seven, PREPARATION, 8))
    assert caught.value.number == 50116
